"""Hostile backups: each ends with one line, soon, and nothing of it is put in place."""

from __future__ import annotations

import time

import hostile
import pytest

from retrieve.errors import BadInput
from retrieve.indexes.upkeep.restore import restore

SOON_S = 8.0  # of the processor: what is endless is stopped after five


@pytest.fixture(scope="module")
def good(tmp_path_factory):
    return hostile.make(tmp_path_factory.mktemp("good"))


def test_the_good_backup_is_restored(good, tmp_path):
    file = tmp_path / "b.tar"
    file.write_bytes(hostile.tarred(good.members))
    restore(file, tmp_path / "restored")
    file.write_bytes(hostile.signed(good)({"catalog.sqlite": hostile.changed(good)}))
    restore(file, tmp_path / "again")


@pytest.mark.parametrize("name", hostile.HOSTILE)
def test_a_hostile_backup_ends_with_one_line_and_nothing_in_place(good, tmp_path, name):
    around = tmp_path / "around"
    around.mkdir()
    file = hostile.write(good, name, tmp_path / "b.tar")
    before = time.process_time()
    with pytest.raises(BadInput) as caught:
        restore(file, around / "restored")
    assert time.process_time() - before < SOON_S
    assert str(caught.value).isprintable()
    assert len(str(caught.value)) < 600
    assert list(around.iterdir()) == []
    assert sorted(path.name for path in tmp_path.iterdir()) == ["around", "b.tar"]
