"""A collection of texts alone lives as one of faces does: backed up, forgotten, compacted."""

from __future__ import annotations

from pathlib import Path

import noted
import pretend
import pytest
import small
from noted import (
    DIM_BYTES,
    SECRET,
    all_bytes,
    forget_and_die,
    found,
    index,
    parts,
    vectors_right,
    write_notes,
)

from retrieve.errors import CollectionError
from retrieve.indexes.collection import open_collection
from retrieve.indexes.exchange.exports import export
from retrieve.indexes.queries.modes import Mode
from retrieve.indexes.search import ann, fastscan
from retrieve.indexes.upkeep import check, compact, proof, repair
from retrieve.indexes.upkeep.backup import backup
from retrieve.indexes.upkeep.check import check as check_now
from retrieve.indexes.upkeep.compact import compact as compact_now
from retrieve.indexes.upkeep.forget import forget, would_forget
from retrieve.indexes.upkeep.restore import restore
from retrieve.indexes.vectors import segments
from retrieve.text.stemming import stems


@pytest.fixture(autouse=True)
def short_segments(monkeypatch):
    for module in (segments, compact, check, repair):
        monkeypatch.setattr(module, "SEGMENT_ROWS", 4)


@pytest.fixture
def notes(tmp_path):
    return write_notes(tmp_path / "notes")


@pytest.fixture
def collection(tmp_path, notes):
    """Ten passages in three segments."""
    with noted.opened(tmp_path / "collection", notes) as opened:
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


def _content(folder):
    """Every row of every table of ours, and the embeddings."""
    with open_collection(folder) as opened:
        tables = opened.db.execute(
            "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'stems_%'"
        ).fetchall()
        rows = {
            name: sorted(map(repr, opened.db.execute(f"SELECT * FROM {name}")))
            for (name,) in tables
        }
        return rows, opened.texts.vectors.gallery().tobytes()


def test_it_has_no_faces_and_says_what_it_holds(collection):
    info = collection.info()
    assert (info.space, info.counts["texts"], info.counts["passages"]) == (None, 10, 10)
    assert (info.counts["photos"], info.counts["faces"]) == (0, 0)
    assert not list(collection.path.glob("faces*"))
    assert check_now(collection) == []
    with pytest.raises(CollectionError, match="no photo was indexed"):
        collection.nearest(pretend.embedding("ana"))


def test_a_backup_of_it_is_restored_equal(collection, tmp_path):
    backup(collection, tmp_path / "texts.tar")
    restore(tmp_path / "texts.tar", tmp_path / "restored")
    assert _content(tmp_path / "restored") == _content(collection.path)
    with open_collection(tmp_path / "restored") as opened:
        opened.texts.use(pretend.TextEncoder())
        assert vectors_right(opened) == 10
        assert found(opened, "historial") == ["secret.txt"]
        assert check_now(opened) == []


def test_a_backup_of_what_is_being_forgotten_holds_no_word_of_it(collection, notes, tmp_path):
    forget_and_die(collection, notes / "secret.txt")
    assert any(part in all_bytes(collection.path) for part in parts(SECRET))
    backup(collection, tmp_path / "texts.tar")
    data = (tmp_path / "texts.tar").read_bytes()
    assert [part for part in parts(SECRET) if part in data] == []
    restore(tmp_path / "texts.tar", tmp_path / "restored")
    with open_collection(tmp_path / "restored") as opened:
        assert check_now(opened) == []
        assert opened.catalog.counts()["passages"] == 9


def test_what_is_forgotten_is_in_no_file_and_its_words_are_in_no_index(collection, notes):
    before = all_bytes(collection.path)
    assert all(part in before for part in parts(SECRET))
    plan = would_forget(collection, paths=[notes / "secret.txt"])
    done = forget(collection, paths=[notes / "secret.txt"])
    assert done == plan
    assert (done.texts, done.passages, done.photos, done.faces) == (1, 1, 0, 0)
    after = all_bytes(collection.path)
    assert [part for part in parts(SECRET) if part in after] == []
    assert collection.texts.passages.frequencies(stems(SECRET)) == {}
    assert found(collection, "boda") == [f"{i}.txt" for i in range(9)]
    assert vectors_right(collection) == 9
    assert check_now(collection) == []


def test_a_caption_that_was_replaced_is_in_no_file_once_something_is_forgotten(
    collection, tmp_path, notes
):
    with small.opened(collection.path) as both:
        folder = tmp_path / "album"
        folder.mkdir()
        (folder / "a.jpg").write_text("ana")
        (folder / "a.txt").write_text(SECRET.replace("Xilofonte", "Zurbaranico"))
        small.index_all(both, folder)
        (folder / "a.txt").write_text("Nada que decir.")
        small.index_all(both, folder)
        forget(both, paths=[notes / "secret.txt"])
        after = all_bytes(both.path)
        assert [part for part in (*parts(SECRET), b"baranico") if part in after] == []
        assert check_now(both) == []


def test_forgetting_a_photo_forgets_its_captions(collection, tmp_path):
    with small.opened(collection.path) as both:
        folder = tmp_path / "album"
        folder.mkdir()
        (folder / "a.jpg").write_text("ana")
        (folder / "a.txt").write_text(SECRET.replace("Xilofonte", "Zurbaranico"))
        small.index_all(both, folder)
        done = forget(both, paths=[folder / "a.jpg"])
        assert (done.photos, done.texts, done.passages) == (1, 0, 2)
        assert b"baranico" not in all_bytes(both.path)
        assert found(both, "historial") == ["secret.txt"]


def test_the_proof_looks_for_texts_words_and_embeddings(collection, notes, same_process):
    done = forget(collection, paths=[notes / "secret.txt"], verify=True)
    assert done.proof.traces == []
    assert done.proof.looked_for == {
        "SHA-256": 1,
        "path": 1,
        "text": 2,
        "words": 1,
        "embedding": 1,
    }


@pytest.mark.parametrize(
    ("kind", "kept"),
    [
        ("text", SECRET.encode()[-70:]),
        ("words", " ".join(stems(SECRET)).encode()),
        ("embedding", pretend.TextEncoder().embed([SECRET]).tobytes()),
    ],
)
def test_the_proof_finds_what_is_left_of_a_text(collection, notes, same_process, kind, kept):
    (collection.path / "kept").write_bytes(b"before" + kept + b"behind")
    done = forget(collection, paths=[notes / "secret.txt"], verify=True)
    assert {(trace.kind, trace.file) for trace in done.proof.traces} == {(kind, "kept")}


def test_the_proof_looks_for_the_title_that_a_text_states(collection, tmp_path, same_process):
    page = tmp_path / "page.html"
    page.write_text("<title>Diagnóstico reservado</title><p>Nada que decir aquí.</p>")
    collection.update([page], pretend.extractor, photos=False)
    (collection.path / "kept").write_bytes("de Diagnóstico reservado y".encode())
    done = forget(collection, paths=[page], verify=True)
    assert {trace.kind for trace in done.proof.traces} == {"title"}


def test_what_another_text_says_as_well_is_no_trace(collection, notes, same_process):
    (notes / "copy.md").write_text(f"# Otra\n\n{SECRET}\n")
    index(collection, notes)
    done = forget(collection, paths=[notes / "secret.txt"], verify=True)
    assert done.proof.traces == []
    assert done.proof.shared > 0
    assert found(collection, "historial") == ["copy.md"]


def test_compacting_drops_dead_rows_and_replaced_texts_and_changes_no_answer(collection, notes):
    forget(collection, paths=[notes / "3.txt"])
    (notes / "3.txt").unlink()
    (notes / "secret.txt").write_text("Ya no hay nada.")
    index(collection, notes)
    before = found(collection, "boda")
    done = compact_now(collection)
    assert (done.texts, done.photos, done.passages, done.rows) == (1, 0, 1, 2)
    assert collection.texts.vectors.required().rows == 9
    assert found(collection, "boda") == before
    assert vectors_right(collection) == 9
    after = all_bytes(collection.path)
    assert [part for part in parts(SECRET) if part in after] == []
    assert check_now(collection) == []
    assert [path.name for path in collection.path.glob("*.f32")] == ["passages.1.f32"]


def test_it_is_searched_and_checked_where_nothing_can_be_written(collection):
    before = all_bytes(collection.path)
    with open_collection(collection.path, read_only=True) as frozen:
        frozen.texts.use(pretend.TextEncoder())
        for mode in Mode:
            assert "secret.txt" in found(frozen, "historial", mode)
        assert check_now(frozen) == []
        with pytest.raises(CollectionError, match="read only"):
            forget(frozen, folders=[Path("/")])
    assert all_bytes(collection.path) == before


def test_an_index_of_passages_is_made_used_and_dropped_with_what_is_forgotten(
    collection, notes, monkeypatch
):
    monkeypatch.setattr(ann, "EXACT_BYTES", fastscan.FEWEST_ROWS * DIM_BYTES)
    for i in range(40):
        (notes / f"more{i}.txt").write_text(f"El olivo {i} da aceituna.")
    index(collection, notes)
    (old,) = (collection.path / "cache").iterdir()
    assert old.name.startswith("passages.")
    found = collection.search_texts("El olivo 7 da aceituna.", mode=Mode.MEANING, k=1)
    assert (found[0].path.name, collection.texts.engine.state) == ("more7.txt", "indexed")
    forget(collection, paths=[notes / "more7.txt"])
    (new,) = (collection.path / "cache").iterdir()
    assert new.name != old.name
    assert check_now(collection) == []


def test_exports_of_faces_leave_texts_out(collection, tmp_path):
    with small.opened(collection.path) as both:
        folder = tmp_path / "album"
        folder.mkdir()
        (folder / "a.jpg").write_text("ana")
        (folder / "a.txt").write_text("Ana en la playa.")
        small.index_all(both, folder)
        export(both, tmp_path / "faces.jsonl")
    lines = (tmp_path / "faces.jsonl").read_text().splitlines()
    assert len(lines) == 2  # the header and one face
    assert "playa" not in lines[1]
