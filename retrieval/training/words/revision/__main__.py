"""python -m retrieve.training.words.revision KNOWLEDGE OUT WORK CORPUS... [--without STEP]"""

from __future__ import annotations

import argparse
from pathlib import Path

from retrieve.text.irregular import TABLE
from retrieve.text.words.vectors import open_vectors
from retrieve.training.words.recipe import STEPS, Recipe
from retrieve.training.words.revision.revise import revise


def main() -> None:
    """Revise a file of word vectors, the shipped one unless --start names another."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    for name in ("knowledge", "out", "work"):
        parser.add_argument(name, type=Path)
    parser.add_argument("corpora", type=Path, nargs="+")
    parser.add_argument("--start", type=Path, default=None)
    parser.add_argument("--without", action="append", default=[], choices=STEPS)
    given = parser.parse_args()
    revise(
        open_vectors(given.start or TABLE.with_name("es.safetensors")),
        given.out,
        given.corpora,
        given.knowledge,
        work=given.work,
        settings=Recipe(without=tuple(given.without)),
    )


if __name__ == "__main__":
    main()
