"""The same person, different people, or what cannot be said."""

from __future__ import annotations

from dataclasses import replace

import pytest

import retrieve
from retrieve.errors import BadInput
from retrieve.faces.calibration import SHIPPED, SUFFIX, load
from retrieve.faces.detection.detect import DEFAULT_DETECTOR
from retrieve.faces.embedding.embed import DEFAULT_EMBEDDER
from retrieve.faces.verify import Pair, Verdict, decide

CALIBRATED = load(SHIPPED / f"{DEFAULT_EMBEDDER}-{DEFAULT_DETECTOR}{SUFFIX}")
OLD = replace(CALIBRATED, strangers=None, worse=())
RATE = 0.0002


def _pair(score, quality=0.95, faces=(1, 1), calibrated=CALIBRATED):
    return Pair(faces, score, quality, calibrated.probability(score, quality))


def test_between_the_same_and_different_lies_what_cannot_be_said():
    told = [decide(CALIBRATED, [_pair(score)], RATE) for score in (0.9, 0.74, 0.6)]
    assert [one.verdict for one in told] == ["same", "cannot say", "different"]
    assert [bool(one.why) for one in told] == [False, True, False]
    assert told[0].false_match_rate == pytest.approx(CALIBRATED.false_match_rate(0.9))
    least = told[0].same_from
    assert CALIBRATED.false_match_rate(least) == pytest.approx(RATE)
    for score, verdict in ((least + 1e-6, Verdict.SAME), (least - 1e-6, Verdict.UNSURE)):
        assert decide(CALIBRATED, [_pair(score)], RATE).verdict is verdict


def test_the_best_of_many_pairs_has_to_score_higher():
    alone = decide(CALIBRATED, [_pair(0.79)], RATE)
    others = [_pair(0.3, faces=(1, j)) for j in range(2, 41)]
    among = decide(CALIBRATED, [_pair(0.79), *others], RATE)
    assert (alone.verdict, among.verdict) == (Verdict.SAME, Verdict.UNSURE)
    assert among.false_match_rate == pytest.approx(40 * alone.false_match_rate, rel=0.01)
    assert [pair.score for pair in among.pairs] == sorted(
        (pair.score for pair in among.pairs), reverse=True
    )


def test_a_low_score_of_a_poor_face_does_not_say_different():
    assert decide(CALIBRATED, [_pair(0.62)], RATE).verdict is Verdict.DIFFERENT
    assert decide(CALIBRATED, [_pair(0.62, quality=0.1)], RATE).verdict is Verdict.UNSURE
    # Nor does a good face beside it that scores higher.
    both = decide(CALIBRATED, [_pair(0.65), _pair(0.62, 0.1, (1, 2))], RATE)
    assert (both.verdict, both.pair.faces) == (Verdict.UNSURE, (1, 2))


def test_a_calibration_of_an_older_version_knows_some_rates():
    told = decide(OLD, [_pair(0.9, calibrated=OLD)], RATE)
    assert (told.verdict, told.same_from) == (Verdict.SAME, OLD.thresholds["0.0002"])
    assert told.false_match_rate == 1e-5
    with pytest.raises(BadInput, match="retrieve calibrate FOLDER"):
        decide(OLD, [_pair(0.9, calibrated=OLD)], 1e-7)


def test_two_photos_of_a_drawn_person_are_the_same_and_one_without_a_face_says_nothing(
    album, probe, tmp_path
):
    same = retrieve.verify(probe, probe)
    assert (same.verdict, same.score) == ("same", pytest.approx(1, abs=1e-5))
    assert same.pair.faces == (1, 1)
    from PIL import Image

    Image.new("RGB", (300, 300), "grey").save(tmp_path / "grey.png")
    none = retrieve.verify(probe, tmp_path / "grey.png")
    assert (none.verdict, none.score, none.pairs) == ("cannot say", None, ())
    assert "no face found in" in none.why
    assert "the second of the two photos" in none.why


@pytest.mark.parametrize("rate", [0, 1, -1, float("nan"), "x", True])
def test_a_rate_that_is_none_is_refused(probe, rate):
    with pytest.raises(BadInput, match="false-match rate above 0"):
        retrieve.verify(probe, probe, false_match_rate=rate)
