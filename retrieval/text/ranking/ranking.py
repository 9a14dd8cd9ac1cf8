"""The order of passages for a query: a fitted sum of what speaks for each.

Candidates come from two searches, BM25 over stems and the cosine of embeddings. The best of
them by both are read, word by word (`evidence`); the others follow in their first order.
The weights stand in the file `retrieve train ranking` writes, next to the stems' vectors. Of an
encoder whose cosines weigh otherwise a small file of its own has the weights
(`static.ranking.json`, `e5.ranking.json`), and the vectors are those of the shipped ranking.
Source: Cao et al. 2007, "Learning to rank: from pairwise approach to listwise approach".
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from importlib import resources
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from retrieve.errors import WeightsError
from retrieve.text.ranking import stem_vectors
from retrieve.text.ranking.evidence import (
    EVIDENCE,
    NAMES,
    Passages,
    Words,
    evidence,
    terms_of,
    words_of,
)
from retrieve.text.ranking.stem_vectors import StemVectors

Scores = NDArray[np.float32]

NOTHING: Mapping[str, str] = MappingProxyType({})
READ = 50  # candidates that are read; of the others one in a hundred is the one asked for
READ_BY_COSINE = 20  # of those, the best by the embeddings alone
RANKED = ("static", "e5")  # encoders for which weights of their own ship
MULTILINGUAL = ("e5",)  # of those, the ones that know words of a hundred languages
# Known stems that make a query one of the ranking's language: of pieces of sentences with as many
# 70 % in Spanish have no other, 8 % in English, 7 in Catalan, 4 in French, .3 in German.
OWN_STEMS = 3
COSINE_WEIGHT = 3.0  # of a cosine beside BM25 in units of the rarest word, for the first order
# Cosine from which a passage without a common word satisfies a query: of chance pairs of the
# sample archive 1 % reach it, of its paraphrases and their passages a fifth.
MEANT = 0.4


@dataclass(frozen=True, slots=True)
class Fitted:
    """What follows from how an encoder's cosines are spread.

    cosine_weight  of a cosine beside BM25 in units of the rarest word, for the first order
    meant          cosine from which a passage without a common word satisfies a query
    knows_languages
                   where no candidate has a word of the query, its cosines alone order them,
                   unless the query is plainly in the ranking's language
    """

    cosine_weight: float
    meant: float
    knows_languages: bool = False


@dataclass(frozen=True, slots=True)
class Candidate:
    """A passage that a search found.

    title     it stands under, "" without one
    document  what it is a part of: passages of one document and title support each other
    bm25      of its stems and the query's, higher is better, 0 if none is common
    cosine    of its embedding and the query's, 0 if the query has none
    language  it is in; "" for the ranking's
    """

    text: str
    title: str = ""
    document: Hashable = ""
    bm25: float = 0.0
    cosine: float = 0.0
    language: str = ""


@dataclass(frozen=True, slots=True)
class Statistics:
    """What is known of the whole collection.

    passages    how many there are
    mean_stems  in a passage, its title not counted
    holders     of each of some stems: how many passages have it in their title or text
    """

    passages: int
    mean_stems: float
    holders: Callable[[Sequence[str]], Sequence[int]]


@dataclass(frozen=True, slots=True)
class Examined:
    """Candidates of a query, in their first order and, the best of them, word by word.

    first     (N,) float32 BM25 and cosine in one
    read      (K,) int64 the candidates that were read
    evidence  (K, len(NAMES)) float32 what speaks for them
    """

    first: Scores
    read: NDArray[np.int64]
    evidence: Scores


def examine(
    query: str,
    candidates: Sequence[Candidate],
    statistics: Statistics,
    vectors: StemVectors,
    language: str = "es",
    cosine_weight: float = COSINE_WEIGHT,
    same: Mapping[str, str] = NOTHING,
) -> Examined:
    """What a ranking goes by; nothing is read for a query without a stem.

    same  stems of other languages → the query's stem of the same word, which they stand for in
          candidates in another language
    """
    cosines = np.array([one.cosine for one in candidates], np.float32)
    terms = terms_of(query, language)
    if not terms.stems or not candidates:
        return Examined(cosines, np.zeros(0, np.int64), np.zeros((0, len(NAMES)), np.float32))
    holders = np.array(statistics.holders(terms.stems), np.float64)
    rarest = math.log1p((statistics.passages + 0.5) / 0.5)
    rarity = np.log1p((statistics.passages - holders + 0.5) / (holders + 0.5)) / rarest
    lexical = np.array([one.bm25 for one in candidates], np.float32) / rarest
    first = np.asarray(lexical + cosine_weight * cosines, np.float32)
    read = _to_read(first, cosines)
    some = [candidates[i] for i in read]
    passages = Passages(
        [_words(one.text, one.language, language, same) for one in some],
        [_words(one.title, one.language, language, same) for one in some],
        [(one.document, one.title) for one in some],
        cosines[read],
    )
    seen = evidence(terms, rarity.astype(np.float32), passages, statistics.mean_stems, vectors)
    return Examined(first, read, seen)


def _words(text: str, language: str, asked_in: str, same: Mapping[str, str]) -> Words:
    """The words of a candidate, with the stems of the query for those of the same words."""
    found = words_of(text, language or asked_in)
    if language in ("", asked_in) or not same:
        return found
    return replace(found, stems=[same.get(stem, stem) for stem in found.stems])


class Ranker:
    """Scores of candidates for a query.

    weights   by the name of the evidence; those for unmet queries may be left out
    vectors   of stems of `language`
    encoder   what is fitted to the encoder whose cosines come
    """

    def __init__(
        self,
        weights: Mapping[str, float],
        vectors: StemVectors,
        language: str = "es",
        *,
        encoder: Fitted | None = None,
    ) -> None:
        self.weights = {name: weights.get(name, 0.0) for name in NAMES}
        self.vectors = vectors
        self.language = language
        self.encoder = encoder or Fitted(COSINE_WEIGHT, MEANT)

    def scores(
        self,
        query: str,
        candidates: Sequence[Candidate],
        statistics: Statistics,
        same: Mapping[str, str] = NOTHING,
    ) -> Scores:
        """(N,) float32, row i for candidate i; higher is better among those of one query.

        same  as of examine()
        A difference of d between two that were read says that the odds are e^d to 1.
        """
        if (
            self.encoder.knows_languages
            and not any(one.bm25 for one in candidates)
            and not self._plainly_own(query)
        ):
            # The query may be in another language: likenesses of its spelling say nothing.
            return np.array([one.cosine for one in candidates], np.float32)
        seen = examine(
            query,
            candidates,
            statistics,
            self.vectors,
            self.language,
            self.encoder.cosine_weight,
            same,
        )
        if not len(seen.read):
            return seen.first
        scores: Scores = seen.evidence @ np.array(list(self.weights.values()), np.float32)
        rest: Scores = seen.first - seen.first.max() + scores.min() - 1
        rest[seen.read] = scores
        return rest

    def _plainly_own(self, query: str) -> bool:
        """Whether a query has some stems and a vector for each: so are few in other languages."""
        asked = terms_of(query, self.language).stems
        return len(asked) >= OWN_STEMS and all(stem in self.vectors for stem in asked)


def _to_read(first: Scores, cosines: Scores) -> NDArray[np.int64]:
    """The best by both, and the best by the embeddings alone: no passage's words must be asked."""
    both = np.argsort(-first, kind="stable")[: READ - READ_BY_COSINE]
    meant = np.argsort(-cosines, kind="stable")[:READ_BY_COSINE]
    # numpy's union would import its masked arrays, .02 CPU s
    return np.array(sorted({*both.tolist(), *meant.tolist()}), np.int64)


@lru_cache
def open_ranker(
    path: Path | None = None, language: str = "es", *, encoder: str | None = None
) -> Ranker:
    """The shipped ranker, or one that `retrieve train ranking` wrote.

    Stems of a language other than the file's meet by spelling alone.
    encoder  the name of the one whose cosines come: a ranking may ship for it
    raises   WeightsError if the file is missing, damaged or made for other evidence
    """
    data = Path(str(resources.files("retrieve.text") / "data"))
    shipped, path = path is None, path or data / "ranking.safetensors"
    vectors, about = stem_vectors.read(path)
    fitted = None
    if shipped and encoder in RANKED:
        path = data / f"{encoder}.ranking.json"
        about |= _read(path)
        fitted = Fitted(
            about["cosine_weight"], about["meant"], knows_languages=encoder in MULTILINGUAL
        )
    weights = about.get("weights")
    if not isinstance(weights, dict) or set(weights) not in (set(EVIDENCE), set(NAMES)):
        raise WeightsError(
            f"{path} weighs {', '.join(weights or ())}; this version ranks by "
            f"{', '.join(EVIDENCE)}. Train again: retrieve train ranking"
        )
    if about["language"] != language:
        vectors = stem_vectors.none(vectors.dim)
    return Ranker(weights, vectors, language, encoder=fitted)


def _read(path: Path) -> dict[str, Any]:
    try:
        found: dict[str, Any] = json.loads(path.read_text("utf-8"))
        for name in ("weights", "cosine_weight", "meant"):
            _ = found[name]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise WeightsError(f"{path} cannot be read: {error}. Install retrieve again") from error
    return found
