"""How well what photos show is named."""

from __future__ import annotations

import pytest

from retrieve.errors import BadInput
from retrieve.pictures.embedding.classes import synsets
from retrieve.pictures.embedding.measured import (
    Confusion,
    Looked,
    average_precision,
    measure,
    truth_of,
)
from retrieve.pictures.embedding.shown import Class

BEAGLE, TABBY, ACORN, BANJO = (
    synsets().index(name) for name in ("n02088364", "n02123045", "n12267677", "n02787622")
)


def _looked(truth, *shown):
    return Looked(frozenset({truth}), tuple(Class(*one) for one in shown))


PHOTOS = [
    _looked(BEAGLE, (BEAGLE, 0.9)),
    _looked(TABBY, (BEAGLE, 0.6), (TABBY, 0.3)),
    _looked(ACORN, (BANJO, 0.3), (TABBY, 0.02)),
    _looked(BANJO),
]


def test_the_likeliest_classes_and_labels_are_counted():
    found = measure(PHOTOS)
    assert (found.first.hits, found.five.hits, found.labelled.hits) == (1, 2, 1)
    assert (found.first.trials, found.labelled.trials) == (4, 4)
    assert found.right is not None
    assert (found.right.hits, found.right.trials) == (1, 2)


def test_what_is_taken_for_what_is_told():
    assert set(measure(PHOTOS).confusions) == {
        Confusion("gato atigrado", "perro", 1),
        Confusion("bellota", "", 1),
        Confusion("banjo", "", 1),
    }


def test_words_are_measured_by_their_rankings():
    """banjo: the acorn before nothing; gato: the cat, then the acorn; bellota: never."""
    found = measure(PHOTOS)
    assert found.words > 3
    assert found.precision is not None
    assert 0 < found.precision < 1
    assert measure([_looked(TABBY, (TABBY, 0.9))]).precision == pytest.approx(1)


def test_average_precision_is_that_of_the_right_places():
    assert average_precision([True, False, True], of=2) == pytest.approx((1 + 2 / 3) / 2)
    assert average_precision([True], of=2) == pytest.approx(0.5)
    assert average_precision([], of=1) == 0


def test_a_label_is_a_synset_or_a_word():
    assert truth_of("n02088364") == {BEAGLE}
    assert BEAGLE in truth_of(" Perro ")
    for said in ("", "agosto", "un perro", "n99999999"):
        with pytest.raises(BadInput, match="nothing that the network tells apart"):
            truth_of(said)


def test_without_photos_there_is_nothing_to_measure():
    with pytest.raises(BadInput, match="got none"):
        measure([])
