"""Words a second of our CBOW beside gensim's, one thread each: python -m benchmarks.training

Made text with Zipf's frequencies, the same settings, the same run.
"""

from __future__ import annotations

import tempfile
import time
from pathlib import Path

import numpy as np

from retrieve.training.words import cbow, corpus

WORDS = 50_000
LINES = 60_000
LINE = 40
SETTINGS = cbow.Settings(epochs=1, negatives=10)


def made_text() -> list[list[str]]:
    """Lines of words drawn with probability 1 / rank."""
    generator = np.random.default_rng(1)
    shares = 1 / np.arange(1, WORDS + 1)
    rows = generator.choice(WORDS, (LINES, LINE), p=shares / shares.sum())
    letters = str.maketrans("0123456789", "abcdefghij")
    return [[f"w{row}".translate(letters) for row in line] for line in rows.tolist()]


def ours(text: list[list[str]], folder: Path) -> float:
    """Words a CPU second."""
    encoded = corpus.encode(map(" ".join, text), folder / "text.ids", min_count=1)
    tables = cbow.noise(encoded.counts)
    warm = corpus.Corpus(encoded.ids[:1000], encoded.words, encoded.counts)
    cbow.advance(warm, tables, SETTINGS, cbow.start(len(encoded.words), SETTINGS))  # compiles
    state = cbow.start(len(encoded.words), SETTINGS)
    before = time.process_time()
    while cbow.advance(encoded, tables, SETTINGS, state):
        pass
    return LINES * LINE / (time.process_time() - before)


def gensims(text: list[list[str]]) -> float:
    """Words a CPU second."""
    from gensim.models import Word2Vec

    model = Word2Vec(
        vector_size=SETTINGS.dim,
        window=SETTINGS.window,
        negative=SETTINGS.negatives,
        sample=SETTINGS.sample,
        alpha=SETTINGS.rate,
        min_count=1,
        workers=1,
        sg=0,
        seed=1,
    )
    model.build_vocab(text)
    before = time.process_time()
    model.train(text, total_examples=len(text), epochs=1)
    return LINES * LINE / (time.process_time() - before)


def main() -> None:
    text = made_text()
    with tempfile.TemporaryDirectory() as folder:
        own = ours(text, Path(folder))
    peer = gensims(text)
    print(f"ours    {own:12,.0f} words a CPU second, one thread")
    print(
        f"gensim  {peer:12,.0f} words a CPU second, one thread; ours is {own / peer:.2f} times that"
    )


if __name__ == "__main__":
    main()
