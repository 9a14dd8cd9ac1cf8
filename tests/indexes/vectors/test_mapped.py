"""Vector files stay mapped between questions, and rows here and there are read alone."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import numpy as np
import pretend
import pytest
import small

from retrieve.indexes.search import ann
from retrieve.indexes.vectors.file import FileMissing
from retrieve.indexes.vectors.segments import BLOCK_ROWS
from retrieve.indexes.vectors.trusted import Verdicts

ROWS = 5 * BLOCK_ROWS
DIM = 32


@pytest.fixture
def collection(tmp_path):
    with small.opened(tmp_path / "collection") as opened:
        _add(opened, 0)
        yield opened


@pytest.fixture
def indexed(collection, monkeypatch):
    monkeypatch.setattr(ann, "EXACT_BYTES", 0)
    monkeypatch.setattr(ann, "CANDIDATES", 20)
    collection.engine.build()
    return collection


def _add(collection, first):
    small.add(collection, f"/p/{first}.jpg", " ".join(f"w{i}" for i in range(first, first + ROWS)))


def _mapped(collection):
    return collection.engine.gallery()


def test_a_file_stays_mapped_until_rows_are_added(collection):
    first = _mapped(collection)
    assert _mapped(collection) is first
    _add(collection, ROWS)
    assert len(_mapped(collection)) == 2 * ROWS
    assert _mapped(collection) is not first


def test_a_file_that_was_replaced_is_mapped_anew(collection):
    first, path = np.array(_mapped(collection)), collection.path / "faces.f32"
    other = path.with_name("other")
    other.write_bytes(first[::-1].tobytes())
    about = path.stat()
    os.utime(other, ns=(about.st_atime_ns, about.st_mtime_ns))
    other.replace(path)
    space = collection.faces.required()
    gallery, scattered = collection.engine._loaded.mapped.galleries(collection.faces, space)
    np.testing.assert_array_equal(gallery, first[::-1])
    np.testing.assert_array_equal(scattered, first[::-1])


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells what is mapped")
def test_closing_unmaps_what_nobody_reads(collection):
    opened, path = collection.opened, str(collection.path / "faces.f32")
    collection.nearest(pretend.embedding("w3"), k=1)
    maps = Path("/proc/self/maps")
    assert path in maps.read_text()
    collection.close()
    assert path not in maps.read_text()
    assert opened.path == collection.path  # held until here


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells how a file is mapped")
def test_candidates_are_read_through_a_mapping_that_reads_nothing_around_them(indexed, monkeypatch):
    read = []
    scored = ann._scored
    monkeypatch.setattr(
        ann, "_scored", lambda gallery, *of: read.append(gallery) or scored(gallery, *of)
    )
    indexed.nearest(pretend.embedding("w3"), k=1)
    assert ["rr" in _flags(gallery.ctypes.data) for gallery in read] == [True]
    assert "rr" not in _flags(_mapped(indexed).ctypes.data)


def _flags(address):
    """How the memory at an address is mapped."""
    inside = False
    for line in Path("/proc/self/smaps").read_text().splitlines():
        head = line.split(" ", 1)[0]
        if "-" in head:
            start, stop = (int(part, 16) for part in head.split("-"))
            inside = start <= address < stop
        elif inside and head == "VmFlags:":
            return line.split()[1:]
    raise AssertionError("nothing is mapped there")


@pytest.mark.skipif(not hasattr(os, "posix_fadvise"), reason="macOS has no such advice")
def test_blocks_are_asked_for_together_when_they_are_looked_at_first(indexed, monkeypatch):
    indexed.engine._loaded.verdicts = Verdicts()  # as in a new process
    asked = []
    monkeypatch.setattr(os, "posix_fadvise", lambda fd, *of: asked.append(of))
    keep = np.zeros(ROWS, np.bool_)
    keep[[1, 5, 3 * BLOCK_ROWS]] = True
    for _ in range(2):
        indexed.engine.nearest(pretend.embedding("w5"), 1, keep=keep)
    block, need = BLOCK_ROWS * DIM * 4, os.POSIX_FADV_WILLNEED
    assert asked == [(0, block, need), (3 * block, block, need)]


def test_a_file_that_is_gone_is_told_by_who_reads_it(collection):
    file = collection.faces.file(collection.faces.required())
    file.path.unlink()
    file.expect([0], BLOCK_ROWS)
    with pytest.raises(FileMissing):
        file.read(ROWS)
