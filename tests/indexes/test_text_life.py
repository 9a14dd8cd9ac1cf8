"""A collection of texts alone lives as one of faces does: checked, backed up, forgotten, mended."""

from __future__ import annotations

import subprocess
from pathlib import Path

import numpy as np
import pretend
import pytest
import small
from numpy.testing import assert_array_equal

from indexes import ann, check, compact, deletion, fastscan, proof, repair, segments
from indexes.backup import backup
from indexes.check import check as check_now
from indexes.collection import open_collection
from indexes.compact import compact as compact_now
from indexes.database import writing
from indexes.exports import export
from indexes.forget import forget, would_forget
from indexes.modes import Mode
from indexes.repair import repair as repair_now
from indexes.restore import restore
from indexes.textsearch import search_texts
from retrieval.errors import CollectionError
from retrieval.text.stemming import stems

DIM_BYTES = pretend.TextEncoder.dim * 4
SECRET = "La clínica de Xilofonte guarda el historial de Wenceslada Quijórnez desde el año pasado."


@pytest.fixture(autouse=True)
def short_segments(monkeypatch):
    for module in (segments, compact, check, repair):
        monkeypatch.setattr(module, "SEGMENT_ROWS", 4)


@pytest.fixture
def notes(tmp_path):
    folder = tmp_path / "notes"
    folder.mkdir()
    for i in range(9):
        (folder / f"{i}.txt").write_text(f"La boda número {i} fue en Zaragoza.")
    (folder / "secret.txt").write_text(SECRET)
    return folder


@pytest.fixture
def collection(tmp_path, notes):
    """Ten passages in three segments, of texts alone."""
    with open_collection(tmp_path / "collection", create=True) as opened:
        opened.texts.use(pretend.TextEncoder())
        _index(opened, notes)
        yield opened


def _index(collection, folder):
    """As Collection.index() does where no photo is there, in this process."""
    return collection.update([folder], pretend.extractor, photos=False)


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


def _bytes(folder: Path) -> bytes:
    """Of all files; read by another process for SQLite's locks."""
    return subprocess.run(
        ["find", str(folder), "-type", "f", "-exec", "cat", "{}", "+"],
        capture_output=True,
        check=True,
    ).stdout


def _parts(text: str) -> list[bytes]:
    """Of a text, its stems and its embedding; of rare words what no other one begins with."""
    row = pretend.TextEncoder().embed([text])[0].tobytes()
    rare = [stem.encode() for stem in stems(text) if len(stem) > 7]
    assert len(rare) == 3
    return [text.encode()[:40], " ".join(stems(text)).encode(), row, row[:32]] + [
        stem[3:] for stem in rare
    ]


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


def _vectors_right(collection):
    gallery = collection.texts.vectors.gallery()
    stored = collection.texts.passages.at(range(len(gallery)))
    for row, one in stored.items():
        assert_array_equal(gallery[row], pretend.TextEncoder().embed([one.passage.text])[0])
    return len(stored)


def _found(collection, query, mode=Mode.BM25):
    return sorted(hit.path.name for hit in search_texts(collection, query, mode=mode))


def _told(collection):
    return [finding.what for finding in check_now(collection)]


def test_it_has_no_faces_and_says_what_it_holds(collection):
    info = collection.info()
    assert (info.space, info.counts["texts"], info.counts["passages"]) == (None, 10, 10)
    assert (info.counts["photos"], info.counts["faces"]) == (0, 0)
    assert not list(collection.path.glob("faces*"))
    assert check_now(collection) == []
    with pytest.raises(CollectionError, match="nothing was indexed"):
        collection.nearest(pretend.embedding("ana"))


def test_a_backup_of_it_is_restored_equal(collection, tmp_path):
    backup(collection, tmp_path / "texts.tar")
    restore(tmp_path / "texts.tar", tmp_path / "restored")
    assert _content(tmp_path / "restored") == _content(collection.path)
    with open_collection(tmp_path / "restored") as opened:
        opened.texts.use(pretend.TextEncoder())
        assert _vectors_right(opened) == 10
        assert _found(opened, "historial") == ["secret.txt"]
        assert check_now(opened) == []


def _forget_and_die(collection, path):
    """What a process does that is killed when its transaction is committed."""
    with writing(collection.db):
        deletion.remove(collection, deletion.chosen(collection.db, paths=[path]))


def test_a_backup_of_what_is_being_forgotten_holds_no_word_of_it(collection, notes, tmp_path):
    _forget_and_die(collection, notes / "secret.txt")
    assert any(part in _bytes(collection.path) for part in _parts(SECRET))
    backup(collection, tmp_path / "texts.tar")
    data = (tmp_path / "texts.tar").read_bytes()
    assert [part for part in _parts(SECRET) if part in data] == []
    restore(tmp_path / "texts.tar", tmp_path / "restored")
    with open_collection(tmp_path / "restored") as opened:
        assert check_now(opened) == []
        assert opened.catalog.counts()["passages"] == 9


def test_what_is_forgotten_is_in_no_file_and_its_words_are_in_no_index(collection, notes):
    before = _bytes(collection.path)
    assert all(part in before for part in _parts(SECRET))
    plan = would_forget(collection, paths=[notes / "secret.txt"])
    done = forget(collection, paths=[notes / "secret.txt"])
    assert done == plan
    assert (done.texts, done.passages, done.photos, done.faces) == (1, 1, 0, 0)
    after = _bytes(collection.path)
    assert [part for part in _parts(SECRET) if part in after] == []
    assert collection.texts.passages.frequencies(stems(SECRET)) == {}
    assert _found(collection, "boda") == [f"{i}.txt" for i in range(9)]
    assert _vectors_right(collection) == 9
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
        after = _bytes(both.path)
        assert [part for part in (*_parts(SECRET), b"baranico") if part in after] == []
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
        assert b"baranico" not in _bytes(both.path)
        assert _found(both, "historial") == ["secret.txt"]


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
    _index(collection, notes)
    done = forget(collection, paths=[notes / "secret.txt"], verify=True)
    assert done.proof.traces == []
    assert done.proof.shared > 0
    assert _found(collection, "historial") == ["copy.md"]


def test_compacting_drops_dead_rows_and_replaced_texts_and_changes_no_answer(collection, notes):
    forget(collection, paths=[notes / "3.txt"])
    (notes / "3.txt").unlink()
    (notes / "secret.txt").write_text("Ya no hay nada.")
    _index(collection, notes)
    before = _found(collection, "boda")
    done = compact_now(collection)
    assert (done.texts, done.photos, done.passages, done.rows) == (1, 0, 1, 2)
    assert collection.texts.vectors.required().rows == 9
    assert _found(collection, "boda") == before
    assert _vectors_right(collection) == 9
    after = _bytes(collection.path)
    assert [part for part in _parts(SECRET) if part in after] == []
    assert check_now(collection) == []
    assert [path.name for path in collection.path.glob("*.f32")] == ["passages.1.f32"]


def test_a_flipped_bit_is_found_and_the_passages_of_its_segment_are_embedded_again(
    collection, notes
):
    (notes / "5.txt").write_text("Otra cosa.")  # its old content is of no file any more
    _index(collection, notes)
    file = collection.path / "passages.f32"
    before = file.read_bytes()
    for row in (1, 6):
        data = bytearray(file.read_bytes())
        data[row * DIM_BYTES + 9] ^= 16
        file.write_bytes(data)
    (told,) = _told(collection)
    assert "2 of 3 segments of passages.f32 do not hold what was written: rows 0–7" in told
    done = repair_now(collection)
    assert (done.segments, done.passages, done.words, done.damaged) == (2, 8, 0, 0)
    assert file.read_bytes() == before
    assert check_now(collection) == []


@pytest.mark.parametrize("held", [None, 0, 5 * DIM_BYTES + 3])
def test_a_file_of_embeddings_that_is_missing_or_short_is_made_again(collection, held):
    file = collection.path / "passages.f32"
    before = file.read_bytes()
    file.unlink()
    if held is not None:
        file.write_bytes(before[:held])
        file.chmod(0o600)
    assert _told(collection)
    assert repair_now(collection).damaged == 0
    assert file.read_bytes() == before
    assert check_now(collection) == []


def test_dead_rows_of_a_damaged_segment_become_zeros_again(collection, notes):
    forget(collection, paths=[notes / "2.txt"])
    file = collection.path / "passages.f32"
    before = file.read_bytes()
    file.write_bytes(b"\1" * len(before))
    assert repair_now(collection).passages == 9
    assert_array_equal(np.frombuffer(file.read_bytes(), "<f4"), np.frombuffer(before, "<f4"))


@pytest.mark.parametrize(
    "spoil",
    [
        "DELETE FROM stems WHERE rowid = 3",
        "INSERT INTO stems (rowid, title, body) VALUES (99, '', 'nobody')",
        "UPDATE stems_data SET block = zeroblob(40) WHERE id > 10",
        "UPDATE stems_content SET c1 = 'other words' WHERE id = 4",
        "DELETE FROM stems_docsize WHERE id = 2",
        "DELETE FROM stems_data WHERE id > 10",
        "UPDATE stems_data SET block = x'00' WHERE id = 10",
    ],
)
def test_an_index_of_words_that_is_not_that_of_the_passages_is_told_and_made_again(
    collection, notes, spoil
):
    (notes / "5.txt").write_text("Otra cosa.")  # its old content is of no file any more
    _index(collection, notes)
    with writing(collection.db):
        collection.db.execute(spoil)
    with open_collection(collection.path) as opened:
        opened.texts.use(pretend.TextEncoder())
        (finding,) = check_now(opened)
        assert (finding.what, finding.todo) == (
            "the index of words is not that of the passages",
            "Run: retrieve repair",
        )
        assert repair_now(opened).words == 11
        assert check_now(opened) == []
        assert _found(opened, "boda") == [f"{i}.txt" for i in range(9) if i != 5]
        assert _found(opened, "historial") == ["secret.txt"]


BROKEN = "UPDATE stems_data SET block = zeroblob(40) WHERE id > 10"


def test_a_broken_index_of_words_is_one_line_for_who_writes(collection, notes):
    with writing(collection.db):
        collection.db.execute(BROKEN)
    (notes / "new.txt").write_text("Algo nuevo.")
    with open_collection(collection.path) as opened:
        opened.texts.use(pretend.TextEncoder())
        for work in (
            lambda: forget(opened, paths=[notes / "1.txt"]),
            lambda: _index(opened, notes),
            lambda: compact_now(opened),
        ):
            with pytest.raises(CollectionError, match=r"damaged.*retrieve check") as caught:
                work()
            assert "\n" not in str(caught.value)
        assert repair_now(opened).words == 9  # it was forgotten, and its traces were left
        assert _index(opened, notes).new == 2  # and its file is still there
        assert check_now(opened) == []


def test_a_forgetting_that_met_a_broken_index_of_words_is_completed_by_repairing(collection, notes):
    _forget_and_die(collection, notes / "secret.txt")
    with writing(collection.db):
        collection.db.execute(BROKEN)
    with open_collection(collection.path) as opened:
        opened.texts.use(pretend.TextEncoder())
        with pytest.raises(CollectionError, match="damaged"):
            _index(opened, notes)
        assert repair_now(opened).words == 9
        assert check_now(opened) == []
        after = _bytes(collection.path)
        assert [part for part in _parts(SECRET) if part in after] == []


def test_another_encoder_embeds_no_passage_again(collection):
    class Other(pretend.TextEncoder):
        name, weights_sha256 = "other", "22"

    file = collection.path / "passages.f32"
    file.write_bytes(file.read_bytes()[:-1] + b"\1")
    before = file.read_bytes()
    collection.texts.use(Other())
    with pytest.raises(CollectionError, match="you asked with other"):
        repair_now(collection)
    assert file.read_bytes() == before


def test_checking_waits_for_no_writer_and_takes_him_for_no_damage(collection):
    with open_collection(collection.path) as other, writing(other.db):
        other.catalog.put_path(_somewhere(), content_id=None, reason="bad")
        assert check_now(collection) == []


def _somewhere():
    from indexes.walk import Found

    return Found(Path("/p/x.txt"), 1, 1, 1)


def test_it_is_searched_and_checked_where_nothing_can_be_written(collection):
    before = _bytes(collection.path)
    with open_collection(collection.path, read_only=True) as frozen:
        frozen.texts.use(pretend.TextEncoder())
        for mode in Mode:
            assert "secret.txt" in _found(frozen, "historial", mode)
        assert check_now(frozen) == []
        with pytest.raises(CollectionError, match="read only"):
            forget(frozen, folders=[Path("/")])
    assert _bytes(collection.path) == before


def test_an_index_of_passages_is_made_used_and_dropped_with_what_is_forgotten(
    collection, notes, monkeypatch
):
    monkeypatch.setattr(ann, "EXACT_BYTES", fastscan.FEWEST_ROWS * DIM_BYTES)
    for i in range(40):
        (notes / f"more{i}.txt").write_text(f"El olivo {i} da aceituna.")
    _index(collection, notes)
    (old,) = (collection.path / "cache").iterdir()
    assert old.name.startswith("passages.")
    found = search_texts(collection, "El olivo 7 da aceituna.", mode=Mode.MEANING, k=1)
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
