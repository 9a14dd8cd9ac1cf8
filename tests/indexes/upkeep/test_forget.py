"""What was forgotten is in no file; what was not is as it was."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pretend
import pytest
import small
from numpy.testing import assert_array_equal

from retrieve.errors import BadInput, CollectionError
from retrieve.indexes.catalog import persons
from retrieve.indexes.catalog.database import open_database, writing
from retrieve.indexes.catalog.paths import Found
from retrieve.indexes.collection import open_collection
from retrieve.indexes.people import statements
from retrieve.indexes.search import ann, fastscan, traces
from retrieve.indexes.upkeep import deletion, proof
from retrieve.indexes.upkeep.check import check
from retrieve.indexes.upkeep.forget import forget, would_forget
from retrieve.indexes.vectors.spaces import VectorSpace
from retrieve.unfinished import unfinished


@pytest.fixture
def collection(tmp_path):
    with small.opened(tmp_path / "collection") as opened:
        yield opened


@pytest.fixture
def same_process(monkeypatch):
    """Starting another one to read the files takes a second."""

    class Here:
        def __init__(self, *_, **__): ...
        def __enter__(self):
            return self

        def __exit__(self, *_): ...
        def submit(self, work, *arguments):
            self.result = lambda: work(*arguments)
            return self

    monkeypatch.setattr(proof, "ProcessPoolExecutor", Here)
    # POSIX locks do not matter where nobody else has the collection open.


def _crop(word: str) -> bytes:
    """As varied as a JPEG; each word has its own."""
    seed = int.from_bytes(word.encode(), "little")
    rng = np.random.default_rng(seed)
    return b"\xff\xd8\xff" + rng.integers(0, 255, 3600, dtype=np.uint8).tobytes()  # without markers


def _add(collection, path, words="", **about):
    ids = small.add(collection, path, words, **about)
    with writing(collection.db):
        for id, word in zip(ids, words.split(), strict=True):
            collection.db.execute("UPDATE crops SET jpeg = ? WHERE face_id = ?", [_crop(word), id])
    return ids


def _link(collection, path, like, reason=None):
    """Another path of a photo, or a skipped one."""
    known = None if like is None else collection.catalog.path(Path(like)).content_id
    with writing(collection.db):
        found = Found(Path(path), 5, 1, 1)
        collection.catalog.put_path(found, content_id=known, reason=reason)


def _bytes(collection, but: str = "") -> bytes:
    """Of all files, while the collection is open; read by another process for SQLite's locks."""
    return subprocess.run(
        ["find", str(collection.path), "-type", "f", "!", "-name", but, "-exec", "cat", "{}", "+"],
        capture_output=True,
        check=True,
    ).stdout


def _sha256(collection, path) -> bytes:
    query = "SELECT sha256 FROM contents JOIN paths ON content_id = contents.id WHERE path = ?"
    return collection.db.execute(query, [str(path)]).fetchone()[0].encode()


def _found(collection, word) -> list[str]:
    """Paths of the faces that are that word's."""
    hits = collection.nearest(pretend.embedding(word), k=100)[0]
    return sorted(str(hit.path) for hit in hits if hit.score > 0.999)


def _in_bytes(data: bytes, word: str) -> set[str]:
    """What of a face is in some bytes, by bytes.find(), which is not what is tested."""
    crop, row = _crop(word), pretend.embedding(word).tobytes()
    kinds = {
        "embedding": [row, row[:64], row[64:]],
        "crop": [crop[start : start + 24] for start in range(3, len(crop) - 24, 64)],
    }
    return {kind for kind, parts in kinds.items() if any(part in data for part in parts)}


def test_a_photo_is_forgotten_with_its_copies_and_no_byte_of_it_stays(collection):
    _add(collection, "/p/ana.jpg", "ana luis")
    _add(collection, "/p/eva.jpg", "eva")
    _link(collection, "/q/copy of ana.jpg", "/p/ana.jpg")
    sha256 = _sha256(collection, "/p/ana.jpg")
    before = _bytes(collection)
    assert _in_bytes(before, "ana") == _in_bytes(before, "luis") == {"embedding", "crop"}
    assert all(part in before for part in (sha256, b"/p/ana.jpg", b"/q/copy of ana.jpg"))
    done = forget(collection, paths=[Path("/p/ana.jpg")])
    assert (done.photos, done.faces) == (1, 2)
    assert done.paths == [Path("/p/ana.jpg"), Path("/q/copy of ana.jpg")]
    assert done.copies == [Path("/q/copy of ana.jpg")]
    after = _bytes(collection)
    assert _in_bytes(after, "ana") == _in_bytes(after, "luis") == set()
    assert not any(part in after for part in (sha256, b"ana.jpg"))
    assert _in_bytes(after, "eva") == {"embedding", "crop"}
    assert _found(collection, "eva") == ["/p/eva.jpg"]
    assert _found(collection, "ana") == []
    assert collection.faces.damaged() == []
    assert_array_equal(collection.faces.gallery()[:2], np.zeros((2, 32)))


def test_a_skipped_path_is_forgotten(collection):
    _link(collection, "/p/letter from the clinic.jpg", None, reason="not a JPEG: dear ana")
    _add(collection, "/p/eva.jpg", "eva")
    assert forget(collection, paths=[Path("/p/letter from the clinic.jpg")]).photos == 0
    data = _bytes(collection)
    assert b"clinic" not in data
    assert b"dear ana" not in data
    assert _found(collection, "eva") == ["/p/eva.jpg"]


def test_a_person_goes_with_name_and_faces_and_the_others_of_the_photo_stay(collection):
    first, other = _add(collection, "/p/both.jpg", "ana luis")
    (second,) = _add(collection, "/p/ana.jpg", "ana2")
    with writing(collection.db):
        statements.say_name(collection.db, "Ana García", [first, second])
        statements.say_name(collection.db, "Luis", [other])
    done = forget(collection, persons=["ana garcia"])
    assert (done.photos, done.faces, done.names, done.paths) == (0, 2, ["Ana García"], [])
    data = _bytes(collection)
    assert _in_bytes(data, "ana") == _in_bytes(data, "ana2") == set()
    assert "García".encode() not in data
    assert b"garcia" not in data
    assert [person.name for person in persons.persons(collection.db)] == ["Luis"]
    (hit,) = [h for h in collection.nearest(pretend.embedding("luis"))[0] if h.score > 0.99]
    assert (hit.face_id, hit.number, hit.person) == (other, 2, "Luis")
    assert collection.catalog.counts()["photos"] == 2


def test_a_name_goes_with_the_last_face_that_had_it(collection):
    (face,) = _add(collection, "/p/ana.jpg", "ana")
    _, luis = _add(collection, "/p/b.jpg", "b luis")
    (luis2,) = _add(collection, "/q/luis.jpg", "luis2")
    with writing(collection.db):
        statements.say_name(collection.db, "Ana", [face])
        statements.say_name(collection.db, "Luis", [luis, luis2])
    assert forget(collection, folders=[Path("/p")]).names == ["Ana"]
    assert [person.name for person in persons.persons(collection.db)] == ["Luis"]


def test_a_folder_is_forgotten_and_the_one_whose_name_goes_on_is_not(collection):
    _add(collection, "/p/a/1.jpg", "one")
    _add(collection, "/p/a/b/2.jpg", "two")
    _add(collection, "/p/ab/3.jpg", "three")
    _add(collection, "/p/a/b/gone.jpg", "gone", gone=True)
    done = forget(collection, folders=[Path("/p/a/")])
    assert [path.name for path in done.paths] == ["1.jpg", "2.jpg", "gone.jpg"]
    data = _bytes(collection)
    assert [word for word in ("one", "two", "gone", "three") if _in_bytes(data, word)] == ["three"]


def test_what_a_file_held_before_it_was_replaced_goes_too(collection):
    _add(collection, "/p/a.jpg", "old")
    _add(collection, "/p/new.jpg", "new")
    _link(collection, "/p/a.jpg", "/p/new.jpg")  # its content is that of new.jpg now
    _add(collection, "/p/eva.jpg", "eva")
    done = forget(collection, paths=[Path("/p/a.jpg")])
    assert (done.photos, done.replaced, done.faces) == (2, 1, 2)
    data = _bytes(collection)
    assert _in_bytes(data, "old") == _in_bytes(data, "new") == set()
    assert _found(collection, "eva") == ["/p/eva.jpg"]


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"paths": [Path("/p/a.jpg"), Path("/p/none.jpg")]}, "none.jpg is not in the collection"),
        ({"paths": [Path("/p")]}, "for all that is stored of it: retrieve forget --all-of /p"),
        ({"folders": [Path("/other")]}, "nothing of /other"),
        ({"persons": ["Ana"]}, "nobody is called 'Ana'"),
    ],
)
def test_what_is_not_stored_is_one_line_and_nothing_changes(collection, asked, said):
    _add(collection, "/p/a.jpg", "a")
    before = list(collection.db.conn.iterdump()), _bytes(collection, but="catalog*")
    for do in (forget, would_forget):
        with pytest.raises(BadInput, match=said):
            do(collection, **asked)
    assert (list(collection.db.conn.iterdump()), _bytes(collection, but="catalog*")) == before


def test_what_would_be_forgotten_is_what_is_and_looking_changes_nothing(collection):
    _add(collection, "/p/a.jpg", "a b")
    _link(collection, "/q/a.jpg", "/p/a.jpg")
    before = _bytes(collection, but="*-shm")
    with open_collection(collection.path, read_only=True) as frozen:
        plan = would_forget(frozen, paths=[Path("/p/a.jpg")])
        with pytest.raises(CollectionError, match="read only"):
            forget(frozen, paths=[Path("/p/a.jpg")])
    assert _bytes(collection, but="*-shm") == before
    assert plan == forget(collection, paths=[Path("/p/a.jpg")])


def test_paths_that_are_not_utf_8_are_forgotten(collection):
    path = Path("/p/caf\udce9 au lait.jpg")
    _add(collection, path, "a")
    assert b"caf\xe9 au lait" in _bytes(collection)
    assert forget(collection, paths=[path]).paths == [path]
    assert b"au lait" not in _bytes(collection)


def test_ids_are_never_given_twice(collection):
    *_, last = _add(collection, "/p/a.jpg", "a b c")
    forget(collection, paths=[Path("/p/a.jpg")])
    assert _add(collection, "/p/b.jpg", "d") == [last + 1]
    assert _found(collection, "d") == ["/p/b.jpg"]


def test_nothing_lingers_in_a_catalog_that_was_changed_a_thousand_times(collection):
    """SQLite moves rows between pages and leaves copies of some."""
    rng = np.random.default_rng(1)
    deep = ["x" * int(n) for n in rng.integers(0, 900, 400)]
    for batch in range(4):
        with writing(collection.db):
            for i in range(batch * 100, batch * 100 + 100):
                collection.db.execute(
                    "INSERT INTO contents (sha256, size_bytes, kind, title, warnings) "
                    "VALUES (?, 1, 'photo', '', '[]')",
                    [rng.bytes(32).hex()],
                )
                collection.catalog.put_path(
                    Found(Path(f"/{i % 2}/{rng.bytes(8).hex()}/{deep[i]}.jpg"), 1, 1, 1),
                    content_id=i + 1,
                    reason=None,
                )
    query = "SELECT path, sha256 FROM paths JOIN contents ON contents.id = content_id ORDER BY path"
    rows = collection.db.execute(query).fetchall()
    forget(collection, folders=[Path("/0")])
    data = _bytes(collection)
    for path, sha256 in rows:
        stays = path.startswith("/1/")
        assert (path.encode()[:20] in data, sha256.encode() in data) == (stays, stays)


def test_an_index_of_forgotten_faces_is_made_anew(collection, monkeypatch):
    monkeypatch.setattr(ann, "EXACT_BYTES", fastscan.FEWEST_ROWS * 32 * 4)
    _add(collection, "/p/a.jpg", " ".join(f"w{i}" for i in range(40)))
    _add(collection, "/p/b.jpg", "eva")
    assert collection.engine.build()
    (old,) = (collection.path / "cache").iterdir()
    forget(collection, paths=[Path("/p/b.jpg")])
    (new,) = (collection.path / "cache").iterdir()
    assert new.name != old.name
    assert _found(collection, "w7") == ["/p/a.jpg"]
    assert collection.engine.state == "indexed"
    assert _found(collection, "eva") == []


def test_an_index_that_was_in_the_making_is_not_kept(collection, monkeypatch):
    monkeypatch.setattr(ann, "EXACT_BYTES", fastscan.FEWEST_ROWS * 32 * 4)
    _add(collection, "/p/a.jpg", " ".join(f"w{i}" for i in range(40)))
    _add(collection, "/p/b.jpg", "eva")
    train = fastscan.train

    def trained(*arguments, **more):
        made = train(*arguments, **more)
        monkeypatch.setattr(fastscan, "train", train)
        with open_collection(collection.path) as other:
            forget(other, paths=[Path("/p/b.jpg")])
        return made

    monkeypatch.setattr(fastscan, "train", trained)
    assert not collection.engine.build()
    assert len(list((collection.path / "cache").iterdir())) == 1
    assert not collection.engine.build()  # the other one's is there and used


def _die_after_the_commit(collection, path):
    """What a process does that is killed when its transaction is committed."""
    with writing(collection.db):
        deletion.remove(collection, deletion.chosen(collection.db, paths=[Path(path)]))


def test_the_next_writer_finishes_what_one_that_died_began(collection):
    _add(collection, "/p/ana.jpg", "ana")
    _add(collection, "/p/eva.jpg", "eva")
    _die_after_the_commit(collection, "/p/ana.jpg")
    assert _in_bytes(_bytes(collection), "ana") == {"embedding", "crop"}
    assert traces.pending(collection.db)
    assert traces.finish(collection.db, collection.path)
    assert not traces.pending(collection.db)
    assert _in_bytes(_bytes(collection), "ana") == set()
    assert _found(collection, "eva") == ["/p/eva.jpg"]


def test_a_half_overwritten_row_is_no_damage_and_a_flipped_bit_beside_it_is(collection):
    _add(collection, "/p/ana.jpg", "ana luis")
    _add(collection, "/p/eva.jpg", "eva")
    _die_after_the_commit(collection, "/p/ana.jpg")
    file = collection.path / "faces.f32"
    data = bytearray(file.read_bytes())
    data[: 128 + 40] = bytes(128 + 40)
    file.write_bytes(data)
    assert collection.faces.damaged() == []
    data[2 * 128 + 7] ^= 1
    file.write_bytes(data)
    assert [segment.first for segment in collection.faces.damaged()] == [0]
    assert collection.faces.wipe() == 2
    assert [segment.first for segment in collection.faces.damaged()] == [0]


def test_copies_behind_the_committed_rows_go_too(collection):
    _add(collection, "/p/ana.jpg", "ana")
    with (collection.path / "faces.f32").open("ab") as file:
        file.write(pretend.embedding("ana").tobytes())  # of a writer that died
    forget(collection, paths=[Path("/p/ana.jpg")])
    assert _in_bytes(_bytes(collection), "ana") == set()


def test_a_reader_that_does_not_end_is_told_and_the_next_writer_completes(collection):
    _add(collection, "/p/ana.jpg", "ana")
    with open_collection(collection.path) as reader:
        reader.db.execute("BEGIN")
        reader.catalog.counts()
        with pytest.raises(CollectionError, match=r"another process has been reading.*repair"):
            forget(collection, paths=[Path("/p/ana.jpg")], patience_s=0)
        assert _found(collection, "ana") == []
        assert "crop" in _in_bytes(_bytes(collection), "ana")
        assert not traces.finish(collection.db, collection.path)
        reader.db.execute("COMMIT")
        assert traces.finish(collection.db, collection.path)
    assert _in_bytes(_bytes(collection), "ana") == set()


def test_a_vector_file_that_is_short_does_not_hinder_forgetting(collection):
    _add(collection, "/p/ana.jpg", "ana")
    _add(collection, "/p/eva.jpg", "eva")
    file = collection.path / "faces.f32"
    file.write_bytes(file.read_bytes()[:200])
    forget(collection, paths=[Path("/p/ana.jpg"), Path("/p/eva.jpg")])
    assert _in_bytes(_bytes(collection), "ana") == set()
    file.unlink()
    _link(collection, "/p/x.jpg", None, reason="bad")
    forget(collection, paths=[Path("/p/x.jpg")])
    assert not file.exists()


# The proof


def test_the_proof_reads_every_file_in_another_process(collection):
    (face,) = _add(collection, "/p/ana.jpg", "ana")
    _add(collection, "/p/eva.jpg", "eva")
    with writing(collection.db):
        statements.say_name(collection.db, "Ana", [face])
    (collection.path / "cache").mkdir()
    (collection.path / "cache" / "kept by somebody").write_bytes(b"xx" + _crop("ana")[2000:2300])
    done = forget(collection, paths=[Path("/p/ana.jpg")], verify=True)
    kinds = {"SHA-256": 1, "path": 1, "name": 1, "landmarks": 1, "embedding": 2, "crop": 29}
    kinds["statement"] = 2  # the face as the log names it, and behind the name
    shared = done.proof.shared  # eva's landmarks are the same
    assert done.proof.looked_for == {k: n for k, n in kinds.items() if k != "landmarks"}
    assert (shared, done.proof.plain) == (1, 0)
    assert {(t.kind, t.what, t.file) for t in done.proof.traces} == {
        ("crop", f"face {face}", "cache/kept by somebody")
    }
    assert len(done.proof.traces) == 2
    sizes = [p.stat().st_size for p in collection.path.rglob("*") if p.is_file()]
    assert done.proof.files == len(sizes)


@pytest.mark.parametrize("kind", ["SHA-256", "path", "name", "landmarks", "embedding", "crop"])
def test_the_proof_finds_each_kind(collection, same_process, kind):
    (face,) = _add(collection, "/p/ana.jpg", "ana")
    with writing(collection.db):
        statements.say_name(collection.db, "Ana", [face])
    kept = {
        "SHA-256": _sha256(collection, "/p/ana.jpg"),
        "path": b"/p/ana.jpg",
        "name": b"\x00\x13\x13\x08Anaana",
        "landmarks": (np.arange(10, dtype="<f4") / 3).tobytes(),
        "embedding": pretend.embedding("ana").tobytes()[60:],
        "crop": _crop("ana")[900:1060],
    }[kind]
    if kind == "name":
        kept = bytes([5]) + kept
    (collection.path / "kept").write_bytes(b"before" + kept + b"behind")
    done = forget(collection, paths=[Path("/p/ana.jpg")], verify=True)
    assert {trace.kind for trace in done.proof.traces} == {kind}
    assert {trace.file for trace in done.proof.traces} == {"kept"}
    assert done.proof.traces[0].offset >= len(b"before")


@pytest.mark.parametrize(
    ("broken", "kinds"),
    [
        ((VectorSpace, "wipe_now", lambda self: 0), {"embedding"}),
        ((traces, "cut_log", lambda db, patience_s: True), {"SHA-256", "path", "crop", "name"}),
    ],
)
def test_the_proof_notices_what_was_left_out(collection, same_process, monkeypatch, broken, kinds):
    (face,) = _add(collection, "/p/ana.jpg", "ana")
    with writing(collection.db):
        statements.say_name(collection.db, "Ana García", [face])
    monkeypatch.setattr(*broken)
    done = forget(collection, paths=[Path("/p/ana.jpg")], verify=True)
    assert {trace.kind for trace in done.proof.traces} >= kinds


def test_what_remains_elsewhere_is_no_trace(collection, same_process):
    """The same picture in two files of different bytes, and a path that goes on from another."""
    _add(collection, "/p/ana.jpg", "ana")
    _add(collection, "/p/ana.jpg.bak", "ana")
    done = forget(collection, paths=[Path("/p/ana.jpg")], verify=True)
    assert done.proof.traces == []
    assert done.proof.looked_for == {"SHA-256": 1}
    assert done.proof.shared > 30
    assert _found(collection, "ana") == ["/p/ana.jpg.bak"]


# Others at work


def test_a_photo_that_is_forgotten_while_its_copy_is_being_linked_stays_forgotten(
    collection, tmp_path
):
    folder = tmp_path / "photos"
    folder.mkdir()
    (folder / "a.jpg").write_text("ana")
    small.index(collection, folder)
    (folder / "copy.jpg").write_text("ana")
    (folder / "z.jpg").write_text("zoe")

    def extractor(paths):
        for found, outcome in pretend.extractor(paths):
            if found.path.name == "z.jpg":  # the copy was looked at and waits
                with open_collection(collection.path) as other:
                    forget(other, paths=[folder / "a.jpg"])
            yield found, outcome

    small.index(collection, folder, extractor)
    assert _found(collection, "ana") == []
    assert collection.db.execute("PRAGMA foreign_key_check").fetchall() == []
    small.index(collection, folder)  # its files are still there
    assert _found(collection, "ana") == [str(folder / "a.jpg")]


def test_backups_of_the_catalog_that_others_hold_open_see_the_forgetting(collection, tmp_path):
    """A second connection goes on reading, before and after."""
    _add(collection, "/p/ana.jpg", "ana")
    _add(collection, "/p/eva.jpg", "eva")
    with open_collection(collection.path) as reader:
        assert _found(reader, "ana") == ["/p/ana.jpg"]
        forget(collection, paths=[Path("/p/ana.jpg")])
        assert _found(reader, "ana") == []
        assert _found(reader, "eva") == ["/p/eva.jpg"]
    copy = Path(shutil.copytree(collection.path, tmp_path / "copy"))
    db = open_database(copy / "catalog.sqlite")
    assert db.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    db.conn.close()


def test_what_is_being_written_elsewhere_is_looked_through(collection, tmp_path, same_process):
    _add(collection, "/album/secret place.jpg", "ana")
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    with unfinished(elsewhere, noted_in=collection.path) as content:  # somebody's backup
        (content / "tar").write_bytes(b"\0" * 100 + b"/album/secret place.jpg")
        done = forget(collection, paths=[Path("/album/secret place.jpg")], verify=True)
    (trace,) = done.proof.traces
    assert (trace.kind, trace.file, trace.offset) == ("path", str(content / "tar"), 100)


def test_what_the_dead_left_goes_with_what_is_forgotten(collection, tmp_path, same_process):
    _add(collection, "/album/secret place.jpg", "ana")
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    pid = os.fork()
    if pid == 0:
        with unfinished(elsewhere, noted_in=collection.path) as content:
            (content / "tar").write_bytes(b"/album/secret place.jpg")
            os._exit(0)
    os.waitpid(pid, 0)
    assert [str(elsewhere) in finding.what for finding in check(collection)] == [True]
    done = forget(collection, paths=[Path("/album/secret place.jpg")], verify=True)
    assert done.proof.traces == []
    assert list(elsewhere.iterdir()) == []
    assert check(collection) == []


def test_captions_that_say_a_forgotten_name_are_told(tmp_path, same_process):
    photos = tmp_path / "photos"
    photos.mkdir()
    (photos / "one.jpg").write_text("ana")
    (photos / "one.txt").write_text("La abuela ANÁ Núñez en la playa")
    (photos / "letter.md").write_text("Ana Núñez escribe; Ana Nuñezia no.")
    (photos / "other.md").write_text("Mariana Núñez y Ana")
    with small.opened(tmp_path / "collection") as opened:
        small.index_all(opened, photos)
        with writing(opened.db):
            statements.say_name(opened.db, "Ana Núñez", [small.face_of(opened, "ana")])
        done = forget(opened, persons=["ana nunez"], verify=True)
    told = {(one.name, one.kind, one.path.name) for one in done.said}
    assert told == {("Ana Núñez", "caption", "one.jpg"), ("Ana Núñez", "text", "letter.md")}
    assert done.proof.traces == []
