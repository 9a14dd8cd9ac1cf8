"""What reading words in pictures is worth: python -m benchmarks.ocr [PART…] [--photos FOLDER…]

Prints, part by part,

- made: of photos that are made by code (drawn.py) how many characters are right, by what they show
  and by what was done to them, in the order in which they were written; CPU s a photo and peak
  memory; beside rapidocr as it comes, with all of its own defaults but one thread
- notes: the same of notes in typefaces that look written by hand, capitals being as good as others
- scanned: the same of a PDF whose pages are pictures
- real: of photos in FOLDER how many have words in them as the reader sees it, at some confidences;
  CPU ms a photo. --show prints the words, for somebody to look at the photos

A character is right that need not be changed, put in or left out: 1 - edit distance / length.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from benchmarks.ocr import made, real, scanned

PARTS = ("made", "notes", "scanned", "real")


def main() -> None:
    """Print each part."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("parts", nargs="*", metavar="PART", default=PARTS, help=", ".join(PARTS))
    parser.add_argument("--photos", nargs="+", type=Path, default=[], metavar="FOLDER")
    parser.add_argument("--show", action="store_true")
    arguments = parser.parse_args()
    if "made" in arguments.parts:
        made.report()
    if "notes" in arguments.parts:
        made.report_notes()
    if "scanned" in arguments.parts:
        scanned.report()
    if "real" in arguments.parts and arguments.photos:
        real.report(arguments.photos, show=arguments.show)


if __name__ == "__main__":
    main()
