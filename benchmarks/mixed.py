"""A collection of texts in several languages: are passages found by other forms of their words?

    python -m benchmarks.mixed FOLDER [--languages es en ca fr de] [--queries N]

FOLDER holds a file of sentences a language, named by ISO 639-3 (cat.txt). All sentences become
passages of one collection. A question is two words of a sentence, each in another form that stands
elsewhere in its language (by Snowball's stems of that language, which are our only judge of forms).
Prints how often the sentence is the first hit, and among the first ten, where each passage has the
stems of its own language, and where all have those of Spanish, as they had before.
"""

from __future__ import annotations

import argparse
import json
import random
import tempfile
import time
from collections import defaultdict
from pathlib import Path
from unittest import mock

from retrieve.indexes.collection import open_collection
from retrieve.indexes.search import texts
from retrieve.text.spoken import languages_of
from retrieve.text.stemming import LANGUAGES, stemmed_words

SEED = 1
THREE_LETTERS = {"ca": "cat", "de": "deu", "en": "eng", "es": "spa", "fr": "fra", "it": "ita",
                 "nl": "nld", "pt": "por", "ro": "ron"}  # fmt: skip
LEAST_LETTERS = 5


def questions(sentences: list[str], language: str, count: int) -> list[tuple[str, int]]:
    """Two words in other forms, and the number of the sentence that has them."""
    assert language in LANGUAGES
    forms: defaultdict[str, set[str]] = defaultdict(set)
    said = []
    for sentence in sentences:
        words = {
            (one.stem, sentence[one.start : one.end].lower())
            for one in stemmed_words(sentence, language)
            if one.end - one.start >= LEAST_LETTERS
        }
        said.append(sorted(words))
        for stem, word in words:
            forms[stem].add(word)
    rng = random.Random(SEED)
    found = []
    for number in rng.sample(range(len(sentences)), len(sentences)):
        own = {word for _, word in said[number]}
        others = [
            rng.choice(rest) for stem, _ in said[number] if (rest := sorted(forms[stem] - own))
        ]
        if len(others) > 1:
            found.append((" ".join(rng.sample(others, 2)), number))
    return found[:count]


def main() -> None:
    """Index twice, ask, print."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--languages", nargs="+", default=["es", "en", "ca", "fr", "de"])
    parser.add_argument("--queries", type=int, default=100, help="of each language")
    given = parser.parse_args()
    sentences = {
        one: (given.folder / f"{THREE_LETTERS[one]}.txt").read_text("utf-8").splitlines()
        for one in given.languages
    }
    asked = {one: questions(some, one, given.queries) for one, some in sentences.items()}

    def spanish(documents: list[list[str]], language: str) -> list[list[str]]:
        return [[language] * len(passages) for passages in documents]

    for way in ("each its own", "Spanish for all"):
        with (
            tempfile.TemporaryDirectory() as temporary,
            mock.patch.object(
                texts, "languages_of", languages_of if way == "each its own" else spanish
            ),
        ):
            folder = Path(temporary, "texts")
            folder.mkdir()
            for one, some in sentences.items():
                lines = [json.dumps({"id": n, "text": text}) for n, text in enumerate(some)]
                (folder / f"{one}.jsonl").write_text("\n".join(lines), "utf-8")
            with open_collection(Path(temporary, "collection"), create=True) as collection:
                collection.index([folder])
                for mode in ("bm25", "hybrid"):
                    shown, took = [], 0.0
                    for language, its in asked.items():
                        first = ten = 0
                        for query, number in its:
                            began = time.process_time()
                            hits = collection.search_texts(query, mode=mode, exact_words=True)
                            took += time.process_time() - began
                            places = [(hit.path.stem, hit.passage.record) for hit in hits]
                            first += places[:1] == [(language, number + 1)]
                            ten += (language, number + 1) in places
                        shown.append(f"{language} {first / len(its):.2f} {ten / len(its):.2f}")
                    ms = took * 1000 / sum(map(len, asked.values()))
                    print(f"{way:16s} {mode:6s} R@1 R@10: {', '.join(shown)}; {ms:.1f} CPU ms")


if __name__ == "__main__":
    main()
