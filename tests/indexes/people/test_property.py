"""Whatever is said, computed, stored anew or forgotten in any order: what was said last holds.

Grouping and attaching are the product's own, at thresholds by chance among faces that are more and
less alike. What has to hold is kept by the test itself: a statement stops holding only when the
person was told so.

EXAMPLES=400 in the environment tries so many sequences in place of a few (CONTRIBUTING.md).
"""

from __future__ import annotations

import atexit
import os
import shutil
import tempfile
from functools import cache
from itertools import product
from pathlib import Path

import numpy as np
import pretend
import pytest
import small
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from retrieve.errors import BadInput
from retrieve.evaluation.strangers import Curve
from retrieve.faces import calibration
from retrieve.faces.embedding.embedder import unit_rows
from retrieve.indexes.building import jobs, workers
from retrieve.indexes.catalog import persons
from retrieve.indexes.catalog.database import writing
from retrieve.indexes.catalog.persons import SharedName
from retrieve.indexes.people import log, review, statements
from retrieve.indexes.people.groups import settling
from retrieve.indexes.people.groups.thresholds import Thresholds
from retrieve.indexes.search import traces
from retrieve.indexes.upkeep.forget import forget
from retrieve.types import Face

SHM = Path("/dev/shm")
NAMES = ("Ana", "Luís", "eva")
# Faces of three people, of whom "x" and "xy" score .71, "xy" and "xz" .5, "x" and "y" 0 or so.
PHOTOS = ("x xy", "x y yz", "xz y", "z xy xyz", "x z")
# What two faces have to score, then two groups: to be one, to be asked about; then a new face with
# the nearest of a group and all of it. As many ways to divide the same faces.
STRICTNESS = (
    (0.99, 0.99, 0.4, 0.9, 0.9),
    (0.6, 0.6, 0.4, 0.6, 0.5),
    (0.45, 0.4, 0.3, 0.45, 0.3),
    (0.99, 0.3, 0.2, 0.45, 0.3),
)
TOLD = calibration.Calibration(
    "pretend", "22" * 32, "pretend-detector", 9.0, -5.0, {"0.1": 0.5}, "0.1", 9, 9, "",
    Curve([1.0, 0.01], [-0.3, 0.7], 0.01, 0.0, 1e-4, 1e5),
)  # fmt: skip
strictness = st.sampled_from(STRICTNESS)
pick = st.integers(0, 1 << 20)  # a number of which each step takes what it needs


class Alike(small.Embedder):
    """A face of several letters is like each of them."""

    def embed(self, crops):
        rows = [row_of(WORD_OF[crop.tobytes()], self.dim) for crop in crops]
        return unit_rows(np.array(rows, np.float32).reshape(-1, self.dim))


@cache
def row_of(word, dim):
    letters = np.concatenate([crop_of(letter)[None] for letter in word])
    (one,) = (one for one in pretend.EMBEDDERS.values() if one.dim == dim)
    return one().embed(letters).sum(axis=0)


class Other(Alike):
    """The same in other dimensions."""

    name, dim, weights_sha256 = "other", 48, "33" * 32


def crop_of(word):
    return pretend.extracted(word.encode()).crops[0][0]


WORD_OF = {crop_of(word).tobytes(): word for words in PHOTOS for word in words.split()}


def _in_this_process(open_work, items, **_):
    work = open_work()
    for key, item in items:
        yield key, workers.attempted(work, item)


@cache
def _folder():
    """Where a collection is that every sequence begins with, and the one that it goes on with."""
    folder = Path(tempfile.mkdtemp(dir=SHM if SHM.is_dir() else None))
    atexit.register(shutil.rmtree, folder)
    return folder


class Said(RuleBasedStateMachine):
    @initialize()
    def begin(self):
        self.patch = pytest.MonkeyPatch()
        self.patch.setattr(workers, "run", _in_this_process)
        self.patch.setattr(jobs, "Faces", pretend.Faces)
        self.patch.setattr(calibration, "find", lambda *_: TOLD)
        self.patch.setattr(settling, "thresholds_among", lambda *_: Thresholds(*self.limits))
        # Traces of what is deleted are removed elsewhere, with tests of their own.
        self.patch.setattr(traces, "finish", lambda *_, **__: True)
        self.folder = _folder() / "now"
        self.photos = 0
        self.expected: set[int] = set()
        self.persons_seen = 0
        start = _folder() / "start"
        if start.exists():
            shutil.copytree(start, self.folder)
            self._open()
            self.photos = 2
            return
        (self.folder / "p").mkdir(parents=True)
        self._open()
        for _ in range(2):
            self.index(STRICTNESS[0])
        self.group(STRICTNESS[1])
        self.collection.close()
        shutil.copytree(self.folder, start)
        self._open()

    def _open(self):
        self.embedder = Alike()
        self.collection = small.opened(self.folder / "c")
        self.collection.networks.use(small.Detector(), self.embedder)
        self.db = self.collection.db

    def teardown(self):
        if hasattr(self, "collection"):
            self.collection.close()
            self.patch.undo()
        if hasattr(self, "folder"):
            shutil.rmtree(self.folder)

    # What people say

    def _faces(self, of: int | None = None):
        where = "NOT not_a_face" if of is None else f"person_id = {of}"
        return [id for (id,) in self.db.execute(f"SELECT id FROM faces WHERE {where} ORDER BY id")]

    def _persons(self):
        return [id for (id,) in self.db.execute("SELECT id FROM persons ORDER BY id")]

    def _state(self):
        queries = (
            "SELECT id, person_id, by, not_a_face FROM faces ORDER BY id",
            "SELECT id, name, key, ignored FROM persons ORDER BY id",
        )
        return [self.db.execute(query).fetchall() for query in queries]

    def _say(self, what, *given, **options):
        """Say it; taken back and said again it is what it was."""
        before = self._state()
        with writing(self.db):
            try:
                said = what(self.db, *given, **options)
            except BadInput:
                return None
        after = self._state()
        every = log.lines(self.db)
        last = max((line.id for line in every), default=0)
        with writing(self.db):
            for id in reversed(said.lines):
                statements.undo(self.db, id)
        assert self._state() == before
        with writing(self.db):
            for back in range(last + len(said.lines), last, -1):
                statements.undo(self.db, back)
        assert self._state() == after
        told = {int(note.split()[0]) for note in said.notes if " said that " in note}
        self.expected = self.expected - told | set(said.lines)
        return said

    @rule(face=pick, name=st.sampled_from(NAMES), new=st.booleans())
    def name(self, face, name, new):
        if some := self._faces():
            id = some[face % len(some)]
            try:
                said = self._say(statements.say_name, name, [id], new=new)
            except SharedName:
                return
            if said is not None:
                (row,) = self.db.execute(
                    "SELECT name, by FROM faces JOIN persons ON persons.id = person_id "
                    "WHERE faces.id = ?",
                    [id],
                ).fetchall()
                assert persons.same_name(row[0], name)
                assert row[1] == "human"

    @rule(which=pick, face=pick)
    def whose(self, which, face):
        if (some := self._faces()) and (people := self._persons()):
            id, who = some[face % len(some)], people[which % len(people)]
            self._say(statements.say_whose, who, [id])
            assert id in self._faces(who)

    @rule(which=pick, name=st.sampled_from((*NAMES, None)), new=st.booleans())
    def rename(self, which, name, new):
        if people := self._persons():
            self._say(statements.rename, people[which % len(people)], name, new=new)

    @rule(one=pick, other=pick)
    def same(self, one, other):
        if people := self._persons():
            one, other = people[one % len(people)], people[other % len(people)]
            both = self._faces(one) + self._faces(other)
            if (said := self._say(statements.say_same, one, other)) is not None:
                assert self._faces(said.person_id) == sorted(both)

    @rule(one=pick, other=pick)
    def not_same(self, one, other):
        if people := self._persons():
            one, other = people[one % len(people)], people[other % len(people)]
            self._say(statements.say_not_same, one, other)

    @rule(which=pick, faces=pick)
    def split(self, which, faces):
        if people := self._persons():
            who = people[which % len(people)]
            some = [id for i, id in enumerate(self._faces(who)) if faces >> i & 1]
            if (said := self._say(statements.split, who, some)) is not None:
                assert self._faces(said.person_id) == some

    @rule(face=pick)
    def not_a_face(self, face):
        if some := self._faces():
            self._say(statements.say_not_a_face, [some[face % len(some)]])

    @rule(face=pick)
    def ignore(self, face):
        if some := self._faces():
            self._say(statements.say_ignore, face_ids=[some[face % len(some)]])

    @rule(face=pick)
    def nobody(self, face):
        if some := self._faces():
            id = some[face % len(some)]
            self._say(statements.say_nobody, [id])
            assert not self.db.execute(
                "SELECT 1 FROM faces JOIN persons ON persons.id = person_id "
                "WHERE faces.id = ? AND name IS NOT NULL",
                [id],
            ).fetchall()

    @rule(which=pick)
    def undo(self, which):
        every = log.lines(self.db)
        counting = sorted(log.active(every))
        if counting:
            with writing(self.db):
                line = statements.undo(self.db, counting[which % len(counting)])
            self.expected.discard(line.id)
            holding = self._holding()
            self.expected &= holding  # another may have rested on it
            if line.kind == "undo":
                self.expected |= {line.undoes} & holding

    # What is computed

    @rule(limits=strictness)
    def group(self, limits):
        """From nothing, and by the product itself: what was said stays, nobody is dropped."""
        self.limits = limits
        before = self._pinned()
        self.collection.group()
        assert self._pinned() == before
        rows = self.db.execute(
            "SELECT content_id, person_id, by FROM faces WHERE NOT not_a_face"
        ).fetchall()
        assert all(whose is not None for _, whose, _ in rows)
        computed = [(photo, whose) for photo, whose, by in rows if by != "human"]
        assert len(set(computed)) == len(computed), "two faces of a photo are one person"
        grouped = self._state()
        self.collection.group()
        assert self._state() == grouped, "nothing is new, and somebody is somebody else"

    def _pinned(self):
        query = "SELECT id, person_id FROM faces WHERE by = 'human' ORDER BY id"
        return self.db.execute(query).fetchall()

    @rule(limits=strictness)
    def index(self, limits):
        """Photos that come are attached by the product itself, to whom there is or to nobody; and
        faces that another detector found.
        """
        self.limits = limits
        before, known = self._pinned(), self._whose()
        if self.photos < len(PHOTOS):
            (self.folder / "p" / f"{self.photos}.jpg").write_text(PHOTOS[self.photos])
            self.photos += 1
        self.collection.index([self.folder / "p"])
        assert set(self._pinned()) >= set(before)
        whose = self._whose()
        places = [place for place in whose.values() if place[1] is not None]
        new = {place for id, place in whose.items() if known.get(id, (0, None))[1] is None}
        assert all(places.count(place) == 1 for place in new if place[1] is not None), (
            "who is in the photo already was attached to, or one person to two of its faces"
        )

    def _whose(self):
        query = "SELECT id, content_id, person_id FROM faces"
        return {id: (photo, whose) for id, photo, whose in self.db.execute(query).fetchall()}

    @rule()
    def another_embedder(self):
        self.embedder = Other() if self.embedder.dim == 32 else Alike()
        assert self.collection.reembed(embedder=self.embedder).done

    @rule(shift=st.sampled_from((-0.1, 0.0, 0.1)))
    def another_detector(self, shift):
        """Every face is found anew: other boxes, other ids, and nothing is known of them."""
        rows = self.db.execute(
            "SELECT id, row, content_id, number, quality FROM faces ORDER BY id"
        ).fetchall()
        with writing(self.db):
            self.db.execute("DELETE FROM faces")
            for id, row, content_id, number, quality in rows:
                # About where the statement has it: boxes do not drift away.
                i = number - 1
                box = np.array([i + shift, 0, i + 1 + shift, 1], np.float32)
                face = Face(box, np.zeros((5, 2), np.float32), 0.5)
                new = self.collection.catalog.add_face(row, content_id, number, face, quality)
                self.db.execute("UPDATE crops SET face_id = ? WHERE face_id = ?", [new, id])
            statements.apply(self.db)

    # Forgetting

    @rule(which=pick)
    def forget_photo(self, which):
        paths = sorted((self.folder / "p").iterdir())
        if not paths:
            return
        path = paths[which % len(paths)]
        (sha256,) = self.db.execute(
            "SELECT sha256 FROM contents JOIN paths ON content_id = contents.id WHERE path = ?",
            [str(path)],
        ).fetchone()
        forget(self.collection, paths=[path])
        path.unlink()
        self._forgotten(sha256)

    @rule(which=pick)
    def forget_person(self, which):
        named = [one for one in persons.persons(self.db) if one.name is not None]
        if named:
            one = named[which % len(named)]
            forget(self.collection, persons=[f"#{one.id}"])
            assert one.id not in self._persons()
            assert not self.db.execute(
                "SELECT 1 FROM statements WHERE ? IN (person_id, other_id)", [one.id]
            ).fetchall()
            # The next run of the indexer stores no face again: the photo is known.
            self._forgotten(None)

    def _forgotten(self, sha256):
        text = str(self.db.execute("SELECT * FROM statements").fetchall())
        assert sha256 is None or sha256 not in text
        self.expected &= self._holding()

    # What holds

    def _holding(self):
        return {line.id for line, counts, holds in statements.history(self.db) if counts and holds}

    @invariant()
    def what_was_said_holds(self):
        """Looked at without a replay: whose the faces of each statement are."""
        if not hasattr(self, "collection"):
            return
        for line in log.lines(self.db):
            if line.id in self.expected:
                self._check(line)

    def _check(self, line):
        faces, others = ([self._stored(ref) for ref in some] for some in (line.faces, line.others))
        who = {row[1] for row in faces if row}
        who_else = {row[1] for row in others if row}
        told = f"{line}: {faces} {others}"
        match line.kind:
            case "name":
                assert all(persons.person(self.db, one).name == line.name for one in who), told
            case "whose":
                assert len(who) <= 1, told
            case "same":
                assert len(who | who_else) <= 1, told
            case "not-same" | "split":
                assert not who & who_else, told
            case "not-a-face":
                assert all(row[3] and row[1] is None for row in faces if row), told
            case "ignore":
                assert all(persons.person(self.db, one).ignored for one in who), told
        if line.kind not in ("not-a-face", "undo"):
            assert all(row[1] is not None and row[2] == "human" for row in faces if row), told

    def _stored(self, ref):
        rows = self.db.execute(
            "SELECT faces.id, person_id, by, not_a_face, x1 FROM faces "
            "JOIN contents ON contents.id = content_id WHERE sha256 = ?",
            [ref.sha256],
        ).fetchall()
        near = [row for row in rows if abs(row[4] - ref.box[0]) < 0.3]
        return near[0] if near else None

    @invariant()
    def applying_again_changes_nothing(self):
        if hasattr(self, "collection"):
            before = self._state()
            with writing(self.db):
                statements.apply(self.db)
            assert self._state() == before

    @invariant()
    def nobody_is_asked_what_was_said(self):
        """As long as it holds: persons who were said to be two, or both have names."""
        if not hasattr(self, "collection"):
            return
        asked = {
            (one, other)
            for _, _, *pair in review._pairs(self.db)
            for one, other in (pair, pair[::-1])
        }
        for line in log.lines(self.db):
            if line.id in self.expected and line.kind in ("not-same", "split"):
                faces, others = (
                    {row[1] for ref in some if (row := self._stored(ref))}
                    for some in (line.faces, line.others)
                )
                assert not asked & set(product(faces, others)), line
        named = {one.id for one in persons.persons(self.db)}
        assert not asked & set(product(named, named))

    @invariant()
    def ids_of_persons_are_given_once(self):
        if hasattr(self, "collection"):
            (last,) = self.db.execute(
                "SELECT coalesce(max(seq), 0) FROM sqlite_sequence WHERE name = 'persons'"
            ).fetchone()
            assert last >= self.persons_seen
            self.persons_seen = last
            assert all(id <= last for id in self._persons())

    @invariant()
    def what_is_no_face_is_not_found(self):
        if not hasattr(self, "collection"):
            return
        hidden = {id for (id,) in self.db.execute("SELECT id FROM faces WHERE not_a_face")}
        if hidden:
            hits = self.collection.nearest(self.embedder.embed(crop_of("xy")[None]), k=50)[0]
            assert not hidden & {hit.face_id for hit in hits}


Said.TestCase.settings = settings(
    max_examples=int(os.environ.get("EXAMPLES", 24)),
    stateful_step_count=20,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
test_what_was_said_holds_whatever_comes = Said.TestCase
