"""Passages and the index of their words: BM25, statistics, conditions, whatever is asked."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import small
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose

from retrieve.errors import BadInput, CollectionError
from retrieve.evaluation.in_memory import InMemory
from retrieve.evaluation.retrieval import Document as Read
from retrieve.indexes.catalog.database import writing
from retrieve.indexes.catalog.filters import PASSAGES, Filter, Near, findable
from retrieve.indexes.catalog.paths import Found
from retrieve.indexes.people import statements
from retrieve.indexes.queries.modes import Mode
from retrieve.indexes.upkeep.forget import forget
from retrieve.text.stemming import stems
from retrieve.types import Document, Passage

WORDS = "boda carta Zaragoza casas cosecha río 1931 olivo guerra niña madre puente nieve".split()  # noqa: SIM905
ALPHABET = st.characters(codec="utf-8")


@pytest.fixture
def collection(tmp_path):
    with small.opened(tmp_path / "c") as opened:
        yield opened


def _add(collection, path, *passages, title="", written_at=None, place=None, gone=False):
    """Store a text of some passages, or what is said of a photo that is there; returns ids."""
    catalog, texts = collection.catalog, collection.texts
    from retrieve.indexes.search.texts import Placed

    said = [Passage(one) if isinstance(one, str) else one for one in passages]
    (embedded,) = texts.embed([said])
    digest = f"{abs(hash((path, passages))):064x}"
    document = Document(Path(path), digest, 1, tuple(said), title, written_at)
    with writing(collection.db):
        content = catalog.add_text(document)
        texts.store([Placed(content, None, title, embedded)])
        path_id = catalog.put_path(Found(Path(path), 1, 1, 1), content_id=content, reason=None)
        if place is not None:
            collection.db.execute(
                "UPDATE contents SET latitude = ?, longitude = ? WHERE id = ?", [*place, content]
            )
        if gone:
            collection.db.execute("UPDATE paths SET gone = 1 WHERE id = ?", [path_id])
            catalog.set_live([content])
    return content


def _made(rng, count):
    """Passages of some of the words, under titles of one or none."""
    return [
        Passage(" ".join(rng.choice(WORDS, rng.integers(1, 30))), str(rng.choice(["", *WORDS])))
        for _ in range(count)
    ]


def _stored(collection):
    rows = collection.texts.vectors.required().rows
    return collection.texts.passages.at(range(rows))


@pytest.mark.parametrize("seed", range(3))
def test_matches_are_the_bm25_that_is_computed_in_memory(collection, seed):
    rng = np.random.default_rng(seed)
    for i in range(6):
        _add(collection, f"/{i}.txt", *_made(rng, 8), title=str(rng.choice(["", "Cartas"])))
    forget(collection, paths=[Path("/2.txt")])
    stored = _stored(collection)
    rows = sorted(stored)
    memory = InMemory(
        [Read(str(row), stored[row].passage.text, stored[row].titles) for row in rows]
    )
    passages = collection.texts.passages
    for query in ("boda", "la carta de Zaragoza", "nieve nieve puente", "cartas 1931", "nada"):
        scores = memory.bm25(query)
        found = dict(passages.matches(stems(query), 1000))
        assert found.keys() == {rows[i] for i in np.flatnonzero(scores)}
        assert_allclose([found.get(row, 0) for row in rows], scores, rtol=1e-9)
        some = [stored[row].id for row in rows[::2]]
        by_id = passages.bm25(stems(query), some)
        assert_allclose([by_id.get(id, 0) for id in some], scores[::2], rtol=1e-9)
        best = [row for row, _ in passages.matches(stems(query), 3)]
        assert sorted(scores[[rows.index(row) for row in best]]) == sorted(
            np.sort(scores)[::-1][: len(best)]
        )


def test_statistics_are_those_of_the_passages_also_after_deletions(collection):
    rng = np.random.default_rng(1)
    passages = collection.texts.passages
    assert (passages.count(), passages.mean_stems(), passages.frequencies(["bod"])) == (0, 1.0, {})
    for i in range(5):
        _add(collection, f"/{i}.txt", *_made(rng, 40))
    for deleted in (None, "/1.txt", "/4.txt"):
        if deleted is not None:
            forget(collection, paths=[Path(deleted)])
        bodies = [stems(one.passage.text) for one in _stored(collection).values()]
        heads = [stems(one.titles) for one in _stored(collection).values()]
        assert passages.count() == len(bodies)
        assert passages.mean_stems() == pytest.approx(np.mean([len(body) for body in bodies]))
        asked = [stem for word in WORDS for stem in stems(word)]
        held = {
            stem: sum(
                stem in body or stem in head for body, head in zip(bodies, heads, strict=True)
            )
            for stem in asked
        }
        assert passages.frequencies([*asked, "absent"]) == held


def test_which_may_be_found_is_what_a_look_at_each_passage_says(collection, tmp_path):
    """Against conditions that are checked one by one, in Python."""
    rng = np.random.default_rng(7)
    dates = [None, "2018-05-01", "2019-01-01T10:00:00", "2019-12-31T23:59:59", "2021-02-03"]
    places = [None, (41.65, -0.88), (42.14, -0.41), (-33.87, 151.21)]
    about = {}
    for i in range(40):
        path = f"/{'ab'[i % 2]}/{i}.txt"
        one = {"path": path, "date": dates[rng.integers(5)], "place": places[rng.integers(4)]}
        one["gone"] = bool(rng.integers(2))
        content = _add(
            collection, path, f"boda {i}", written_at=one["date"], place=one["place"],
            gone=one["gone"],
        )  # fmt: skip
        about[content] = one
    forget(collection, paths=[Path(about.pop(max(about))["path"])])
    rows = collection.texts.vectors.required().rows

    def wanted(one, since, until, folder, near):
        date, place = one["date"], one["place"]
        return (
            not one["gone"]
            and (since is None or (date is not None and date >= since))
            and (until is None or (date is not None and date[: len(until)] <= until))
            and (folder is None or one["path"].startswith(f"{folder}/"))
            and (near is None or place == near)
        )

    stored = _stored(collection)
    for since in (None, "2019", "2019-06"):
        for until in (None, "2019", "2020-01"):
            for folder in (None, "/a"):
                for near in (None, places[1]):
                    asked = Filter(
                        since,
                        until,
                        (Path(folder),) if folder else (),
                        near=Near(*near, 10) if near else None,
                    )
                    keep = findable(collection.db, rows, asked, items=PASSAGES)
                    keep = np.ones(rows, np.bool_) if keep is None else keep
                    assert set(np.flatnonzero(keep)) == {
                        row
                        for row, one in stored.items()
                        if wanted(about[one.content_id], since, until, folder, near)
                    }
                    found = collection.texts.passages.matches(["bod"], 100, keep=keep)
                    assert {row for row, _ in found} == set(np.flatnonzero(keep))


@pytest.fixture
def album(collection, tmp_path):
    """Photos with captions: one of two faces, a copy of it elsewhere, one of nobody."""
    for name, words, caption in (
        ("a/both.jpg", "ana luis", "Los novios en la iglesia"),
        ("b/copy.jpg", "ana luis", "Los padrinos en la iglesia"),
        ("b/eva.jpg", "eva", "La novia baila en la iglesia"),
        ("b/sea.jpg", "", "La iglesia junto al mar"),
    ):
        path = tmp_path / "album" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(words)
        path.with_suffix(".txt").write_text(caption)
    (tmp_path / "album" / "b" / "note.md").write_text("La iglesia es del siglo XII.")
    small.index_all(collection, tmp_path / "album")
    with writing(collection.db):
        for name in ("ana", "eva"):
            statements.say_name(collection.db, name, [small.face_of(collection, name)])
    return tmp_path / "album"


def _names(collection, **wanted):
    """Files that say something of a church, under some conditions."""
    rows = collection.texts.vectors.required().rows
    keep = findable(collection.db, rows, Filter(**wanted), items=PASSAGES)
    found = dict(collection.texts.passages.matches(stems("iglesia"), 100, keep=keep))
    return sorted(one.path.name for one in collection.texts.passages.at(found).values())


def test_a_person_is_in_the_photo_that_a_passage_describes(collection, album):
    assert _names(collection, persons=("ana",)) == ["both.jpg", "copy.jpg"]
    assert _names(collection, persons=("eva",)) == ["eva.jpg"]
    assert _names(collection, persons=("ana", "eva")) == ["both.jpg", "copy.jpg", "eva.jpg"]
    assert len(_names(collection)) == 5


def test_what_a_path_says_lies_in_the_folder_of_that_path(collection, album):
    assert _names(collection, folders=(album / "a",)) == ["both.jpg"]
    b = ["copy.jpg", "eva.jpg", "note.md", "sea.jpg"]
    assert _names(collection, folders=(album / "b",)) == b
    assert len(_names(collection, folders=(album / "a", album / "b"))) == 5


# Whatever is asked


@pytest.fixture(scope="module")
def notes(tmp_path_factory):
    with small.opened(tmp_path_factory.mktemp("notes") / "c") as opened:
        _add(opened, "/a.txt", 'Hubo una boda en Zaragoza, "NOT" o AND.', "El río 1931 × 5.")
        with writing(opened.db):
            opened.db.execute("INSERT INTO persons (name, key) VALUES ('Ana', 'ana')")
        yield opened


HOSTILE = [
    '"',
    '"a',
    'boda"',
    "NOT",
    "a* OR",
    "AND OR NOT",
    "NEAR(boda Zaragoza, 2)",
    "body : boda",
    "{title body} : a",
    "^boda",
    "boda + en",
    "-boda",
    "'; DROP TABLE stems; --",
    "\0",
    "boda\0",
    "bo\0da",
    "%s ? :1 @x $y",
    "\ud800",
    "𐒰𐓘 𞤀 ꟾ",
    "ﬁ ß İ ŉ",
    "a\u0301\u0327 \u0301",
    "हिन्दी தமிழ் עִבְרִית العربية 中文 한국어",
    "boda " * 2000,
    " ".join(f"palabra{i}" for i in range(1500)),
    " ".join("abcdefghij"[i % 10] + chr(97 + i // 10 % 26) * (i % 7) for i in range(3000)),
    "x" * 10_000,
    "1" * 10_000,
    "-- .,;:!¡?¿ 7",
    "la de el y",
]


@pytest.mark.parametrize("query", HOSTILE)
@pytest.mark.parametrize("mode", Mode)
def test_whatever_is_asked_is_answered_or_refused_as_no_words(notes, query, mode):
    if not any(letter.isalnum() for letter in query):
        with pytest.raises(BadInput, match="wanted a query of words"):
            notes.search_texts(query, mode=mode)
        return
    hits = notes.search_texts(query, mode=mode)
    assert len(hits) <= 2
    if mode == Mode.BM25:
        assert all(hit.marks for hit in hits)


@given(st.text(ALPHABET, max_size=60))
@settings(max_examples=150, deadline=None)
def test_the_words_of_any_text_find_it(notes, text):
    found = notes.texts.passages.matches(stems(text), 10)
    asked = set(stems(text))
    stored = _stored(notes)
    assert {row for row, _ in found} == {
        row for row, one in stored.items() if asked & set(stems(one.passage.text))
    }


def test_stop_words_find_nothing_by_words(notes):
    assert notes.search_texts("la de el y", mode=Mode.BM25) == []


def test_an_empty_collection_says_that_no_text_is_there(collection):
    with pytest.raises(CollectionError, match="no text was indexed into"):
        collection.search_texts("boda")


def test_a_collection_whose_texts_are_all_forgotten_answers_with_nothing(collection):
    _add(collection, "/a.txt", "Hubo una boda.")
    forget(collection, paths=[Path("/a.txt")])
    for mode in Mode:
        assert collection.search_texts("boda", mode=mode) == []


def test_words_of_any_script_are_found_again(collection):
    words = HOSTILE[HOSTILE.index("𐒰𐓘 𞤀 ꟾ") : HOSTILE.index("boda " * 2000)]
    for i, text in enumerate(words):
        _add(collection, f"/{i}.txt", text)
    for row, text in enumerate(words):
        for stem in stems(text):
            assert row in dict(collection.texts.passages.matches([stem], 10)), (text, stem)
