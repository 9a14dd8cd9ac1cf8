"""Passages stemmed by their own languages, in one collection."""

from __future__ import annotations

import pytest
import small

from retrieve.indexes.catalog.database import writing
from retrieve.indexes.queries.modes import Mode
from retrieve.indexes.upkeep.check import check
from retrieve.text.spoken import languages_of
from retrieve.text.stemming import asked_across, asked_stems, stems

TEXTS = {
    "es": "Las campanas de la iglesia sonaban todas las mañanas sobre los tejados del pueblo.",
    "en": "The fishermen were mending their nets and cities could be seen beyond the harbours.",
    "ca": "Els pescadors tornaven a les cases del poble quan les barques arribaven a la platja.",
    "fr": "Les journaux parlaient des chevaux qui traversaient les montagnes pendant l'hiver.",
    "de": "Die alten Häuser standen an den Straßen, und die Kinder spielten in den Gärten.",
}
ASKED = {  # other forms of their words, which the Spanish stemmer does not bring together
    "the campana": "es",
    "a city near the harbour": "en",
    "city": "en",
    "fisherman's nets mended": "en",
    "pescador i barca": "ca",
    "cheval, montagne": "fr",
    "das Kind im Garten": "de",
}


@pytest.fixture(scope="module")
def mixed(tmp_path_factory):
    folder = tmp_path_factory.mktemp("mixed")
    for language, text in TEXTS.items():
        (folder / f"{language}.txt").write_text(text)
    with small.opened(tmp_path_factory.mktemp("c") / "c") as collection:
        small.index(collection, folder)
        yield collection


def test_each_passage_tells_its_language():
    assert languages_of([[text] for text in TEXTS.values()], "es") == [[one] for one in TEXTS]


def test_what_does_not_tell_goes_with_its_document_else_with_what_was_given():
    assert languages_of([[TEXTS["en"], "Harbour"], ["Harbour"]], "es") == [["en", "en"], ["es"]]


def test_a_language_that_cannot_be_told_from_its_neighbours_is_that_of_every_passage():
    danish = "Fiskerne reparerede deres garn ved havnen om morgenen."
    assert languages_of([[danish, TEXTS["de"]]], "da") == [["da", "da"]]


@pytest.mark.parametrize(("query", "language"), ASKED.items())
def test_other_forms_are_found_in_every_language(mixed, query, language):
    best = mixed.search_texts(query, mode=Mode.BM25)[0]
    assert (best.path.stem, best.bm25 > 0, bool(best.marks)) == (language, True, True)


def test_small_words_of_a_query_are_those_of_its_language(mixed):
    hits = mixed.search_texts("where are the nets and the harbours", mode=Mode.BM25)
    assert [hit.path.stem for hit in hits if hit.bm25] == ["en"]


def test_phrases_are_found_in_every_language(mixed):
    assert [hit.path.stem for hit in mixed.search_texts('"mending their nets"')] == ["en"]


def test_the_index_made_anew_is_the_same(mixed):
    query = "SELECT rowid, title, body FROM stems ORDER BY rowid"
    before = mixed.db.execute(query).fetchall()
    with writing(mixed.db):
        mixed.texts.enter_words()
    assert mixed.db.execute(query).fetchall() == before
    assert check(mixed) == []


def test_a_renamed_text_keeps_its_language(mixed):
    (id,) = mixed.db.execute(
        "SELECT content_id FROM passages WHERE text LIKE '%fishermen%'"
    ).fetchone()
    with writing(mixed.db):
        mixed.texts.call([id])
    assert mixed.texts.passages.languages()["en"] == 1


def test_of_one_language_a_query_has_the_stems_that_it_always_had():
    query = "vinos de 1931 y luces"
    assert asked_across(query, ("es",)) == dict.fromkeys(asked_stems(query), ())


def test_the_mark_of_a_language_is_in_no_text():
    assert stems("\ue000en casa \ue000") == ["cas"]
