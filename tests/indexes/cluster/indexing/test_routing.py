"""Which shard has which file, and how many shards there are."""

from __future__ import annotations

import pytest
import segmented

from retrieve.errors import BadInput, CollectionError
from retrieve.indexes.cluster.indexing import index, work


@pytest.fixture
def run(tmp_path, monkeypatch):
    """A folder of photos and what indexes it, in segments of four files."""
    segmented.pretended(monkeypatch)
    photos = tmp_path / "photos"
    photos.mkdir()
    with segmented.opened(tmp_path / "cluster") as cluster:

        def run(*roots, segment=4, **options):
            segmented.READ.clear()
            return cluster.index(roots or [photos], segment=segment, **options)

        run.photos, run.cluster = photos, cluster
        yield run


def _put(photos, *names):
    for name in names:
        (photos / f"{name}.jpg").write_text(f"face{name}")


def _shards(run):
    """By number how many files each shard has."""
    return {one.number: one.files for one in run.cluster.manifest.shards()}


def test_shards_grow_in_number_with_the_files_and_not_with_the_runs(run):
    for day in range(20):
        _put(run.photos, f"{day:02}a", f"{day:02}b")
        run()
    assert sum(_shards(run).values()) == 40
    assert len(_shards(run)) <= 40 // 4
    assert max(_shards(run).values()) <= 2 * 4


def test_many_new_files_become_new_shards_and_the_others_keep_theirs(run):
    _put(run.photos, *"abcz")
    run()
    _put(run.photos, *(f"m{i}" for i in range(11)))
    run()
    assert _shards(run) == {0: 4, 1: 4, 2: 4, 3: 3}
    ranges = run.cluster.manifest.db.execute("SELECT first, shard FROM ranges ORDER BY first")
    assert [shard for _, shard in ranges] == [0, 1, 2, 3, 0]
    assert run().unchanged == 15


def test_a_photo_lives_while_one_of_its_files_does_in_whichever_segment(run):
    _put(run.photos, *(f"{i}" for i in range(8)))
    (run.photos / "7.jpg").write_text("face0")
    report = run()
    assert (report.new, report.duplicate) == (7, 1)
    assert {path.name for path in segmented.READ} == {f"{i}.jpg" for i in range(7)}
    assert run().unchanged == 8
    assert segmented.READ == []
    (run.photos / "0.jpg").unlink()
    assert run().gone == 1
    faces = {word for *_, word, _ in segmented.held_by_all(run.cluster)["faces"]}
    assert "face0" in faces
    _put(run.photos, "0")
    (run.photos / "7.jpg").unlink()
    run()
    assert segmented.READ == []
    assert {word for *_, word, _ in segmented.held_by_all(run.cluster)["faces"]} == faces
    (run.photos / "0.jpg").unlink()
    run()
    left = {word for *_, word, _ in segmented.held_by_all(run.cluster)["faces"]}
    assert left == faces - {"face0"}


def test_another_root_leaves_what_is_known_of_the_first_alone(run, tmp_path):
    _put(run.photos, *"abcdefgh")
    run()
    other = tmp_path / "other"
    other.mkdir()
    _put(other, *"ABCDEFGHIJKL", "a")
    report = run(other)
    assert (report.new, report.duplicate, report.gone) == (12, 1, 0)
    assert run(other).unchanged == 13
    assert run().unchanged == 8
    (other / "A.jpg").unlink()
    (run.photos / "b.jpg").unlink()
    assert run(other).gone == 1
    assert run().gone == 1


def test_what_is_left_out_and_cannot_be_read_is_told_once(run):
    _put(run.photos, *"abcdefgh")
    (run.photos / "bad.jpg").write_text("bad")
    (run.photos / "x.png").write_text("face")
    report = run(exclude=["*.png"])
    assert [(one.path.name, one.reason) for one in report.skipped] == [("bad.jpg", "is bad")]
    assert report.left_out == {"*.png": 1}
    assert len(run(exclude=["*.png"]).skipped) == 1


def test_nobody_indexes_while_another_does(run, tmp_path):
    _put(run.photos, "a")
    with (
        segmented.opened(tmp_path / "cluster") as other,
        other.manifest.coordinating(),
        pytest.raises(CollectionError, match="is being changed by process"),
    ):
        run()
    with pytest.raises(BadInput, match="segments of one file"):
        run(segment=0)


def test_progress_is_that_of_all_segments(run, monkeypatch):
    monkeypatch.setattr(work, "TELL_S", 0.0)
    _put(run.photos, *"abcdefgh")
    steps = []
    run(on_progress=steps.append)
    assert (steps[-1].files, steps[-1].of, steps[-1].new, steps[-1].faces) == (8, 8, 8, 8)
    assert not (run.cluster.path / work.WORK).exists()
    assert index.SEGMENT_FILES == 5_000  # as the commands say
