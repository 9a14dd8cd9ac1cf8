"""Words of twelve languages by how often they are said, to train the classifier of languages on.

    python -m retrieve.training.classifier.frequent WORDFREQ --out SOURCES/words

WORDFREQ is the folder of the unpacked PyPI package wordfreq (Speer 2022, "rspeer/wordfreq: v3.0").
Its lists come from encyclopedias, subtitles, news, books and the web: what messages of programs
seldom say. It has no Asturian, Galician and Occitan. Theirs are the Spanish words translated by
Apertium, each as frequent as the Spanish one; of those that it does not know the names stay, which
are words of most lists.

SOURCES/words/CODE.tsv has a word and how often it stands among a million, by a tab, a line.
"""

from __future__ import annotations

import argparse
import gzip
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

from retrieve.cache import replacing
from retrieve.errors import BadInput
from retrieve.extras import optional
from retrieve.training.classifier.catalogues import UNTRANSLATED
from retrieve.training.classifier.translated import LANGUAGES, translate

WORDS = "words"  # the folder of SOURCES
LISTED = {
    "cat": "ca", "deu": "de", "eng": "en", "fra": "fr", "ita": "it", "nld": "nl", "por": "pt",
    "ron": "ro", "spa": "es",
}  # fmt: skip
TRANSLATED = ("ast", "glg", "oci")  # which it does not have
SPANISH = "spa"
MOST = 60_000  # words of a language
NEIGHBOURS = ("cat", "fra", "ita", "por")
A_NAME = 3  # of these lists have it
WORD = re.compile(r"[^\W\d_]+(?:['’·-][^\W\d_]+)*")

Frequencies = dict[str, float]  # word → times among a million words


def listed(folder: Path, code: str) -> Frequencies:
    """The commonest words of a language of wordfreq, the commonest first.

    A list holds one list of words for each hundredth of a power of ten, beginning with 1.
    raises  BadInput if the folder has no such list; MissingExtra without msgpack
    """
    with optional("reading wordfreq"):
        import msgpack

    paths = [*folder.rglob(f"large_{code}.msgpack.gz"), *folder.rglob(f"small_{code}.msgpack.gz")]
    if not paths:
        raise BadInput(f"wanted the package wordfreq, unpacked; {folder} has no list of {code!r}")
    try:
        header, *bins = msgpack.unpackb(gzip.decompress(paths[0].read_bytes()))
    except (OSError, EOFError, ValueError, TypeError, msgpack.UnpackException) as error:
        raise BadInput(f"cannot read {paths[0]}: {error}") from error
    if header != {"format": "cB", "version": 1}:
        raise BadInput(f"wanted a list cB 1 of wordfreq in {paths[0]}; got {header}")
    found: Frequencies = {}
    for times, words in enumerate(bins):
        for word in filter(WORD.fullmatch, words):
            if len(found) == MOST:
                return found
            found[word] = 1e6 * 10 ** (-times / 100)
    return found


def carried(
    spanish: Mapping[str, float], translations: Sequence[str], others: Sequence[Mapping[str, float]]
) -> Frequencies:
    """Words of a neighbour of Spanish, from the translation of each Spanish word.

    others  lists of other languages: an unknown word that most of them have is a name
    """
    found: Counter[str] = Counter()
    for (word, times), translation in zip(spanish.items(), translations, strict=True):
        text = translation.lower()
        if UNTRANSLATED.search(text):
            if sum(word in other for other in others) < A_NAME:
                continue
            text = word
        if text.strip():
            found[text.strip()] += times  # type: ignore[assignment]
    return dict(found)


def read(folder: Path) -> dict[str, Frequencies]:
    """Language → word → times among a million, of SOURCES; {} where it has none.

    raises  BadInput for a line of another form
    """
    found: dict[str, Frequencies] = {}
    for path in sorted((folder / WORDS).glob("*.tsv")):
        try:
            lines = (line.split("\t") for line in path.read_text("utf-8").splitlines())
            found[path.stem] = {word: float(times) for word, times in lines}
        except (OSError, ValueError) as error:
            raise BadInput(
                f"wanted lines of a word, a tab and a number in {path}: {error}"
            ) from error
    return found


def _write(path: Path, words: Mapping[str, float]) -> None:
    with replacing(path) as temporary:
        lines = (f"{word}\t{times:.6g}\n" for word, times in words.items())
        temporary.write_text("".join(lines), "utf-8")


def main() -> None:
    """Write a file of words a language."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("wordfreq", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    given = parser.parse_args()
    given.out.mkdir(parents=True, exist_ok=True)
    lists = {language: listed(given.wordfreq, code) for language, code in LISTED.items()}
    for language, words in lists.items():
        _write(given.out / f"{language}.tsv", words)
    source = given.out / "spanish.txt"
    source.write_text("\n".join(lists[SPANISH]) + "\n", "utf-8")
    for language in TRANSLATED:
        out = given.out / f"{language}.txt"
        translate(source, out, LANGUAGES[language])
        translations = out.read_text("utf-8").splitlines()
        others = [lists[one] for one in NEIGHBOURS]
        _write(given.out / f"{language}.tsv", carried(lists[SPANISH], translations, others))
        out.unlink()
    source.unlink()


if __name__ == "__main__":
    main()
