"""Forgetting and compacting while other processes index and search."""

from __future__ import annotations

import multiprocessing
from pathlib import Path

import busy
import numpy as np
import pretend
import pytest
import small

from retrieve.indexes.upkeep.check import check
from retrieve.indexes.upkeep.compact import compact
from retrieve.indexes.upkeep.forget import forget


@pytest.fixture
def photos(tmp_path):
    """Photos that stay, that are forgotten, and that are indexed meanwhile."""
    for name in ("stay", "secret", "new"):
        (tmp_path / name).mkdir()
        for i in range(24):
            (tmp_path / name / f"{i:02}.jpg").write_text(f"{name}{i}a {name}{i}b")
    return tmp_path


def test_what_stays_is_always_found_and_what_is_forgotten_is_in_no_file(photos, tmp_path):
    path = tmp_path / "collection"
    context = multiprocessing.get_context("spawn")
    said, begin, enough = context.Queue(), context.Barrier(3), context.Event()
    stay = [f"stay{i}{face}" for i in range(24) for face in "ab"]
    with small.opened(path) as collection:
        small.index(collection, photos / "stay")
        small.index(collection, photos / "secret")
        others = [
            context.Process(target=busy.index, args=(path, photos / "new", begin, said)),
            context.Process(target=busy.search, args=(path, stay, begin, enough, said)),
        ]
        for process in others:
            process.start()
        try:
            begin.wait(busy.LIMIT_S)
            dropped = 0
            for i in range(24):
                forget(collection, paths=[photos / "secret" / f"{i:02}.jpg"])
                if i % 6 == 5:
                    dropped += compact(collection).rows
            others[0].join(busy.LIMIT_S)
            enough.set()
            answers = dict(said.get(timeout=busy.LIMIT_S) for _ in others)
        finally:
            for process in others:
                process.kill()
                process.join()
        assert answers.get("error") is None
        assert answers["indexed"] == 24
        passes, lacking = answers["searched"]
        assert passes > 0
        assert lacking == []
        assert dropped == 48
        assert check(collection) == []
        _same(collection, ["stay", "new"])
    data = b"".join(file.read_bytes() for file in path.rglob("*") if file.is_file())
    assert b"secret" not in data
    for i in range(24):
        assert pretend.embedding(f"secret{i}a").tobytes() not in data


def _same(collection, names):
    """Every face that should be there is, in a row that holds its embedding."""
    gallery = collection.faces.gallery()
    words = {}
    for face in collection.catalog.faces(range(1000)).values():
        word = pretend.said(collection.catalog.crop(face.id))
        np.testing.assert_array_equal(gallery[face.row], pretend.embedding(word)[0])
        words[word] = face.path
    assert sorted(words) == sorted(
        f"{name}{i}{face}" for name in names for i in range(24) for face in "ab"
    )
    assert all(Path(path).is_file() for path in words.values())
