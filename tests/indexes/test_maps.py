"""What a map is drawn of, in small collections and toy vectors."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pretend
import pytest
import small
import toy_words
from numpy.testing import assert_allclose

from retrieve.errors import BadInput, CollectionError
from retrieve.indexes.catalog.database import writing
from retrieve.indexes.catalog.filters import PASSAGES, Filter
from retrieve.indexes.catalog.passages import NewPassage, Passages
from retrieve.indexes.catalog.paths import Found
from retrieve.indexes.maps import Item, points_of, points_of_words
from retrieve.indexes.people import statements
from retrieve.indexes.vectors.segments import BLOCK_ROWS
from retrieve.indexes.vectors.spaces import Space, VectorSpace
from retrieve.indexes.words.stores import WordIndex
from retrieve.text.words.vectors import open_vectors
from retrieve.types import Document, Passage


@pytest.fixture
def collection(tmp_path):
    with small.opened(tmp_path / "collection") as made:
        yield made


@pytest.fixture
def words(tmp_path):
    toy_words.write(tmp_path / "toy.safetensors")
    return WordIndex(open_vectors(tmp_path / "toy.safetensors"))


def test_each_face_is_a_point_that_tells_where_it_is_from(collection):
    first, second = small.add(collection, "/a/one.jpg", "ana eva", taken_at="2019-07-09T18:00:00")
    with writing(collection.db):
        statements.say_name(collection.db, "Ana", [first])
    points = points_of(collection, most=10)
    wanted = np.concatenate([pretend.embedding("ana"), pretend.embedding("eva")])
    assert_allclose(points.embeddings, wanted, rtol=0)
    where = {"path": Path("/a/one.jpg"), "taken_at": "2019-07-09T18:00:00"}
    assert points.items == (
        Item(**where, place="face 1", person="Ana", face_id=first),
        Item(**where, place="face 2", face_id=second),
    )


def test_conditions_choose_faces_and_gone_photos_have_none(collection):
    small.add(collection, "/a/one.jpg", "ana")
    small.add(collection, "/a/gone.jpg", "luis", gone=True)
    small.add(collection, "/b/two.jpg", "eva")
    shown = points_of(collection, most=10)
    assert [item.path.name for item in shown.items] == ["one.jpg", "two.jpg"]
    chosen = points_of(collection, wanted=Filter(folders=(Path("/b"),)), most=10)
    assert [item.path.name for item in chosen.items] == ["two.jpg"]


def test_of_more_points_the_seed_draws_some(collection):
    small.add(collection, "/a/one.jpg", " ".join(f"word{i}" for i in range(50)))
    drawn = points_of(collection, most=20, seed=1)
    assert (len(drawn.items), drawn.of) == (20, 50)
    again, other = (points_of(collection, most=20, seed=seed) for seed in (1, 2))
    assert drawn.items == again.items != other.items


def test_embeddings_whose_checksum_does_not_fit_are_left_out_with_a_note(collection):
    words = [f"word{i}" for i in range(BLOCK_ROWS + 2)]
    small.add(collection, "/a/one.jpg", " ".join(words))
    with writing(collection.db):
        collection.faces.overwrite([1], pretend.embedding("somebody else"))
    points = points_of(collection, most=100)
    assert [item.place for item in points.items] == ["face 17", "face 18"]
    assert points.notes == ("16 embeddings were left out as damaged: retrieve check",)


def test_each_passage_is_a_point_with_its_text_and_place(collection):
    rows = np.concatenate([pretend.embedding(word) for word in ("uno", "dos")])
    document = Document(Path("/t/a.pdf"), "ab" * 32, 9, (), written_at="2020-01-01")
    said = [Passage("uno y medio", page=3), Passage("dos", line=7, time_s=1.5)]
    with writing(collection.db):
        content = collection.catalog.add_text(document)
        collection.catalog.put_path(Found(document.path, 9, 1, 1), content_id=content, reason=None)
        space = VectorSpace(collection.db, collection.path, PASSAGES)
        space.create(Space(PASSAGES, PASSAGES, {}, pretend.Embedder.dim))
        new = [NewPassage(content, None, i, one, (), ()) for i, one in enumerate(said, 1)]
        Passages(collection.db).add(space.append(rows), new)
    points = points_of(collection, most=10, wanted=Filter(since="2020"))
    assert points.kind == PASSAGES
    where = {"path": Path("/t/a.pdf"), "taken_at": "2020-01-01"}
    assert points.items == (
        Item("uno y medio", place="page 3", **where),
        Item("dos", place="line 7, second 1.5", **where),
    )
    assert_allclose(points.embeddings, rows, rtol=0)
    assert points_of(collection, PASSAGES, wanted=Filter(until="2019"), most=10).items == ()


def test_an_empty_collection_and_an_unknown_space_say_what_there_is(collection, tmp_path):
    with pytest.raises(BadInput, match=r"has no space 'songs'; it has: faces"):
        points_of(collection, "songs", most=10)
    from retrieve.indexes.collection import open_collection

    with (
        open_collection(tmp_path / "new", create=True) as new,
        pytest.raises(CollectionError, match="nothing was indexed"),
    ):
        points_of(new, most=10)


def test_words_are_the_asked_ones_without_repeats_or_the_most_frequent(words):
    asked = points_of_words(words, ["reina", "rey", "reina"], most=10)
    assert [item.text for item in asked.items] == ["reina", "rey"]
    assert_allclose(np.linalg.norm(asked.embeddings, axis=1), 1, rtol=1e-5)
    frequent = points_of_words(words, [], most=3)
    assert [item.text for item in frequent.items] == words.vectors.words[:3]
    assert frequent.of == len(words.vectors)
    with pytest.raises(BadInput, match="xyzzy"):
        points_of_words(words, ["rey", "xyzzy"], most=10)
