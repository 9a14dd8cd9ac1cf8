"""Ways of searching texts, each as what `retrieve.evaluation.retrieval` measures.

A mode makes a Ranking of some documents: a function from queries to the numbers of the
documents found. To add a mode, add its maker to MODES.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from retrieve.errors import BadInput
from retrieve.evaluation.in_memory import InMemory
from retrieve.evaluation.retrieval import DEPTH, NOTHING, Document, Ranking
from retrieve.text.encoders.encode import (
    DEFAULT,
    E5,
    LSTM,
    STATIC,
    WORDS,
    TextEncoder,
    embed_queries,
    open_text_encoder,
)
from retrieve.text.ranking.ranking import open_ranker

Maker = Callable[[Sequence[Document], bool | None], Ranking]

BATCH = 256  # queries scored at once


def by_meaning(encoder: TextEncoder, documents: Sequence[str]) -> Ranking:
    """Rank by the cosine of query and document; a text that the encoder cannot embed is no hit.

    A query that it cannot embed finds nothing.
    """
    known = np.array([i for i, text in enumerate(documents) if encoder.covers(text)], np.int64)
    gallery = encoder.embed([documents[i] for i in known])

    def rank(queries: Sequence[str]) -> NDArray[np.int64]:
        found = np.full((len(queries), DEPTH), NOTHING, np.int64)
        asked = [i for i, query in enumerate(queries) if encoder.covers(query)]
        for start in range(0, len(asked), BATCH):
            some = asked[start : start + BATCH]
            scores = embed_queries(encoder, [queries[i] for i in some]) @ gallery.T
            best = np.argsort(-scores, axis=1, kind="stable")[:, :DEPTH]
            found[some, : best.shape[1]] = known[best]
        return found

    return rank


def _encoder(name: str) -> Maker:
    def make(documents: Sequence[Document], titles: bool | None) -> Ranking:
        texts = [f"{one.title}\n{one.text}" if titles else one.text for one in documents]
        return by_meaning(open_text_encoder(name), texts)

    return make


def _bm25(documents: Sequence[Document], titles: bool | None) -> Ranking:
    return InMemory(_titled(documents, titles)).by_words()


def _hybrid(name: str) -> Maker:
    def make(documents: Sequence[Document], titles: bool | None) -> Ranking:
        index = InMemory(_titled(documents, titles), open_text_encoder(name))
        return index.by_both(open_ranker(encoder=name))

    return make


def _titled(documents: Sequence[Document], titles: bool | None) -> Sequence[Document]:
    return [replace(one, title="") for one in documents] if titles is False else documents


MODES: dict[str, Maker] = {
    "bm25": _bm25,
    WORDS: _encoder(WORDS),
    LSTM: _encoder(LSTM),
    STATIC: _encoder(STATIC),
    "hybrid": _hybrid(DEFAULT),
    f"hybrid:{LSTM}": _hybrid(LSTM),
    E5: _encoder(E5),
    f"hybrid:{E5}": _hybrid(E5),
}


def open_ranking(mode: str, documents: Sequence[Document], titles: bool | None = None) -> Ranking:
    """A mode's ranking of documents; any encoder's name or file is a mode too.

    titles  None is as a collection has it: the index of words keeps them, as a field of its
            own, and the encoders do not see them. True puts them before the encoders' texts,
            False hides them from all
    raises  BadInput for a mode that there is not, and what opening its encoder raises
    """
    if mode in MODES:
        return MODES[mode](documents, titles)
    if ":" in mode or mode.endswith(".safetensors"):
        return _encoder(mode)(documents, titles)
    raise BadInput(f"no mode is called {mode!r}; there are: {', '.join(MODES)}, or an encoder")
