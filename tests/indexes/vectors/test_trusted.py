"""No answer is made of embeddings that are not what was written; what was looked at is kept."""

from __future__ import annotations

import numpy as np
import pretend
import pytest
import small

from retrieve.indexes.catalog.database import writing
from retrieve.indexes.search import ann
from retrieve.indexes.upkeep.repair import repair
from retrieve.indexes.vectors import segments, trusted
from retrieve.indexes.vectors.file import FileMissing
from retrieve.indexes.vectors.segments import BLOCK_ROWS
from retrieve.indexes.vectors.trusted import Damaged

ROWS = 5 * BLOCK_ROWS + 3
WORDS = [f"w{i}" for i in range(ROWS)]


@pytest.fixture
def collection(tmp_path, monkeypatch):
    with small.opened(tmp_path / "collection") as opened:
        for start in range(0, ROWS, 7):  # over the borders of blocks
            small.add(opened, f"/p/{start}.jpg", " ".join(WORDS[start : start + 7]))
        monkeypatch.setattr(ann, "EXACT_BYTES", 0)
        opened.engine.build()
        yield opened


def _overwrite(collection, row, data=bytes(64)):
    with (collection.path / "faces.f32").open("r+b") as file:
        file.seek(row * 32 * 4)
        file.write(data)


@pytest.mark.parametrize("exact", [True, False])
@pytest.mark.parametrize("row", [0, BLOCK_ROWS, ROWS - 1])
def test_a_hit_in_a_damaged_block_is_refused(collection, row, exact):
    probe = pretend.embedding(WORDS[row])
    assert collection.nearest(probe, k=1, exact=exact)[0][0].score == pytest.approx(1, abs=1e-6)
    _overwrite(collection, row, pretend.embedding("somebody else").tobytes())
    with pytest.raises(Damaged, match=r"faces\.f32 is damaged.*retrieve check.*retrieve repair"):
        collection.nearest(probe, k=1, exact=exact)
    with pytest.raises(Damaged):
        collection.search_stored(row + 1, threshold=-1)


def test_only_what_an_answer_reads_is_looked_at(collection):
    keep = np.zeros(ROWS, np.bool_)
    keep[: BLOCK_ROWS - 1] = True
    _overwrite(collection, BLOCK_ROWS)
    probe = pretend.embedding(WORDS[3])
    _, rows = collection.engine.nearest(probe, 1, keep=keep)
    assert rows.tolist() == [[3]]
    with pytest.raises(Damaged):
        collection.engine.nearest(probe, 1)


def test_blocks_are_looked_at_once_until_the_file_changes(collection, monkeypatch):
    looked = []
    look = trusted._look

    def noted(vectors, gallery, blocks):
        looked.append(len(blocks))
        return look(vectors, gallery, blocks)

    monkeypatch.setattr(trusted, "_look", noted)
    probe = pretend.embedding(WORDS[3])
    for _ in range(3):
        collection.nearest(probe, exact=True)
    assert looked == []  # it was looked at as the index was made
    small.add(collection, "/p/new.jpg", "new")
    for _ in range(3):
        collection.nearest(probe, exact=True)
    assert looked == [6]


def test_a_file_that_is_compacted_away_while_it_is_read_is_missing(collection):
    """So that whoever reads looks at the catalog again: no row of it is looked at."""
    gallery, space = collection.faces.there(), collection.faces.required()
    (collection.path / "faces.f32").unlink()
    with pytest.raises(FileMissing, match="counts 83 embeddings"):
        trusted.Verdicts().check(collection.faces, space, gallery)


def test_dead_rows_harm_no_answer_before_and_after_they_are_overwritten(collection):
    probe = pretend.embedding(WORDS[3])
    with writing(collection.db):
        collection.db.execute("DELETE FROM crops WHERE face_id = 3")
        collection.db.execute("DELETE FROM faces WHERE id = 3")
        collection.faces.kill([2])
    assert collection.nearest(probe, exact=True)
    collection.faces.wipe()
    assert collection.nearest(probe, exact=True)
    assert collection.faces.damaged() == []


@pytest.mark.parametrize("parts", [[ROWS], [1] * ROWS, [BLOCK_ROWS - 1, 2, ROWS - BLOCK_ROWS - 1]])
def test_checksums_of_blocks_are_the_same_however_the_rows_came(tmp_path, parts):
    rows = np.concatenate([pretend.embedding(word) for word in WORDS])
    with small.opened(tmp_path / "other") as opened:
        with writing(opened.db):
            for part in np.split(rows, np.cumsum(parts)[:-1]):
                opened.faces.append(part)
        (segment,) = segments.segments(opened.db, "faces")
        assert segment.blocks == segments.block_crcs(rows)


def test_an_index_is_not_made_of_damaged_rows(collection):
    _overwrite(collection, 4)
    collection.engine.drop()
    with pytest.raises(Damaged):
        collection.engine.build()


@pytest.mark.parametrize(
    "damage", ["crc = crc + 1", "blocks = zeroblob(length(blocks))", "rows = rows - 1"]
)
def test_checksums_that_are_damaged_themselves_are_made_again(collection, damage):
    with writing(collection.db):
        collection.db.execute(f"UPDATE segments SET {damage}")
    report = repair(collection)
    assert (report.segments, report.damaged, report.faces) == (1, 0, 0)
    assert collection.nearest(pretend.embedding(WORDS[3]), exact=True)
