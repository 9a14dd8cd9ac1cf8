"""Texts → unit vectors, by one of several encoders behind one Protocol.

    static   the default: the sum of word vectors that three teachers gave (static)
    lstm     tuned word vectors and a bidirectional LSTM (lstm), in numpy
    words    the mean of word vectors, weighted by rarity, its common axes shrunk (mean)
    e5       multilingual-e5-small in ONNX Runtime, of a hundred languages, an extra (e5/)
    sentence-transformers:NAME   a model of that library (sentence_transformers)
    FILE.safetensors             one that `retrieve train text-encoder` wrote, or another `static`

None of the first four imports torch.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from functools import cached_property
from importlib import resources
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from retrieve.errors import BadInput, WeightsError
from retrieve.text.encoders import file as encoder_file
from retrieve.text.encoders import mean
from retrieve.text.encoders.file import EncoderFile
from retrieve.text.encoders.lstm import LstmEncoder
from retrieve.text.encoders.static import KIND as STATIC_KIND
from retrieve.text.encoders.static import StaticEncoder
from retrieve.text.words.vectors import WordVectors, open_vectors
from retrieve.text.words.vocabulary import Vocabulary
from retrieve.types import Embeddings

STATIC, LSTM, WORDS, E5 = "static", "lstm", "words", "e5"
DEFAULT = STATIC
FOREIGN = "sentence-transformers:"


class TextEncoder(Protocol):
    """What turns texts into vectors.

    name            as it is asked for
    dim             D
    weights_sha256  of all that the embeddings depend on, hexadecimal
    """

    @property
    def name(self) -> str: ...

    @property
    def dim(self) -> int: ...

    @property
    def weights_sha256(self) -> str: ...

    def covers(self, text: str) -> bool:
        """Whether the text holds something to embed: for most encoders a letter or a digit."""
        ...

    def embed(self, texts: Sequence[str]) -> Embeddings:
        """(N, D) unit rows for N texts of any length, row i for text i.

        raises  BadInput that names the texts which `covers` refuses: nothing is known of
                them, and no vector says that
        """
        ...


def embed_queries(encoder: TextEncoder, queries: Sequence[str]) -> Embeddings:
    """(N, D) unit rows of queries; to most encoders they are texts as any.

    One to which they are not has a method embed_queries() beside embed().
    """
    found: Embeddings = getattr(encoder, "embed_queries", encoder.embed)(queries)
    return found


def embed_alike(encoder: TextEncoder, texts: Sequence[str]) -> Embeddings:
    """(N, D) unit rows of texts that are compared with each other, none of which asks.

    An encoder to which that is another thing has a method embed_alike().
    """
    found: Embeddings = getattr(encoder, "embed_alike", encoder.embed)(texts)
    return found


def load_encoder(name: str = DEFAULT) -> TextEncoder:
    """A text encoder: what turns texts into unit vectors.

        encoder = retrieve.load_encoder()
        vectors = encoder.embed(["una frase", "otra"])      # (2, D)
        vectors @ vectors.T

    name    static, lstm, words, e5, sentence-transformers:NAME, or a file in .safetensors
    raises  as open_text_encoder(); BadInput for what is no text
    """
    if not isinstance(name, str):
        raise BadInput(f"wanted the name of a text encoder; got {name!r}")
    return open_text_encoder(name)


def is_encoder(name: str) -> bool:
    """Whether open_text_encoder() knows such a name; a file may be there or not."""
    return (
        name in (STATIC, LSTM, WORDS, E5)
        or name.startswith(FOREIGN)
        or name.endswith(".safetensors")
    )


def open_text_encoder(name: str = DEFAULT) -> TextEncoder:
    """The encoder of a name, or of a file.

    raises  BadInput for a name that there is not; MissingExtra for sentence-transformers
            and e5 where they are not installed; WeightsError if its file cannot be used
    """
    if name == WORDS:
        return WordsEncoder(open_vectors(shipped("es")))
    if name in (STATIC, LSTM):
        return _of_file(name, shipped("encoder" if name == LSTM else STATIC))
    if name == E5:
        from retrieve.text.encoders.e5.encoder import E5Encoder

        return E5Encoder()
    if name.startswith(FOREIGN):
        from retrieve.text.encoders.sentence_transformers import SentenceTransformersEncoder

        return SentenceTransformersEncoder(name.removeprefix(FOREIGN))
    if name.endswith(".safetensors"):
        return _of_file(Path(name).stem, Path(name))
    raise BadInput(
        f"no text encoder is called {name!r}; there are: {STATIC}, {LSTM}, {WORDS}, {E5}, "
        f"{FOREIGN}NAME, or a file in .safetensors"
    )


def _of_file(name: str, path: Path) -> TextEncoder:
    arrays, about, sha256 = encoder_file.checked(path, (encoder_file.KIND, STATIC_KIND))
    if about["kind"] == STATIC_KIND:
        return StaticEncoder(name, arrays, about, sha256)
    return TrainedEncoder(name, encoder_file.of_arrays(arrays, about, sha256))


def shipped(name: str) -> Path:
    """Where a data file of the package lies."""
    return Path(str(resources.files("retrieve.text") / "data" / f"{name}.safetensors"))


class TrainedEncoder:
    """An encoder from its file, with or without an LSTM."""

    def __init__(self, name: str, file: EncoderFile) -> None:
        self.name = name
        self.weights_sha256 = file.sha256
        self.about = file.about
        self._words, self._buckets = file.words, file.buckets
        try:
            self._network = LstmEncoder(file)
        except KeyError as error:
            raise WeightsError(f"the text encoder {name!r} lacks the array {error}") from error

    @cached_property
    def _vocabulary(self) -> Vocabulary:
        return Vocabulary(self._words, self._buckets)

    @property
    def dim(self) -> int:
        return self._network.dim

    def covers(self, text: str) -> bool:
        return bool(self._vocabulary.rows(text))

    def embed(self, texts: Sequence[str]) -> Embeddings:
        rows = covered(self.name, [self._vocabulary.rows(text) for text in several(texts)])
        return self._network.embed(rows)


class WordsEncoder:
    """The weighted mean of word vectors, after a whitening of what texts have in common.

    A word without a vector, or a number, counts as hashed rows: random unit vectors that its
    spelling decides. They say nothing of its meaning, but the same name meets itself.
    """

    name = WORDS

    def __init__(self, vectors: WordVectors) -> None:
        self._vectors = vectors
        self._vocabulary = Vocabulary(vectors.words)
        shares = vectors.counts / max(int(vectors.counts.sum()), 1)
        if not vectors.counts.any():
            # Without counts the rank stands in for the frequency (Zipf).
            shares = 1 / np.arange(10, len(vectors) + 10)
            shares /= shares.sum()
        self._weights = mean.weights(shares)
        self._shares = shares
        self._hashed: dict[int, NDArray[np.float32]] = {}

    @property
    def dim(self) -> int:
        return self._vectors.dim

    @cached_property
    def weights_sha256(self) -> str:
        checksums = sorted(self._vectors.about["sha256"].items())
        return hashlib.sha256(repr((WORDS, checksums)).encode()).hexdigest()

    @cached_property
    def _turn(self) -> NDArray[np.float32]:
        frequent = slice(0, mean.FREQUENT)
        known = self._vectors.vectors(np.arange(len(self._vectors))[frequent])
        return mean.whitening(known, self._shares[frequent])

    def covers(self, text: str) -> bool:
        return bool(self._vocabulary.rows(text))

    def embed(self, texts: Sequence[str]) -> Embeddings:
        rows = covered(self.name, [self._vocabulary.rows(text) for text in several(texts)])
        totals = np.array([self._total(np.array(one)) for one in rows], np.float32)
        totals = totals.reshape(-1, self.dim)
        totals /= np.maximum(np.linalg.norm(totals, axis=1, keepdims=True), 1e-12)
        return totals

    def _total(self, rows: NDArray[np.int64]) -> NDArray[np.float32]:
        known = rows[rows < len(self._vectors)]
        total = (self._weights[known] @ self._vectors.vectors(known)) @ self._turn
        for row in rows[rows >= len(self._vectors)]:
            total += mean.HASHED_WEIGHT * self._random(int(row))
        return np.asarray(total, np.float32)

    def _random(self, row: int) -> NDArray[np.float32]:
        if row not in self._hashed:
            drawn = np.random.default_rng(row - len(self._vectors)).normal(size=self.dim)
            self._hashed[row] = (drawn / np.linalg.norm(drawn)).astype(np.float32)
        return self._hashed[row]


def several(texts: Sequence[str]) -> Sequence[str]:
    """The texts; raises BadInput for a single one, whose letters would be taken for texts."""
    if isinstance(texts, str):
        raise BadInput(f"wanted a list of texts; got one text: embed([{texts[:40]!r}])")
    return texts


def covered(name: str, rows: list[list[int]]) -> list[list[int]]:
    """The rows as they are; raises BadInput if a text has none."""
    if empty := [str(i) for i, one in enumerate(rows) if not one]:
        raise BadInput(
            f"{name} embeds texts with a letter or a digit; of {len(rows)} texts these have "
            f"none (the first is 0): {', '.join(empty[:10])}. Leave them out"
        )
    return rows
