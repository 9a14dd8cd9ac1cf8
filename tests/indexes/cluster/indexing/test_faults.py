"""Whoever dies while a cluster is indexed: nothing is lost, nothing is there twice."""

from __future__ import annotations

import os
import shutil
import signal
from contextlib import contextmanager

import pytest
import segmented

from retrieve.errors import CollectionError
from retrieve.indexes.catalog.database import writing
from retrieve.indexes.cluster.cluster import open_cluster
from retrieve.indexes.cluster.indexing import committing, index, task
from retrieve.indexes.cluster.manifest import SHARDS, Manifest, create_manifest
from retrieve.indexes.collection import open_collection
from retrieve.indexes.files import Strange

STEP = int(os.environ.get("STEP", "31"))  # between two at which it dies; 1 tries them all


class Killed(BaseException):
    """The coordinator was."""


@pytest.fixture
def photos(tmp_path):
    folder = tmp_path / "photos"
    folder.mkdir()
    for i in range(9):
        (folder / f"{i}.jpg").write_text(f"ana face{i}")
    return folder


def _change(photos):
    """Something of everything: new files, a copy of one that is in another shard, moves."""
    for i in range(12):
        (photos / f"new{i}.jpg").write_text(f"eva new{i}")
    (photos / "new 0.jpg").write_text("ana face8")
    (photos / "z.jpg").write_text("eva new0")
    (photos / "1.jpg").rename(photos / "y.jpg")
    (photos / "2.jpg").write_text("ana face7")
    (photos / "3.jpg").unlink()


@contextmanager
def _dying_at(monkeypatch, number):
    """Let the coordinator die at one of its steps; gives how many there were, and if it died."""
    steps = [0]

    def step():
        steps[0] += 1
        if steps[0] == number:
            raise Killed

    def before(owner, name):
        done = getattr(owner, name)

        def dying(*args, **options):
            step()
            return done(*args, **options)

        patch.setattr(owner, name, dying)

    with monkeypatch.context() as patch:
        whole = Manifest.writing

        @contextmanager
        def writing_or_dying(manifest):
            step()
            with whole(manifest):
                yield
            step()

        patch.setattr(Manifest, "writing", writing_or_dying)
        for owner, name in (
            (committing, "sync_folder"),
            (committing.deletion, "remove"),
            (committing.traces, "finish"),
        ):
            before(owner, name)
        yield steps


def test_a_coordinator_that_dies_anywhere_is_followed_by_one_that_goes_on(
    tmp_path, photos, monkeypatch
):
    segmented.pretended(monkeypatch)
    with segmented.opened(tmp_path / "before") as cluster:
        cluster.index([photos], segment=4)
    _change(photos)
    with segmented.alone(tmp_path / "alone") as alone:
        segmented.index_alone(alone, photos)
        wanted = segmented.held(alone)
    died, number = True, 1
    while died:
        folder = tmp_path / f"cluster{number}"
        shutil.copytree(tmp_path / "before", folder)
        with (
            segmented.opened(folder) as cluster,
            _dying_at(monkeypatch, number),
        ):
            try:
                cluster.index([photos], segment=4)
                died = False
            except Killed:
                pass
        with segmented.opened(folder) as cluster:
            cluster.index([photos], segment=4)
            assert segmented.held_by_all(cluster) == wanted, number
            left = sorted(path.name for path in (folder / SHARDS).iterdir() if path.is_dir())
            assert left == [f"{one.number:04}" for one in cluster.manifest.shards()]
            report = cluster.index([photos], segment=4)
            assert report.unchanged == len(wanted["files"])
        shutil.rmtree(folder)
        number += STEP
    assert number > 40


def _kill_once(settings, segment):
    """bring(), in a process that is killed when it has committed some of the second segment."""
    mark = settings.cluster / "killed"
    if segment.number == 1 and not mark.exists():
        mark.touch()

        def update(self, *args, **options):
            report = whole(self, *args, **options)
            with writing(self.db):
                pass
            os.kill(os.getpid(), signal.SIGKILL)
            return report

        whole = task.Collection.update
        task.Collection.update = update
    return task.bring(settings, segment)


def test_a_task_that_is_killed_is_run_again_and_goes_on(tmp_path, monkeypatch):
    texts = tmp_path / "texts"
    texts.mkdir()
    for i in range(12):
        (texts / f"{i:02}.txt").write_text(f"Carta número {i % 10} de Zaragoza.")
    create_manifest(_made(tmp_path / "cluster")).close()
    monkeypatch.setattr(index, "bring", _kill_once)
    with open_cluster(tmp_path / "cluster") as cluster:
        report = cluster.index([texts], segment=4)
        assert (report.new, report.duplicate) == (6, 2)  # four were in before it was killed
        assert (tmp_path / "cluster" / "killed").exists()
        with open_collection(tmp_path / "alone", create=True) as alone:
            alone.index([texts])
            assert segmented.held_by_all(cluster) == segmented.held(alone)


def test_what_cannot_be_indexed_is_told_and_the_rest_is_in(tmp_path, photos, monkeypatch):
    segmented.pretended(monkeypatch)
    bring = task.bring

    def failing(settings, segment):
        if segment.number == 2:
            raise CollectionError("the disk is full")
        return bring(settings, segment)

    monkeypatch.setattr(index, "bring", failing)
    with segmented.opened(tmp_path / "cluster") as cluster:
        with pytest.raises(CollectionError, match=r"segment 2 was not .*: the disk is full"):
            cluster.index([photos], segment=3)
        assert [one.number for one in cluster.manifest.shards()] == [0, 1]
        monkeypatch.setattr(index, "bring", bring)
        assert cluster.index([photos], segment=3).new == 3


def test_ctrl_c_keeps_what_is_whole_and_it_is_searched(tmp_path, photos, monkeypatch):
    segmented.pretended(monkeypatch)
    whole = segmented.extractor

    def interrupted(roots):
        def run(paths):
            for number, one in enumerate(whole(roots)(paths)):
                if number == 2:
                    raise KeyboardInterrupt
                yield one

        return run

    with segmented.opened(tmp_path / "cluster") as cluster:
        with monkeypatch.context() as patch:
            patch.setattr(
                task,
                "extractor",
                lambda collection, settings, *, photos: (
                    interrupted if len(cluster.manifest.shards()) == 1 else whole
                )(settings.roots),
            )
            report = cluster.index([photos], segment=4)
        assert report.interrupted
        assert report.new == 3
        assert len(segmented.held_by_all(cluster)["files"]) == 3
        report = cluster.index([photos], segment=4)
        assert (report.new, report.unchanged) == (6, 3)
        assert len(segmented.held_by_all(cluster)["faces"]) == 18


def _made(folder):
    folder.mkdir()
    return folder


def test_a_shard_that_is_away_is_not_made_anew_and_nothing_is_indexed(
    tmp_path, photos, monkeypatch
):
    segmented.pretended(monkeypatch)
    with segmented.opened(tmp_path / "cluster") as cluster:
        cluster.index([photos], segment=5)
        folder = cluster.manifest.shards()[1].folder
        shutil.move(folder, tmp_path / "away")
        (photos / "new.jpg").write_text("eva new")
        with pytest.raises(CollectionError, match=r"shard 1 is not in its folder .*bring it back"):
            cluster.index([photos], segment=5)
        assert not folder.exists()
        folder.mkdir()  # as where a disk is mounted
        with pytest.raises(CollectionError, match="shard 1 is not in its folder"):
            cluster.index([photos], segment=5)
        assert not list(folder.iterdir())
        folder.rmdir()
        shutil.move(tmp_path / "away", folder)
        report = cluster.index([photos], segment=5)
        assert (report.new, report.unchanged, report.gone) == (1, 9, 0)


def test_a_task_does_not_make_a_shard_that_the_cluster_has(tmp_path):
    files = tmp_path / "0.files"
    files.write_bytes(b"")
    create_manifest(_made(tmp_path / "cluster")).close()
    folder = tmp_path / "cluster" / SHARDS / "0000"
    segment = task.Segment(0, folder, files, 0, tmp_path / "0.json")
    with pytest.raises(CollectionError, match="is not there"):
        task.bring(task.Settings(tmp_path / "cluster", (tmp_path,), photos=False), segment)
    assert not folder.exists()


@pytest.mark.parametrize("name", ["shards/.0007.part", "shards/0007", "work"])
def test_a_link_in_the_place_of_a_folder_of_the_cluster_is_refused(
    tmp_path, photos, monkeypatch, name
):
    segmented.pretended(monkeypatch)
    with segmented.alone(tmp_path / "of others") as collection:
        segmented.index_alone(collection, photos)
        before = segmented.held(collection)
    with segmented.opened(tmp_path / "cluster") as cluster:
        cluster.index([photos], segment=20)
        link = tmp_path / "cluster" / name
        link.symlink_to(tmp_path / "of others")
        with pytest.raises(Strange, match="symbolic link"):
            cluster.index([photos], segment=20)
        assert [one.number for one in cluster.manifest.shards()] == [0]
        assert link.is_symlink()
    with open_collection(tmp_path / "of others") as collection:
        assert segmented.held(collection) == before
