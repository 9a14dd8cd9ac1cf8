"""Texts that move to another encoder, from what is stored of them."""

from __future__ import annotations

import pretend
import pytest
import small
from numpy.testing import assert_array_equal

from retrieve.errors import CollectionError
from retrieve.indexes.catalog.database import writing
from retrieve.indexes.collection import open_collection
from retrieve.indexes.queries.modes import Mode
from retrieve.indexes.reembedding import texts as moving
from retrieve.indexes.upkeep.check import check
from retrieve.indexes.upkeep.forget import forget
from retrieve.indexes.vectors import resumed

SAID = {"a.txt": "Hubo una boda en Zaragoza.", "b.txt": "La cosecha fue buena.", "c.txt": "Llovió."}


class Other(pretend.TextEncoder):
    """Of other dimensions; it knows nothing of rain, and counts what it embeds."""

    name, dim, weights_sha256 = "other", 24, "22"

    def __init__(self) -> None:
        self.embedded: list[str] = []
        self.most = 1000  # texts, then it is interrupted

    def covers(self, text):
        return "Llovió" not in text and super().covers(text)

    def embed(self, texts):
        if len(self.embedded) + len(texts) > self.most:
            raise KeyboardInterrupt
        self.embedded += texts
        return super().embed(texts)


@pytest.fixture
def folder(tmp_path):
    folder = tmp_path / "things"
    folder.mkdir()
    for name, text in SAID.items():
        (folder / name).write_text(text)
    return folder


@pytest.fixture
def collection(tmp_path, folder):
    with small.opened(tmp_path / "collection") as opened:
        opened.index([folder])
        yield opened


@pytest.fixture(autouse=True)
def one_at_a_time(monkeypatch):
    monkeypatch.setattr(moving, "AT_ONCE", 1)


def _rows(collection) -> dict[str, list[float]]:
    gallery = collection.texts.vectors.gallery()
    rows = collection.texts.passages.at(range(len(gallery)))
    return {one.passage.text: gallery[row].tolist() for row, one in rows.items()}


def test_the_stored_passages_get_the_embeddings_of_the_other_encoder(collection, folder):
    for path in folder.iterdir():
        path.unlink()  # no file is read
    done = collection.reembed_texts(Other())
    assert (done.done, done.passages, done.left_out, done.resumed) == (True, 2, 1, 0)
    space = collection.texts.vectors.required()
    assert (space.made_by["encoder"], space.dim, space.rows) == ("other", 24, 2)
    kept = [SAID["a.txt"], SAID["b.txt"]]
    assert sorted(_rows(collection)) == sorted(kept)
    assert_array_equal([_rows(collection)[one] for one in kept], Other().embed(kept))
    assert collection.search_texts("boda", mode=Mode.HYBRID)[0].path.name == "a.txt"
    assert check(collection) == []
    assert list(collection.path.glob("passages*.f32")) == [collection.path / "passages.1.f32"]
    assert not resumed.path_in(collection.path).exists()


def test_a_run_that_is_cut_off_is_gone_on_with(collection):
    first, second = Other(), Other()
    first.most = 1
    done = collection.reembed_texts(first)
    assert (done.done, done.interrupted) == (False, True)
    assert collection.texts.vectors.required().made_by["encoder"] == "pretend"
    assert collection.search_texts("boda")
    assert check(collection) == []
    done = collection.reembed_texts(second)
    assert (done.done, done.resumed, done.passages) == (True, 1, 2)
    assert sorted(first.embedded + second.embedded) == sorted([SAID["a.txt"], SAID["b.txt"]])


@pytest.mark.parametrize("cut", [1, 60])
def test_a_torn_or_damaged_record_is_made_again(collection, cut):
    first = Other()
    first.most = 1
    collection.reembed_texts(first)
    path = resumed.path_in(collection.path)
    content = bytearray(path.read_bytes())
    if cut == 1:
        del content[-1:]
    else:
        content[-cut] ^= 1
    path.write_bytes(content)
    done = collection.reembed_texts(Other())
    assert (done.done, done.resumed) == (True, 0)
    kept = [SAID["a.txt"], SAID["b.txt"]]
    assert_array_equal([_rows(collection)[one] for one in kept], Other().embed(kept))


def test_what_another_encoder_has_begun_is_let_go(collection):
    first = Other()
    first.most = 1
    collection.reembed_texts(first)
    third = Other()
    third.weights_sha256 = "33"
    done = collection.reembed_texts(third)
    assert (done.done, done.resumed) == (True, 0)


def _begun(collection):
    first = Other()
    first.most = 1
    collection.reembed_texts(first)
    assert resumed.path_in(collection.path).is_file()


def test_nothing_made_of_a_forgotten_text_stays(collection, folder):
    _begun(collection)
    forget(collection, paths=[folder / "a.txt"])
    assert not resumed.path_in(collection.path).exists()
    assert collection.reembed_texts(Other()).passages == 1


def test_a_text_that_is_replaced_leaves_nothing_either(collection, folder):
    _begun(collection)
    with writing(collection.db):
        collection.texts.drop_content(1)
    assert not resumed.path_in(collection.path).exists()


def test_to_stay_lets_go_what_was_begun(collection):
    _begun(collection)
    assert collection.reembed_texts(pretend.TextEncoder()).already
    assert not resumed.path_in(collection.path).exists()


def test_two_runs_at_once_are_refused(collection):
    with (
        resumed.resumed(collection.path, 24, "22"),
        pytest.raises(CollectionError, match="another process is moving the texts"),
    ):
        collection.reembed_texts(Other())


def test_the_same_encoder_has_nothing_to_do(collection):
    done = collection.reembed_texts(pretend.TextEncoder())
    assert (done.done, done.already, done.passages) == (True, True, 3)


def test_indexing_with_another_encoder_says_how_to_move(collection, folder):
    (folder / "d.txt").write_text("Otro texto.")
    with (
        open_collection(collection.path, encoder=Other()) as again,
        pytest.raises(CollectionError, match="retrieve reembed --texts --encoder other"),
    ):
        again.index([folder])


def test_a_collection_without_texts_says_so(tmp_path):
    with (
        small.opened(tmp_path / "empty") as empty,
        pytest.raises(CollectionError, match="no text was indexed"),
    ):
        empty.reembed_texts(Other())
