"""Word vectors in one memory-mapped file: word → unit vector, row → word.

The file is safetensors: an 8-byte length, a JSON header, then arrays; no pickle, nothing
that runs. Its arrays (N words, D dimensions):

    codes   (N, D) uint8    128 + the vector in steps of one size for all rows
    scales  (N,)   float32  codes − 128 times this is a row of length 1
    text    (B,)   uint8    the words in UTF-8, each followed by a line feed
    ends    (N,)   uint32   where each word ends in `text` (its line feed)
    counts  (N,)   uint32   how often each word stood in the text; 0 where unknown
    hashes  (N,)   uint64   BLAKE2b-64 of each word, ascending
    rows    (N,)   uint32   the row of the word with that hash
    bases   (N,)   uint32   the row of the word that this one is an inflection of, or its own
    product, centroids      4-bit codes for the search of very many words, or absent
    grams, gram_scales      as codes and scales, for character n-grams (fastText), or absent

The header's metadata has one entry, `retrieve`: JSON with name, format, language, sources,
licence, how the vectors were made, and the SHA-256 of every array.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from retrieve.cache import replacing
from retrieve.errors import BadInput, WeightsError
from retrieve.text.tokens import normal, plain, unaccented
from retrieve.text.words import ngrams
from retrieve.types import Embeddings

FORMAT = 1
SUFFIX = ".safetensors"
ZERO = 128  # the code of 0: FAISS's 8-bit signed codes are offset by it
CHECKED_BYTES = 64 << 20  # files up to here have their checksums verified whenever opened
DTYPES = {"U8": np.uint8, "U32": np.uint32, "U64": np.uint64, "F32": np.float32}
ARRAYS = ("codes", "scales", "text", "ends", "counts", "hashes", "rows", "bases")
MISSPELT = 20  # `parís` stands 22 times as often as `paris`, `más` 19 times as often as `mas`
ACCENTED = {"a": "á", "e": "é", "i": "í", "o": "ó", "u": "úü"}
FURTHEST = 2  # edits between an unknown word and what is suggested for it

Rows = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Origin:
    """Where vectors come from; all of it is kept in the file.

    subword  n-gram lengths and the number of buckets, where the vectors have n-grams
    """

    name: str
    language: str = "es"
    licence: str = "unknown"
    sources: tuple[str, ...] = ()
    recipe: dict[str, Any] = field(default_factory=dict)
    subword: ngrams.Subword | None = None


@dataclass(frozen=True, slots=True)
class Found:
    """A word as it was asked for and as the vocabulary has it.

    row   of the vocabulary; None for a word composed from its n-grams
    note  how the two differ, for people; None when they do not
    """

    asked: str
    word: str
    row: int | None
    note: str | None = None


class WordVectors:
    """N words with unit vectors of D dimensions, mapped from a file."""

    def __init__(self, path: Path, arrays: dict[str, NDArray[Any]], about: dict[str, Any]) -> None:
        self.path = path
        self.codes: NDArray[np.uint8] = arrays["codes"]
        self.scales: NDArray[np.float32] = arrays["scales"]
        self.counts: NDArray[np.uint32] = arrays["counts"]
        self.bases: NDArray[np.uint32] = arrays["bases"]
        self._arrays = arrays
        self.about = about

    @property
    def product(self) -> tuple[NDArray[np.uint8], NDArray[np.float32]] | None:
        """4-bit codes and centroids, where the file has them."""
        if "product" not in self._arrays:
            return None
        return self._arrays["product"], self._arrays["centroids"]

    @property
    def name(self) -> str:
        return str(self.about["name"])

    @property
    def language(self) -> str:
        return str(self.about["language"])

    @property
    def dim(self) -> int:
        return int(self.codes.shape[1])

    def __len__(self) -> int:
        return len(self.codes)

    def __contains__(self, word: str) -> bool:
        return self.row(word) is not None

    def row(self, word: str) -> int | None:
        """The row of a word, whatever its case and Unicode form; None if it is unknown."""
        key = _hash(normal(word))
        hashes = self._arrays["hashes"]
        at = int(np.searchsorted(hashes, key))
        while at < len(hashes) and hashes[at] == key:
            row = int(self._arrays["rows"][at])
            if self.word(row) == normal(word):
                return row
            at += 1
        return None

    def word(self, row: int) -> str:
        """The word of a row."""
        ends = self._arrays["ends"]
        start = int(ends[row - 1]) + 1 if row else 0
        return bytes(self._arrays["text"][start : int(ends[row])]).decode()

    @cached_property
    def words(self) -> list[str]:
        """All words in the order of their rows; row 0 is the most frequent."""
        return bytes(self._arrays["text"]).decode().splitlines()

    def vectors(self, rows: Sequence[int] | Rows) -> Embeddings:
        """(len(rows), D) float32, rows of length 1."""
        rows = np.asarray(rows, np.int64)
        return _decoded(self.codes[rows], self.scales[rows])

    def find(self, word: str) -> Found:
        """The row of a word, or of the one that it must mean.

        A word that differs in diacritics alone is taken for the most frequent such word
        (`paris` for `parís`), also where it is known itself but MISSPELT times rarer: texts
        leave accents out at times. One with a vector from character n-grams has no row.
        raises  BadInput with suggestions when the vocabulary knows neither
        """
        row = self.row(word)
        if row is not None:
            return self._accented(word, row) or Found(word, normal(word), row)
        if not normal(word):
            raise BadInput("wanted a word; got an empty one")
        folded = plain(normal(word))
        for candidate, known in enumerate(self._plain_words):
            if known == folded:  # rows are in order of frequency
                meant = self.word(candidate)
                return Found(
                    word, meant, candidate, f"{word} is not in the vocabulary: took {meant}"
                )
        if self._subword is not None and self._grams(normal(word)):
            note = f"{word} is not in the vocabulary: its vector is composed from its n-grams"
            return Found(word, normal(word), None, note)
        near = self.suggestions(word)
        hint = f"did you mean {', '.join(near)}?" if near else "no word is spelt much like it"
        spanish = ", which are Spanish" if self.language == "es" else ""
        raise BadInput(
            f"{word!r} is not among the {len(self)} words of {self.name!r}{spanish}; {hint}"
        )

    def _accented(self, word: str, row: int) -> Found | None:
        """The word with an accent that a word without one must be meant for, if there is one."""
        asked = normal(word)
        if unaccented(asked) != asked:
            return None
        spellings = (
            asked[:at] + accented + asked[at + 1 :]
            for at, letter in enumerate(asked)
            for accented in ACCENTED.get(letter, "")
        )
        rows = [other for other in map(self.row, spellings) if other is not None]
        best = max(rows, key=lambda other: int(self.counts[other]), default=row)
        times = int(self.counts[best]) / max(int(self.counts[row]), 1)
        if times < MISSPELT:
            return None
        meant = self.word(best)
        return Found(
            word, meant, best, f"{word}: took {meant}, which is {times:.0f} times as frequent"
        )

    def embed(self, found: Iterable[Found]) -> Embeddings:
        """(N, D) float32 unit rows for words that `find` found."""
        rows = [
            self._composed(one.word) if one.row is None else self.vectors([one.row])[0]
            for one in found
        ]
        return np.array(rows, np.float32).reshape(-1, self.dim)

    def suggestions(self, word: str, limit: int = 5) -> list[str]:
        """Known words within two edits, nearest first, then the most frequent."""
        from rapidfuzz import process
        from rapidfuzz.distance import DamerauLevenshtein

        near = process.extract(
            plain(normal(word)),
            self._plain_words,
            scorer=DamerauLevenshtein.distance,
            score_cutoff=min(FURTHEST, max(1, len(word) // 3)),
            limit=None,
        )
        best = sorted(near, key=lambda match: (match[1], match[2]))[:limit]
        return [self.word(row) for _, _, row in best]

    @cached_property
    def _plain_words(self) -> list[str]:
        # One pass over the whole text: a call for each of a million words takes seconds.
        return plain(bytes(self._arrays["text"]).decode()).splitlines()

    @cached_property
    def _subword(self) -> ngrams.Subword | None:
        stored = self.about.get("subword")
        return ngrams.Subword(**stored) if stored else None

    def _grams(self, word: str) -> list[int]:
        assert self._subword is not None
        return ngrams.buckets(word, self._subword)

    def _composed(self, word: str) -> NDArray[np.float32]:
        rows = self._grams(word)
        codes = self._arrays["grams"][rows].astype(np.float32) - ZERO
        total = (codes * self._arrays["gram_scales"][rows][:, None]).sum(axis=0)
        return np.asarray(total / max(float(np.linalg.norm(total)), 1e-12), np.float32)

    def verify(self) -> None:
        """Raise WeightsError if an array of the file is not what was written."""
        for name, expected in self.about["sha256"].items():
            found = _sha256(self._arrays[name])
            if found != expected:
                raise WeightsError(
                    f"{self.path} is damaged: array {name!r} has SHA-256 {found[:12]}…, wanted "
                    f"{expected[:12]}…. Install the package again, or add the vectors again"
                )


def open_vectors(path: Path, *, check: bool | None = None) -> WordVectors:
    """Map a file of word vectors.

    check   verify the checksums; None verifies files of up to 64 MB
    raises  WeightsError if the file is missing, cut short, foreign or damaged
    """
    try:
        with path.open("rb") as file:
            length = int.from_bytes(file.read(8), "little")
            size = path.stat().st_size
            header = json.loads(file.read(length)) if length <= size - 8 else {}
        about = json.loads(header.pop("__metadata__")["retrieve"])
        data = np.memmap(path, np.uint8, "r", offset=8 + length)
        arrays = {name: _array(data, entry) for name, entry in header.items()}
        if about["format"] != FORMAT or not set(ARRAYS) <= set(arrays):
            raise ValueError(f"format {about['format']}, this version reads {FORMAT}")
    except OSError as error:
        raise WeightsError(f"cannot read word vectors: {error}") from error
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise WeightsError(
            f"{path} does not hold word vectors of this toolkit ({error}); "
            "to use a file from elsewhere: retrieve words add FILE --name NAME"
        ) from error
    opened = WordVectors(path, arrays, about)
    if check or (check is None and len(data) <= CHECKED_BYTES):
        opened.verify()
    return opened


def _array(data: NDArray[np.uint8], entry: dict[str, Any]) -> NDArray[Any]:
    start, stop = entry["data_offsets"]
    if stop > len(data):
        raise ValueError("it is cut short")
    # ndarray, not memmap: every slice of a memmap costs microseconds more.
    return np.asarray(data)[start:stop].view(DTYPES[entry["dtype"]]).reshape(entry["shape"])


def quantize(vectors: NDArray[np.float32], step: float) -> tuple[NDArray[np.uint8], Embeddings]:
    """Codes and scales of vectors, by `step` of a unit vector; beyond ±127 steps is clipped."""
    lengths = np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12)
    steps = np.clip(np.rint(vectors / lengths / step), -127, 127)
    scales = 1 / np.maximum(np.linalg.norm(steps, axis=1), 1e-12)
    return (steps + ZERO).astype(np.uint8), scales.astype(np.float32)


def quantize_grams(vectors: NDArray[np.float32]) -> tuple[NDArray[np.uint8], Embeddings]:
    """Codes and scales of n-gram vectors, one step a row; their lengths count in a sum."""
    scales = np.maximum(np.abs(vectors).max(axis=1), 1e-12) / 127
    codes = np.rint(vectors / scales[:, None]) + ZERO
    return codes.astype(np.uint8), scales.astype(np.float32)


def step_for(vectors: NDArray[np.float32]) -> float:
    """The step with which one entry in 100,000 of such vectors, made unit, is clipped."""
    lengths = np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12)
    return float(np.quantile(np.abs(vectors / lengths), 0.99999)) / 127


def save(
    path: Path,
    words: Sequence[str],
    codes: NDArray[np.uint8],
    scales: NDArray[np.float32],
    origin: Origin,
    *,
    counts: NDArray[Any] | None = None,
    bases: NDArray[Any] | None = None,
    grams: tuple[NDArray[np.uint8], NDArray[np.float32]] | None = None,
    product: tuple[NDArray[np.uint8], NDArray[np.float32]] | None = None,
) -> None:
    """Write word vectors; the file appears whole or not at all.

    words   N different words in normal form, most frequent first
    codes, scales  from `quantize`
    """
    from safetensors.numpy import save_file

    assert len(words) == len(codes) == len(scales)
    encoded = [word.encode() for word in words]
    lengths = np.fromiter((len(word) + 1 for word in encoded), np.int64, len(encoded))
    hashes = np.fromiter((_hash(word) for word in words), np.uint64, len(words))
    order = np.argsort(hashes, kind="stable")
    arrays: dict[str, NDArray[Any]] = {
        "codes": codes,
        "scales": scales,
        "text": np.frombuffer(b"".join(word + b"\n" for word in encoded), np.uint8),
        "ends": (np.cumsum(lengths) - 1).astype(np.uint32),
        "counts": np.minimum(np.zeros(len(words)) if counts is None else counts, 2**32 - 1),
        "hashes": hashes[order],
        "rows": order.astype(np.uint32),
        "bases": np.arange(len(words)) if bases is None else bases,
    }
    arrays["counts"] = arrays["counts"].astype(np.uint32)
    arrays["bases"] = arrays["bases"].astype(np.uint32)
    if grams is not None:
        arrays["grams"], arrays["gram_scales"] = grams
    if product is not None:
        arrays["product"], arrays["centroids"] = product
    arrays = {name: np.ascontiguousarray(array) for name, array in arrays.items()}
    about = {
        "format": FORMAT,
        "name": origin.name,
        "language": origin.language,
        "licence": origin.licence,
        "sources": list(origin.sources),
        "recipe": origin.recipe,
        "subword": None if origin.subword is None else origin.subword._asdict(),
        "sha256": {name: _sha256(arrays[name]) for name in sorted(arrays)},
    }
    # One entry of metadata: safetensors gives several in an order that changes.
    text = json.dumps(about, ensure_ascii=False, sort_keys=True)
    with replacing(path) as temporary:
        save_file(arrays, temporary, metadata={"retrieve": text})


def _hash(word: str) -> int:
    return int.from_bytes(hashlib.blake2b(word.encode(), digest_size=8).digest(), "little")


def _sha256(array: NDArray[Any]) -> str:
    return hashlib.sha256(np.ascontiguousarray(array).data).hexdigest()


def _decoded(codes: NDArray[np.uint8], scales: NDArray[np.float32]) -> Embeddings:
    return (codes.astype(np.float32) - ZERO) * scales[:, None]
