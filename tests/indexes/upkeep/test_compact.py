"""Compacting moves rows and changes no answer."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pretend
import pytest
import small

from retrieve.errors import CollectionError
from retrieve.indexes.catalog.database import writing
from retrieve.indexes.catalog.paths import Found
from retrieve.indexes.collection import open_collection
from retrieve.indexes.search import ann, fastscan, traces
from retrieve.indexes.upkeep import compact
from retrieve.indexes.upkeep.forget import forget
from retrieve.indexes.vectors import segments, spaces


@pytest.fixture
def collection(tmp_path):
    with small.opened(tmp_path / "collection") as opened:
        yield opened


@pytest.fixture
def short_segments(monkeypatch):
    """So that a few rows are several segments and several blocks."""
    for module in (segments, compact):
        monkeypatch.setattr(module, "SEGMENT_ROWS", 4)
    monkeypatch.setattr(compact, "BLOCK_SEGMENTS", 2)


def _answers(collection) -> dict[int, tuple[str, float]]:
    """Of every stored face: the word that its embedding is of, and the path a search shows."""
    answers = {}
    for face in collection.catalog.faces(range(1000)).values():
        word = small.word(collection.catalog.crop(face.id))
        (hit,) = [h for h in _nearest(collection, word) if h.face_id == face.id]
        answers[face.id] = (word, str(hit.path), round(hit.score, 5))
    return answers


def _nearest(collection, word):
    return collection.nearest(pretend.embedding(word), k=3)[0]


def _rows(collection):
    return [row for (row,) in collection.db.execute("SELECT row FROM faces ORDER BY id")]


def _files(collection):
    return sorted(path.name for path in collection.path.glob("*.f32"))


@pytest.mark.parametrize("seed", range(4))
def test_every_answer_is_as_before_and_no_dead_row_is_left(collection, short_segments, seed):
    rng = np.random.default_rng(seed)
    for i in range(12):
        words = " ".join(f"w{i}-{j}" for j in range(rng.integers(0, 5)))
        small.add(collection, f"/p/{i:02}.jpg", words)
    for i in rng.choice(12, 5, replace=False):
        forget(collection, paths=[Path(f"/p/{i:02}.jpg")])
    before, faces = _answers(collection), collection.catalog.counts()["faces"]
    dead = len(collection.faces.dead())
    done = compact.compact(collection)
    assert (done.rows, done.photos, done.faces) == (dead, 0, 0)
    assert _answers(collection) == before
    assert _rows(collection) == list(range(faces))
    assert len(collection.faces.dead()) == 0
    assert collection.faces.damaged() == []
    assert sum(s.rows for s in segments.segments(collection.db, "faces")) == faces
    assert _files(collection) == (["faces.1.f32"] if faces and dead else _files(collection))
    assert (collection.path / _files(collection)[0]).stat().st_size == faces * 32 * 4


def test_ids_stay_and_new_faces_go_on_behind(collection):
    small.add(collection, "/p/a.jpg", "a b")
    _, last = small.add(collection, "/p/b.jpg", "c d")
    forget(collection, paths=[Path("/p/a.jpg")])
    compact.compact(collection)
    assert small.add(collection, "/p/e.jpg", "e") == [last + 1]
    assert _rows(collection) == [0, 1, 2]
    assert [_nearest(collection, word)[0].face_id for word in "cde"] == [3, 4, 5]
    assert collection.faces.damaged() == []


def test_a_collection_in_which_all_is_forgotten_is_empty_and_can_be_filled(collection):
    small.add(collection, "/p/a.jpg", "a b")
    forget(collection, paths=[Path("/p/a.jpg")])
    assert compact.compact(collection).rows == 2
    assert collection.faces.required().rows == 0
    small.add(collection, "/p/b.jpg", "c")
    assert _nearest(collection, "c")[0].score == pytest.approx(1, abs=1e-6)


def test_what_files_held_before_they_were_replaced_goes(collection):
    small.add(collection, "/p/a.jpg", "old")
    small.add(collection, "/p/b.jpg", "new")
    new = collection.catalog.path(Path("/p/b.jpg")).content_id
    with writing(collection.db):
        collection.catalog.put_path(Found(Path("/p/a.jpg"), 1, 2, 2), content_id=new, reason=None)
    done = compact.compact(collection)
    assert (done.photos, done.faces, done.paths, done.rows) == (1, 1, 0, 1)
    assert [word for word, *_ in _answers(collection).values()] == ["new"]


def test_what_is_gone_stays_until_it_is_asked_to_go(collection):
    """A drive that is not mounted costs nothing when it comes back."""
    small.add(collection, "/p/here.jpg", "here")
    small.add(collection, "/drive/away.jpg", "away", gone=True)
    known = collection.catalog.path(Path("/p/here.jpg")).content_id
    with writing(collection.db):
        copy = Found(Path("/drive/copy of here.jpg"), 1, 1, 1)
        collection.catalog.put_path(copy, content_id=known, reason=None)
        collection.db.execute("UPDATE paths SET gone = 1 WHERE path LIKE '/drive/copy%'")
    done = compact.compact(collection)
    assert (done.photos, done.paths, collection.catalog.counts()["gone"]) == (0, 0, 2)
    done = compact.compact(collection, gone=True)
    assert (done.photos, done.faces, done.paths, done.rows) == (1, 1, 2, 1)
    assert [word for word, *_ in _answers(collection).values()] == ["here"]


def test_it_says_how_much_smaller_the_files_are(collection):
    for i in range(40):
        small.add(collection, f"/p/{i}.jpg", " ".join(f"w{i}-{j}" for j in range(5)))
    forget(collection, paths=[Path(f"/p/{i}.jpg") for i in range(38)])
    before = (collection.path / "faces.f32").stat().st_size
    assert before == 200 * 128
    done = compact.compact(collection)
    size = sum(p.stat().st_size for p in collection.path.rglob("*") if p.is_file())
    assert done.after_bytes == size
    assert done.before_bytes - done.after_bytes >= 190 * 128


def test_damage_is_refused_and_nothing_changes(collection, short_segments):
    small.add(collection, "/p/a.jpg", "a b c d e f")
    small.add(collection, "/p/b.jpg", "g")
    forget(collection, paths=[Path("/p/b.jpg")])
    file = collection.path / "faces.f32"
    data = bytearray(file.read_bytes())
    data[5 * 128] ^= 64
    file.write_bytes(data)
    with pytest.raises(CollectionError, match=r"1 segment of faces .*retrieve repair"):
        compact.compact(collection)
    assert file.read_bytes() == bytes(data)
    assert _files(collection) == ["faces.f32"]
    assert collection.faces.required().generation == 0


def test_rows_that_do_not_ascend_with_ids_are_refused(collection):
    small.add(collection, "/p/a.jpg", "a b")
    with writing(collection.db):
        collection.db.execute("UPDATE faces SET row = 1 - row")
    with pytest.raises(CollectionError, match=r"do not fit together.*retrieve check"):
        compact.compact(collection)


def test_an_error_on_the_way_leaves_no_second_file(collection, monkeypatch):
    small.add(collection, "/p/a.jpg", "a")
    small.add(collection, "/p/b.jpg", "b")
    forget(collection, paths=[Path("/p/a.jpg")])

    def full(*_):
        assert _files(collection) == ["faces.1.f32", "faces.f32"]
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(compact, "_renumber", full)
    with pytest.raises(CollectionError, match="no space left"):
        compact.compact(collection)
    assert _files(collection) == ["faces.f32"]
    assert _nearest(collection, "b")[0].score == pytest.approx(1, abs=1e-6)


def test_who_holds_the_old_file_goes_on_and_searches_the_new_one_next(collection):
    small.add(collection, "/p/a.jpg", "a")
    small.add(collection, "/p/b.jpg", "b c")
    forget(collection, paths=[Path("/p/a.jpg")])
    with open_collection(collection.path) as reader:
        held = reader.faces.gallery()
        assert compact.compact(collection).rows == 1
        assert not (collection.path / "faces.f32").exists()
        assert held[1].tobytes() == pretend.embedding("b").tobytes()
        assert [(h.face_id, round(h.score, 5)) for h in _nearest(reader, "c")[:1]] == [(3, 1)]


def test_a_search_between_the_catalog_and_the_file_looks_again(collection, monkeypatch):
    small.add(collection, "/p/a.jpg", "a")
    small.add(collection, "/p/b.jpg", "b")
    forget(collection, paths=[Path("/p/a.jpg")])
    file_name = spaces.file_name

    def between(*arguments):
        monkeypatch.setattr(spaces, "file_name", file_name)
        with (
            open_collection(collection.path) as other,
            # The search has read the catalog, and that keeps the log from being cut.
            pytest.raises(CollectionError, match="has been reading"),
        ):
            compact.compact(other, patience_s=0)
        return file_name(*arguments)

    monkeypatch.setattr(spaces, "file_name", between)
    assert _nearest(collection, "b")[0].score == pytest.approx(1, abs=1e-6)
    assert collection.faces.required().generation == 1
    assert traces.finish(collection.db, collection.path)


def test_the_index_of_the_new_generation_is_made(collection, monkeypatch):
    monkeypatch.setattr(ann, "EXACT_BYTES", fastscan.FEWEST_ROWS * 32 * 4)
    small.add(collection, "/p/a.jpg", "a b c")
    small.add(collection, "/p/b.jpg", " ".join(f"w{i}" for i in range(40)))
    forget(collection, paths=[Path("/p/a.jpg")])
    (old,) = (collection.path / "cache").iterdir()
    compact.compact(collection)
    (new,) = (collection.path / "cache").iterdir()
    assert (old.name[:8], new.name[:8]) == ("faces.0.", "faces.1.")
    assert _nearest(collection, "w39")[0].score == pytest.approx(1, abs=1e-6)
    assert collection.engine.state == "indexed"
    assert collection.engine.recorded().covered == 40
