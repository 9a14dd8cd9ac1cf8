"""The counts that open pages follow: shards are asked when something was written, else not."""

from __future__ import annotations

import asyncio
import json

import clustered
import pytest
import small

from retrieve.cli.web.here import Here
from retrieve.cli.web.pages import collection as pages
from retrieve.cli.web.parts import answered


class Open:
    """A page that is open for so many looks; before each of them something may happen."""

    def __init__(self, *happens):
        self.happens = list(happens)

    async def is_disconnected(self):
        if not self.happens:
            return True
        what = self.happens.pop(0)
        if what is not None:
            what()
        return False


def _told(collection, page):
    async def told():
        response = await pages.events(page, Here(collection))
        return [json.loads(one.removeprefix("data: ")) async for one in response.body_iterator]

    return [one["photos"] for one in asyncio.run(told())]


@pytest.fixture(autouse=True)
def _at_once(monkeypatch):
    monkeypatch.setattr(pages, "EVERY_S", 0.0)
    monkeypatch.setattr(answered, "note", lambda shards: None)


@pytest.fixture(params=["cluster", "collection"])
def opened(request, tmp_path):
    if request.param == "cluster":
        folder = clustered.make(tmp_path / "c", {"/a.jpg": "ana"}, {"/b.jpg": "eva"})
        with clustered.opened(folder) as cluster:
            yield cluster, folder / "shards/0001"
    else:
        with small.opened(tmp_path / "c") as collection:
            small.add(collection, "/a.jpg", "ana")
            small.add(collection, "/b.jpg", "eva")
            yield collection, tmp_path / "c"


def test_pages_are_told_what_is_written_and_nothing_is_counted_meanwhile(opened, monkeypatch):
    collection, written = opened
    counted = []

    def counts(one):
        counted.append(one)
        return all_counts(one)

    all_counts = type(collection).counts
    monkeypatch.setattr(type(collection), "counts", counts)

    def add(path):
        def writes():
            with small.opened(written) as other:
                small.add(other, path, path)

        return writes

    idle = [None] * 20
    told = _told(collection, Open(None, *idle, add("/c.jpg"), *idle, add("/d.jpg"), add("/e.jpg")))
    assert told == [2, 3, 4, 5]
    assert len(told) <= len(counted) <= 2 * len(told)
