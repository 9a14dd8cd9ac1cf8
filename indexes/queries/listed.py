"""Photos by who is on them, or by what they show: no face is compared and no passage searched.

Who is on them, people said. What they show, a network saw: photos that are found so stand behind
what is said in words, with the word and its probability.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import groupby
from operator import itemgetter

import numpy as np

from retrieve.indexes.catalog.contents import PHOTO
from retrieve.indexes.catalog.database import among
from retrieve.indexes.catalog.filters import EVERYTHING, FACES, PASSAGES, PICTURES, Filter, findable
from retrieve.indexes.catalog.passages import NO_PASSAGE
from retrieve.indexes.catalog.paths import path_of
from retrieve.indexes.catalog.persons import names_on
from retrieve.indexes.catalog.sums import check_items
from retrieve.indexes.opened import Opened
from retrieve.pictures.embedding.shown import Class
from retrieve.pictures.embedding.things import CONFIDENT, Named, labels, named
from retrieve.types import Label, Passage, TextHit

SHOWN = "shown"  # kind of the empty passage of a photo that is found for what it shows


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


def names_things(query: str) -> bool:
    """Whether a query names what photos may show."""
    return bool(named(query))


def shown_for(
    opened: Opened,
    query: str,
    *,
    k: int,
    wanted: Filter = EVERYTHING,
    without: Sequence[str] = (),
    within: Callable[[int], bool] | None = None,
) -> list[TextHit]:
    """The photos that show what a query names, the surest first; [] where it names nothing.

    Where it names several things a photo's score is the mean of their probabilities: a photo with
    all of them comes first. A hit is near where one of them is shown surely.

    k        hits
    wanted   what a hit has to satisfy
    without  words: photos that surely show what they name are left out
    within   which photos, by their ids, may be found; None for all
    """
    scored = shown_scored(opened, query, k=k, wanted=wanted, without=without, within=within)
    return [hit for _, hit in scored]


def shown_scored(
    opened: Opened,
    query: str,
    *,
    k: int,
    wanted: Filter = EVERYTHING,
    without: Sequence[str] = (),
    within: Callable[[int], bool] | None = None,
) -> list[tuple[float, TextHit]]:
    """As shown_for(), each with the mean of the probabilities that it is ordered by."""
    if opened.pictures.vectors.space() is None:
        return []
    every = named(query)
    things = [one for one in every if not one.vague] or every[:1]
    if not things:
        return []
    shown = opened.pictures.shown
    score: dict[int, float] = {}
    for thing in things:
        for content_id, probability in shown.holding(thing.classes).items():
            score[content_id] = score.get(content_id, 0.0) + probability / len(things)
    for thing in (thing for text in without for thing in named(text)):
        for content_id, probability in shown.holding(thing.classes).items():
            if probability >= CONFIDENT:
                score.pop(content_id, None)
    allowed = _allowed(opened, wanted)
    order = [
        id
        for id, _ in sorted(score.items(), key=lambda one: (-one[1], one[0]))
        if (allowed is None or id in allowed) and (within is None or within(id))
    ]
    return [(score[hit.group], hit) for hit in _hits(opened, order[:k], things)]


def _hits(opened: Opened, ids: Sequence[int], things: Sequence[Named]) -> list[TextHit]:
    photos, persons = opened.catalog.photos(ids), names_on(opened.db, ids)
    classes = opened.pictures.shown.of(ids)
    hits: list[TextHit] = []
    for id in ids:
        if id not in photos:
            continue
        seen = [Label(one.text, _probability(classes[id], one.classes)) for one in things]
        hits.append(
            TextHit(
                rank=len(hits) + 1,
                passage_id=NO_PASSAGE,
                path=photos[id].path,
                kind=PHOTO,
                document="",
                passage=Passage("", kind=SHOWN),
                score=0.0,
                bm25=0.0,
                cosine=0.0,
                marks=(),
                taken_at=photos[id].taken_at,
                persons=persons.get(id, ()),
                group=id,
                near=any(label.probability >= CONFIDENT for label in seen),
                labels=tuple(label for label in seen if label.probability > 0),
            )
        )
    return hits


def labels_of(
    opened: Opened, wanted: Filter = EVERYTHING, language: str | None = None
) -> list[tuple[str, int]]:
    """What the photos of a collection show surely: each label with the number of its photos, the
    commonest first.

    wanted    what a photo has to satisfy
    language  of the words, es or en; None is that of the collection's texts
    """
    opened.pictures.space()
    spoken = opened.texts.language if language is None else language
    allowed = _allowed(opened, wanted)
    counts: Counter[str] = Counter()
    for content_id, classes in _every(opened):
        if allowed is None or content_id in allowed:
            counts.update(label.word for label in labels(classes, spoken))
    return sorted(counts.items(), key=lambda one: (-one[1], one[0]))


def _every(opened: Opened) -> Iterator[tuple[int, list[Class]]]:
    query = "SELECT content_id, class, probability FROM classes ORDER BY content_id, number"
    for content_id, rows in groupby(opened.db.execute(query), key=itemgetter(0)):
        yield content_id, [Class(number, probability) for _, number, probability in rows]


def _allowed(opened: Opened, wanted: Filter) -> frozenset[int] | None:
    """The photos that satisfy conditions, by their ids; None for all."""
    keep = findable(opened.db, opened.pictures.space().rows, wanted, items=PICTURES)
    if keep is None:
        return None
    rows: list[int] = np.flatnonzero(keep).tolist()
    return frozenset(opened.pictures.shown.contents_at(rows).values())


def _probability(classes: Iterable[Class], numbers: frozenset[int]) -> float:
    return min(sum(one.probability for one in classes if one.number in numbers), 1.0)
