"""Photos of which nothing is said, found by the names that their faces have."""

from __future__ import annotations

import numpy as np

from retrieve.indexes.catalog.database import among
from retrieve.indexes.catalog.filters import EVERYTHING, FACES, Filter, findable
from retrieve.indexes.catalog.paths import path_of
from retrieve.indexes.catalog.persons import named_in, names_on
from retrieve.indexes.opened import Opened
from retrieve.text.stemming import stems
from retrieve.types import Passage, TextHit

NO_PASSAGE = 0  # in place of a passage's id; ids count from 1


def silent_photos(opened: Opened, query: str, wanted: Filter) -> list[TextHit]:
    """Of a query that only names persons: photos with all their faces and no passage, newest first.

    wanted   what a photo has to satisfy
    returns  hits of an empty passage
    """
    db = opened.db
    names, rest = named_in(db, query)
    if not names or stems(rest, opened.texts.language):
        return []
    found = [_photos(opened, Filter(persons=(name,))) for name in names]
    if wanted != EVERYTHING:
        found.append(_photos(opened, wanted))
    photos = set.intersection(*found)
    persons = names_on(db, photos)
    hits = [
        TextHit(
            rank=0,
            passage_id=NO_PASSAGE,
            path=path_of(path),
            kind="photo",
            document="",
            passage=Passage("", kind="name"),
            score=0.0,
            bm25=0.0,
            cosine=0.0,
            marks=(),
            taken_at=taken_at,
            persons=persons[id],
            group=id,
        )
        for id, taken_at, path in among(
            db,
            "SELECT id, taken_at, (SELECT path FROM paths WHERE content_id = contents.id "
            " ORDER BY gone, paths.id LIMIT 1) FROM contents WHERE NOT EXISTS "
            "(SELECT 1 FROM passages WHERE passages.content_id = contents.id) AND id",
            sorted(photos),
        )
    ]
    return sorted(hits, key=lambda hit: hit.taken_at or "", reverse=True)


def _photos(opened: Opened, wanted: Filter) -> set[int]:
    """Those with a face that satisfies the conditions."""
    keep = findable(opened.db, opened.faces.required().rows, wanted, items=FACES)
    assert keep is not None  # there are conditions
    rows = np.flatnonzero(keep).tolist()
    query = "SELECT content_id FROM faces WHERE row"
    return {id for (id,) in among(opened.db, query, rows)}
