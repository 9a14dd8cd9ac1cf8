"""What a cluster says of its people is what one collection of the same photos says, whatever was
said, taken back, grouped and indexed before; and every shard says the same of its own.
"""

from __future__ import annotations

import os
import random

import clustered
import pytest
import shards
import small

from retrieve.errors import BadInput
from retrieve.evaluation.strangers import Curve
from retrieve.faces import calibration
from retrieve.indexes.catalog.database import writing
from retrieve.indexes.cluster.people import settling
from retrieve.indexes.people import statements
from retrieve.indexes.people.groups import settling as of_one

CURVE = Curve([1.0, 0.01], [-0.3, 0.7], 0.01, 0.0, 1e-4, 1e5)
PHOTOS = (
    {"a.jpg": "ana eva", "b.jpg": "ana", "c.jpg": "luis eva"},
    {"d.jpg": "ana luis", "e.jpg": "eva", "f.jpg": "ana eva luis"},
    {"g.jpg": "luis ana", "h.jpg": "mar"},
)
LATER = {"i.jpg": "ana mar", "j.jpg": "eva"}
NAMES = ("Ana", "ANÁ", "Luis")


@pytest.fixture(autouse=True)
def told(monkeypatch):
    found = calibration.Calibration(
        "pretend", "22" * 32, "pretend-detector", 9.0, -5.0, {"0.1": 0.5}, "0.1", 9, 9, "", CURVE
    )
    monkeypatch.setattr(calibration, "find", lambda *_: found)


class Beside:
    """A cluster, and one collection of the same photos."""

    def __init__(self, folder, cluster, one):
        self.folder, self.cluster, self.one = folder, cluster, one
        self.ids = {}

    def refresh(self):
        """Which face is which, by photo and number: the collection's id and the cluster's."""
        own = _faces(self.one.people)
        theirs = _faces(self.cluster.people)
        assert own.keys() == theirs.keys()
        self.ids = {key: (own[key][0], theirs[key][0]) for key in own}
        return own, theirs

    def same(self):
        """Both say the same, but for numbers."""
        own, theirs = self.refresh()
        numbers = set()
        for key, (_, *mine) in own.items():
            _, *other = theirs[key]
            assert mine[1:] == other[1:], key
            numbers.add((mine[0], other[0]))
        assert len({mine for mine, _ in numbers}) == len(numbers), "one person is in pieces"
        assert len({other for _, other in numbers}) == len(numbers), "two persons are one"
        assert _asked(self.one.people) == _asked(self.cluster.people)

    def say(self, rng, what):
        """Say the same to both; what one refuses the other refuses."""
        keys = sorted(self.ids)
        faces = [rng.choice(keys) for _ in range(rng.choice((1, 1, 2)))]
        name, new = rng.choice(NAMES), rng.random() < 0.15
        told = []
        for at, people in enumerate((self.one.people, self.cluster.people)):
            ids = [self.ids[key][at] for key in faces]
            persons = [_person(people, id) for id in ids]
            known = [one for one in persons if one is not None]
            lines = (None,) if what == "undo" else ()
            try:
                with people.saying(persons=known, faces=ids, names=[name], lines=lines) as db:
                    said = _say(db, what, name, ids, persons, new=new)
                told.append(said and (said.name, said.faces, said.along, len(said.notes)))
            except BadInput as error:
                told.append(type(error))
        assert told[0] == told[1], (what, name, faces)
        return told[0]


def _say(db, what, name, ids, persons, *, new):
    match what:
        case "name":
            return statements.say_name(db, name, ids, new=new)
        case "rename":
            return statements.rename(db, persons[0] or -1, name, new=new)
        case "unname":
            return statements.rename(db, persons[0] or -1, None)
        case "whose":
            return statements.say_whose(db, persons[0] or -1, ids[1:] or ids)
        case "same":
            return statements.say_same(db, persons[0] or -1, persons[-1] or -1)
        case "not-same":
            return statements.say_not_same(db, persons[0] or -1, persons[-1] or -1)
        case "split":
            return statements.split(db, persons[0] or -1, ids[:1])
        case "ignore":
            return statements.say_ignore(db, face_ids=ids)
        case "nobody":
            return statements.say_nobody(db, ids)
        case "not-a-face":
            return statements.say_not_a_face(db, ids[:1])
    statements.undo(db)
    return None


WHAT = (
    *("name", "rename", "unname", "whose", "same", "not-same", "split", "ignore", "nobody"),
    *("not-a-face", "undo", "undo", "name", "same"),
)


def _asked(people):
    """The questions, by names and faces of those they are about."""
    return {
        frozenset((side.person or "", side.faces) for side in (asked.one, asked.other))
        for asked in people.questions(most=50)
    }


def _faces(people):
    """Of each face of somebody, by photo and number: id, person, name, ignored, who says so."""
    return {
        (face.path.name, face.number): (
            face.face_id,
            one.person.id,
            one.person.name,
            one.person.ignored,
            face.by,
        )
        for one in people.listing(everyone=True)
        for face in one.members
    }


def _person(people, id):
    return next(
        (
            one.person.id
            for one in people.listing(everyone=True)
            if any(face.face_id == id for face in one.members)
        ),
        None,
    )


def _each_shard_is_true(cluster):
    """A shard's log, read by itself, says what holds in it; its persons are called as in all."""
    names = {one.person.id: one.person for one in cluster.people.listing(everyone=True)}
    for shard in cluster.manifest.shards():
        with small.opened(shard.folder) as one:
            faces = "SELECT id, person_id, by, not_a_face FROM faces ORDER BY id"
            persons = "SELECT id, name, ignored FROM persons ORDER BY id"
            before = [one.db.execute(query).fetchall() for query in (faces, persons)]
            with writing(one.db):
                statements.apply(one.db)
            assert [one.db.execute(query).fetchall() for query in (faces, persons)] == before
            for id, name, ignored in before[1]:
                assert (names[id].name, names[id].ignored) == (name, bool(ignored))


@pytest.mark.parametrize("seed", range(int(os.environ.get("EXAMPLES", "6"))))
def test_whatever_is_said_a_cluster_holds_what_one_collection_holds(tmp_path, seed):
    rng = random.Random(seed)
    folder = shards.made(tmp_path / "cluster", *PHOTOS)
    with shards.opened(folder) as cluster, small.opened(tmp_path / "one") as one:
        for photos in PHOTOS:
            for name, words in photos.items():
                small.add(one, folder / name, words, quality=1.0)
        both = Beside(folder, cluster, one)
        settling.settle_new(cluster)
        of_one.settle_new(one.opened)
        both.same()
        for step in range(14):
            what = rng.choice(WHAT)
            both.say(rng, what)
            both.same()
            if step in (5, 10):
                one.group()
                cluster.group()
                both.same()
            if step == 7:  # as a later run of indexing
                shards.grown(folder, LATER)
                for name, words in LATER.items():
                    small.add(one, folder / name, words, quality=1.0)
                cluster.forget_servers()
                settling.settle_new(cluster)
                statements.settle(one.db)
                of_one.settle_new(one.opened)
                both.same()
            if step in (3, 9) and seed % 2:
                clustered.merged(cluster, rng)
                both.same()
            _each_shard_is_true(cluster)
