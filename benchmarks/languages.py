"""Languages of short texts: python -m benchmarks.languages FOLDER

FOLDER holds a file of sentences a language, named by ISO 639-3 (ast.txt). Pieces of 2, 3, 4, 6, 10
words in a row are drawn from the sentences (seed 1) and given to the shipped classifier: how often
it is right, where "none" counts as wrong, and how often it says none. Beside it py3langid, told the
same languages; Asturian is not among those that it knows, so the figures of the eleven others stand
beside, too.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from retrieve.text.classifiers.classify import open_classifier

LENGTHS = (2, 3, 4, 6, 10)
PIECES = 500  # of each language and length
SEED = 1
TWO_LETTERS = {
    "cat": "ca", "deu": "de", "eng": "en", "fra": "fr", "glg": "gl", "ita": "it", "nld": "nl",
    "oci": "oc", "por": "pt", "ron": "ro", "spa": "es",
}  # fmt: skip

Name = Callable[[Sequence[str]], list[str | None]]


def pieces(folder: Path, many: int) -> list[tuple[str, str]]:
    """(language, piece of so many words) of every file of a folder."""
    found = []
    for path in sorted(folder.glob("*.txt")):
        generator = np.random.default_rng([SEED, many, *path.stem.encode()])
        sentences = [line.split() for line in path.read_text("utf-8").splitlines()]
        long = [words for words in sentences if len(words) >= many]
        for i in generator.integers(len(long), size=PIECES):
            first = int(generator.integers(len(long[i]) - many + 1))
            found.append((path.stem, " ".join(long[i][first : first + many])))
    return found


def ours() -> Name:
    classifier = open_classifier("languages")

    def name(texts: Sequence[str]) -> list[str | None]:
        covered = [i for i, text in enumerate(texts) if classifier.covers(text)]
        verdicts = classifier.classify([texts[i] for i in covered])
        said = dict(zip(covered, verdicts, strict=True))
        return [said[i].label if i in said else None for i in range(len(texts))]

    return name


def theirs() -> Name:
    from py3langid import langid

    langid.set_languages([*TWO_LETTERS.values()])
    three = {two: code for code, two in TWO_LETTERS.items()}

    def name(texts: Sequence[str]) -> list[str | None]:
        return [three[langid.classify(text)[0]] for text in texts]

    return name


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    folder = parser.parse_args().folder
    for label, name in (("languages", ours()), ("py3langid", theirs())):
        for many in LENGTHS:
            drawn = pieces(folder, many)
            before = time.process_time()
            said = name([text for _, text in drawn])
            spent = (time.process_time() - before) / len(drawn) * 1000
            right = np.array([a == b for (a, _), b in zip(drawn, said, strict=True)])
            known = np.array([language != "ast" for language, _ in drawn])
            none = np.mean([one is None for one in said])
            print(
                f"{label:10} {many:3} words  {right.mean():.3f} right, {none:.3f} none; without "
                f"Asturian {right[known].mean():.3f}; {spent:.3f} CPU ms"
            )


if __name__ == "__main__":
    main()
