"""python -m retrieve.sample_data FOLDER: an album of drawn people, perhaps a village archive."""

from __future__ import annotations

import argparse
from pathlib import Path

from retrieve.sample_data.album import write_album, write_probe
from retrieve.sample_data.archive import write_texts

parser = argparse.ArgumentParser(prog="python -m retrieve.sample_data", description=__doc__)
parser.add_argument("folder", type=Path, metavar="FOLDER")
parser.add_argument("--people", type=int, default=8)
parser.add_argument("--photos", type=int, default=40)
parser.add_argument("--seed", type=int, default=1)
parser.add_argument("--probe", type=Path, metavar="FILE", help="one more picture of somebody")
parser.add_argument(
    "--texts", type=Path, metavar="FOLDER", help="where to put an invented archive of texts, too"
)
arguments = parser.parse_args()

labels = write_album(
    arguments.folder, people=arguments.people, photos=arguments.photos, seed=arguments.seed
)
if arguments.probe is not None:
    write_probe(arguments.probe, seed=arguments.seed)
print(  # noqa: T201
    f"drew {arguments.photos} photos with {len(labels)} faces of {arguments.people} people "
    f"into {arguments.folder}"
)
if arguments.texts is not None:
    texts = write_texts(arguments.texts)
    print(f"wrote {len(texts)} texts into {arguments.texts}")  # noqa: T201
