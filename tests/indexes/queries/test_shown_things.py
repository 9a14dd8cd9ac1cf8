"""Photos that are found for what they show, and nobody said it."""

from __future__ import annotations

import json

import pytest
import small

from retrieve.errors import CollectionError
from retrieve.indexes.catalog.filters import Filter
from retrieve.indexes.queries.listed import SHOWN, labels_of, shown_for
from retrieve.pictures.embedding.classes import synsets
from retrieve.types import Label

BEAGLE, LABRADOR, TABBY = map(synsets().index, ("n02088364", "n02099712", "n02123045"))


@pytest.fixture
def collection(tmp_path):
    """a shows a dog, b perhaps one, c a cat and a dog, d was not looked at."""
    with small.opened(tmp_path / "collection") as opened:
        for name in "abcd":
            small.add(opened, f"/p/{name}.jpg", name)
        small.look(opened, "/p/a.jpg", "a", (BEAGLE, 0.5), (LABRADOR, 0.4))
        small.look(opened, "/p/b.jpg", "b", (BEAGLE, 0.2))
        small.look(opened, "/p/c.jpg", "c", (TABBY, 0.6), (BEAGLE, 0.35))
        yield opened


def _names(hits):
    return [hit.path.stem for hit in hits]


def test_the_surest_come_first_and_say_what_they_show(collection):
    hits = shown_for(collection.opened, "perros", k=10)
    assert _names(hits) == ["a", "c", "b"]
    assert [hit.rank for hit in hits] == [1, 2, 3]
    assert [hit.labels for hit in hits] == [
        (Label("perros", pytest.approx(0.9)),),
        (Label("perros", pytest.approx(0.35)),),
        (Label("perros", pytest.approx(0.2)),),
    ]
    assert [hit.near for hit in hits] == [True, False, False]
    assert {(hit.passage.text, hit.passage.kind, hit.bm25) for hit in hits} == {("", SHOWN, 0.0)}
    assert _names(shown_for(collection.opened, "perros", k=1)) == ["a"]


def test_what_shows_all_that_is_named_comes_first(collection):
    assert _names(shown_for(collection.opened, "un gato y un perro", k=10)) == ["c", "a", "b"]


def test_a_photo_that_surely_shows_what_is_excluded_is_left_out(collection):
    found = shown_for(collection.opened, "perro", k=10, without=["gato"])
    assert _names(found) == ["a", "b"]


def test_conditions_hold(collection):
    found = shown_for(collection.opened, "perro", k=10, wanted=Filter(since="2030"))
    assert found == []
    inside = {hit.group for hit in shown_for(collection.opened, "gato", k=1)}
    assert _names(shown_for(collection.opened, "perro", k=9, within=inside.__contains__)) == ["c"]


def test_a_query_that_names_no_thing_finds_none(collection):
    assert shown_for(collection.opened, "agosto", k=10) == []


def test_words_find_photos_of_which_nothing_is_said(collection):
    assert _names(collection.search_texts("perro")) == ["a", "c", "b"]
    assert collection.search_texts("bellota") == []  # no photo shows one: that is an answer
    with pytest.raises(CollectionError, match="no text was indexed"):
        collection.search_texts("agosto")
    with pytest.raises(CollectionError, match="no text was indexed"):
        collection.search_texts("perro", mode="bm25")  # the words alone
    with pytest.raises(CollectionError, match="no text was indexed"):
        collection.search_texts('"perro"')  # a phrase has to stand so


def test_labels_are_counted_where_they_are_sure(collection):
    assert collection.labels() == [("gato atigrado", 1), ("perro", 1)]
    assert collection.labels(language="en") == [("beagle", 1), ("tabby", 1)]
    assert labels_of(collection.opened, Filter(since="2030")) == []


def test_a_collection_without_whole_photos_says_how_to_look(tmp_path):
    with small.opened(tmp_path / "c") as opened:
        small.add(opened, "/p/a.jpg", "a")
        assert shown_for(opened.opened, "perro", k=10) == []
        with pytest.raises(CollectionError, match="retrieve reembed --pictures"):
            opened.labels()


def test_programs_are_told_what_was_seen_and_what_was_said(collection, capsys):
    from retrieve.cli.showing import texthits

    texthits.as_json("perro", collection.search_texts("perro", k=1))
    (hit,) = json.loads(capsys.readouterr().out)["hits"]
    assert (hit["said_in"], hit["text"]) == ("shown", "")
    assert hit["labels"] == [{"label": "perro", "probability": 0.9}]
