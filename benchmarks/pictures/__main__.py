"""What whole photos' embeddings are worth: python -m benchmarks.pictures [--write] [PART…] FOLDER

FOLDER holds objects_dev (photos of things with labels.csv: file, synset), wider_dev (everyday
photos) and people_dev (labels.csv: file, identity). Prints, part by part,

- classes: how often the photo's own class is the likeliest, and among five
- alike: for each change of changes.py, how often the changed photo's original is first among
  objects_dev, wider_dev and one people_dev photo a person, and how often it is over the threshold
  that 5 in 100,000 pairs of these reach; beside imagehash's phash at the same rate
- looking: how often the map of a photo's class points into it, of four photos in one (takes the
  extras [convert] and [plot])
- words: mean average precision of Spanish words for what objects_dev shows, by the command
  `retrieve search --queries FILE -k 250` in a collection of these photos
- cost: CPU ms a photo beside indexing without, in turns; bytes a photo on disk; a query, cold and
  warm

--write fits what a score means on the same pairs and puts it into the package.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from benchmarks.pictures import alike, classes, cost, looking, words

PARTS = ("classes", "alike", "looking", "words", "cost")


def main() -> None:
    """Print each part."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--write", action="store_true")
    parser.add_argument("parts", nargs="*", metavar="PART", default=PARTS, help=", ".join(PARTS))
    parser.add_argument("folder", type=Path)
    arguments = parser.parse_args()
    if "classes" in arguments.parts:
        classes.report(arguments.folder)
    if "alike" in arguments.parts or arguments.write:
        alike.report(arguments.folder, write=arguments.write)
    if "looking" in arguments.parts:
        looking.report(arguments.folder)
    if "words" in arguments.parts:
        words.report(arguments.folder)
    if "cost" in arguments.parts:
        cost.report(arguments.folder)


if __name__ == "__main__":
    main()
