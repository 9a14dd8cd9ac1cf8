"""Ways of searching for words."""

from __future__ import annotations

from enum import StrEnum


class Mode(StrEnum):
    """What a search goes by."""

    HYBRID = "hybrid"  # words and embeddings, ordered by a fitted ranking
    BM25 = "bm25"  # the words alone
    MEANING = "meaning"  # the embeddings alone
