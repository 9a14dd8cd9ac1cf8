"""Many byte sequences at once find what bytes.find() finds one by one."""

from __future__ import annotations

import numpy as np
import pytest

from retrieve.indexes.upkeep import needles
from retrieve.indexes.upkeep.needles import Found, Needles, find_in_file, find_in_folder


def _every(data: bytes, wanted: list[bytes]) -> set[tuple[int, int]]:
    found = set()
    for i, needle in enumerate(wanted):
        offset = data.find(needle)
        while offset >= 0:
            found.add((i, offset))
            offset = data.find(needle, offset + 1)
    return found


@pytest.fixture
def wanted():
    rng = np.random.default_rng(1)
    made = [rng.bytes(int(size)) for size in rng.integers(8, 600, 300)]
    made += [f"/home/ana/Pictures/2019/IMG_{i:04}.jpg".encode() for i in range(300)]
    return [*made, made[0], made[1][:20]]  # one twice, one the beginning of another


@pytest.fixture
def haystack(wanted):
    """Half of them, anywhere, also over each other's ends."""
    rng = np.random.default_rng(2)
    data = bytearray(rng.bytes(100_000))
    for i in range(0, len(wanted), 2):
        start = int(rng.integers(0, len(data) - 700))
        data[start : start + len(wanted[i])] = wanted[i]
    data[: len(wanted[-1])] = wanted[-1]
    data[-len(wanted[4]) :] = wanted[4]
    return bytes(data)


def test_every_place_is_found_at_every_offset(wanted, haystack):
    found = list(Needles(wanted).find(haystack))
    assert len(set(found)) == len(found)
    assert set(found) == _every(haystack, wanted)
    assert len(found) > 200


@pytest.mark.parametrize("block", [1, 700, 4096, 1 << 20])
def test_what_lies_across_two_blocks_is_found_once(wanted, haystack, tmp_path, monkeypatch, block):
    monkeypatch.setattr(needles, "BLOCK_BYTES", block)
    some = haystack[:1500] if block == 1 else haystack
    (tmp_path / "file").write_bytes(some)
    found = list(find_in_file(tmp_path / "file", Needles(wanted)))
    assert len(set(found)) == len(found)
    assert set(found) == _every(some, wanted)


def test_what_is_short_or_uniform_is_named_and_not_looked_for():
    wanted = Needles([b"short", bytes(64), b"long enough to be found", b"aaaaaaaabbbbbbbb"])
    assert wanted.skipped == [0, 1, 3]
    assert list(wanted.find(b"short " + bytes(64) + b"long enough to be found")) == [(2, 70)]
    assert list(Needles([]).find(b"anything at all")) == []
    assert list(wanted.find(b"tiny")) == []


def test_a_folder_is_read_to_its_last_file_and_three_places_are_told(tmp_path):
    (tmp_path / "below").mkdir()
    (tmp_path / "a").write_bytes(b"0123456789abcdef" * 5)
    (tmp_path / "below" / "b").write_bytes(b"..secret thing..")
    (tmp_path / "empty").touch()
    found, files, size = find_in_folder(tmp_path, [b"secret thing", b"9abcdef0"])
    assert found == [Found(1, "a", at) for at in (9, 25, 41)] + [Found(0, "below/b", 2)]
    assert (files, size) == (3, 96)
