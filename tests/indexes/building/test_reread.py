"""What an older reader read is read again, and what a limit stopped is tried once more."""

from __future__ import annotations

from dataclasses import replace

import pretend
import pytest
import small

from retrieve.documents.formats import plain
from retrieve.documents.lines import Source
from retrieve.documents.versions import VERSIONS, is_current, reader, readers
from retrieve.indexes.building import describing, storing
from retrieve.indexes.building.workers import Stopped
from retrieve.indexes.upkeep.check import check


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "files").mkdir()
    return tmp_path / "files"


@pytest.fixture
def collection(tmp_path):
    with small.opened(tmp_path / "collection") as opened:
        opened.networks.use(small.Detector(), small.Embedder())
        yield opened


@pytest.fixture
def newer(monkeypatch):
    """A newer version of one of our readers, which sees "nuevo" where the old one saw "viejo"."""

    def mend(kind, *, otherwise=True):
        monkeypatch.setitem(VERSIONS, kind, VERSIONS[kind] + 1)
        old = plain.read_plain
        if otherwise:
            monkeypatch.setattr(
                plain, "read_plain", lambda text: Source(old(text.replace("viejo", "nuevo")).lines)
            )

    return mend


def _update(collection, folder, *, instead=None, **options):
    """Files that were asked for, and the report.

    instead  outcomes by the names of files
    """
    asked = []

    def extractor(tasks):
        for found, task in tasks:
            asked.append(found.path.name)
            if instead and found.path.name in instead:
                yield found, instead[found.path.name]
            else:
                yield from pretend.extractor([(found, task)])

    report = collection.update([folder], extractor, **options)
    return sorted(asked), report


def _texts(collection):
    query = "SELECT text FROM passages ORDER BY text"
    return [text for (text,) in collection.db.execute(query)]


def test_readers_say_their_version():
    assert is_current(reader("pdf"))
    assert not is_current("pdf 0")
    assert not is_current("papyrus 1")
    assert not is_current(None)
    assert "photo" not in readers(photo=False)
    assert readers(photo=True) == reader("photo")


def test_a_text_is_read_again_by_a_newer_reader_once(collection, folder, newer):
    (folder / "a.txt").write_text("El camino viejo.")
    (folder / "b.txt").write_text("La casa.")
    (folder / "c.md").write_text("El molino viejo.")
    _update(collection, folder)
    newer("plain")
    asked, report = _update(collection, folder)
    assert asked == ["a.txt", "b.txt"]
    assert (report.reread, report.unchanged, report.new) == (2, 3, 0)
    assert report.passages == 1  # of b.txt nothing has changed
    assert _texts(collection) == ["El camino nuevo.", "El molino viejo.", "La casa."]
    assert _update(collection, folder)[0] == []
    assert check(collection) == []


def test_it_is_left_if_that_is_asked_for(collection, folder, newer):
    (folder / "a.txt").write_text("El camino viejo.")
    (folder / "bad.txt").write_text("bad")
    _update(collection, folder)
    newer("plain")
    asked, report = _update(collection, folder, reread=False)
    assert (asked, report.reread) == ([], 0)
    assert _texts(collection) == ["El camino viejo."]


def test_an_interrupted_run_is_gone_on_with(collection, folder, newer, monkeypatch):
    monkeypatch.setattr(storing, "BATCH_FILES", 2)
    for i in range(5):
        (folder / f"{i}.txt").write_text(f"El camino viejo {i}.")
    _update(collection, folder)
    newer("plain")

    def interrupted(tasks):
        for n, item in enumerate(pretend.extractor(tasks)):
            if n == 3:
                raise KeyboardInterrupt
            yield item

    report = collection.update([folder], interrupted)
    assert (report.interrupted, report.reread) == (True, 2)
    asked, report = _update(collection, folder)
    assert asked == ["2.txt", "3.txt", "4.txt"]
    assert _texts(collection) == [f"El camino nuevo {i}." for i in range(5)]


def test_a_moved_text_is_read_again_too(collection, folder, newer):
    (folder / "a.txt").write_text("El camino viejo.")
    _update(collection, folder)
    newer("plain")
    (folder / "a.txt").rename(folder / "b.txt")
    asked, report = _update(collection, folder)
    assert (asked, report.moved, report.reread) == (["b.txt"], 1, 1)
    assert _texts(collection) == ["El camino nuevo."]


def test_what_a_newer_reader_refuses_is_not_found_any_more(collection, folder, newer):
    (folder / "a.txt").write_text("El camino viejo.")
    _update(collection, folder)
    newer("plain")
    _, report = _update(collection, folder, instead={"a.txt": "its fonts have no map"})
    assert [item.reason for item in report.skipped] == ["its fonts have no map"]
    assert collection.search_texts("camino") == []


@pytest.mark.parametrize("why", [Stopped("took too long"), "its reader failed: KeyError (x)"])
def test_what_fails_to_be_read_again_stays_as_it_is_and_is_tried_twice(
    collection, folder, newer, why
):
    (folder / "a.txt").write_text("El camino viejo.")
    (folder / "b.jpg").write_text("ana")
    _update(collection, folder)
    newer("plain")
    newer("photo", otherwise=False)
    for _ in range(2):
        asked, report = _update(collection, folder, instead={"a.txt": why, "b.jpg": why})
        assert asked == ["a.txt", "b.jpg"]
        assert report.skipped == []
        assert [item.reason for item in report.warnings] == [
            f"could not be read again ({why}); what is stored of it stays"
        ] * 2
    assert _update(collection, folder)[0] == []
    assert _texts(collection) == ["El camino viejo."]


def test_a_photo_is_looked_at_again_without_its_faces(collection, folder, newer):
    (folder / "ana.jpg").write_text("ana")
    (folder / "ana.txt").write_text("Una boda.")
    small.index_all(collection, folder)
    before = collection.db.execute("SELECT id, row FROM faces").fetchall()
    passages = collection.db.execute("SELECT id FROM passages").fetchall()
    newer("photo", otherwise=False)
    asked, report = _update(collection, folder)
    assert (asked, report.reread, report.passages) == (["ana.jpg"], 1, 0)
    assert collection.db.execute("SELECT id, row FROM faces").fetchall() == before
    assert collection.db.execute("SELECT id FROM passages").fetchall() == passages
    assert _update(collection, folder)[0] == []


def test_a_skipped_file_is_tried_again_by_newer_readers_of_its_kind(collection, folder, newer):
    (folder / "worse.txt").write_text("bad")
    (folder / "bad.jpg").write_text("bad")
    assert _update(collection, folder)[0] == ["bad.jpg", "worse.txt"]
    assert _update(collection, folder)[0] == []
    newer("pdf", otherwise=False)
    assert _update(collection, folder)[0] == ["worse.txt"]
    newer("photo", otherwise=False)
    assert _update(collection, folder)[0] == ["bad.jpg"]
    assert _update(collection, folder)[0] == []


def test_what_was_stopped_is_tried_once_more(collection, folder):
    (folder / "a.jpg").write_text("ana")
    stopped = {"a.jpg": Stopped("took too long")}
    tried = [_update(collection, folder, instead=stopped)[0] for _ in range(4)]
    assert tried == [["a.jpg"], ["a.jpg"], [], []]
    assert [item.reason for item in collection.skipped()] == ["took too long"]
    asked, report = _update(collection, folder, instead=stopped, retry_skipped=True)
    assert (asked, len(report.skipped)) == (["a.jpg"], 1)
    (folder / "a.jpg").write_text("ana eva")  # another file: the count begins anew
    tried = [_update(collection, folder, instead=stopped)[0] for _ in range(2)]
    assert tried == [["a.jpg"], ["a.jpg"]]


def _said(collection, name):
    query = "SELECT text FROM passages JOIN paths ON paths.id = path_id WHERE path LIKE ?"
    return [text for (text,) in collection.db.execute(query, [f"%/{name}"])]


def test_a_new_photo_whose_reading_was_stopped_is_read_without_what_describes_it(
    collection, folder
):
    (folder / "boda.jpg").write_text("ana")
    (folder / "boda.txt").write_text("La boda en Zaragoza")
    _update(collection, folder, instead={"boda.jpg": Stopped("crashed")})
    asked, report = _update(collection, folder)
    assert (asked, report.new, report.faces) == (["boda.jpg"], 1, 1)
    assert "what describes it is not read yet" in report.warnings[0].reason
    assert "Zaragoza" not in " ".join(_said(collection, "boda.jpg"))
    # That alone is looked at by the next run, and after two attempts by none.
    asked, report = _update(collection, folder, instead={"boda.jpg": Stopped("crashed")})
    assert (asked, report.skipped) == (["boda.jpg"], [])
    asked, _ = _update(collection, folder)
    assert asked == ["boda.jpg"]
    assert "La boda en Zaragoza" in _said(collection, "boda.jpg")
    assert _update(collection, folder)[0] == []


def test_what_describes_a_photo_and_stops_its_reader_is_given_up(collection, folder):
    (folder / "boda.jpg").write_text("ana")
    crash = {"boda.jpg": Stopped("crashed")}
    for instead in (crash, None, *[crash] * storing.TRIES):
        assert _update(collection, folder, instead=instead)[0] == ["boda.jpg"]
    assert _update(collection, folder)[0] == []
    assert collection.catalog.counts()["faces"] == 1


def test_a_stopped_file_that_is_read_the_next_time_is_found(collection, folder):
    (folder / "a.jpg").write_text("ana")
    _update(collection, folder, instead={"a.jpg": Stopped("took too long")})
    _, report = _update(collection, folder)
    assert (report.new, report.faces, report.skipped) == (1, 1, [])
    assert collection.skipped() == []


def test_what_is_stated_beside_a_photo_gives_date_and_place_once_nothing_better_does(
    collection, folder, monkeypatch
):
    (folder / "a.jpg").write_text("ana")
    _update(collection, folder)
    said = describing.said_of

    def dated(photo, root):
        found = said(photo, root)
        return replace(found, taken_at="2019-07-09T18:30:00", place=(41.6, -0.9), whole=False)

    query = "SELECT taken_at, latitude, longitude FROM contents"
    look = {"a.jpg": dated(folder / "a.jpg", folder)}
    (folder / "a.txt").write_text("Una boda.")
    _update(collection, folder, instead=look)
    assert collection.db.execute(query).fetchall() == [(None, None, None)]  # the photo was not read
    (folder / "a.txt").write_text("Un bautizo.")
    look = {"a.jpg": replace(look["a.jpg"], whole=True)}
    _update(collection, folder, instead=look)
    assert collection.db.execute(query).fetchall() == [("2019-07-09T18:30:00", 41.6, -0.9)]


def test_what_nobody_foresaw_in_what_describes_a_photo_costs_its_words_alone(
    collection, folder, monkeypatch
):
    def describe(*_):
        raise ValueError("a comment where an element was wanted")

    monkeypatch.setattr("retrieve.descriptions.describe", describe)
    (folder / "ana.jpg").write_text("ana")
    report = small.index_all(collection, folder)
    assert (report.new, report.faces, report.skipped) == (1, 1, [])
    assert [item.reason for item in report.warnings] == [
        "what describes it says nothing: its reader failed: ValueError "
        "(a comment where an element was wanted)"
    ]
    assert _update(collection, folder)[0] == []  # not in every run


# Names


def _found(collection, query):
    hits = collection.search_texts(query, mode="bm25")
    return sorted(hit.path.name for hit in hits if hit.bm25 > 0)


def test_a_text_goes_by_the_name_of_its_file_and_its_folders(collection, folder):
    (folder / "Presupuesto tejado.txt").write_text("El albañil pide dos mil euros.")
    (folder / "carta.md").write_text("# Querida Ana\n\nLlueve.")
    _update(collection, folder)
    (folder / "Obras").mkdir()
    (folder / "Presupuesto tejado.txt").rename(folder / "Obras" / "Contrato aljibe.txt")
    (folder / "carta.md").rename(folder / "nota.md")
    asked, report = _update(collection, folder)
    assert (asked, report.moved) == ([], 2)
    for query in ("contrato aljibe", "obras", "albañil"):
        assert _found(collection, query) == ["Contrato aljibe.txt"]
    for query in ("presupuesto", "tejado", "nota", "carta"):
        assert _found(collection, query) == []
    (hit,) = collection.search_texts("aljibe", mode="bm25", k=1)
    assert hit.document == "files, Obras, Contrato aljibe"
    assert _found(collection, "querida") == ["nota.md"]  # a title of its own stays


def test_a_text_in_two_files_goes_by_both_names_until_one_is_gone(collection, folder):
    (folder / "Presupuesto.txt").write_text("El albañil pide dos mil euros.")
    _update(collection, folder)
    (folder / "Aljibe.txt").write_text("El albañil pide dos mil euros.")
    _update(collection, folder)
    assert len(_found(collection, "presupuesto")) == len(_found(collection, "aljibe")) == 1
    (folder / "Presupuesto.txt").unlink()
    _update(collection, folder)
    assert _found(collection, "presupuesto") == []
    assert _found(collection, "aljibe") == ["Aljibe.txt"]
    (folder / "Presupuesto.txt").write_text("Otra cosa.")
    (folder / "Aljibe.txt").write_text("Otra cosa.")
    _update(collection, folder)
    assert len(_found(collection, "presupuesto")) == len(_found(collection, "aljibe")) == 1


def test_a_photo_goes_by_the_name_of_its_file(collection, folder):
    (folder / "Boda.jpg").write_text("ana")
    _update(collection, folder)
    (folder / "Boda.jpg").rename(folder / "Bautizo.jpg")
    asked, report = _update(collection, folder)
    assert (asked, report.moved) == (["Bautizo.jpg"], 1)  # looked at, not decoded
    assert _found(collection, "bautizo") == ["Bautizo.jpg"]
    assert _found(collection, "boda") == []


def test_the_index_of_words_made_anew_holds_the_names(collection, folder):
    (folder / "Aljibe.txt").write_text("El albañil pide dos mil euros.")
    _update(collection, folder)
    with collection.catalog.writing():
        collection.texts.enter_words()
    assert _found(collection, "aljibe") == ["Aljibe.txt"]


def test_a_collection_as_it_was_asks_nothing_of_the_workers(collection, folder):
    (folder / "a.txt").write_text("Una nota.")
    (folder / "b.jpg").write_text("ana")
    (folder / "b.json").write_text("{}")
    (folder / "bad.txt").write_text("bad")
    _update(collection, folder)
    asked, report = _update(collection, folder)
    assert (asked, report.unchanged, len(report.skipped)) == ([], 2, 1)
