"""Texts and what describes photos: read once, replaced when they change, gone with their files."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pretend
import pytest
import small
from numpy.testing import assert_array_equal

from retrieve.errors import CollectionError
from retrieve.indexes.building import storing
from retrieve.indexes.catalog.database import writing
from retrieve.indexes.collection import open_collection
from retrieve.indexes.queries.modes import Mode
from retrieve.indexes.search.texts import Encoding, Texts
from retrieve.indexes.upkeep.check import check
from retrieve.indexes.upkeep.forget import forget

WEDDING = "Hubo una boda en Zaragoza."
HARVEST = "La cosecha de aceituna fue buena."


@pytest.fixture
def collection(tmp_path):
    with small.opened(tmp_path / "collection") as opened:
        yield opened


@pytest.fixture
def folder(tmp_path):
    made = tmp_path / "things"
    made.mkdir()
    return made


def _said(collection) -> list[tuple[str, str, str]]:
    """File, kind and text of every passage that can be found."""
    rows = range(collection.texts.vectors.required().rows)
    stored = collection.texts.passages.at(rows)
    hidden = collection.db.execute(
        "SELECT passages.id FROM passages JOIN contents ON contents.id = passages.content_id "
        "LEFT JOIN paths ON paths.id = path_id WHERE NOT live OR gone"
    ).fetchall()
    return sorted(
        (one.path.name, one.passage.kind, one.passage.text)
        for one in stored.values()
        if (one.id,) not in hidden
    )


def _found(collection, query, mode=Mode.BM25) -> list[str]:
    return [hit.path.name for hit in collection.search_texts(query, mode=mode)]


def test_every_row_is_the_embedding_of_its_text(collection, folder):
    (folder / "a.txt").write_text(f"{WEDDING}\n\n" + "Palabras sin fin. " * 200)
    (folder / "ana.jpg").write_text("ana")
    (folder / "ana.txt").write_text(HARVEST)
    report = small.index_all(collection, folder)
    gallery = collection.texts.vectors.gallery()
    stored = collection.texts.passages.at(range(len(gallery)))
    assert report.passages == len(stored) == len(gallery) > 5
    for row, one in stored.items():
        assert_array_equal(gallery[row], pretend.TextEncoder().embed([one.passage.text])[0])


def test_a_second_run_reads_nothing(collection, folder):
    (folder / "a.txt").write_text(WEDDING)
    (folder / "ana.jpg").write_text("ana")
    (folder / "ana.txt").write_text(HARVEST)
    (folder / "empty.md").write_bytes(b"")
    read: list[Path] = []
    small.index_all(collection, folder, read=read)
    assert sorted(path.name for path in read) == ["a.txt", "ana.jpg", "empty.md"]
    read.clear()
    before = list(collection.db.conn.iterdump())
    report = small.index_all(collection, folder, read=read)
    assert (read, report.unchanged, report.new, report.passages) == ([], 2, 0, 0)
    assert [item.path.name for item in report.skipped] == ["empty.md"]
    assert list(collection.db.conn.iterdump()) == before


def test_a_text_that_moves_or_is_doubled_is_not_read_again(collection, folder):
    (folder / "a.txt").write_text(WEDDING)
    (folder / "b.txt").write_text(HARVEST)
    small.index_all(collection, folder)
    (folder / "a.txt").rename(folder / "moved.txt")
    shutil.copy(folder / "b.txt", folder / "copy.txt")
    read: list[Path] = []
    report = small.index_all(collection, folder, read=read)
    assert (read, report.moved, report.duplicate, report.gone) == ([], 1, 1, 0)
    assert _found(collection, "boda") == ["moved.txt"]
    assert _found(collection, "cosecha") == ["b.txt"]


def test_a_text_whose_file_is_gone_is_not_found_and_comes_back_unread(collection, folder, tmp_path):
    (folder / "a.txt").write_text(WEDDING)
    (folder / "b.txt").write_text(HARVEST)
    small.index_all(collection, folder)
    (folder / "a.txt").rename(tmp_path / "away")
    assert small.index_all(collection, folder).gone == 1
    assert _found(collection, "boda") == []
    (tmp_path / "away").rename(folder / "a.txt")
    read: list[Path] = []
    small.index_all(collection, folder, read=read)
    assert (read, _found(collection, "boda")) == ([], ["a.txt"])


def test_a_text_that_changes_is_found_by_its_new_words_only(collection, folder):
    (folder / "a.txt").write_text(WEDDING)
    small.index_all(collection, folder)
    (folder / "a.txt").write_text(HARVEST)
    report = small.index_all(collection, folder)
    assert (report.new, report.changed) == (1, 1)
    assert (_found(collection, "boda"), _found(collection, "cosecha")) == ([], ["a.txt"])


# What describes a photo


def test_a_caption_beside_a_photo_is_of_the_photo_and_no_document(collection, folder):
    (folder / "ana.jpg").write_text("ana")
    (folder / "ana.txt").write_text(WEDDING)
    (folder / "eva.jpg").write_text("eva")
    (folder / "eva.jpg.json").write_text(json.dumps({"description": HARVEST}))
    (folder / "alone.txt").write_text("Nada.")
    report = small.index_all(collection, folder)
    counts = collection.catalog.counts()
    assert (counts["photos"], counts["texts"], report.new) == (2, 1, 3)
    assert ("ana.jpg", "caption", WEDDING) in _said(collection)
    assert ("eva.jpg", "caption", HARVEST) in _said(collection)
    (hit,) = collection.search_texts("boda", mode=Mode.BM25)
    assert (hit.path, hit.kind) == (folder / "ana.jpg", "photo")


def test_a_changed_caption_replaces_the_old_one_whose_row_is_wiped(collection, folder):
    (folder / "ana.jpg").write_text("ana")
    (folder / "ana.txt").write_text(WEDDING)
    small.index_all(collection, folder)
    (folder / "ana.txt").write_text(HARVEST)
    read: list[Path] = []
    small.index_all(collection, folder, read=read)
    assert read == []  # the photo is not decoded for it
    assert (_found(collection, "boda"), _found(collection, "cosecha")) == ([], ["ana.jpg"])
    assert not any(text == WEDDING for *_, text in _said(collection))
    vectors = collection.texts.vectors
    assert len(vectors.dead()) > 0
    assert not vectors.gallery()[vectors.dead()].any()
    assert len(vectors.dying()) == 0
    assert check(collection) == []


def test_removing_the_file_beside_a_photo_removes_its_caption_and_the_photo_stays(
    collection, folder
):
    (folder / "ana.jpg").write_text("ana")
    small.index_all(collection, folder)
    bare = _said(collection)
    (folder / "ana.txt").write_text(WEDDING)
    small.index_all(collection, folder)
    assert _said(collection) != bare
    (folder / "ana.txt").unlink()
    small.index_all(collection, folder)
    assert _said(collection) == bare
    assert collection.catalog.counts()["faces"] == 1


def test_a_moved_photo_has_the_names_of_its_new_path(collection, folder):
    (folder / "Bautizo").mkdir()
    (folder / "Bautizo" / "ana.jpg").write_text("ana")
    small.index_all(collection, folder)
    assert _found(collection, "bautizo") == ["ana.jpg"]
    (folder / "Bautizo").rename(folder / "Comunión")
    small.index_all(collection, folder)
    assert _found(collection, "bautizo") == []
    assert _found(collection, "comunion") == ["ana.jpg"]


def test_a_photo_that_an_older_version_stored_is_described_without_being_decoded(
    collection, folder
):
    (folder / "ana.jpg").write_text("ana")
    (folder / "ana.txt").write_text(WEDDING)
    small.index(collection, folder)  # as if it said nothing
    with writing(collection.db):
        collection.db.execute("UPDATE paths SET described = NULL")
    read: list[Path] = []
    report = small.index_all(collection, folder, read=read)
    assert (read, report.unchanged) == ([], 1)
    assert _found(collection, "boda") == ["ana.jpg"]
    assert small.index_all(collection, folder).passages == 0


def test_a_file_beside_a_photo_that_cannot_be_read_is_told_and_the_rest_is_said(collection, folder):
    (folder / "Boda.jpg").write_text("ana")
    (folder / "Boda.txt").write_bytes(bytes(range(256)) * 8)
    report = small.index_all(collection, folder)
    assert [item.path.name for item in report.warnings] == ["Boda.jpg"]
    assert "Boda.txt says nothing" in report.warnings[0].reason
    assert _found(collection, "boda") == ["Boda.jpg"]


def test_a_skipped_photo_says_nothing_any_more(collection, folder):
    (folder / "ana.jpg").write_text("ana")
    (folder / "ana.txt").write_text(WEDDING)
    small.index_all(collection, folder)
    (folder / "ana.jpg").write_text("bad")
    small.index_all(collection, folder)
    assert _found(collection, "boda") == []
    assert check(collection) == []


def test_each_copy_of_a_photo_says_what_stands_beside_it(collection, folder):
    for name, caption in (("one", WEDDING), ("two", HARVEST)):
        (folder / name).mkdir()
        (folder / name / "ana.jpg").write_text("ana")
        (folder / name / "ana.txt").write_text(caption)
    small.index_all(collection, folder)
    assert collection.catalog.counts()["photos"] == 1
    for word, name in (("boda", "one"), ("cosecha", "two")):
        (hit,) = collection.search_texts(word, mode=Mode.BM25)
        assert hit.path == folder / name / "ana.jpg"
    shutil.rmtree(folder / "one")
    small.index_all(collection, folder)
    assert _found(collection, "boda") == []
    assert _found(collection, "cosecha") == ["ana.jpg"]


def test_what_a_photo_says_while_a_folder_is_watched_is_what_indexing_says(
    collection, folder, tmp_path
):
    """Only the changed file is looked at then, and the names of its folders say the same."""
    (folder / "Bautizo").mkdir()
    photo = folder / "Bautizo" / "x1.jpg"
    photo.write_text("ana")
    small.index_all(collection, folder)
    before = _said(collection)
    photo.with_suffix(".txt").write_text(WEDDING)
    collection.update([photo], pretend.extractor, below=[folder])
    assert _said(collection) == sorted([*before, ("x1.jpg", "caption", WEDDING)])


# Batches


def test_ctrl_c_keeps_whole_batches_of_passages_and_the_next_run_brings_the_rest(
    collection, folder, monkeypatch
):
    monkeypatch.setattr(storing, "BATCH_PASSAGES", 3)
    for i in range(8):
        (folder / f"{i}.txt").write_text(f"Texto número {i}.")

    def interrupted(paths):
        for n, item in enumerate(pretend.extractor(paths)):
            if n == 7:
                raise KeyboardInterrupt
            yield item

    report = collection.update([folder], interrupted, photos=False)
    assert (report.interrupted, report.new, report.passages) == (True, 6, 6)
    assert collection.catalog.counts()["passages"] == 6
    assert check(collection) == []
    read: list[Path] = []
    small.index_all(collection, folder, read=read)
    assert sorted(path.name for path in read) == ["6.txt", "7.txt"]
    assert len(_said(collection)) == 8


def test_what_is_forgotten_while_it_is_described_anew_stays_forgotten(
    collection, folder, monkeypatch
):
    (folder / "ana.jpg").write_text("ana")
    (folder / "ana.txt").write_text(WEDDING)
    small.index_all(collection, folder)
    (folder / "ana.txt").write_text(HARVEST)
    embed = collection.texts.embed

    def forgotten_meanwhile(texts, *_):
        monkeypatch.setattr(collection.texts, "embed", embed)
        with open_collection(collection.path) as other:
            forget(other, paths=[folder / "ana.jpg"])
        return embed(texts)

    monkeypatch.setattr(collection.texts, "embed", forgotten_meanwhile)
    small.index_all(collection, folder)
    assert _said(collection) == []
    assert check(collection) == []
    small.index_all(collection, folder)  # its files are still there
    assert _found(collection, "cosecha") == ["ana.jpg"]


def test_two_that_describe_the_same_photo_leave_what_one_of_them_says(
    collection, folder, monkeypatch
):
    (folder / "ana.jpg").write_text("ana")
    small.index_all(collection, folder)
    (folder / "ana.txt").write_text(WEDDING)
    embed = collection.texts.embed

    def described_meanwhile(texts, *_):
        monkeypatch.setattr(collection.texts, "embed", embed)
        with small.opened(collection.path) as other:
            small.index_all(other, folder)
        return embed(texts)

    monkeypatch.setattr(collection.texts, "embed", described_meanwhile)
    small.index_all(collection, folder)
    assert [kind for _, kind, _ in _said(collection)] == ["caption", "name"]
    assert check(collection) == []


# One encoder, one language


class _Other(pretend.TextEncoder):
    name, weights_sha256 = "other", "22"


@pytest.mark.parametrize(
    ("encoder", "language", "said"),
    [
        (_Other(), None, r"of the encoder pretend .* you asked with other \(22\), es"),
        (pretend.TextEncoder(), "en", r"words of the language es; you asked with pretend .* en\."),
    ],
)
def test_another_encoder_or_language_is_refused_in_one_line_and_nothing_changes(
    collection, folder, encoder, language, said
):
    (folder / "a.txt").write_text(WEDDING)
    small.index_all(collection, folder)
    before = list(collection.db.conn.iterdump())
    own = collection.opened
    own.texts = Texts(own.db, own.path, Encoding(None, language))
    collection.texts.use(encoder)
    (folder / "b.txt").write_text(HARVEST)
    with pytest.raises(CollectionError, match=said) as caught:
        small.index_all(collection, folder)
    assert "\n" not in str(caught.value)
    assert list(collection.db.conn.iterdump()) == before
    with pytest.raises(CollectionError, match=said):
        collection.search_texts("boda")


def test_a_passage_without_a_word_or_number_is_left_out_and_the_others_keep_their_numbers(
    collection, folder
):
    lines = [json.dumps({"text": text}) for text in (WEDDING, "* * *", HARVEST)]
    (folder / "a.jsonl").write_text("\n".join(lines))
    assert small.index_all(collection, folder).passages == 2
    stored = collection.texts.passages.at(range(2))
    assert [(one.number, one.passage.record) for one in stored.values()] == [(1, 1), (3, 3)]


# From the command line, with the real encoder


def test_indexing_notes_opens_no_network_of_faces_and_no_torch(tmp_path):
    (tmp_path / "notes").mkdir()
    (tmp_path / "notes" / "a.txt").write_text(WEDDING)
    script = """
import sys
from retrieve.faces.detection import detect
from retrieve.faces.embedding import embed
def opened(*_, **__): raise AssertionError("a network was opened")
detect.open_detector = embed.open_embedder = opened
from pathlib import Path
from retrieve.indexes.collection import open_collection
if __name__ == "__main__":
    with open_collection(Path(sys.argv[1]), create=True) as collection:
        report = collection.index([Path(sys.argv[2])], processes=1)
        assert (report.new, report.passages) == (1, 1), report
        assert collection.faces.space() is None
        assert collection.texts.encoder.name == "static"
    print(sorted({"torch", "onnxruntime", "faiss"} & sys.modules.keys()))
"""
    (tmp_path / "script.py").write_text(script)
    done = subprocess.run(
        [sys.executable, tmp_path / "script.py", tmp_path / "collection", tmp_path / "notes"],
        capture_output=True,
        text=True,
        env={"PYTHONPATH": str(Path(__file__).parents[3]), "OMP_NUM_THREADS": "1"},
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == ["[]"]
