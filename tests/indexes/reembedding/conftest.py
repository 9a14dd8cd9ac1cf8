"""A small collection of pretended photos that moves to other networks."""

from __future__ import annotations

import pretend
import pytest
import small

from retrieve.indexes.building import jobs, workers
from retrieve.indexes.catalog.database import writing
from retrieve.indexes.people import statements
from retrieve.indexes.reembedding import faces as moving


@pytest.fixture(autouse=True)
def networks(monkeypatch):
    """Photos are read in this process, by pretended networks."""

    def run(open_work, items, **_):
        work = open_work()
        for key, item in items:
            yield key, workers.attempted(work, item)

    monkeypatch.setattr(workers, "run", run)
    monkeypatch.setattr(jobs, "Faces", pretend.Faces)


@pytest.fixture
def photos(tmp_path):
    folder = tmp_path / "photos"
    folder.mkdir()
    (folder / "one.jpg").write_text("ana")
    (folder / "group.jpg").write_text("ana2 eva luis")
    (folder / "sea.jpg").write_text("")
    return folder


@pytest.fixture
def collection(tmp_path, photos):
    with small.opened(tmp_path / "collection") as opened:
        opened.networks.use(small.Detector(), small.Embedder())
        small.index(opened, photos)
        with writing(opened.db):
            statements.say_name(opened.db, "Ana", [small.face_of(opened, "ana")])
            statements.say_name(opened.db, "Luis", [small.face_of(opened, "luis")])
        yield opened


@pytest.fixture
def dies(monkeypatch):
    """Ends the run with an error after so many batches of one photo each."""
    monkeypatch.setattr(moving.storing, "BATCH_FILES", 1)

    def after(batches):
        store, done = moving._Run._store, []

        def dying(run):
            if len(done) == batches:
                raise RuntimeError("killed")
            done.append(len(run._batch))
            store(run)

        monkeypatch.setattr(moving._Run, "_store", dying)
        return lambda: monkeypatch.setattr(moving._Run, "_store", store)

    return after
