"""A collection whose index of words an older version of the stems made."""

from __future__ import annotations

import pretend
import pytest
import small

from retrieve.indexes.catalog import sums
from retrieve.indexes.catalog.database import writing
from retrieve.indexes.collection import open_collection
from retrieve.indexes.search import texts
from retrieve.indexes.upkeep.check import check
from retrieve.indexes.upkeep.repair import repair
from retrieve.text.stemming import VERSION


@pytest.fixture
def folder(tmp_path):
    folder = tmp_path / "notes"
    folder.mkdir()
    (folder / "light.txt").write_text("Las luces de la plaza.")
    (folder / "wedding.txt").write_text("La boda en Zaragoza.")
    return folder


@pytest.fixture
def old(tmp_path, folder):
    """A collection with stems as they were."""
    with small.opened(tmp_path / "c") as collection:
        small.index(collection, folder)
        with writing(collection.db):
            id, title = collection.db.execute(
                "SELECT rowid, title FROM stems WHERE body LIKE '%plaz%'"
            ).fetchone()
            collection.db.execute("UPDATE stems SET body = 'luc plaz' WHERE rowid = ?", [id])
            sums.sign_words(collection.db, id, title, "luc plaz")
            collection.db.execute("UPDATE words SET version = 0")
    return tmp_path / "c"


def _found(collection, query):
    return [hit.path.name for hit in collection.search_texts(query, mode="bm25") if hit.bm25 > 0]


def test_it_answers_read_only_as_it_is(old):
    with open_collection(old, read_only=True, encoder=pretend.TextEncoder()) as collection:
        assert _found(collection, "boda") == ["wedding.txt"]
        assert _found(collection, "luz") == []


def test_an_index_run_with_nothing_new_makes_it_anew(old, folder):
    with small.opened(old) as collection:
        report = collection.update([folder], pretend.extractor, photos=False)
        assert (report.new, report.unchanged) == (0, 2)
        assert _found(collection, "luz") == ["light.txt"]
        assert collection.texts.passages.version_of_words() == VERSION
        assert collection.texts.renew_words() == 0
        assert check(collection) == []


def test_what_dies_while_it_is_made_leaves_the_old_one(old, folder, monkeypatch):
    entered = []

    def dying(db, id, *stems):
        if entered:
            raise KeyboardInterrupt
        entered.append(id)
        put_stems(db, id, *stems)

    put_stems = texts.put_stems
    with small.opened(old) as collection:
        with monkeypatch.context() as patched:
            patched.setattr(texts, "put_stems", dying)
            with pytest.raises(KeyboardInterrupt):
                collection.texts.renew_words()
        assert _found(collection, "boda") == ["wedding.txt"]
        assert check(collection) == []
        assert collection.texts.renew_words() == 2
        assert _found(collection, "luz") == ["light.txt"]


def test_where_its_version_is_damaged_repair_makes_it_anew(old, folder):
    with small.opened(old) as collection:
        collection.texts.renew_words()
        with writing(collection.db):
            collection.db.execute("UPDATE sums_words SET sum = sum + 12345")
        assert ["stems" in one.what for one in check(collection)] == [True]
        repair(collection)
        assert collection.texts.passages.version_of_words() == VERSION
        assert _found(collection, "luz") == ["light.txt"]
