"""Word vectors by name: the shipped ones and those that were added, and the search in them."""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from importlib import resources
from pathlib import Path

import numpy as np
import platformdirs
from numpy.typing import NDArray

from retrieve.errors import BadInput
from retrieve.indexes.words.codes import CodeIndex, product_codes
from retrieve.text.tokens import normal
from retrieve.text.words import inflection
from retrieve.text.words import vectors as words
from retrieve.text.words.analogy import (
    Method,
    Term,
    expression,
    multiplied,
    odd_one_out,
    parse,
    target,
)
from retrieve.text.words.vectors import Found, Origin, WordVectors, open_vectors
from retrieve.types import Embeddings

SHIPPED = "es"
NAME = re.compile(r"[\w.-]{1,64}")
MOST_WORDS = 1_000_000
SAMPLE_ROWS = 4096  # rows whose entries set the step of the codes


@dataclass(frozen=True, slots=True)
class WordHit:
    """A word found, with the inflections of it that were found too.

    word   the base form, as a dictionary lists it; the word itself where nothing is folded
    score  of the best of the forms
    forms  the inflections found, best first
    """

    rank: int
    word: str
    score: float
    forms: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Explained:
    """How near a word is to each term of a sum, in the order of the terms."""

    word: str
    scores: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Answer:
    """What a signed sum of words leads to.

    notes      words that were taken for another one
    explained  the first hits with their score against each term
    """

    expression: str
    terms: tuple[Term, ...]
    hits: tuple[WordHit, ...]
    notes: tuple[str, ...]
    explained: tuple[Explained, ...]


@dataclass(frozen=True, slots=True)
class Stored:
    """One set of vectors that can be asked for by name."""

    name: str
    path: Path
    words: int
    dim: int
    language: str
    licence: str
    sources: tuple[str, ...]
    size_bytes: int


@dataclass(frozen=True, slots=True)
class Added:
    """What came of adding a file: words kept, duplicates in other case, lines not usable."""

    stored: Stored
    kind: str
    duplicates: int
    broken: tuple[str, ...]


class WordIndex:
    """Questions to one set of word vectors."""

    def __init__(self, vectors: WordVectors) -> None:
        self.vectors = vectors

    @cached_property
    def _index(self) -> CodeIndex:
        return CodeIndex(self.vectors.codes, self.vectors.scales, self.vectors.product)

    def nearest(self, probes: Embeddings, k: int) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
        """Scores and rows (Q, k) of the words nearest to (Q, D) unit vectors, best first."""
        return self._index.nearest(probes, k)

    def __len__(self) -> int:
        return len(self.vectors)

    def __iter__(self) -> Iterator[str]:
        """The words, the most frequent first."""
        return iter(self.vectors.words)

    def __contains__(self, word: object) -> bool:
        return isinstance(word, str) and self.vectors.row(word) is not None

    def __getitem__(self, word: str) -> NDArray[np.float32]:
        """(D,) the unit vector of a word, or of its nearest spelling with accents.

        raises  BadInput for an unknown word
        """
        vector: NDArray[np.float32] = self.vectors.embed([self.vectors.find(word)])[0]
        return vector

    def __repr__(self) -> str:
        size = f"{len(self)} words of {self.vectors.dim} dimensions"
        return f"WordIndex({self.vectors.name!r}: {size})"

    def analogy(
        self,
        terms: str | Sequence[Term],
        *,
        k: int = 10,
        method: Method = "add",
        all_forms: bool = False,
    ) -> Answer:
        """The words nearest to a signed sum of words, the sum's own words left out.

        terms      the sum, or as people write it: "rey - hombre + mujer", "rey hombre mujer"
        method     add: cosine with the sum (3CosAdd); mul: product of cosines (3CosMul)
        all_forms  do not fold inflections of the terms and of answers into one hit; a sum
                   whose own words are forms of each other (casas − casa + flor) asks for
                   one, and is never folded
        raises     BadInput for an unknown word
        """
        if isinstance(terms, str):
            terms = parse([terms])
        found = [self.vectors.find(term.word) for term in terms]
        vectors = self.vectors.embed(found)
        signs = [term.sign for term in terms]
        asked = {one.row for one in found if one.row is not None}
        bases = [int(self.vectors.bases[row]) for row in sorted(asked)]
        fold = not all_forms and len(set(bases)) == len(bases)
        if method == "mul":
            hits = self._listed(*self._by_products(vectors, signs), asked, k, fold)
        else:
            hits = self._folded(target(vectors, signs), asked, k, fold)
        best = [hit.word for hit in hits[:2]]
        rows = [row for row in map(self.vectors.row, best) if row is not None]
        against = self.vectors.vectors(rows) @ vectors.T
        meant = [Term(term.sign, one.word) for term, one in zip(terms, found, strict=True)]
        return Answer(
            expression(meant),
            tuple(meant),
            tuple(hits),
            tuple(one.note for one in found if one.note),
            tuple(
                Explained(word, tuple(map(float, scores)))
                for word, scores in zip(best, against, strict=True)
            ),
        )

    def neighbors(self, word: str, *, k: int = 10, all_forms: bool = False) -> Answer:
        """The words nearest to one word, itself left out."""
        return self.analogy([Term(1, word)], k=k, all_forms=all_forms)

    def similarity(self, first: str, second: str) -> tuple[float, tuple[Found, Found]]:
        """The cosine score of two words, and what they were taken for."""
        a, b = self.vectors.find(first), self.vectors.find(second)
        vectors = self.vectors.embed([a, b])
        return float(vectors[0] @ vectors[1]), (a, b)

    def odd_one_out(self, asked: Sequence[str]) -> list[tuple[Found, float]]:
        """Each word with its score against the mean of the others, the odd one first.

        raises  BadInput for fewer than three different words
        """
        found = [self.vectors.find(word) for word in asked]
        if len({one.word for one in found}) < 3:
            raise BadInput(f"wanted three or more different words; got {len(asked)}")
        scores = odd_one_out(self.vectors.embed(found))
        return sorted(zip(found, map(float, scores), strict=True), key=lambda pair: pair[1])

    def _folded(self, probe: Embeddings, asked: set[int], k: int, fold: bool) -> list[WordHit]:
        """Search wider until k hits are left after folding, or all words are seen."""
        wanted = 2 * k + 16
        while True:
            scores, rows = self.nearest(probe, min(wanted, len(self.vectors)))
            hits = self._listed(scores[0], rows[0], asked, k, fold)
            if len(hits) == k or wanted >= len(self.vectors):
                return hits
            wanted *= 4

    def _listed(
        self,
        scores: NDArray[np.float32],
        rows: NDArray[np.int64],
        asked: set[int],
        k: int,
        fold: bool,
    ) -> list[WordHit]:
        hidden = {int(self.vectors.bases[row]) for row in asked} if fold else set()
        heads: dict[int, tuple[str, float, list[str]]] = {}
        for score, row in zip(scores.tolist(), rows.tolist(), strict=True):
            base = int(self.vectors.bases[row]) if fold else row
            if row in asked or base in hidden:
                continue
            if base in heads:
                heads[base][2].append(self.vectors.word(row))
            elif len(heads) < k:
                heads[base] = (self.vectors.word(base), score, [self.vectors.word(row)])
        return [
            WordHit(rank, word, score, tuple(form for form in forms if form != word))
            for rank, (word, score, forms) in enumerate(heads.values(), 1)
        ]

    def _by_products(
        self, vectors: Embeddings, signs: list[int]
    ) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
        """3CosMul needs the score of every word, not of the nearest only."""
        N, block = len(self.vectors), 1 << 15
        scores = np.concatenate(
            [
                multiplied(vectors @ self.vectors.vectors(range(i, min(i + block, N))).T, signs)
                for i in range(0, N, block)
            ]
        )
        rows = np.argsort(-scores, kind="stable")[:2000]
        return scores[rows], rows


def load_words(name: str = SHIPPED) -> WordIndex:
    """Word vectors, to be asked.

        words = retrieve.load_words()
        words.analogy("rey - hombre + mujer").hits[0].word  # reina
        words["rey"]                                        # (D,) its unit vector

    name    the shipped Spanish ones, es, a name of `retrieve words list`, or a file
    raises  BadInput if there are none
    """
    if not isinstance(name, str):
        raise BadInput(f"wanted the name of word vectors; got {name!r}")
    return open_words(name)


def open_words(name: str = SHIPPED) -> WordIndex:
    """The vectors of a name, or of a file; raises BadInput if there are none."""
    return WordIndex(open_vectors(locate(name)))


def vectors_dir() -> Path:
    """Where added vectors lie: RETRIEVE_WORDS if it is set, else in the user's data folder."""
    return Path(
        os.environ.get("RETRIEVE_WORDS") or Path(platformdirs.user_data_dir("retrieve")) / "words"
    )


def shipped() -> Path:
    """The file inside the package."""
    return Path(str(resources.files("retrieve.text") / "data" / f"{SHIPPED}{words.SUFFIX}"))


def locate(name: str) -> Path:
    """The file behind a name, or the file itself; raises BadInput with the names there are."""
    if Path(name).suffix == words.SUFFIX and Path(name).is_file():
        return Path(name)
    if NAME.fullmatch(name):
        for path in (vectors_dir() / f"{name}{words.SUFFIX}", shipped()):
            if path.stem == name and path.is_file():
                return path
    names = ", ".join(path.stem for path in _files()) or "none"
    raise BadInput(
        f"no word vectors are called {name!r}; there are: {names}. "
        "To add some: retrieve words add FILE --name NAME"
    )


def listing() -> list[Stored]:
    """The shipped vectors and the added ones, by name."""
    return [_stored(path) for path in _files()]


def _files() -> list[Path]:
    added = sorted(vectors_dir().glob(f"*{words.SUFFIX}"))
    return [*([shipped()] if shipped().is_file() else []), *added]


def _stored(path: Path) -> Stored:
    opened = open_vectors(path, check=False)
    return Stored(
        opened.name,
        path,
        len(opened),
        opened.dim,
        opened.language,
        str(opened.about["licence"]),
        tuple(opened.about["sources"]),
        path.stat().st_size,
    )


def add(
    path: Path,
    name: str,
    *,
    limit: int = MOST_WORDS,
    language: str = "es",
    licence: str = "unknown",
    progress: Callable[[int], object] | None = None,
) -> Added:
    """Read a file of word2vec, fastText or GloVe and keep it under a name.

    Words that differ in case alone become one: the first in the file, which is sorted by
    frequency, stays. Memory grows with the vocabulary, not with the file.
    limit   at most so many words
    raises  BadInput for a file or a name that cannot be used
    """
    from retrieve.text.words.formats import open_source

    if not NAME.fullmatch(name) or name == SHIPPED:
        raise BadInput(
            f"wanted a name of letters, digits, . _ - other than {SHIPPED!r}; got {name!r}"
        )
    source = open_source(path)
    into = vectors_dir() / f"{name}{words.SUFFIX}"
    into.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    kept: dict[str, None] = {}
    scales: list[Embeddings] = []
    duplicates, step = 0, 0.0
    with tempfile.TemporaryFile(dir=into.parent) as spill:
        for found, vectors in source.blocks:
            fresh = []
            for i, word in enumerate(found):
                key = normal(word)
                # A line feed ends a word in our file; no tokenizer makes such words.
                if not key or "\n" in key or len(key.splitlines()) != 1:
                    source.broken.append(f"a word that cannot be kept: {word!r}")
                elif key in kept:
                    duplicates += 1
                elif len(kept) < limit:
                    kept[key] = None
                    fresh.append(i)
            if fresh:
                step = step or words.step_for(vectors[fresh])
                codes, scale = words.quantize(vectors[fresh], step)
                codes.tofile(spill)
                scales.append(scale)
            if progress:
                progress(len(kept))
            if len(kept) >= limit:
                break
        if not kept:
            raise BadInput(
                f"{path} holds no word that can be used; {len(source.broken)} are broken"
            )
        spill.flush()
        all_codes = np.memmap(spill, np.uint8, "r", shape=(len(kept), source.dim))
        all_scales = np.concatenate(scales)
        grams = None
        if source.gram_blocks is not None:
            pairs = [words.quantize_grams(block) for block in source.gram_blocks]
            grams = (
                np.concatenate([one for one, _ in pairs]),
                np.concatenate([s for _, s in pairs]),
            )
        ordered = list(kept)
        words.save(
            into,
            ordered,
            all_codes,
            all_scales,
            Origin(
                name,
                language=language,
                licence=licence,
                sources=(path.name,),
                recipe={"kind": source.kind},
                subword=source.subword,
            ),
            bases=_bases(ordered) if language == "es" else None,
            grams=grams,
            product=product_codes(all_codes, all_scales),
        )
    return Added(_stored(into), source.kind, duplicates, tuple(source.broken))


def _bases(ordered: list[str]) -> NDArray[np.uint32]:
    """The base of each word: as the shipped words have it, by the rules alone where they have not.

    The rank stands in for the frequency (Zipf). The shipped ones know nouns and names.
    """
    counts = {word: 10_000_000 // (rank + 10) for rank, word in enumerate(ordered)}
    row_of = {word: row for row, word in enumerate(ordered)}
    base_of = inflection.bases(inflection.forms(counts))
    if shipped().is_file():
        known = open_vectors(shipped(), check=False)
        for word, base in zip(known.words, known.bases.tolist(), strict=True):
            base_of[word] = known.words[base]
    return np.array(
        [row_of.get(base_of.get(word, word), row_of[word]) for word in ordered], np.uint32
    )


def export(name: str, out: Path) -> int:
    """Write vectors as word2vec text (.vec, .txt) or binary (.bin); returns the words written."""
    vectors = open_vectors(locate(name))
    binary = out.suffix == ".bin"
    if not binary and out.suffix not in (".vec", ".txt"):
        raise BadInput(f"wanted a file name in .vec, .txt (text) or .bin (binary); got {out.name}")
    from retrieve.cache import replacing

    with replacing(out.absolute()) as temporary, temporary.open("wb") as file:
        file.write(f"{len(vectors)} {vectors.dim}\n".encode())
        for start in range(0, len(vectors), 4096):
            stop = min(start + 4096, len(vectors))
            for row, vector in enumerate(vectors.vectors(range(start, stop)), start):
                head = vectors.word(row).encode() + b" "
                body = (
                    vector.astype("<f4").tobytes()
                    if binary
                    else b" ".join(b"%.6g" % value for value in vector.tolist())
                )
                file.write(head + body + b"\n")
    return len(vectors)
