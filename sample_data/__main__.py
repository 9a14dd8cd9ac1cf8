"""python -m sample_data FOLDER: write an album of drawn people."""

from __future__ import annotations

import argparse
from pathlib import Path

from sample_data.album import write_album, write_probe

parser = argparse.ArgumentParser(prog="python -m sample_data", description=__doc__)
parser.add_argument("folder", type=Path, metavar="FOLDER")
parser.add_argument("--people", type=int, default=8)
parser.add_argument("--photos", type=int, default=40)
parser.add_argument("--seed", type=int, default=1)
parser.add_argument("--probe", type=Path, metavar="FILE", help="one more picture of somebody")
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
