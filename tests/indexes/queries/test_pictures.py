"""Photos that look alike: ranked, filtered, the photo itself apart, with a threshold that fits."""

from __future__ import annotations

import numpy as np
import pretend
import pytest
import small
from numpy.testing import assert_allclose

from retrieve.errors import BadInput, CollectionError
from retrieve.indexes.catalog.database import writing
from retrieve.indexes.catalog.filters import Filter
from retrieve.indexes.people import statements
from retrieve.indexes.queries import pictures
from retrieve.indexes.search import ann
from retrieve.pictures.embedding import embed
from retrieve.pictures.embedding.shown import Class, Shown


class Embedder:
    """Sees the word that a photo's first pixel is the number of."""

    name, dim = "pretend", 12
    weights_sha256 = small.PICTURES_MADE_BY["picture_embedder_sha256"]
    words = ("dog", "beach", "nothing")

    def look(self, photos):
        words = [self.words[int(pixels[0, 0, 0])] for pixels in photos]
        return [Shown(pretend.embedding(word)[0], (Class(7, 0.5),)) for word in words]


def _photo(number: int):
    return np.full((4, 4, 3), number, np.uint8)


@pytest.fixture
def collection(tmp_path, monkeypatch):
    monkeypatch.setattr(embed, "made_by", lambda: small.PICTURES_MADE_BY)
    with small.opened(tmp_path / "collection") as opened:
        opened.networks._pictures = Embedder()
        for name, year, word in (("a", 2019, "dog"), ("b", 2020, "dog"), ("c", 2021, "beach")):
            small.add(opened, f"/p/{name}.jpg", "ana" if name == "b" else "", taken_at=f"{year}-05")
            small.look(opened, f"/p/{name}.jpg", word)
        yield opened


def _names(found):
    return [(hit.rank, hit.path.name) for hit in found]


def test_a_stored_photo_finds_those_that_look_like_it_without_itself(collection):
    found = collection.search_stored_picture(1, threshold=0.99)
    assert _names(found) == [(1, "b.jpg")]
    assert (found.path.name, found.classes) == ("a.jpg", ())
    assert found.least.score == 0.99
    assert _names(collection.search_stored_picture(1, k=1, threshold=-1)) == [(1, "b.jpg")]
    since = Filter(since="2021")
    assert _names(collection.search_stored_picture(1, threshold=-1, wanted=since)) == [(1, "c.jpg")]


def test_a_stored_photo_that_nobody_looked_at_is_one_line(collection):
    small.add(collection, "/p/new.jpg")
    with pytest.raises(BadInput, match="not looked at as a whole"):
        collection.search_stored_picture(4, threshold=0)
    with pytest.raises(BadInput, match="no photo with the id 9"):
        collection.search_stored_picture(9, threshold=0)
    with pytest.raises(BadInput, match="wanted the id of a stored photo"):
        collection.search_stored_picture(0)


def test_what_looks_alike_comes_first(collection):
    found = collection.search_pictures(_photo(0), threshold=-1)
    assert _names(found)[:2] == [(1, "a.jpg"), (2, "b.jpg")]
    assert_allclose([hit.score for hit in found[:2]], 1, atol=1e-6)
    assert found[0].size == (10, 20)
    assert found.classes == (Class(7, 0.5),)
    assert len(collection.search_pictures(_photo(0), k=1, threshold=-1)) == 1
    assert _names(collection.search_pictures(_photo(1), threshold=0.99)) == [(1, "c.jpg")]
    assert list(collection.search_pictures(_photo(2), threshold=0.99)) == []


def test_conditions_choose_first(collection):
    with writing(collection.db):
        statements.say_name(collection.db, "Ana", [1])

    def found(**conditions):
        wanted = Filter(**conditions)
        return [
            h.path.name for h in collection.search_pictures(_photo(0), threshold=0.9, wanted=wanted)
        ]

    assert found(since="2020") == ["b.jpg"]
    assert found(until="2019") == ["a.jpg"]
    assert found(persons=("Ana",)) == ["b.jpg"]
    assert found(folders=("/q",)) == []


def test_the_photo_itself_is_told_apart(collection):
    from retrieve.sources import reader_of

    photo = reader_of(_photo(0))(None)
    with writing(collection.db):
        query = "UPDATE contents SET sha256 = ? WHERE id = 2"
        collection.db.execute(query, [photo.sha256])
    found = collection.search_pictures(_photo(0), k=1, threshold=0.9)
    assert [(hit.rank, hit.path.name, hit.itself) for hit in found] == [
        (0, "b.jpg", True),
        (1, "a.jpg", False),
    ]


def test_a_photo_whose_file_is_gone_is_not_found(collection):
    with writing(collection.db):
        collection.db.execute("UPDATE paths SET gone = 1 WHERE path = '/p/a.jpg'")
        collection.catalog.set_live([1])
    assert _names(collection.search_pictures(_photo(0), threshold=0.9)) == [(1, "b.jpg")]


def test_an_index_finds_the_same(collection, monkeypatch):
    exact = collection.search_pictures(_photo(0), threshold=-1, exact=True)
    monkeypatch.setattr(ann, "EXACT_BYTES", 0)
    assert _names(collection.search_pictures(_photo(0), threshold=-1)) == _names(exact)


def test_what_cannot_be_asked_is_told(collection):
    with pytest.raises(BadInput, match="got both"):
        collection.search_pictures(_photo(0), threshold=0.5, strangers=0.1)
    with pytest.raises(BadInput, match="no calibrated threshold"):
        collection.search_pictures(_photo(0))  # of a network that nobody measured


def test_a_collection_without_whole_photos_says_what_to_do(tmp_path):
    with (
        small.opened(tmp_path / "collection") as opened,
        pytest.raises(CollectionError, match="retrieve reembed --pictures"),
    ):
        opened.search_pictures(_photo(0))


def test_the_threshold_rises_with_the_photos_and_stays_below_1():
    told = pictures.shipped_calibration()
    least = [told.threshold_for(among, 0.01) for among in (1, 100, 10_000, 1_000_000)]
    assert least == sorted(least)
    assert least[-1] < 0.95
    for among, score in zip((1, 100, 10_000), least, strict=False):
        assert_allclose(told.chance_for(among, score), 0.01, rtol=1e-6)
    assert told.chance_for(1000, 1.0) < 1e-3
    assert told.probability(0.9) > 0.99 > 0.1 > told.probability(0.1)


def test_the_calibration_is_of_the_embedder_that_ships():
    assert (
        pictures.shipped_calibration().embedder_sha256
        == (embed.made_by()["picture_embedder_sha256"])
    )
