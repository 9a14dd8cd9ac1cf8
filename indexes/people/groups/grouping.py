"""Who is who among N faces: strict pairs first, then groups that are alike as a whole.

What a face of low quality scores says little, so it begins no group and joins none together: at
the end it is attached to one, or stays alone. Nobody is dropped: a face that nothing is like is a
group of one.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from retrieve.errors import BadInput
from retrieve.faces.embedding.embedder import unit_rows
from retrieve.indexes.people.groups import links
from retrieve.indexes.people.groups.attaching import NOBODY, Groups, Nearest, attach
from retrieve.indexes.people.groups.gallery import Gallery, Held
from retrieve.indexes.people.groups.graph import NEIGHBOURS, Edges, Scores, edges
from retrieve.indexes.people.groups.linkage import linkage
from retrieve.indexes.people.groups.links import Rows
from retrieve.indexes.people.groups.thresholds import Thresholds
from retrieve.indexes.people.groups.whispers import whispers
from retrieve.types import Embeddings

FACT = 3  # faces of a group at least that the second pass makes without asking
ASKED_OF_EACH = 3  # other groups at most that a person is asked about
NO_PAIRS: Rows = np.empty((0, 2), np.int64)


@dataclass(frozen=True, slots=True, eq=False)
class Grouping:
    """N faces in groups.

    labels       (N,) int64, the group of each, 0 to the number of groups - 1, numbered by their
                 first rows
    attached     (N,) whether a face was attached to a group that others made
    suggestions  (S, 2) int64, labels of two groups that may be one person, the likeliest first
    scores       (S,) of those, on average
    """

    labels: Rows
    attached: NDArray[np.bool_]
    suggestions: Rows
    scores: Scores


def group(
    embeddings: Embeddings,
    quality: NDArray[np.floating[Any]],
    photos: Rows,
    thresholds: Thresholds,
    must: Rows = NO_PAIRS,
    cannot: Rows = NO_PAIRS,
) -> Grouping:
    """The people of N faces; equal input gives equal groups.

    embeddings  (N, D) float32 unit rows
    quality     (N,) 0 to 1
    photos      (N,) int64, the photo that each face is in; two faces of one photo are two people,
                unless `must` says otherwise
    must        (M, 2) rows that are one person
    cannot      (C, 2) rows that are two
    raises      BadInput for arrays that do not fit, or links that contradict each other
    """
    if embeddings.ndim != 2:
        raise BadInput(f"wanted N embeddings of D dimensions; got {embeddings.shape}")
    rows = np.ascontiguousarray(embeddings, np.float32)
    return group_of(Held(rows), quality, photos, thresholds, must, cannot)


def group_of(
    gallery: Gallery,
    quality: NDArray[np.floating[Any]],
    photos: Rows,
    thresholds: Thresholds,
    must: Rows = NO_PAIRS,
    cannot: Rows = NO_PAIRS,
) -> Grouping:
    """group() of embeddings wherever they lie."""
    N = len(gallery)
    if quality.shape != (N,) or photos.shape != (N,):
        raise BadInput(
            f"wanted a quality and a photo of each of {N} embeddings; got {quality.shape}, "
            f"{photos.shape}"
        )
    must = links.checked_pairs(must, N, "rows of one person")
    cannot = links.checked_pairs(cannot, N, "rows of two people")
    blocks = links.components(N, must[:, 0], must[:, 1])
    apart = links.apart(blocks, cannot, photos)
    founding = np.flatnonzero(quality >= thresholds.quality)
    labels = _passes(gallery, founding, blocks, apart, thresholds)
    B = int(blocks.max(initial=-1)) + 1
    labels = labels[:B]
    attached = np.zeros(B, np.bool_)
    begun = np.zeros(B, np.bool_)
    begun[blocks[founding]] = True
    late = np.flatnonzero(~begun)
    if len(late) and len(founding):
        to = _attached(gallery, blocks, late, founding, labels, apart, thresholds)
        attached[late] = to != NOBODY
        labels[late[to != NOBODY]] = to[to != NOBODY]
    of_rows = _by_first(labels[blocks])
    asked, scores = _asked(gallery, founding, of_rows, blocks, apart, thresholds)
    return Grouping(of_rows, attached[blocks], asked, scores)


def _passes(
    gallery: Gallery, founding: Rows, of_rows: Rows, apart: Rows, thresholds: Thresholds
) -> Rows:
    """(n,) the label of each block after both passes.

    of_rows  (n,) the block of each of the n rows
    """
    n, blocks = len(of_rows), of_rows[founding]
    pairs = gallery.edges(founding, thresholds.first)
    a, b = blocks[pairs.a], blocks[pairs.b]
    differ = a != b
    low, high = np.minimum(a, b)[differ], np.maximum(a, b)[differ]
    keys, of = np.unique(low * n + high, return_inverse=True)
    weights = np.bincount(of, pairs.scores[differ], len(keys)).astype(np.float32)
    labels = whispers(n, Edges(keys // n, keys % n, weights), apart)
    names, labels = np.unique(labels, return_inverse=True)
    K = len(names)
    sums, sizes = gallery.sums(founding, labels[blocks], K)
    there = np.flatnonzero(sizes)
    means = (sums[there] / sizes[there, None]).astype(np.float32)
    near = edges(means, thresholds.second - 1e-6, k=None)  # a hair: the scores are of float32
    near = Edges(there[near.a], there[near.b], near.scores)
    into = linkage(sums, np.maximum(sizes, 1), near, labels[apart], thresholds.second)
    # What is below three faces then is two of one face each, and only suggested.
    fact = np.bincount(into, sizes, K)[into] >= FACT
    found: Rows = np.where(fact, into, np.arange(K))[labels]
    return found


def _attached(
    gallery: Gallery,
    blocks: Rows,
    late: Rows,
    founding: Rows,
    labels: Rows,
    apart: Rows,
    thresholds: Thresholds,
) -> Rows:
    """(len(late),) the labels that blocks without a face of quality are attached to, or NOBODY."""
    place = np.full(len(labels), NOBODY, np.int64)
    place[late] = np.arange(len(late))
    own = np.flatnonzero(place[blocks] != NOBODY)
    sums, _ = gallery.sums(own, place[blocks[own]], len(late))
    probes = unit_rows(sums.astype(np.float32))
    scores, near = gallery.near(probes, founding, NEIGHBOURS)
    of = labels[blocks[founding]]
    ids, at = np.unique(of, return_inverse=True)
    held, sizes = gallery.sums(founding, at, len(ids))
    groups = Groups(ids, (held / sizes[:, None]).astype(np.float32))
    ends = links.both_ways(apart)
    ends = ends[place[ends[:, 0]] != NOBODY]
    refused = np.stack([place[ends[:, 0]], labels[ends[:, 1]]], axis=1)
    between = place[apart][(place[apart] != NOBODY).all(axis=1)]
    return attach(probes, Nearest(of[near], scores), groups, thresholds, refused, between)


def _asked(
    gallery: Gallery,
    founding: Rows,
    labels: Rows,
    blocks: Rows,
    apart: Rows,
    thresholds: Thresholds,
) -> tuple[Rows, Scores]:
    """Pairs of groups that may be one, and their averages."""
    ids, at = np.unique(labels[founding], return_inverse=True)
    sums, sizes = gallery.sums(founding, at, len(ids))
    near = edges((sums / sizes[:, None]).astype(np.float32), thresholds.asked, k=ASKED_OF_EACH)
    n = len(labels) + 1
    of_block = np.zeros(int(blocks.max(initial=-1)) + 1, np.int64)
    of_block[blocks] = labels
    foes = of_block[apart]
    pairs = np.sort(np.stack([ids[near.a], ids[near.b]], axis=1), axis=1)
    open_ = ~np.isin(pairs[:, 0] * n + pairs[:, 1], foes.min(axis=1) * n + foes.max(axis=1))
    pairs, scores = pairs[open_], near.scores[open_]
    order = np.lexsort((pairs[:, 1], pairs[:, 0], -scores))
    return pairs[order], scores[order]


def _by_first(labels: Rows) -> Rows:
    """The same groups, numbered in the order of their first rows."""
    _, first, of = np.unique(labels, return_index=True, return_inverse=True)
    rank = np.empty(len(first), np.int64)
    rank[np.argsort(first)] = np.arange(len(first))
    found: Rows = rank[of]
    return found
