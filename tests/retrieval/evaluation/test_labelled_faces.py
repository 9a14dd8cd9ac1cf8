"""Protocols on labelled faces agree with brute force, with scikit-learn, and with themselves."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from numpy.testing import assert_allclose
from sklearn.metrics import roc_curve

from retrieve.errors import BadInput
from retrieve.evaluation import identification
from retrieve.evaluation.faces import folds, galleries, measured, pairs, resampling, robustness
from retrieve.evaluation.verification import equal_error_rate, roc
from retrieve.faces.embedding.embedder import unit_rows


def made(people: int, photos: tuple[int, ...], spread: float = 0.5, seed: int = 0):
    """Faces around their people: unit rows, and who each is."""
    rng = np.random.default_rng(seed)
    middles = rng.standard_normal((people, 8))
    who = np.repeat(np.arange(people), np.resize(photos, people))
    rows = middles[who] + spread * rng.standard_normal((len(who), 8))
    order = rng.permutation(len(who))
    return unit_rows(rows[order].astype(np.float32)), who[order]


@pytest.fixture(scope="module")
def album():
    return made(24, (1, 2, 5), 0.9)


def test_pairs_are_those_of_a_loop(album, monkeypatch):
    faces, who = album
    monkeypatch.setattr(pairs, "BLOCK", 7)
    every = pairs.compare(faces, who)
    genuine = sorted(
        float(faces[i] @ faces[j]) for i, j in combinations(range(len(who)), 2) if who[i] == who[j]
    )
    impostor = [
        (float(faces[i] @ faces[j]), {who[i], who[j]})
        for i, j in combinations(range(len(who)), 2)
        if who[i] != who[j]
    ]
    impostor.sort(key=lambda one: -one[0])
    assert_allclose(every.genuine, genuine, atol=1e-6)
    assert_allclose(every.impostor, [score for score, _ in impostor], atol=1e-6)
    assert [set(row) for row in every.impostor_of.tolist()] == [who for _, who in impostor]
    assert_allclose(np.bincount(every.genuine_of, every.weights)[who[0]], 1)


def test_probes_are_compared_with_all_faces_but_their_own(album):
    faces, who = album
    rng = np.random.default_rng(1)
    of = np.array([3, 0, 11, 20])
    rows = unit_rows(faces[of] + 0.2 * rng.standard_normal((4, 8)).astype(np.float32))
    found = np.array([True, True, False, True])
    every = pairs.compare(faces, who, pairs.Probes(rows, of, found))
    genuine, impostor = [], []
    for row, i, there in zip(rows, of.tolist(), found.tolist(), strict=True):
        for j in range(len(who)):
            if i != j:
                score = float(row @ faces[j]) if there else pairs.NOT_FOUND
                (genuine if who[i] == who[j] else impostor).append(score)
    assert_allclose(every.genuine, sorted(genuine), atol=1e-6)
    assert_allclose(every.impostor, sorted(impostor, reverse=True), atol=1e-6)
    ones = np.ones(int(who.max()) + 1)
    assert_allclose(every.strangers_weight(ones), len(impostor))


def test_a_curve_is_that_of_scikit_learn(album):
    every = pairs.compare(*album)
    truth = np.concatenate([np.ones(every.genuine.size), np.zeros(every.impostor.size)])
    scores = np.concatenate([every.genuine, every.impostor])
    weights = np.concatenate([every.weights, np.ones(every.impostor.size)])
    far, tar, thresholds = roc_curve(truth, scores, sample_weight=weights, drop_intermediate=False)
    for threshold, x, y in zip(thresholds[1::17], far[1::17], tar[1::17], strict=True):
        assert_allclose(1 - every.missed(threshold), y, atol=1e-9)
        assert_allclose(every.passing(threshold), x, atol=1e-9)
    curve = roc(every.genuine, every.impostor, every.weights)
    for threshold, x, y in zip(
        curve.threshold[:-1:31], curve.fmr[::31], curve.fnmr[::31], strict=True
    ):
        assert_allclose([x, y], [every.passing(threshold), every.missed(threshold)], atol=1e-9)
    rate, threshold = equal_error_rate(every.genuine, every.impostor, every.weights)
    gap = np.abs(far - (1 - tar))
    assert_allclose(rate, ((far + 1 - tar) / 2)[gap.argmin()], atol=1e-9)
    assert_allclose(every.missed(threshold) + every.passing(threshold), 2 * rate, atol=1e-9)


def test_a_person_counts_once_however_many_photos_there_are():
    faces, who = made(12, (2, 2, 9), 0.9)
    every = pairs.compare(faces, who)
    threshold = float(np.median(every.genuine))
    shares = [
        np.mean(
            [
                faces[i] @ faces[j] < threshold
                for i, j in combinations(np.flatnonzero(who == person), 2)
            ]
        )
        for person in range(12)
    ]
    assert_allclose(every.missed(threshold), np.mean(shares), atol=1e-9)
    assert abs(np.mean(every.genuine < np.float32(threshold)) - every.missed(threshold)) > 1e-3


def test_rates_that_too_few_pairs_show_are_not_told():
    assert pairs.compare(*made(3, (2,))).rates == [0.1]
    assert pairs.compare(*made(20, (3,))).rates == [0.1, 0.01]


@pytest.mark.parametrize("who", [[0, 1, 2], [0, 0, 0]])
def test_pairs_of_both_kinds_are_wanted(who):
    with pytest.raises(BadInput, match="two faces"):
        pairs.compare(made(3, (1,))[0], np.array(who))


def test_intervals_are_of_pairs_repeated_as_their_people_are_drawn(album, monkeypatch):
    """A person who is drawn twice brings the pairs twice, with another who is drawn twice four
    times; nobody meets himself."""
    faces, who = album
    every = pairs.compare(faces, who)
    drawn = np.random.default_rng(3).integers(0, 3, int(who.max()) + 1).astype(np.float64)
    monkeypatch.setattr(resampling, "draws", lambda *_: np.stack([drawn, drawn]))
    equal, _ = equal_error_rate(every.genuine, every.impostor, every.weights)
    found = resampling.errors(every, [0.1, 0.01], equal)
    times = (drawn[every.impostor_of[:, 0]] * drawn[every.impostor_of[:, 1]]).astype(int)
    impostor = np.repeat(every.impostor, times)
    weights = every.weights * drawn[every.genuine_of]
    assert_allclose(every.strangers_weight(drawn), impostor.size)
    for told, rate in zip(found.missed, [0.1, 0.01], strict=True):
        least = impostor[int(rate * impostor.size + 1e-9)]
        wanted = weights[every.genuine <= least].sum() / weights.sum()
        assert_allclose([told.low, told.high], wanted, atol=1e-9)
    wanted, _ = equal_error_rate(every.genuine[weights > 0], impostor, weights[weights > 0])
    assert_allclose([found.equal.low, found.equal.high], wanted, atol=2e-3)


def test_the_tail_of_strangers_alone_gives_the_same_intervals(album, monkeypatch):
    faces, who = album
    whole = pairs.compare(faces, who)
    monkeypatch.setattr(pairs, "TAIL", 400)
    tail = pairs.compare(faces, who)
    assert len(tail.impostor_of) == 400 < len(whole.impostor_of)
    one, other = (resampling.errors(some, [0.1, 0.01], 0.1, resamples=50) for some in (whole, tail))
    for a, b in zip(one.missed, other.missed, strict=True):
        assert_allclose([a.value, a.low, a.high], [b.value, b.low, b.high], atol=1e-9)


def test_an_interval_holds_the_truth_about_as_often_as_it_says():
    """Shares of people who each are right or wrong in all of their trials: pairs drawn as if they
    were independent would give a third of the width."""
    rng = np.random.default_rng(0)
    held = 0
    for number in range(60):
        right = rng.random(80) < 0.8
        told = resampling.share(right * 9.0, np.full(80, 9.0), resamples=300, seed=number)
        held += told.low <= 0.8 <= told.high
    assert held >= 51


def test_few_people_have_no_interval():
    told = resampling.share(np.ones(9), np.ones(9))
    assert (told.value, told.low, told.high) == (1, None, None)


def test_the_best_threshold_is_that_of_trying_all():
    rng = np.random.default_rng(0)
    for _ in range(30):
        scores = rng.integers(0, 9, 20).astype(np.float32) / 10  # many are equal
        same = rng.random(20) < 0.5
        found = folds.best_threshold(scores, same)
        tried = np.arange(-0.5, 1.5, 0.05)
        best = max(np.mean((scores >= one) == same) for one in tried)
        assert_allclose(np.mean((scores >= found) == same), best)


def test_accuracy_takes_each_fold_by_the_threshold_of_the_others():
    scores = np.array([0.9, 0.1, 0.9, 0.1, 0.5, 0.4], np.float32)
    same = np.array([True, False, True, False, True, False])
    found = folds.accuracy(scores, same, np.array([0, 0, 1, 1, 2, 2]))
    # The first two folds ask for .5 (of all that are best the middle one), which is one of the
    # third's scores; the third is told by them.
    assert found.folds[:2] == (1.0, 1.0)
    assert found.folds[2] == np.mean((scores[4:] >= folds.best_threshold(scores[:4], same[:4])) ==
                                     same[4:])  # fmt: skip
    assert_allclose(found.error, np.std(found.folds, ddof=1) / np.sqrt(3))
    with pytest.raises(BadInput, match="two folds"):
        folds.accuracy(scores, same, np.zeros(6, np.int64))


def test_nobody_is_in_two_folds_and_both_kinds_are_as_many(album):
    _, who = album
    chosen = folds.chosen(who)
    assert chosen is not None
    of: dict[int, set[int]] = {}
    for side in (chosen.one, chosen.other):
        for person, fold in zip(who[side].tolist(), chosen.fold.tolist(), strict=True):
            of.setdefault(person, set()).add(fold)
    assert all(len(some) == 1 for some in of.values())
    assert_allclose(chosen.same, who[chosen.one] == who[chosen.other])
    for fold in np.unique(chosen.fold):
        assert chosen.same[chosen.fold == fold].mean() == 0.5
    pairs_of = {
        frozenset(pair) for pair in zip(chosen.one.tolist(), chosen.other.tolist(), strict=True)
    }
    assert len(pairs_of) == len(chosen.one)


def test_the_first_of_a_pair_is_one_that_may_be(album):
    _, who = album
    first = np.arange(len(who)) % 3 == 0
    chosen = folds.chosen(who, first=first)
    assert chosen is not None
    assert first[chosen.one].all()
    assert not first[chosen.other].all()


def test_two_people_make_no_folds():
    assert folds.chosen(np.array([0, 0, 1, 1])) is None


def test_rank_one_is_that_of_the_ranks(album, monkeypatch):
    faces, who = album
    stored = np.sort([np.flatnonzero(who == person)[0] for person in np.unique(who)])
    monkeypatch.setattr(galleries, "_one_each", lambda *_: stored)
    asked = np.setdiff1d(np.arange(len(who)), stored)
    table = faces[asked] @ faces[stored].T
    place = identification.ranks(table, who[asked].astype(str), who[stored].astype(str))
    found = galleries.first_rank(faces, who, draws=1)
    assert_allclose(found.value, np.mean(place == 1))
    lost = pairs.probes_of(faces, found=np.arange(len(who)) % 2 == 0)
    half = galleries.first_rank(faces, who, lost, draws=1)
    assert_allclose(half.value, np.mean((place == 1) & (asked % 2 == 0)))


def test_open_set_is_that_of_identification(album, monkeypatch):
    faces, who = album
    drawn = []

    def one_each(people, inside, rng):
        drawn.append(np.sort([np.flatnonzero(people == one)[0] for one in inside]))
        return drawn[-1]

    monkeypatch.setattr(galleries, "_one_each", one_each)
    (found,) = galleries.open_set(faces, who, 0.5, lambda N: N / 20, sizes=(10, 15), draws=1)
    assert (found.people, found.strangers) == (10, 14)
    stored = drawn[0]
    asked = np.setdiff1d(np.arange(len(who)), stored)
    wanted = identification.open_set(
        faces[asked] @ faces[stored].T, who[asked].astype(str), who[stored].astype(str), 0.5
    )
    for at in (found.fixed, found.stated):
        assert_allclose(at.threshold, 0.5)
        assert_allclose(at.accepted.value, wanted.accepted.value)
        assert_allclose(at.identified.value, wanted.identified.value)
    assert found.measured.accepted.value <= galleries.FPIR


def test_more_people_let_more_strangers_in():
    faces, who = made(80, (2, 1), 0.4)
    found = galleries.open_set(faces, who, 0.8, sizes=(10, 50), draws=5)
    assert found[0].fixed.accepted.value < found[1].fixed.accepted.value


def test_probes_as_they_are_do_as_the_faces_do(album):
    faces, who = album
    told = measured.measure(faces, who)
    chosen = folds.chosen(who)
    same = robustness.robust(faces, who, pairs.probes_of(faces), told.operating.threshold, chosen)
    assert_allclose(same.missed.value, told.operating.missed.value, atol=1e-9)
    assert_allclose(same.equal, told.equal.value, atol=1e-9)
    assert (same.first, same.accuracy) == (told.first, told.accuracy)
    lost = pairs.probes_of(faces, found=np.zeros(len(who), np.bool_))
    none = robustness.robust(faces, who, lost, told.operating.threshold, chosen)
    assert (none.found, none.missed.value, none.passing, none.first.value) == (0, 1, 0, 0)
    assert none.accuracy.mean == 0.5


def test_the_same_seed_gives_the_same_figures(album):
    one, other, third = (measured.measure(*album, seed=seed) for seed in (4, 4, 5))
    assert (one.accuracy, one.at, one.first) == (other.accuracy, other.at, other.first)
    assert one.first != third.first


def test_chosen_pairs_weigh_the_same():
    scores = np.array([0.9, 0.8, 0.2, 0.1, 0.7, 0.3], np.float32)
    same = np.array([True, True, False, False, True, False])
    people = np.array([[0, 0], [1, 1], [0, 1], [1, 2], [2, 2], [2, 0]])
    told = measured.measure_pairs(scores, same, np.arange(6) % 3, people, faces=9)
    assert told.accuracy.mean == 1
    assert (told.equal.value, told.at[0].missed.value) == (0, 0)
    assert told.first is None
    with pytest.raises(BadInput, match="of one person and of two"):
        measured.measure_pairs(scores, np.ones(6, bool), np.arange(6) % 3, people, faces=9)
