"""Words in pictures of a collection: read once for each content, gone on with, gone with it."""

from __future__ import annotations

import hashlib

import pytest
import small
from pretend_ocr import Reading as Pretended
from pretend_ocr import here
from pretend_scan import scanned

from retrieve.documents.versions import OCR, VERSIONS, have_tried, readers
from retrieve.errors import MissingExtra
from retrieve.indexes.building import workers
from retrieve.indexes.building.workers import attempted
from retrieve.indexes.recognising import recognise as recognising
from retrieve.indexes.recognising.recognise import recognise
from retrieve.indexes.upkeep.check import check
from retrieve.indexes.upkeep.forget import forget
from retrieve.types import Written


@pytest.fixture
def collection(tmp_path, monkeypatch):
    monkeypatch.setattr(recognising, "Reading", Pretended)
    monkeypatch.setattr(workers, "run", here)
    monkeypatch.setattr(recognising, "check_installed", lambda: None)
    monkeypatch.setattr(Pretended, "read", [])
    monkeypatch.setattr(Pretended, "fails", {})
    with small.opened(tmp_path / "collection") as opened:
        for name, words in (("a", "farmacia abierta"), ("b", ""), ("c", "se vende")):
            _photo(opened, tmp_path / "photos" / f"{name}.jpg", words)
        yield opened


def _photo(opened, path, words):
    path.parent.mkdir(exist_ok=True)
    path.write_text(words)
    small.add(opened, path)
    opened.db.execute(
        "UPDATE contents SET sha256 = ? WHERE id = (SELECT max(id) FROM contents)",
        [hashlib.sha256(path.read_bytes()).hexdigest()],
    )


def _pdf(collection, folder, pages):
    """A PDF in the collection, as index() with ocr takes it."""
    Pretended.pages = pages
    path = folder / "papers" / "scan.pdf"
    path.parent.mkdir()
    path.write_bytes(scanned(max(pages)))
    collection.update([path.parent], _extractor(collection, path.parent), photos=False, ocr=True)
    return path


def _extractor(collection, root):
    from retrieve.indexes.building.jobs import Job

    work = Job(None, (root,)).open()

    def extractor(paths):
        for found, task in paths:
            yield found, attempted(work, task)

    return extractor


def _said(collection):
    query = "SELECT page, text FROM passages WHERE kind = 'ocr' ORDER BY id"
    return collection.db.execute(query).fetchall()


def test_a_second_run_reads_nothing_again(collection, tmp_path):
    first = recognise(collection.opened, [tmp_path / "photos"])
    assert (first.pictures, first.passages, first.already) == (3, 2, 0)
    assert _said(collection) == [(None, "farmacia abierta"), (None, "se vende")]
    again = recognise(collection.opened, [tmp_path / "photos"])
    assert (again.pictures, again.passages, again.already) == (0, 0, 3)
    assert len(Pretended.read) == 3
    assert check(collection) == []


def test_only_what_lies_below_the_roots_is_read(collection, tmp_path):
    recognise(collection.opened, [tmp_path / "photos" / "c.jpg"])
    assert Pretended.read == [("c.jpg", None)]


def test_a_hit_has_its_place_and_how_sure_it_is(collection, tmp_path):
    recognise(collection.opened, [tmp_path / "photos"])
    (hit,) = collection.search_texts("farmacia", k=1)
    assert hit.kind == "photo"
    assert hit.passage.kind == OCR
    assert hit.passage.written == (Written(0, (1, 2, 30, 4), 0.97),)


def test_a_killed_run_is_gone_on_with(collection, tmp_path, monkeypatch):
    monkeypatch.setattr(recognising, "BATCH_PICTURES", 1)

    def cut_off(done, of):
        raise ConnectionAbortedError

    with pytest.raises(ConnectionAbortedError):
        recognise(collection.opened, [tmp_path / "photos"], on_progress=cut_off)
    assert len(_said(collection)) == 1
    recognise(collection.opened, [tmp_path / "photos"])
    assert [name for name, _ in Pretended.read] == ["a.jpg", "b.jpg", "c.jpg"]
    assert len(_said(collection)) == 2


def test_pages_are_read_some_at_a_time_and_each_once(collection, tmp_path, monkeypatch):
    path = _pdf(collection, tmp_path, (1, 2, 3, 4, 6))
    monkeypatch.setattr(recognising, "BATCH_PICTURES", 1)
    seen = []

    def cut_off(done, of):
        seen.append((done, of))
        if len(seen) == 2:
            raise ConnectionAbortedError

    with pytest.raises(ConnectionAbortedError):
        recognise(collection.opened, [path], on_progress=cut_off)
    assert seen == [(0, 5), (4, 5)]
    done = recognise(collection.opened, [path])
    assert [pages for _, pages in Pretended.read] == [None, (1, 2, 3, 4), (6,)]
    assert (done.pictures, done.passages) == (1, 1)
    assert _said(collection) == [(page, f"hoja {page}") for page in (1, 2, 3, 4, 6)]


def test_a_pdf_of_pictures_alone_stays_when_it_is_indexed_without_ocr(collection, tmp_path):
    path = _pdf(collection, tmp_path, (1,))
    recognise(collection.opened, [path])
    report = small.index_all(collection, path.parent)
    assert (report.unchanged, report.skipped) == (1, [])
    path.with_name("copy.pdf").write_bytes(path.read_bytes())
    assert small.index_all(collection, path.parent).duplicate == 1
    assert _said(collection) == [(1, "hoja 1")]


def test_a_pdf_of_pictures_alone_is_skipped_and_then_taken(collection, tmp_path):
    folder = tmp_path / "papers"
    folder.mkdir()
    (folder / "scan.pdf").write_bytes(scanned(2))
    (skipped,) = small.index_all(collection, folder).skipped
    assert skipped.reason.endswith("Words in pictures are read by: retrieve index --ocr")
    taken = collection.update([folder], _extractor(collection, folder), photos=False, ocr=True)
    assert (taken.new, taken.skipped, taken.warnings) == (1, [], [])


def test_text_that_is_read_again_leaves_what_was_read_off_pictures(
    collection, tmp_path, monkeypatch
):
    path = _pdf(collection, tmp_path, (1,))
    recognise(collection.opened, [path])
    monkeypatch.setitem(VERSIONS, "pdf", VERSIONS["pdf"] + 1)
    assert small.index_all(collection, path.parent).reread == 1
    assert _said(collection) == [(1, "hoja 1")]


def test_a_photo_that_cannot_be_read_is_told_and_tried_again(collection, tmp_path):
    Pretended.fails = {"a.jpg": "damaged"}
    (left,) = recognise(collection.opened, [tmp_path / "photos"]).left
    assert (left.path.name, left.reason) == ("a.jpg", "damaged")
    Pretended.fails = {}
    assert recognise(collection.opened, [tmp_path / "photos"]).pictures == 1


def test_what_is_stopped_is_tried_twice(collection, tmp_path):
    Pretended.fails = {"a.jpg": "stopped"}
    for _ in range(4):
        recognise(collection.opened, [tmp_path / "photos"])
    assert Pretended.read.count(("a.jpg", None)) == 2


def test_forgetting_a_photo_takes_what_was_read_in_it(collection, tmp_path):
    recognise(collection.opened, [tmp_path / "photos"])
    forget(collection, paths=[tmp_path / "photos" / "a.jpg"])
    assert _said(collection) == [(None, "se vende")]
    assert collection.db.execute("SELECT count(*) FROM recognised").fetchone() == (2,)
    assert check(collection) == []


@pytest.mark.parametrize(
    "damage",
    [
        "UPDATE passages SET text = 'otra cosa' WHERE text = 'se vende'",
        "UPDATE recognised SET stopped = 7 WHERE content_id = 3",
    ],
)
def test_what_is_damaged_is_read_again(collection, tmp_path, damage):
    recognise(collection.opened, [tmp_path / "photos"])
    _behind_its_back(collection, damage)
    assert check(collection)
    Pretended.read.clear()
    assert recognise(collection.opened, [tmp_path / "photos"]).pictures == 1
    assert Pretended.read == [("c.jpg", None)]
    assert _said(collection)[-1] == (None, "se vende")
    assert check(collection) == []


def _behind_its_back(collection, damage):
    """Change a row, its checksum staying what it was."""
    db = collection.db
    table = damage.split()[1]
    sums = db.execute(f"SELECT id, sum FROM sums_{table}").fetchall()
    db.execute(damage)
    db.conn.executemany(f"UPDATE sums_{table} SET sum = ? WHERE id = ?", [s[::-1] for s in sums])
    db.conn.commit()


def test_without_the_extra_one_line_says_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "rapidocr", None)
    with small.opened(tmp_path / "collection") as opened, pytest.raises(MissingExtra) as raised:
        opened.index([tmp_path], ocr=True)
    assert str(raised.value) == (
        "reading words in pictures needs rapidocr, which is not installed: "
        "pip install 'retrieve[ocr]'"
    )


def test_a_file_that_no_reader_could_use_is_tried_by_the_one_of_pictures():
    before = readers(photo=False)
    assert have_tried(before, photo=False)
    assert not have_tried(before, photo=False, ocr=True)
    assert have_tried(readers(photo=False, ocr=True), photo=False)
    assert have_tried(readers(photo=True), photo=True, ocr=True)
    assert not have_tried(None, photo=False)
