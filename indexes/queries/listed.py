"""Photos by who is on them alone: no face is compared and no word is searched for."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from retrieve.indexes.catalog.database import among
from retrieve.indexes.catalog.filters import EVERYTHING, FACES, PASSAGES, Filter, findable
from retrieve.indexes.catalog.passages import NO_PASSAGE
from retrieve.indexes.catalog.paths import path_of
from retrieve.indexes.catalog.persons import names_on
from retrieve.indexes.catalog.sums import check_items
from retrieve.indexes.opened import Opened
from retrieve.types import Passage, TextHit


def listed(opened: Opened, conditions: Sequence[Filter], k: int) -> list[TextHit]:
    """Photos that have, for each condition, a face that fulfils it: newest first.

    conditions  one or more
    returns     no more than k hits of score 0, each with the first passage of its photo, or an
                empty one where nothing is said of it
    """
    db = opened.db
    asked = [one for one in conditions if one != EVERYTHING]
    photos = set.intersection(*(_photos(opened, one) for one in asked or [EVERYTHING]))
    found = among(
        db,
        "SELECT id, taken_at, (SELECT path FROM paths WHERE content_id = contents.id "
        " ORDER BY gone, paths.id LIMIT 1), (SELECT min(passages.id) FROM passages "
        " WHERE passages.content_id = contents.id) FROM contents WHERE id",
        sorted(photos),
    )
    newest = sorted(found, key=lambda one: one[1] or "", reverse=True)[:k]
    said = opened.texts.passages.get(passage for *_, passage in newest if passage is not None)
    persons = names_on(db, (id for id, *_ in newest))
    check_items(db, PASSAGES, "id", list(said))
    return [
        TextHit(
            rank=rank,
            passage_id=passage if passage in said else NO_PASSAGE,
            path=path_of(path),
            kind="photo",
            document=said[passage].document if passage in said else "",
            passage=said[passage].passage if passage in said else Passage("", kind="name"),
            score=0.0,
            bm25=0.0,
            cosine=0.0,
            marks=(),
            taken_at=taken_at,
            persons=persons.get(id, ()),
            group=id,
        )
        for rank, (id, taken_at, path, passage) in enumerate(newest, 1)
    ]


def _photos(opened: Opened, wanted: Filter) -> set[int]:
    """Those with a face that satisfies the conditions."""
    rows = opened.faces.required().rows
    keep = findable(opened.db, rows, wanted, items=FACES)
    inside = np.arange(rows) if keep is None else np.flatnonzero(keep)
    query = "SELECT content_id FROM faces WHERE row"
    return {id for (id,) in among(opened.db, query, inside.tolist())}
