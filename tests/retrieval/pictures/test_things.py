"""From classes to words, and from words to classes."""

from __future__ import annotations

import pytest

from retrieve.errors import WeightsError
from retrieve.pictures.embedding import things
from retrieve.pictures.embedding.classes import synsets
from retrieve.pictures.embedding.shown import Class
from retrieve.types import Label

BEAGLE, LABRADOR, TABBY, ACORN = (
    synsets().index(name) for name in ("n02088364", "n02099712", "n02123045", "n12267677")
)


def test_a_dog_is_any_of_its_breeds():
    (dog,) = things.named("perro")
    assert len(dog.classes) == 118
    assert {BEAGLE, LABRADOR} < dog.classes
    assert TABBY not in dog.classes
    assert not dog.vague


@pytest.mark.parametrize(
    ("asked", "same"),
    [
        ("perros", "perro"),
        ("Perro", "perro"),
        ("dogs", "dog"),
        ("arboles de levas", None),
        ("camion", "camión"),
        ("luces", "luz"),
        ("sombreros de copa", None),
        ("trajes de baño", "traje de baño"),
        ("butterflies", "butterfly"),
    ],
)
def test_names_meet_in_the_plural_and_without_accents(asked, same):
    found = [one.classes for one in things.named(asked)]
    if same is None:
        assert all(one.text != asked for one in things.named(asked))
    else:
        assert found == [one.classes for one in things.named(same)] != []


def test_a_word_of_several_senses_takes_them_together():
    (coche,) = things.named("coche")
    (car,) = things.named("automóvil")
    assert car.classes < coche.classes


def test_a_query_is_read_for_its_longest_names():
    found = things.named("un perro de caza y dos gatos en agosto")
    assert [one.text for one in found] == ["perro de caza", "gatos"]
    assert things.named("agosto de 1936") == []


def test_what_says_nothing_is_vague():
    assert [one.vague for one in things.named("sustancia")] == [True]


def test_two_breeds_that_are_unsure_are_surely_a_dog():
    shown = [Class(BEAGLE, 0.45), Class(LABRADOR, 0.4), Class(ACORN, 0.05)]
    assert things.labels(shown) == [Label("perro", pytest.approx(0.85))]
    assert things.labels(shown, "en") == [Label("hunting dog", pytest.approx(0.85))]
    assert things.labels(shown, "fr") == things.labels(shown, "en")
    assert things.labels([Class(BEAGLE, 0.4)]) == []


def test_a_narrow_label_stands_for_what_is_above_it():
    (label,) = things.labels([Class(TABBY, 0.9)], "en")
    assert label == Label("tabby", pytest.approx(0.9))


def test_a_photo_may_show_two_things():
    found = things.labels([Class(ACORN, 0.3), Class(TABBY, 0.6)], least=0.25)
    assert [one.word for one in found] == ["gato atigrado", "bellota"]


def test_a_label_is_no_vague_thing():
    each = [things.labels([Class(number, 1.0)]) for number in range(1000)]
    assert sum(map(bool, each)) == 969
    every = {label.word for labels in each for label in labels}
    vague = {
        thing.names["es"][0]
        for thing in things.read(things.FILE)
        if thing.vague and thing.names["es"]
    }
    sure = {
        thing.names["es"][0]
        for thing in things.read(things.FILE)
        if not thing.vague and thing.names["es"]
    }
    assert not every & (vague - sure)
    assert "objeto" not in every


@pytest.mark.parametrize("line", ["1,2\tvague\tperro", "1000\t\tperro\tdog", "x\t\tperro\tdog"])
def test_a_damaged_table_is_refused(line, tmp_path):
    (tmp_path / "things.tsv").write_text(line, "utf-8")
    with pytest.raises(WeightsError, match=r"things\.tsv cannot be read.*Install retrieve again"):
        things.read(tmp_path / "things.tsv")


def test_a_line_of_the_table_is_read_as_it_was_written():
    for thing in things.read(things.FILE)[::100]:
        assert things._thing(things.line_of(thing)) == thing
