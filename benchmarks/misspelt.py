"""Queries of one misspelt word: whether its passages are found, and what that costs.

    python -m benchmarks.misspelt CORPORA... [--passages N] [--words N]

The first N passages of texts, plain or packed, become one collection. A word is drawn that has six
letters or more and stands in one to fifty of them; one random edit (a letter left out, put in,
another, two changed places) makes the query, a spelling that no passage has. Prints how often one
of the first ten hits has the word, and how often the word is the one that is offered; then CPU
milliseconds of the query beside --exact-words, which looks for nothing else. Both read the same
passages, and whoever is second finds their words cut into stems: each goes first every other time.
"""

from __future__ import annotations

import argparse
import random
import statistics
import tempfile
import time
from collections import Counter
from itertools import islice
from pathlib import Path

from retrieve.indexes.collection import Collection, open_collection
from retrieve.indexes.queries.modes import Mode
from retrieve.text.readable import typed
from retrieve.text.tokens import unaccented, words
from retrieve.training.split import texts_of
from retrieve.training.words.corpus import lines
from retrieve.types import TextHit

SEED = 1
LETTERS = "abcdefghijklmnopqrstuvwxyz"
LEAST_LETTERS, MOST_PASSAGES = 6, 50
PASSAGE_WORDS = 80


def passages(texts: list[Path], wanted: int) -> list[str]:
    """The beginning of each text in stretches of PASSAGE_WORDS words, `wanted` in all."""
    found: list[str] = []
    for n, text in enumerate(texts, 1):
        share = wanted * n // len(texts) - len(found)
        some = (word for line in lines(text) for word in line.split())
        for _ in range(share):
            if not (part := list(islice(some, PASSAGE_WORDS))):
                break
            found.append(" ".join(part))
    return found


def misspelt(word: str, rng: random.Random) -> str:
    """A word with one edit."""
    at = rng.randrange(len(word))
    match rng.randrange(4):
        case 0:
            return word[:at] + word[at + 1 :]
        case 1:
            return word[:at] + rng.choice(LETTERS) + word[at:]
        case 2:
            return word[:at] + rng.choice(LETTERS) + word[at + 1 :]
    at = min(at, len(word) - 2)
    return word[:at] + word[at + 1] + word[at] + word[at + 2 :]


def asked(texts: list[str], count: int) -> list[tuple[str, str]]:
    """Words and misspellings that no text has."""
    rng = random.Random(SEED)
    holders = Counter(word for text in texts for word in set(words(text)))
    known = {unaccented(word) for word in holders}
    rare = sorted(
        word for word, n in holders.items() if len(word) >= LEAST_LETTERS and n <= MOST_PASSAGES
    )
    found: list[tuple[str, str]] = []
    while len(found) < count:
        word = rng.choice(rare)
        query = misspelt(word, rng)
        if unaccented(query) not in known:
            found.append((word, query))
    return found


def measure(collection: Collection, queries: list[tuple[str, str]], mode: Mode) -> None:
    """Print what is found and what it costs, beside the same words spelt right."""
    found = right = offered = 0
    took: dict[str, list[float]] = {"misspelt": [], "right": [], "looked up": []}
    for at, (word, query) in enumerate(queries):
        hits = {}
        both = [("misspelt", query), ("right", word)]
        for name, text in both if at % 2 else reversed(both):
            began = time.process_time()
            hits[name] = collection.search_texts(text, mode=mode, exact_words=name == "right")
            took[name].append((time.process_time() - began) * 1000)
        began = time.process_time()
        corrected = collection.corrected(query)
        took["looked up"].append((time.process_time() - began) * 1000)
        found += _among(word, hits["misspelt"])
        right += _among(word, hits["right"])
        offered += corrected is not None and typed(corrected.lower()) == typed(word)
    n = len(queries)
    ms = {name: statistics.fmean(times) for name, times in took.items()}
    print(
        f"{mode:8s} {n} words among the first ten: misspelt {found / n:.3f}, "
        f"right {right / n:.3f}; "
        f"offered first {offered / n:.3f}; CPU ms: misspelt {ms['misspelt']:.1f}, "
        f"right {ms['right']:.1f}, looking up spellings alone {ms['looked up']:.1f}",
        flush=True,
    )


def _among(word: str, hits: list[TextHit]) -> bool:
    texts = (f"{hit.passage.title} {hit.passage.text}" for hit in hits)
    return any(typed(word) in map(typed, words(text)) for text in texts)


def main() -> None:
    """Index, ask, print."""
    parser = argparse.ArgumentParser()
    parser.add_argument("corpora", nargs="+", type=Path)
    parser.add_argument("--passages", type=int, default=30_000)
    parser.add_argument("--words", type=int, default=500)
    given = parser.parse_args()
    texts = passages(texts_of(given.corpora), given.passages)
    queries = asked(texts, given.words)
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary, "texts")
        folder.mkdir()
        for n in range(0, len(texts), 1000):
            (folder / f"{n:06}.txt").write_text("\n\n".join(texts[n : n + 1000]), "utf-8")
        with open_collection(Path(temporary, "collection"), create=True) as collection:
            collection.index([folder])
            print(f"{collection.texts.passages.count()} passages", flush=True)
            for mode in (Mode.BM25, Mode.HYBRID):
                collection.search_texts(queries[0][1], mode=mode)  # files are read once
                measure(collection, queries, mode)


if __name__ == "__main__":
    main()
