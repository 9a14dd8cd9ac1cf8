"""A collection follows folders: what changes is looked at, and nothing else."""

from __future__ import annotations

import json
import os
import shutil
import signal
import sqlite3
import subprocess
import time
from contextlib import closing
from pathlib import Path

import pretend
import pretend_cli
import pytest
from numpy.testing import assert_array_equal

from retrieve.errors import BadInput
from retrieve.indexes import watch
from retrieve.indexes.building.walk import described, reaches, walk
from retrieve.indexes.building.workers import Workers
from retrieve.indexes.catalog import database
from retrieve.indexes.catalog.paths import Found, path_of
from retrieve.indexes.collection import open_collection
from retrieve.indexes.watch import LONGEST_S, Pending, follow

DEADLINE_S = 600.0  # for what takes one second on an idle machine


@pytest.fixture
def photos(tmp_path):
    folder = tmp_path / "photos"
    (folder / "trip").mkdir(parents=True)
    (folder / "a.jpg").write_text("ana")
    (folder / "b.jpg").write_text("luis")
    (folder / "trip" / "c.jpg").write_text("eva")
    return folder


@pytest.fixture
def opened(tmp_path):
    with open_collection(tmp_path / "collection", create=True) as collection:
        collection.networks.use(pretend_cli.Detector(), pretend.Embedder())
        collection.texts.use(pretend.TextEncoder())
        yield collection


@pytest.fixture
def followed(opened, photos):
    """Follows the folder through steps: each changes something and returns the changed paths."""
    decoded, remarks = [], []

    def extractor(paths):
        for found, path in paths:
            if isinstance(path, Path):
                decoded.append(path.name)
            yield from pretend.extractor([(found, path)])

    def run(*steps, root=photos):
        batches = (step() for step in steps)
        reports = follow(opened, [root], batches, extractor, on_remark=remarks.append)
        return [_count(report) for report in reports]

    run.decoded, run.remarks, run.words = decoded, remarks, lambda: _words(opened)
    return run


def _count(report):
    names = ("new", "unchanged", "moved", "duplicate", "changed", "gone", "faces")
    return {name: getattr(report, name) for name in names if getattr(report, name)}


def _words(collection):
    """Every face that a search finds, by its photo's name and the word that it was made of."""
    query = (
        "SELECT path, jpeg, row FROM faces JOIN contents ON contents.id = faces.content_id "
        "JOIN paths ON paths.content_id = contents.id JOIN crops ON face_id = faces.id "
        "WHERE NOT gone"
    )
    with database.reading(collection.db):  # another process may commit between the two
        gallery, rows = collection.faces.gallery(), collection.db.execute(query).fetchall()
    found = []
    for path, jpeg, row in rows:
        assert_array_equal(gallery[row], pretend.embedding(pretend.said(jpeg))[0])
        found.append((path_of(path).name, pretend.said(jpeg)))
    return sorted(found)


ALL = [("a.jpg", "ana"), ("b.jpg", "luis"), ("c.jpg", "eva")]
FIRST = {"new": 3, "faces": 3}


def test_only_what_has_changed_is_looked_at(followed, photos):
    def change():
        (photos / "a.jpg").write_text("other")
        (photos / "b.jpg").unlink()  # nobody says so
        return {photos / "a.jpg"}

    reports = followed(lambda: {photos}, lambda: followed.decoded.clear() or set(), change)
    assert reports == [FIRST, {"new": 1, "changed": 1, "faces": 1}]
    assert followed.decoded == ["a.jpg"]
    assert followed.words() == [("a.jpg", "other"), *ALL[1:]]


def test_a_removed_file_is_gone_and_comes_back_without_decoding(followed, photos, tmp_path):
    def remove():
        (photos / "a.jpg").rename(tmp_path / "kept")
        return {photos / "a.jpg"}

    def bring_back():
        assert followed.words() == ALL[1:]
        followed.decoded.clear()
        (tmp_path / "kept").rename(photos / "a.jpg")
        return {photos / "a.jpg"}

    assert followed(lambda: {photos}, remove, bring_back) == [FIRST, {"gone": 1}, {"unchanged": 1}]
    assert followed.decoded == []
    assert followed.words() == ALL


def test_a_removed_folder_is_gone_with_all_that_it_held_and_no_more(followed, photos):
    def remove():
        (photos / "trip2").mkdir()
        (photos / "trip2" / "d.jpg").write_text("leo")
        shutil.rmtree(photos / "trip")
        return {photos / "trip", photos / "trip2"}

    assert followed(lambda: {photos}, remove) == [FIRST, {"new": 1, "gone": 1, "faces": 1}]
    assert followed.words() == [*ALL[:2], ("d.jpg", "leo")]


def test_what_moves_is_not_decoded_again(followed, photos):
    def move():
        followed.decoded.clear()
        (photos / "trip").rename(photos / "journey")
        (photos / "a.jpg").rename(photos / "journey" / "z.jpg")
        return {photos / "trip", photos / "journey", photos / "a.jpg"}

    assert followed(lambda: {photos}, move) == [FIRST, {"moved": 2}]
    assert followed.decoded == []
    assert followed.words() == [("b.jpg", "luis"), ("c.jpg", "eva"), ("z.jpg", "ana")]


def test_a_new_folder_is_searched_whole(followed, photos):
    def add():
        (photos / "new" / "deep").mkdir(parents=True)
        (photos / "new" / "deep" / "d.jpg").write_text("leo")
        return {photos / "new"}

    assert followed(lambda: {photos}, add) == [FIRST, {"new": 1, "faces": 1}]


def test_a_file_that_became_a_folder_is_gone(followed, photos):
    def replace():
        (photos / "a.jpg").unlink()
        (photos / "a.jpg").mkdir()
        (photos / "a.jpg" / "d.jpg").write_text("leo")
        return {photos / "a.jpg"}

    assert followed(lambda: {photos}, replace) == [FIRST, {"new": 1, "gone": 1, "faces": 1}]
    assert followed.words() == [*ALL[1:], ("d.jpg", "leo")]


def test_a_file_that_cannot_be_used_stops_nothing(followed, opened, photos):
    def add():
        (photos / "bad.jpg").write_text("bad")
        (photos / "d.jpg").write_text("leo")
        return {photos / "bad.jpg", photos / "d.jpg"}

    assert followed(lambda: {photos}, add) == [FIRST, {"new": 1, "faces": 1}]
    assert [(item.path.name, item.reason) for item in opened.skipped()] == [("bad.jpg", "is bad")]


def test_a_caption_that_appears_changes_and_goes_is_followed(followed, opened, photos):
    said = []

    def step(text):
        def work():
            said.append(_captions(opened))
            caption = photos / "trip" / "c.txt"
            caption.unlink(missing_ok=True)
            if text:
                caption.write_text(text)
            followed.decoded.clear()
            return set(described(caption))  # as watching gives it

        return work

    followed(lambda: {photos}, step("Una boda."), step("Un bautizo."), step(""), step(""))
    assert said == [[], ["Una boda."], ["Un bautizo."], []]
    assert followed.decoded == []


def _captions(collection):
    query = "SELECT text FROM passages WHERE kind = 'caption'"
    return [text for (text,) in collection.db.execute(query)]


def test_nothing_is_known_about_a_root_that_is_away(followed, photos, tmp_path):
    def take_away():
        photos.rename(tmp_path / "away")
        return {photos, photos / "a.jpg", photos / "trip"}

    def bring_back():
        assert followed.words() == ALL
        (tmp_path / "away" / "b.jpg").unlink()
        (tmp_path / "away").rename(photos)
        return {photos}

    reports = followed(lambda: {photos}, take_away, set, bring_back)
    assert reports == [FIRST, {"unchanged": 2, "gone": 1}]
    assert followed.words() == [ALL[0], ALL[2]]
    assert followed.remarks == [f"{photos} is not there; it is looked at again when it is back"]


def test_a_root_that_is_not_there_at_the_beginning_is_refused(followed, tmp_path):
    with pytest.raises(BadInput, match="no such file or folder"):
        followed(set, root=tmp_path / "nowhere")


def test_changes_wait_for_another_writer_and_are_not_lost(followed, opened, photos, monkeypatch):
    monkeypatch.setattr(database, "BUSY_TIMEOUT_S", 0.01)
    monkeypatch.setattr(database, "TURN_S", 0.01)
    with closing(sqlite3.connect(opened.path / "catalog.sqlite", isolation_level=None)) as other:

        def lock():
            other.execute("BEGIN IMMEDIATE")
            (photos / "a.jpg").unlink()
            return {photos / "a.jpg"}

        def change_more():
            (photos / "d.jpg").write_text("leo")
            return {photos / "d.jpg"}

        def unlock():
            other.execute("ROLLBACK")
            return set()

        reports = followed(lambda: {photos}, lock, change_more, set, unlock)
    assert reports == [FIRST, {"new": 1, "gone": 1, "faces": 1}]
    assert len(followed.remarks) == 1
    assert "locked" in followed.remarks[0]


def test_ctrl_c_in_a_run_keeps_what_is_whole_and_ends(opened, photos):
    def interrupted(paths):
        yield from pretend.extractor([next(iter(paths))])
        raise KeyboardInterrupt

    (report,) = follow(opened, [photos], iter([{photos}, {photos}]), interrupted)
    assert report.interrupted


def test_what_is_reached_is_what_walking_finds(tmp_path):
    for name in ("a.jpg", ".h.jpg", "._m.jpg", "n.txt", ".t/a.jpg", "d/.t/b.png", "d/e/c.HEIC"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("x")
    found = {item.path for item in walk([tmp_path]) if isinstance(item, Found)}
    files = {path for path in tmp_path.rglob("*") if path.is_file()}
    assert {path for path in files if reaches(tmp_path, path)} == found
    assert reaches(tmp_path, tmp_path / "d" / "was a folder")
    assert not reaches(tmp_path / "d", tmp_path / "a.jpg")
    assert reaches(tmp_path / "n.txt", tmp_path / "n.txt")


def test_what_is_left_out_is_not_looked_at_until_that_changes(opened, photos, monkeypatch):
    (photos / "@eaDir").mkdir()
    (photos / "@eaDir" / "a.jpg").write_text("thumbnail")
    told = [photos / "@eaDir" / "a.jpg", photos / "trip" / "c.jpg", photos / "a.jpg"]

    def news(*_, **__):
        yield {(watch.Change.modified, str(path)) for path in told}

    monkeypatch.setattr(watch, "watch_files", news)
    assert next(watch._watched([photos], ["trip/"])) == ({photos / "a.jpg"}, False)
    reports = follow(opened, [photos], [{photos}], pretend.extractor, exclude=["trip/"])
    assert [(one.new, one.left_out) for one in reports] == [(2, {"@eaDir": 1, "trip/": 1})]
    told[:] = [photos / ".retrieveignore"]
    assert next(watch._watched([photos], [])) == ({photos}, False)


def test_changes_are_given_when_it_is_quiet_or_has_been_noisy_for_long(photos):
    pending = Pending(2.0, now=0.0)
    pending.add({photos})
    assert pending.is_due(0.0)  # the beginning waits for nothing
    assert pending.taken(0.0) == {photos}
    pending.add({photos / "a"}, now=10.0)
    pending.add(set(), now=11.5)
    assert not pending.is_due(11.9)
    pending.add({photos / "b"}, now=11.9)
    assert not pending.is_due(13.8)
    assert pending.is_due(13.9)
    assert pending.taken(13.9) == {photos / "a", photos / "b"}
    assert not pending.is_due(15.8)
    assert pending.is_due(15.9)  # quiet: a moment to try again
    assert pending.taken(15.9) == set()
    for now in range(100, 100 + int(LONGEST_S)):
        pending.add({photos / str(now)}, now=now)
        assert not pending.is_due(now)
    assert pending.is_due(100 + LONGEST_S)


def test_processes_stay_open_from_one_run_to_the_next(photos):
    paths = [(i, photos / "a.jpg") for i in range(4)]
    with Workers(pretend_cli.open_who, workers=1) as pool:
        first = {who for _, who in pool.run(paths)}
        left = pool.run(paths * 10)
        next(left)
        left.close()
        (last,) = {who for _, who in pool.run(paths)}
    assert len(first) == 1
    assert last != str(os.getpid())


# In a process of its own, with the system's own news


def _hear_interrupts():
    """A shell starts what runs in its background with Ctrl-C ignored, and children inherit that."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


class Program:
    """A command that runs until it is told to end."""

    def __init__(self, *arguments):
        self._process = subprocess.Popen(
            pretend_cli.command(*arguments),
            env=pretend_cli.environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            preexec_fn=_hear_interrupts,
        )

    def end(self, number):
        self._process.send_signal(number)
        text, _ = self._process.communicate(timeout=DEADLINE_S)
        return self._process.returncode, text

    def kill(self):
        self._process.kill()
        self._process.communicate()


def _until(collection, expected):
    """Look until a collection has come so far."""
    deadline = time.monotonic() + DEADLINE_S
    found = None
    while time.monotonic() < deadline:
        if (collection / "catalog.sqlite").exists():
            with open_collection(collection) as opened:
                found = _words(opened) if opened.faces.space() else []
            if found == expected:
                return
        time.sleep(0.05)
    raise AssertionError(f"{found} did not become {expected}")


def test_retrieve_watch_follows_what_people_do_and_catches_up_after_a_restart(photos, tmp_path):
    where = tmp_path / "collection"
    arguments = ("watch", photos, "--collection", where, "--debounce", 0.1, "--time-limit", 20)
    program = Program(*arguments)
    try:
        _until(where, ALL)
        (photos / "a.jpg").unlink()
        (photos / "new" / "deep").mkdir(parents=True)
        (photos / "new" / "deep" / "d.jpg").write_text("leo")
        (photos / "e.jpg").write_text("crash")
        _until(where, [*ALL[1:], ("d.jpg", "leo")])
        (photos / "new").rename(photos / "old")
        (photos / "old" / "deep" / "d.jpg").write_text("leo mia")
        _until(where, [*ALL[1:], ("d.jpg", "leo"), ("d.jpg", "mia")])
        photos.rename(tmp_path / "away")
        (tmp_path / "away" / "a.jpg").write_text("ana")
        shutil.rmtree(tmp_path / "away" / "old")
        (tmp_path / "away").rename(photos)
        _until(where, ALL)
        (photos / os.fsdecode(b"ni\xf1o.jpg")).write_text("nino")
        _until(where, [*ALL, (os.fsdecode(b"ni\xf1o.jpg"), "nino")])
        code, text = program.end(signal.SIGINT)
    finally:
        program.kill()
    assert code == 130, text
    assert "crashed its process" in text
    assert "Traceback" not in text
    (photos / os.fsdecode(b"ni\xf1o.jpg")).unlink()
    (photos / "b.jpg").rename(photos / "trip" / "b.jpg")
    program = Program(*arguments, "--json")
    try:
        _until(where, ALL)
        code, text = program.end(signal.SIGTERM)
    finally:
        program.kill()
    assert code == 0, text
    (first, *_) = [json.loads(line) for line in text.splitlines() if line.startswith("{")]
    assert (first["collection"], first["moved"]) == (str(where), 1)
