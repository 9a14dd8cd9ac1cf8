"""Whatever is asked: over shards it is answered as by one collection of the same photos.

EXAMPLES=400 in the environment tries so many collections in place of a few (CONTRIBUTING.md).
"""

from __future__ import annotations

import os
import shutil
import tempfile
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import small
import split
from hypothesis import given, settings
from hypothesis import strategies as st

from retrieve.errors import BadInput
from retrieve.faces import calibration
from retrieve.faces.calibration import SHIPPED, SUFFIX, load
from retrieve.faces.detection.detect import DEFAULT_DETECTOR
from retrieve.faces.embedding.embed import DEFAULT_EMBEDDER
from retrieve.indexes.catalog.filters import EVERYTHING, Filter
from retrieve.indexes.queries import pictures as picture_queries
from retrieve.indexes.search import ann
from retrieve.pictures.embedding import embed

SHM = Path("/dev/shm")
CALIBRATED = load(SHIPPED / f"{DEFAULT_EMBEDDER}-{DEFAULT_DETECTOR}{SUFFIX}")
NAMES = ("Ana", "Luís", "eva", "Ana", "Blas")
ROUNDING = 2e-6  # of sums in another order


@pytest.fixture(autouse=True, scope="module")
def measured():
    """Scores of these faces mean what those of the product's networks do."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(calibration, "find", lambda *made_by: CALIBRATED)
        shipped = picture_queries.shipped_calibration()
        patch.setattr(picture_queries, "calibrated_for", lambda space: shipped)
        patch.setattr(embed, "made_by", lambda: small.PICTURES_MADE_BY)
        yield


def photos_of(rng, N, persons):
    """So many photos of so many persons, in some places and years."""
    people = rng.standard_normal((max(persons, 1), split.DIM)) / np.sqrt(split.DIM)
    # Half of them are of one family, so that what is near is not always the right one.
    people[::2] += rng.standard_normal(split.DIM) / np.sqrt(split.DIM)
    scenes = rng.standard_normal((4, split.DIM)) / np.sqrt(split.DIM)
    made = []
    for i in range(N):
        who = rng.integers(0, max(persons, 1), rng.integers(0, 4))
        faces = [split.drawn(rng, people[one], 0.5) for one in who]
        year = f"20{rng.integers(10, 20)}"
        made.append(
            split.Made(
                f"/album/{rng.choice(['north', 'south'])}/{i:03}.jpg",
                np.concatenate([np.zeros((0, split.DIM), np.float32), *faces]),
                [int(one) + 1 if persons and rng.random() < 0.8 else None for one in who],
                rng.uniform(0.1, 1, len(who)).round(3).tolist(),
                taken_at=rng.choice([None, year, f"{year}-0{rng.integers(1, 9)}"]),
                place=(41 + rng.random(), -1.0) if rng.random() < 0.5 else None,
                whole=split.drawn(rng, scenes[rng.integers(4)], 0.4)[0],
                classes=[(int(rng.integers(0, 999)), 0.9)],
                gone=rng.random() < 0.1,
                not_faces=[0] if rng.random() < 0.1 else [],
            )
        )
    return made


def filters(rng, persons):
    """Conditions of every kind, some of them together."""
    asked = {}
    if rng.random() < 0.4:
        asked["since"] = f"20{rng.integers(10, 20)}"
    if rng.random() < 0.3:
        asked["until"] = f"20{rng.integers(10, 20)}-06"
    if rng.random() < 0.3:
        asked["folders"] = (Path("/album/north"),)
    if rng.random() < 0.4:
        some = [*NAMES, "nobody", *(f"#{id + 1}" for id in range(persons))]
        asked["persons"] = tuple(rng.choice(some, rng.integers(1, 3)).tolist())
    if rng.random() < 0.3:
        asked["min_quality"] = float(rng.uniform(0, 0.6))
    if rng.random() < 0.2:
        asked["near"] = (41.5, -1.0, 30.0)
    return Filter(**asked) if rng.random() < 0.7 else EVERYTHING


def attempted(ask, *args, **options):
    """What is answered, or what is said to be wrong."""
    try:
        return ask(*args, **options)
    except BadInput as error:
        return str(error)


def check_hits(one, many, k):
    """The same hits, but for which of those that all but tie with the last one are among them."""
    assert len(one) == len(many)
    np.testing.assert_allclose([h.score for h in many], [h.score for h in one], atol=ROUNDING)
    assert [h.rank for h in many] == [h.rank for h in one]
    last = one[-1].score + 2 * ROUNDING if len(one) >= k else -2
    theirs = {_key(hit): hit for hit in many}
    for hit in one:
        if hit.score <= last:
            continue
        other = theirs[_key(hit)]
        assert other.score == pytest.approx(hit.score, abs=ROUNDING)
        assert other.probability == pytest.approx(hit.probability, abs=1e-4)
        assert (other.taken_at, other.itself) == (hit.taken_at, hit.itself)
        if hasattr(hit, "person"):
            assert (other.person, other.quality) == (hit.person, hit.quality)
            assert other.picture() == hit.picture()
    for first, second in pairwise(many):
        assert first.score >= second.score or first.rank == 0


def _key(hit):
    return str(hit.path), getattr(hit, "number", 0)


def check_least(one, many):
    assert many.score == pytest.approx(one.score, abs=1e-9)
    assert many.among == pytest.approx(one.among, rel=1e-12)
    assert many.strangers == pytest.approx(one.strangers)


def check_probes(one, many, k):
    if isinstance(one, str) or isinstance(many, str):
        assert many == str(one)
        return
    check_least(one.least, many.least)
    assert len(one.faces) == len(many.faces)
    for ours, theirs in zip(one.faces, many.faces, strict=True):
        check_hits(ours.hits, theirs.hits, k)


def check_identified(one, many):
    if isinstance(one, str) or isinstance(many, str):
        assert many == str(one)
        return
    check_least(one.least, many.least)
    for ours, theirs in zip(one, many, strict=True):
        for a, b in ((ours.best, theirs.best), (ours.runner_up, theirs.runner_up)):
            assert (a is None) == (b is None)
            if a is not None:
                assert (a.person_id, a.person, a.quality) == (b.person_id, b.person, b.quality)
                assert b.score == pytest.approx(a.score, abs=ROUNDING)
                check_hits(a.nearest, b.nearest, 3)
        assert (theirs.who is None, theirs.why) == (ours.who is None, ours.why)
        assert theirs.chance == pytest.approx(ours.chance, rel=1e-3)


def check_all(one, many, made, rng, persons):
    """Every question that can be asked of both."""
    stored = dict(
        one.db.execute(
            "SELECT path || '/' || number, faces.id FROM faces JOIN paths USING (content_id)"
        )
    )
    theirs = {}
    for number, part in many.ask(places_of).all().items():
        theirs |= {place: (number << 32) | id for place, id in part.items()}
    assert theirs.keys() == stored.keys()
    for exact in (False, True):
        wanted = filters(rng, persons)
        k = int(rng.integers(1, 12))
        least = [{}, {"strangers": 0.2}, {"threshold": float(rng.uniform(-1, 0.8))}][
            rng.integers(3)
        ]
        options = {"k": k, "wanted": wanted, "exact": exact, **least}
        photo = made[rng.integers(len(made))]
        rows, quality = photo.faces, photo.quality
        if rng.random() < 0.3:  # another one, of whom there may be no photo
            rows, quality = split.drawn(rng, rng.standard_normal(split.DIM), 0.1), [0.7]
            photo = split.Made("/elsewhere.jpg", rows, [None], quality)
        split.asking(split.Networks(rows, quality, photo.sha256), one, many)
        asked = [attempted(each.search_faces, b"", **options) for each in (one, many)]
        check_probes(*(_at(each, one, many) for each in asked), k)
        if len(rows):
            split.asking(split.Networks(rows[:1], quality[:1]), one, many)
            asked = [
                attempted(
                    each.identify,
                    b"",
                    wanted=wanted,
                    unnamed=exact,
                    **least,
                )
                for each in (one, many)
            ]
            check_identified(*(_at(each, one, many) for each in asked))
        if stored:
            place = str(rng.choice(sorted(stored)))
            asked = [
                attempted(each.search_stored, ids[place], **options)
                for each, ids in ((one, stored), (many, theirs))
            ]
            check_probes(*(_at(each, one, many) for each in asked), k)
        if photo.whole is not None:
            split.asking(split.Networks(photo.whole[None], [1.0], photo.sha256), one, many)
        whole = [attempted(each.search_pictures, b"", **options) for each in (one, many)]
        if isinstance(whole[0], str):
            assert _at(whole[1], one, many) == whole[0]
        else:
            check_least(whole[0].least, whole[1].least)
            check_hits(whole[0].hits, whole[1].hits, k)
        told = [
            _at(attempted(each.labels, wanted, language="en"), one, many) for each in (one, many)
        ]
        assert told[1] == told[0]
        told = [attempted(each.default_threshold, wanted=wanted) for each in (one, many)]
        assert _at(told[1], one, many) == (
            told[0] if isinstance(told[0], str) else pytest.approx(told[0])
        )
        listed = [attempted(each.photos_of, wanted, k=99) for each in (one, many)]
        if not isinstance(listed[0], str):
            listed = [
                sorted((hit.taken_at or "", hit.path, hit.persons) for hit in some)
                for some in listed
            ]
        assert _at(listed[1], one, many) == listed[0]
    counts = [each.info().counts for each in (one, many)]
    assert counts[0] == counts[1]


def places_of(collection):
    query = "SELECT path || '/' || number, faces.id FROM faces JOIN paths USING (content_id)"
    return dict(collection.db.execute(query))


def _at(told, one, many):
    """What is said of the cluster, of the collection."""
    return told.replace(str(many.path), str(one.path)) if isinstance(told, str) else told


@settings(
    max_examples=int(os.environ.get("EXAMPLES", "6")),
    deadline=None,
    derandomize="EXAMPLES" not in os.environ,
)
@given(
    seed=st.integers(0, 1 << 32),
    N=st.integers(1, 40),
    shards=st.integers(1, 4),
    persons=st.sampled_from([0, 3, 16]),
    coded=st.booleans(),
)
def test_what_shards_answer_is_what_one_collection_answers(seed, N, shards, persons, coded):
    rng = np.random.default_rng(seed)
    made = photos_of(rng, N, persons)
    parts = [[] for _ in range(shards)]
    for photo in made:
        parts[rng.integers(shards)].append(photo)
    names = {id + 1: NAMES[id % len(NAMES)] for id in range(persons) if rng.random() < 0.7}
    folder = Path(tempfile.mkdtemp(dir=SHM if SHM.is_dir() else None))
    try:
        with pytest.MonkeyPatch.context() as patch:
            if coded:
                patch.setattr(ann, "EXACT_BYTES", 0)
            paths = split.make(folder, parts, names)
            with small.opened(paths[0]) as one, split.opened(paths[1]) as many:
                if coded:
                    indexed(one)
                    many.ask(indexed).all()
                check_all(one, many, made, rng, persons)
    finally:
        shutil.rmtree(folder)


def indexed(collection):
    """Make the indexes of a shard, if it has rows enough for one."""
    opened = collection.opened
    for space, engine in (
        (opened.faces, opened.engine),
        (opened.pictures.vectors, opened.pictures.engine),
    ):
        if space.space() is not None and space.space().rows >= 16:
            engine.build()
