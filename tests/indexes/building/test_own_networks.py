"""Detectors, embedders and encoders of the caller's own, wherever a name may stand."""

from __future__ import annotations

import ctypes
import hashlib
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest

import retrieve
from retrieve.faces.detection.detect import open_detector
from retrieve.indexes.building.processes import can_travel


class Colours:
    """An embedder: the mean colours of nine parts of a crop."""

    name, dim, crop_px, version = "colours", 27, 48, "2024-05"

    def template(self, detector):
        return np.array([[16, 18], [32, 18], [24, 27], [18, 35], [30, 35]], np.float32)

    def embed(self, crops):
        parts = crops.reshape(len(crops), 3, 16, 3, 16, 3).mean(axis=(2, 4)).reshape(-1, 27)
        rows = (parts + 1).astype(np.float32)
        return rows / np.linalg.norm(rows, axis=1, keepdims=True)


class Whole:
    """A detector that takes the middle of every photo for a face; it cannot be pickled."""

    name, weights_sha256 = "whole", "ab" * 32

    def __init__(self):
        self.lock = threading.Lock()
        self.threads = set()

    def detect(self, batch):
        self.threads.add(threading.get_ident())
        return [[self._middle(*pixels.shape[:2])] for pixels in batch]

    def _middle(self, height, width):
        box = np.array([width / 4, height / 4, 3 * width / 4, 3 * height / 4], np.float32)
        unit = np.array([[0.35, 0.4], [0.65, 0.4], [0.5, 0.55], [0.4, 0.7], [0.6, 0.7]])
        return retrieve.Face(box, (unit * (width, height)).astype(np.float32), 0.9)


class Hashed:
    """A text encoder."""

    name, dim, weights_sha256 = "hashed", 16, "cd" * 32

    def covers(self, text):
        return bool(text.strip())

    def embed(self, texts):
        rows = [
            np.random.default_rng(list(hashlib.sha256(text.encode()).digest())).normal(size=16)
            for text in texts
        ]
        return (np.array(rows) / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


@pytest.fixture
def few(album):
    """Photos of the album, as many as have five faces."""
    return sorted(album.rglob("IMG_*.jpg"))[:4]


def test_an_own_embedder_is_recorded_and_searched_with(few, probe, tmp_path):
    with retrieve.open_collection(tmp_path / "c", create=True, embedder=Colours()) as opened:
        opened.index(few)
        made_by = opened.info().space.made_by
        assert (made_by["embedder"], made_by["embedder_sha256"]) == ("colours", "version 2024-05")
        assert opened.info().space.dim == 27
        with pytest.raises(retrieve.BadInput, match="no calibrated threshold for colours"):
            opened.search_faces(probe)
        hits = opened.search_faces(probe, k=3, threshold=-1)
        assert len(hits) == 3
        vectors = retrieve.embed_faces(retrieve.detect(probe), embedder=Colours())
        assert opened.nearest(vectors, k=1)[0][0].face_id == hits.faces[0].hits[0].face_id
    with retrieve.open_collection(tmp_path / "c", embedder=Colours()) as again:
        assert len(again.search_faces(probe, k=3, threshold=-1)) == 3
        assert again.index(few).new == 0


def test_without_its_owners_object_a_collection_says_what_to_do(few, probe, tmp_path):
    with retrieve.open_collection(tmp_path / "c", create=True, embedder=Colours()) as opened:
        opened.index(few)
    with retrieve.open_collection(tmp_path / "c") as again:
        with pytest.raises(retrieve.CollectionError, match=r"embedder 'colours'.*embedder=…"):
            again.search_faces(probe, threshold=-1)
        assert len(again.search_stored(1, k=3, threshold=-1)) == 3
    other = Colours()
    other.version = "2025-01"
    with (
        retrieve.open_collection(tmp_path / "c", embedder=other) as again,
        pytest.raises(retrieve.CollectionError, match="you asked with centerface and colours"),
    ):
        again.search_faces(probe, threshold=-1)


def test_a_detector_that_cannot_be_pickled_runs_in_this_process(album, probe, tmp_path):
    detector = Whole()
    assert not can_travel(detector)
    with retrieve.open_collection(
        tmp_path / "c", create=True, detector=detector, embedder=Colours()
    ) as opened:
        report = opened.index([album])
        assert report.faces == 12
        assert detector.threads == {threading.get_ident()}
        assert opened.info().space.made_by["detector_sha256"] == "ab" * 32
        assert len(opened.search_faces(probe, k=5, threshold=-1)) == 5


def test_a_bad_photo_does_not_stop_a_run_in_this_process(tmp_path):
    folder = tmp_path / "photos"
    folder.mkdir()
    (folder / "bad.jpg").write_text("no photo")
    with retrieve.open_collection(
        tmp_path / "c", create=True, detector=Whole(), embedder=Colours()
    ) as opened:
        report = opened.index([folder])
    assert [(item.path.name, "not a JPEG" in item.reason) for item in report.skipped] == [
        ("bad.jpg", True)
    ]


class Broken:
    """It pickles, and cannot be made again."""

    def __reduce__(self):
        return _refuse, ()


def _refuse():
    raise OSError("not here")


def test_what_can_be_pickled_and_made_again_travels():
    assert can_travel(Colours())
    assert can_travel(Path("cc/__main__"))
    assert not can_travel(lambda: None)
    assert not can_travel(ctypes.pointer(ctypes.c_int(1)))
    assert not can_travel(Broken())


def test_what_the_script_alone_knows_does_not_travel():
    code = (
        "from retrieve.indexes.building.processes import can_travel\n"
        "class Mine: pass\n"
        "print(can_travel(Mine()), can_travel([Mine]), can_travel({'a': (1, b'x')}))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "False False True\n"


def test_a_detector_that_takes_the_name_of_ours_has_not_its_calibration(album, probe, tmp_path):
    class Named(Whole):
        name = "mtcnn"

    with retrieve.open_collection(tmp_path / "c", create=True, detector=Named()) as opened:
        opened.index([album])
        with pytest.raises(retrieve.BadInput, match="no calibrated threshold"):
            opened.search_faces(probe)
    assert retrieve.compare(probe, probe, detector=Named()).probability is None
    assert retrieve.compare(probe, probe).probability is not None


def test_rows_of_another_length_are_refused(probe):
    class Long(Colours):
        def embed(self, crops):
            return 2 * super().embed(crops)

    with pytest.raises(retrieve.BadInput, match="wanted rows of length 1"):
        retrieve.compare(probe, probe, embedder=Long())


def test_an_own_encoder_embeds_the_passages(tmp_path):
    (tmp_path / "a.txt").write_text("una boda en Zaragoza con mucha lluvia")
    with retrieve.open_collection(tmp_path / "c", create=True, encoder=Hashed()) as opened:
        opened.index([tmp_path / "a.txt"])
        assert opened.info().texts.made_by["encoder"] == "hashed"
        (hit,) = opened.search_texts("una boda en Zaragoza con mucha lluvia")
        assert hit.cosine == pytest.approx(1, abs=1e-5)
    with (
        retrieve.open_collection(tmp_path / "c") as again,
        pytest.raises(retrieve.CollectionError, match=r"encoder 'hashed'.*encoder=…"),
    ):
        again.search_texts("boda")


@pytest.mark.parametrize(
    ("given", "line"),
    [
        ({"embedder": object()}, r"an embedder or an object with name, dim.*lacks name"),
        ({"detector": open_detector}, r"a detector or an object with name, detect.*lacks name"),
        ({"encoder": 3}, "an encoder or an object with name, dim, covers, embed; int lacks"),
    ],
)
def test_an_object_that_is_no_network_is_refused_in_one_line(tmp_path, given, line):
    with pytest.raises(retrieve.BadInput, match=line):
        retrieve.open_collection(tmp_path / "c", create=True, **given)


def test_a_network_without_weights_or_version_is_refused(tmp_path):
    class Nameless(Colours):
        version = None

    with pytest.raises(retrieve.BadInput, match="needs the attribute weights_sha256 or version"):
        retrieve.open_collection(tmp_path / "c", create=True, embedder=Nameless())
