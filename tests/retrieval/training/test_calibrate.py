"""Which face a label means, and what is read from a list of labels."""

from __future__ import annotations

import numpy as np
import pytest

from retrieve.errors import BadInput
from retrieve.faces import calibration
from retrieve.faces.calibration import Worse
from retrieve.faces.embedding.embedder import unit_rows
from retrieve.indexes.labelled.labels import from_csv
from retrieve.training.calibrate import (
    held_out_error,
    labelled_face,
    pair_scores,
    stranger_curve,
    worse_by_quality,
)
from retrieve.types import Face


def _face(left: float, top: float, right: float, bottom: float) -> Face:
    middle = np.array([(left + right) / 2, (top + bottom) / 2], np.float32)
    return Face(np.array([left, top, right, bottom], np.float32), np.tile(middle, (5, 1)), 0.99)


def test_the_label_means_the_face_nearest_the_middle():
    neighbour, subject = _face(0, 0, 90, 90), _face(80, 70, 120, 120)
    assert labelled_face([neighbour, subject], (200, 200)) == 1
    assert labelled_face([neighbour, subject], (200, 200), largest=True) == 0


def test_the_largest_face_is_the_one_of_which_most_is_to_be_seen():
    """Of a neighbour who is cut by the border most lies outside of the photo."""
    neighbour, subject = _face(-80, -80, 40, 40), _face(60, 60, 140, 140)
    assert labelled_face([neighbour, subject], (200, 200), largest=True) == 1
    # Height and width are told apart.
    beyond, inside = _face(150, 0, 400, 90), _face(10, 10, 90, 80)
    assert labelled_face([beyond, inside], (100, 180), largest=True) == 1
    assert labelled_face([beyond, inside], (100, 400), largest=True) == 0


def test_a_curve_is_of_twelve_people_at_least():
    rows = unit_rows(np.random.default_rng(0).standard_normal((40, 8)).astype(np.float32))
    assert stranger_curve(rows[:11], [str(i) for i in range(11)]) is None
    curve = stranger_curve(rows, [str(i) for i in range(40)])
    assert curve is not None
    assert curve.pairs == 40 * 39 / 2
    # Photos of one person are no pairs of strangers.
    twice = stranger_curve(np.concatenate([rows, rows]), [str(i) for i in range(40)] * 2)
    assert twice is not None
    assert twice.pairs == curve.pairs
    assert twice.score(0.1) == pytest.approx(curve.score(0.1), abs=1e-6)


@pytest.mark.parametrize("column", ["file", "path"])
def test_labels_are_read_below_the_folder(tmp_path, column):
    labels = tmp_path / "labels.csv"
    labels.write_text(f"{column},identity\na/1.jpg,ana\n2.jpg,\n3.jpg,blas\n", "utf-8-sig")
    assert from_csv(tmp_path, labels) == {
        tmp_path / "a/1.jpg": "ana",
        tmp_path / "3.jpg": "blas",
    }


def test_labels_that_contradict_one_another_are_refused(tmp_path):
    labels = tmp_path / "labels.csv"
    labels.write_text("file,identity\n1.jpg,ana\n1.jpg,blas\n")
    with pytest.raises(BadInput, match=r"1\.jpg shows ana and blas"):
        from_csv(tmp_path, labels)
    labels.write_text("name,identity\n1.jpg,ana\n")
    with pytest.raises(BadInput, match="columns file and identity"):
        from_csv(tmp_path, labels)


def _drawn(people: int, photos: int, seed: int = 0):
    """Faces of some people, half of them of poor quality, which lie further from their person's."""
    rng = np.random.default_rng(seed)
    who = np.repeat(np.arange(people), photos)
    quality = np.tile([0.95, 0.4], people * photos // 2).astype(np.float32)
    middle = unit_rows(rng.standard_normal((people, 24)).astype(np.float32))[who]
    noise = rng.standard_normal(middle.shape).astype(np.float32) / np.sqrt(24)
    rows = unit_rows(middle + np.where(quality > 0.9, 0.5, 1.0)[:, None].astype(np.float32) * noise)
    return rows, who.astype(str).tolist(), quality


def test_scores_of_poor_faces_mean_more_where_there_are_enough_of_them():
    rows, people, quality = _drawn(30, 6)
    (worse,) = worse_by_quality(rows, people, quality)
    assert worse.below == 0.5
    told = calibration.fit(
        *pair_scores(rows, people),
        embedder="",
        embedder_sha256="",
        detector="",
        data="",
        worse=[worse],
    )
    assert told.probability(0.5, 0.4) > told.probability(0.5, 0.95)
    few = [row[:8] for row in (rows, people, quality)]
    assert worse_by_quality(*few) == ()
    # What is known of other qualities, and of these where they are too few, stays.
    known = (Worse(0.2, 5.0, 0.0), Worse(0.5, 6.0, 0.0))
    assert worse_by_quality(*few, known) == known
    assert worse_by_quality(rows, people, quality, known) == (known[0], worse)


def test_probabilities_are_judged_on_people_who_were_left_out():
    rows, people, quality = _drawn(60, 6)
    mean, most = held_out_error(rows, people, quality)
    assert 0 < mean <= most < 0.1
    # One answer for good and poor faces is further from the truth.
    assert held_out_error(rows, people, np.full_like(quality, 0.95))[0] > mean
    assert held_out_error(rows[:12], people[:12], quality[:12]) is None
