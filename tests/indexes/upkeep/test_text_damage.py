"""What is damaged in a collection of texts is told, and made again from the texts it keeps."""

from __future__ import annotations

from pathlib import Path

import noted
import numpy as np
import pretend
import pytest
from noted import (
    DIM_BYTES,
    SECRET,
    all_bytes,
    forget_and_die,
    found,
    index,
    parts,
    told,
    write_notes,
)
from numpy.testing import assert_array_equal

from retrieve.errors import CollectionError
from retrieve.indexes.catalog.database import writing
from retrieve.indexes.catalog.paths import Found
from retrieve.indexes.collection import open_collection
from retrieve.indexes.upkeep import check, compact, repair
from retrieve.indexes.upkeep.check import check as check_now
from retrieve.indexes.upkeep.compact import compact as compact_now
from retrieve.indexes.upkeep.forget import forget
from retrieve.indexes.upkeep.repair import repair as repair_now
from retrieve.indexes.vectors import segments


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


def test_a_flipped_bit_is_found_and_the_passages_of_its_segment_are_embedded_again(
    collection, notes
):
    (notes / "5.txt").write_text("Otra cosa.")  # its old content is of no file any more
    index(collection, notes)
    file = collection.path / "passages.f32"
    before = file.read_bytes()
    for row in (1, 6):
        data = bytearray(file.read_bytes())
        data[row * DIM_BYTES + 9] ^= 16
        file.write_bytes(data)
    assert told(collection) == [
        "2 of 3 segments of passages.f32 do not hold what was written: rows 0–7"
    ]
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
    assert told(collection)
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
    index(collection, notes)
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
        assert found(opened, "boda") == [f"{i}.txt" for i in range(9) if i != 5]
        assert found(opened, "historial") == ["secret.txt"]


def test_an_index_of_words_whose_totals_are_a_number_is_one_line(collection):
    with writing(collection.db):
        collection.db.execute("UPDATE stems_data SET block = 7 WHERE id = 1")
    with open_collection(collection.path) as opened:
        opened.texts.use(pretend.TextEncoder())
        with pytest.raises(CollectionError, match=r"index of words is damaged.*retrieve repair"):
            opened.texts.passages.bm25(["bod"], [1])


BROKEN = "UPDATE stems_data SET block = zeroblob(40) WHERE id > 10"


def test_a_broken_index_of_words_is_one_line_for_who_writes(collection, notes):
    with writing(collection.db):
        collection.db.execute(BROKEN)
    (notes / "new.txt").write_text("Algo nuevo.")
    with open_collection(collection.path) as opened:
        opened.texts.use(pretend.TextEncoder())
        for work in (
            lambda: forget(opened, paths=[notes / "1.txt"]),
            lambda: index(opened, notes),
            lambda: compact_now(opened),
        ):
            with pytest.raises(CollectionError, match=r"damaged.*retrieve check") as caught:
                work()
            assert "\n" not in str(caught.value)
        assert repair_now(opened).words == 9  # it was forgotten, and its traces were left
        assert index(opened, notes).new == 2  # and its file is still there
        assert check_now(opened) == []


def test_a_forgetting_that_met_a_broken_index_of_words_is_completed_by_repairing(collection, notes):
    forget_and_die(collection, notes / "secret.txt")
    with writing(collection.db):
        collection.db.execute(BROKEN)
    with open_collection(collection.path) as opened:
        opened.texts.use(pretend.TextEncoder())
        with pytest.raises(CollectionError, match="damaged"):
            index(opened, notes)
        assert repair_now(opened).words == 9
        assert check_now(opened) == []
        after = all_bytes(collection.path)
        assert [part for part in parts(SECRET) if part in after] == []


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
        other.catalog.put_path(Found(Path("/p/x.txt"), 1, 1, 1), content_id=None, reason="bad")
        assert check_now(collection) == []
