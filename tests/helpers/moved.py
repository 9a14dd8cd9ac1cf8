"""What is to hold of a collection that moves to other networks."""

from __future__ import annotations

import pretend
import pytest
import small
from numpy.testing import assert_allclose

from retrieve.indexes.upkeep.check import check

NEW = pretend.OtherEmbedder()


class OtherDetector(small.Detector):
    name, weights_sha256 = "other", "33"


def about(collection):
    """What is to stay: by face its id, photo, number, box, landmarks, name."""
    query = (
        "SELECT faces.id, content_id, number, x1, y1, x2, y2, landmarks, score, name FROM faces "
        "LEFT JOIN persons ON persons.id = person_id ORDER BY faces.id"
    )
    return collection.db.execute(query).fetchall()


def words_of(collection):
    """By face id the word that its picture was made of."""
    query = "SELECT face_id, jpeg FROM crops"
    return {id: pretend.said(jpeg) for id, jpeg in collection.db.execute(query)}


def assert_holds(collection, embedder):
    """Every face has that embedder's vector of its word, and is found by it."""
    gallery = collection.faces.gallery()
    words = words_of(collection)
    assert gallery.shape == (len(words), embedder.dim)
    for id, face in collection.catalog.faces(words).items():
        assert_allclose(gallery[face.row], pretend.embedding(words[id], embedder)[0], atol=1e-6)
        hits = collection.nearest(pretend.embedding(words[id], embedder), k=1)[0]
        assert (hits[0].face_id, hits[0].score) == (id, pytest.approx(1, abs=1e-5))
    assert check(collection) == []
