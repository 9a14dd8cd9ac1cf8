"""Searching for words in a small collection: who is found, in which order, and who is not."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pretend
import pytest
import small
from numpy.testing import assert_allclose

from retrieve.errors import BadInput, CollectionError
from retrieve.indexes.catalog import passages
from retrieve.indexes.catalog.database import writing
from retrieve.indexes.catalog.filters import Filter
from retrieve.indexes.people import statements
from retrieve.indexes.queries import near
from retrieve.indexes.queries import texts as textsearch
from retrieve.indexes.queries.modes import Mode
from retrieve.indexes.search.texts import Placed
from retrieve.indexes.upkeep.forget import forget
from retrieve.text.stemming import stems
from retrieve.types import Passage

VOCABULARY = "casa boda fragua campana nieve tren vino lobo mula pozo trigo reloj".split()  # noqa: SIM905


@pytest.fixture
def collection(tmp_path):
    with small.opened(tmp_path / "c") as made:
        yield made


def _write(folder, **texts):
    folder.mkdir(exist_ok=True)
    for name, text in texts.items():
        (folder / f"{name}.txt").write_text(text, encoding="utf-8")
    return folder


def _caption(collection, path, text, kind="caption"):
    """Let a stored photo say something."""
    query = "SELECT id, content_id FROM paths WHERE path = ?"
    path_id, content_id = collection.db.execute(query, [str(path)]).fetchone()
    (embedded,) = collection.texts.embed([[Passage(text, kind=kind)]])
    with writing(collection.db):
        collection.texts.store([Placed(content_id, path_id, "", embedded)])


def _found(collection, query, **options):
    return [hit.passage.text for hit in collection.search_texts(query, **options)]


@pytest.fixture
def many(collection, tmp_path):
    """Two hundred passages of a few words, the first ones of the vocabulary the commonest."""
    rng = np.random.default_rng(0)
    share = 1 / np.arange(1, len(VOCABULARY) + 1)
    texts = {
        f"t{n:03}": " ".join(rng.choice(VOCABULARY, rng.integers(3, 9), p=share / share.sum()))
        for n in range(200)
    }
    small.index(collection, _write(tmp_path / "many", **texts))
    return collection


def _by_sqlite(collection, asked):
    """Row → BM25 as FTS5 computes it."""
    query = (
        "SELECT row, -bm25(stems) FROM stems JOIN passages ON passages.id = stems.rowid "
        "WHERE stems MATCH ?"
    )
    return dict(collection.db.execute(query, [" OR ".join(asked)]).fetchall())


def test_bm25_is_that_of_sqlite(many):
    asked = stems("boda lobo reloj fragua")
    expected = _by_sqlite(many, asked)
    found = dict(many.texts.passages.matches(asked, 500))
    assert found.keys() == expected.keys()
    assert_allclose([found[row] for row in expected], list(expected.values()), rtol=1e-9)
    best = many.texts.passages.matches(asked, 7)
    assert [score for _, score in best] == sorted(found.values(), reverse=True)[:7]


@pytest.mark.parametrize("few", [0, 1000])
@pytest.mark.parametrize("kept", [3, 60, 197])
def test_what_may_be_found_is_chosen_first(many, monkeypatch, few, kept):
    monkeypatch.setattr(passages, "FEW", few)
    keep = np.zeros(many.texts.vectors.required().rows, bool)
    keep[np.random.default_rng(1).permutation(len(keep))[:kept]] = True
    asked = stems("boda tren")
    expected = {row: score for row, score in _by_sqlite(many, asked).items() if keep[row]}
    found = many.texts.passages.matches(asked, 20, keep=keep)
    assert len(found) == min(20, len(expected))
    assert_allclose(
        [score for _, score in found], sorted(expected.values(), reverse=True)[: len(found)]
    )
    assert all(keep[row] for row, _ in found)


def test_where_stems_are_too_common_the_rarer_choose_and_all_of_them_score(many, monkeypatch):
    monkeypatch.setattr(passages, "POSTINGS", 30)
    asked = stems("casa boda reloj")
    expected = _by_sqlite(many, asked)
    found = many.texts.passages.matches(asked, 10)
    with_rarest = [many.texts.passages.at([row])[row].passage.text for row, _ in found]
    assert all("reloj" in text for text in with_rarest)
    assert_allclose([score for _, score in found], [expected[row] for row, _ in found])
    assert passages._rarest({"casa": 10**9}) == ["casa"]


def test_as_many_are_found_as_fulfil_the_conditions(collection, tmp_path):
    small.index(collection, _write(tmp_path / "a", **{f"t{n}": f"boda {n}" for n in range(30)}))
    small.index(collection, _write(tmp_path / "b", one="la boda de ayer", two="otra cosa"))
    inside = Filter(folders=(tmp_path / "b",))
    assert _found(collection, "boda", wanted=inside) == ["la boda de ayer", "otra cosa"]
    assert _found(collection, "boda", wanted=inside, mode=Mode.BM25) == ["la boda de ayer"]
    assert len(_found(collection, "boda", k=100)) == 32
    assert _found(collection, "boda", wanted=Filter(since="2019")) == []


def test_what_is_forgotten_or_gone_is_not_found(collection, tmp_path):
    folder = _write(tmp_path / "a", one="una boda", two="dos bodas", three="tres bodas")
    small.index(collection, folder)
    forget(collection, paths=[folder / "one.txt"])
    (folder / "two.txt").unlink()
    small.index(collection, folder)
    for mode in Mode:
        expected = ["una boda", "tres bodas"]  # its file is there still, and was indexed again
        assert sorted(_found(collection, "boda", mode=mode)) == sorted(expected)
    forget(collection, folders=[folder])
    assert _found(collection, "boda") == []


def test_marks_are_the_places_of_words_with_a_stem_of_the_query(collection, tmp_path):
    small.index(collection, _write(tmp_path / "a", one="¡Bodas! En la\nboda, el bodeguero: BODA."))
    (hit,) = collection.search_texts("las bodas")
    assert [hit.passage.text[slice(*mark)] for mark in hit.marks] == ["Bodas", "boda", "BODA"]
    assert hit.bm25 > 0
    assert (hit.rank, hit.kind, hit.passage.line) == (1, "text", 1)


def test_equal_meaning_comes_first_and_scores_one(collection, tmp_path):
    small.index(collection, _write(tmp_path / "a", one="el tren de las ocho", two="vino tinto"))
    best, other = collection.search_texts("el tren de las ocho", mode=Mode.MEANING)
    assert best.passage.text == "el tren de las ocho"
    assert best.cosine == pytest.approx(1, abs=1e-6)
    assert other.cosine < best.cosine


@pytest.fixture
def album(collection, tmp_path):
    """Ana on three photos, Eva on two; what the photos say is stored."""
    folder = tmp_path / "album"
    folder.mkdir()
    photos = {
        "beach": ("ana", "Un día en la playa"),
        "both": ("ana eva", "Las dos en la playa"),
        "home": ("ana", "En casa"),
        "eva": ("eva", "Eva en la playa"),
        "silent": ("ana", None),
    }
    for name, (words, _) in photos.items():
        (folder / f"{name}.jpg").write_text(f"{words} {name}")
    small.index(collection, folder)
    for name, (_, caption) in photos.items():
        if caption is not None:
            _caption(collection, folder / f"{name}.jpg", caption)
    _caption(collection, folder / "both.jpg", "playa", kind="keywords")
    return folder


def _ana(collection):
    (hits,) = collection.nearest(pretend.embedding("ana"), k=100, threshold=0.9)
    return hits


def _names(hits):
    return sorted(hit.path.stem for hit in hits)


def test_a_face_and_words_find_the_photos_that_satisfy_both_once(collection, album):
    hits = collection.search_texts("playas", faces=_ana(collection))
    assert _names(hits) == ["beach", "both"]
    assert [hit.rank for hit in hits] == [1, 2]
    for hit in hits:
        assert hit.face is not None
        assert (hit.face.path, hit.face.number) == (hit.path, 1)
        assert hit.face.score == pytest.approx(1, abs=1e-6)
    assert len(collection.search_texts("playas", faces=_ana(collection), k=1)) == 1
    assert collection.search_texts("submarino", faces=_ana(collection)) == []
    assert collection.search_texts("playa", faces=[]) == []


def test_the_odds_of_the_face_count_beside_those_of_the_words(collection, album):
    faces = _ana(collection)
    assert _in_order(collection.search_texts("playa", faces=faces)) == ["both", "beach"]
    doubtful = {"beach": 1.0, "both": 0.0}
    faces = [replace(hit, probability=doubtful.get(hit.path.stem)) for hit in faces]
    assert _in_order(collection.search_texts("playa", faces=faces)) == ["beach", "both"]


def _in_order(hits):
    return [hit.path.stem for hit in hits]


def test_a_photo_of_near_meaning_without_a_common_word_satisfies_too(
    collection, album, monkeypatch
):
    found = collection.search_texts("En casa", faces=_ana(collection), mode=Mode.MEANING)
    assert _names(found) == ["home"]
    ranker = textsearch.open_ranker(language="es", encoder="pretend")
    monkeypatch.setattr(ranker, "encoder", replace(ranker.encoder, meant=-1))
    found = collection.search_texts("submarino", faces=_ana(collection))
    assert _names(found) == ["beach", "both", "home"]


def _word(n):
    """One without a stem in common with any other."""
    return "".join(chr(ord("b") + int(digit)) for digit in f"{n:05}") + "x"


def test_a_cosine_is_near_that_chance_hardly_reaches_among_so_many(collection, tmp_path):
    """Cosines of chance pairs of 16 dimensions have a standard deviation of 1/4."""
    folder = _write(tmp_path / "t", **{f"t{n}": _word(n) for n in range(400)})
    small.index(collection, folder)
    engine, encoder = collection.texts.engine, collection.texts.encoder
    rows = collection.texts.vectors.required().rows
    levels = np.array([
        [near.near_from(engine, probe, rows, many, few=0) for many in (40, 400)]
        for probe in (encoder.embed([_word(1000 + n)]) for n in range(20))
    ])  # fmt: skip
    assert_allclose(levels.mean(0), [2.81 / 4, 3.48 / 4], atol=0.02)
    hits = collection.search_texts(_word(7), mode=Mode.MEANING, k=400)
    assert [hit.passage.text for hit in hits if hit.near] == [_word(7)]
    assert len(hits) > 90


def test_of_a_document_the_best_passage_is_shown_and_others_counted(collection, tmp_path):
    long = "\n\n".join(f"La boda de {name}. " + "trigo " * 150 for name in ("Ana", "Eva", "Luis"))
    folder = _write(tmp_path / "t", long=long, short="Una boda.", other="La casa.")
    small.index(collection, folder)
    every = collection.search_texts("boda", mode=Mode.BM25, k=10)
    assert [hit.near for hit in every] == [True] * 4
    grouped = collection.search_texts("boda", mode=Mode.BM25, k=2, grouped=True)
    assert sorted((hit.path.stem, hit.more) for hit in grouped) == [("long", 2), ("short", 0)]
    assert [hit.passage_id for hit in grouped] == [
        next(hit.passage_id for hit in every if hit.path.stem == one.path.stem) for one in grouped
    ]
    assert len({hit.group for hit in every}) == 2


def test_persons_among_the_words_are_looked_for_by_their_faces(collection, album):
    ids = [hit.face_id for hit in _ana(collection)]
    evas = [hit.face_id for hit in collection.nearest(pretend.embedding("eva"), threshold=0.9)[0]]
    with writing(collection.db):
        statements.say_name(collection.db, "Zenobia Camprubí", ids)
        statements.say_name(collection.db, "Eva", evas)
    hits = collection.search_texts("zenobia camprubi playa")
    assert sorted(hit.path.stem for hit in hits[:2]) == ["beach", "both"]
    assert all("Zenobia Camprubí" in hit.persons for hit in hits[:2])
    hits = collection.search_texts("Zenobia Camprubí y Eva")
    assert (hits[0].path.stem, hits[0].persons) == ("both", ("Eva", "Zenobia Camprubí"))
    paths = [hit.path for hit in collection.search_texts("Zenobia Camprubí", k=100)]
    assert len(set(paths)) == len(paths)
    assert sorted(path.stem for path in paths[:3]) == ["beach", "both", "home"]
    both = collection.search_texts("Eva", faces=_ana(collection))
    assert _names(both) == ["both"]


def test_photos_of_which_nothing_is_said_are_found_by_the_persons_on_them(
    collection, album, tmp_path
):
    (silent,) = (hit for hit in _ana(collection) if hit.path.stem == "silent")
    path_id = collection.catalog.path(silent.path).id
    with writing(collection.db):
        collection.texts.drop(path_id)  # its name says something otherwise
        statements.say_name(collection.db, "Ana", [hit.face_id for hit in _ana(collection)])
    hits = collection.search_texts("ana", k=100)
    (found,) = (hit for hit in hits if hit.path == silent.path)
    assert (found.passage.text, found.persons, found.passage_id) == ("", ("Ana",), 0)
    assert [hit.rank for hit in hits] == list(range(1, len(hits) + 1))
    here = Filter(folders=(tmp_path / "album",))
    assert silent.path in {hit.path for hit in collection.search_texts("ana", k=100, wanted=here)}
    away = Filter(folders=(tmp_path / "elsewhere",))
    assert collection.search_texts("ana", k=100, wanted=away) == []
    assert silent.path not in {hit.path for hit in collection.search_texts("ana playa", k=100)}


def test_words_alone_need_no_encoder_and_another_one_is_refused(collection, tmp_path):
    small.index(collection, _write(tmp_path / "a", one="una boda"))

    class Other(pretend.TextEncoder):
        weights_sha256 = "99"

    collection.texts.use(Other())
    with pytest.raises(CollectionError, match="holds passages of the encoder pretend"):
        collection.search_texts("boda")
    collection.texts.use(None)
    assert _found(collection, "boda", mode=Mode.BM25) == ["una boda"]


@pytest.mark.parametrize("query", ["", " ", "¿?", "\0"])
def test_a_query_without_a_word_is_refused(collection, query):
    with pytest.raises(BadInput, match="wanted a query of words"):
        collection.search_texts(query)
    with pytest.raises(BadInput, match="wanted a query of words"):
        collection.search_texts(query, faces=[])


def test_a_collection_without_texts_says_so(collection):
    with pytest.raises(CollectionError, match="no text was indexed"):
        collection.search_texts("boda")
