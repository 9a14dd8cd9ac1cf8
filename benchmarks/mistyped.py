"""Questions without accents, and with one slip of a finger: how many are still answered.

    python -m benchmarks.mistyped DOCS QUERIES [--half test] [--mode hybrid] [--questions N]

DOCS and QUERIES are JSONL as of `retrieve evaluate text`. The passages become a collection, and
each question is asked three times: as it is, without accents, and with one random edit (a letter
left out, put in, another, two changed places; seed 1) in one word of five letters or more. Prints
how often the first hit is the passage asked for, what that loses beside the question as it is, and
in how many questions a misspelt word was read as another.
"""

from __future__ import annotations

import argparse
import random
import statistics
import tempfile
import time
from pathlib import Path

from benchmarks.misspelt import SEED, misspelt
from benchmarks.texts import key_of, keys_of, write_paragraphs
from retrieve.evaluation.retrieval import documents, half, queries
from retrieve.indexes.collection import open_collection
from retrieve.text.tokens import WORD, plain

LEAST_LETTERS = 5


def mistyped(question: str, rng: random.Random) -> str:
    """A question with one edit in one of its longer words; as it is without one."""
    long = [match for match in WORD.finditer(question) if len(match[0]) >= LEAST_LETTERS]
    if not long:
        return question
    match = rng.choice(long)
    return question[: match.start()] + misspelt(match[0], rng) + question[match.end() :]


def main() -> None:
    """Index, ask, print."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("docs", type=Path)
    parser.add_argument("queries", type=Path)
    parser.add_argument("--half", default="test", choices=("all", "fit", "test"))
    parser.add_argument("--mode", default="hybrid")
    parser.add_argument("--questions", type=int, default=None)
    given = parser.parse_args()
    every = documents(given.docs.read_text("utf-8").splitlines())
    asked = queries(given.queries.read_text("utf-8").splitlines())
    if given.half != "all":
        asked = half(asked, every, given.half)
    asked = asked[: given.questions]
    rng = random.Random(SEED)
    ways = {
        "as they are": [query.text for query in asked],
        "without accents": [plain(query.text) for query in asked],
        "one slip": [mistyped(query.text, rng) for query in asked],
    }
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary, "texts")
        write_paragraphs(folder, every)
        keys = keys_of(folder)
        with open_collection(Path(temporary, "collection"), create=True) as collection:
            collection.index([folder])
            best = 0.0
            for way, texts in ways.items():
                began = time.process_time()
                right = []
                for text, query in zip(texts, asked, strict=True):
                    hits = collection.search_texts(text, k=1, mode=given.mode)
                    found = {key_of(hit.path, hit.passage.record, keys) for hit in hits}
                    right.append(bool(found & query.relevant))
                ms = (time.process_time() - began) * 1000 / len(asked)
                recall = statistics.fmean(right)
                best = best or recall
                read = sum(collection.corrected(text) is not None for text in texts)
                print(
                    f"{way:16s} {len(asked)} questions, {given.mode}: R@1 {recall:.4f} "
                    f"({recall - best:+.4f}); {read} read as another; {ms:.1f} CPU ms",
                    flush=True,
                )


if __name__ == "__main__":
    main()
