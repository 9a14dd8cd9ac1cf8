from __future__ import annotations

import pytest

from retrieve.text.words.inflection import (
    adverb,
    bases,
    conjugate,
    diminutives,
    feminines,
    forms,
    genders,
    plurals,
)


@pytest.mark.parametrize(
    ("verb", "rule", "form"),
    [
        ("hablar", "gerundio", "hablando"),
        ("leer", "gerundio", "leyendo"),
        ("leer", "participio", "leído"),
        ("dormir", "gerundio", "durmiendo"),
        ("pedir", "pretérito 3", "pidió"),
        ("pensar", "presente 3", "piensa"),
        ("contar", "presente 3 pl", "cuentan"),
        ("errar", "presente 3", "yerra"),
        ("oler", "presente 3", "huele"),
        ("huir", "presente 3", "huye"),
        ("conocer", "presente 1", "conozco"),
        ("coger", "presente 1", "cojo"),
        ("llegar", "subjuntivo 3", "llegue"),
        ("empezar", "subjuntivo 3", "empiece"),
        ("hacer", "pretérito 3", "hizo"),
        ("deshacer", "pretérito 3", "deshizo"),
        ("hacer", "pretérito 3 pl", "hicieron"),
        ("decir", "pretérito 3 pl", "dijeron"),
        ("conducir", "pretérito 3", "condujo"),
        ("contener", "futuro 3", "contendrá"),
        ("escribir", "participio", "escrito"),
        ("describir", "participio", "descrito"),
        ("ver", "participio", "visto"),
        ("ser", "pretérito 3", "fue"),
        ("ir", "gerundio", "yendo"),
        ("odiar", "enclítico lo", "odiarlo"),
    ],
)
def test_conjugation_proposes_the_standard_form(verb, rule, form):
    assert (rule, form) in set(conjugate(verb))


@pytest.mark.parametrize(
    ("verb", "right", "invented"),
    [
        ("salir", "salgo", "salo"),
        ("estar", "estoy", "esto"),
        ("estar", "estuvo", "estó"),
        ("dar", "dio", "dó"),
        ("decir", "diga", "deza"),
        ("venir", "venga", "viena"),
        ("saber", "sepa", "saba"),
        ("satisfacer", "satisfizo", "satisfació"),
        ("mantener", "mantuvo", "mantenió"),
        ("sonreír", "sonríe", "sonree"),
        ("avergonzar", "avergüence", "avergonce"),
        ("construir", "construyó", "construió"),
        ("variar", "varía", "varia"),
        ("mecer", "mezo", "mezco"),
        ("bendecir", "bendecido", "bendicho"),
    ],
)
def test_of_an_irregular_verb_only_the_right_form_is_given(verb, right, invented):
    given = {form for _, form in conjugate(verb)}
    assert right in given
    assert invented not in given


@pytest.mark.parametrize(
    ("form", "verb"),
    [("dije", "decir"), ("puse", "poner"), ("fui", "ser"), ("decí", "decir"), ("decís", "decir")],
)
def test_irregular_forms_have_their_verb_as_base(form, verb):
    words = ["decir", "dijo", "digo", "dije", "decí", "decís", "poner", "puso", "pongo", "puse"]
    counts = dict.fromkeys([*words, "ser", "fue", "fui", "dijes"], 30) | {"dijes": 1}
    assert bases(forms(counts, frozenset({"dije"})))[form] == verb


def test_names_and_words_of_grammar_are_forms_of_nothing():
    verbs = ["venir", "viene", "vengo", "vino", "quitar", "quita", "quitan", "quitó", "estar"]
    more = ["estoy", "está", "comer", "comen", "comí", "comió", "pue", "má", "jesú", "marco"]
    asked = ["viena", "quito", "jesús", "pues", "más", "algo", "como", "esto", "las", "marcos"]
    counts = dict.fromkeys([*verbs, *more, *asked], 50) | {"jesú": 1}
    names = frozenset({"viena", "quito", "jesús", "marcos"})
    base_of = bases(forms(counts, frozenset({"marco"}), names))
    assert {word: base_of.get(word) for word in asked if word in base_of} == {"marcos": "marco"}
    assert base_of["quitó"] == "quitar"


def test_where_no_table_tells_the_commoner_spelling_is_right():
    counts = dict.fromkeys(["superar", "superan", "supera", "superó", "supieran", "saber"], 9)
    assert bases(forms(counts))["superan"] == "superar"
    assert bases(forms(counts | dict.fromkeys(["sabe", "supo"], 9)))["supieran"] == "saber"


@pytest.mark.parametrize(
    ("rule", "word", "form"),
    [
        (plurals, "casa", "casas"),
        (plurals, "luz", "luces"),
        (plurals, "canción", "canciones"),
        (plurals, "joven", "jóvenes"),
        (plurals, "inglés", "ingleses"),
        (plurals, "rubí", "rubíes"),
        (feminines, "bueno", "buena"),
        (feminines, "inglés", "inglesa"),
        (feminines, "actor", "actriz"),
        (diminutives, "boca", "boquita"),
        (diminutives, "pueblo", "pueblecito"),
        (diminutives, "hombre", "hombrecito"),
    ],
)
def test_rules_of_nouns_propose_the_standard_form(rule, word, form):
    assert form in set(rule(word))


def test_adverbs_are_made_from_the_feminine():
    assert [adverb("rápido"), adverb("feliz")] == ["rápidamente", "felizmente"]


VERBAL = ["hablar", "hablando", "hablado", "habló", "hablan", "casar", "casado", "casó", "casan"]
NOMINAL = ["casa", "casas", "hermano", "hermana", "hermanas", "puerto", "puerta", "mar"]
COUNTS = dict.fromkeys([*VERBAL, *NOMINAL, "claro", "claramente"], 10)


def test_a_known_noun_is_no_form_of_a_verb():
    made = {form.form: form.base for form in forms(COUNTS, frozenset({"casa", "hermano"}))}
    assert made["habló"] == "hablar"
    assert made["casas"] == "casa"
    assert "casa" not in made


def test_a_word_in_ar_without_forms_is_no_verb():
    assert not any(form.base == "mar" for form in forms(COUNTS))


def test_of_a_listed_verb_two_forms_are_enough_and_a_noun_with_its_plural_is_none():
    rare = {"pervertir": 75, "pervierte": 19, "pervertido": 91, "tararear": 20, "tarareando": 76}
    nouns = {"fletar": 30, "flete": 174, "fletes": 61, "soldar": 40, "soldado": 4197}
    nouns |= {"catear": 20, "cateando": 9, "cateo": 253, "cateos": 127}
    listed = frozenset(("pervertir", "tararear", "fletar", "soldar", "catear"))
    found = bases(forms(rare | nouns, frozenset({"soldado"}), verbs=listed))
    assert found == {
        "pervierte": "pervertir", "pervertido": "pervertir", "tarareando": "tararear",
        "fletes": "flete", "cateando": "catear", "cateos": "cateo",
    }  # fmt: skip
    assert "pervierte" not in bases(forms(rare))


def test_what_a_table_says_of_a_verb_goes_before_a_guess_at_a_commoner_one():
    counts = {"moler": 247, "molía": 27, "molido": 125, "muele": 33, "muelen": 17}
    counts |= {"molar": 308, "muela": 197, "muelas": 189}
    found = bases(forms(counts, frozenset({"molar", "muela"})))
    assert (found["muele"], found["muelen"]) == ("moler", "moler")


def test_bases_fold_number_and_conjugation_but_not_gender():
    base_of = bases(forms(COUNTS, frozenset({"casa", "hermano", "hermana"})))
    assert base_of["hablando"] == "hablar"
    assert base_of["hermanas"] == "hermana"
    assert "hermana" not in base_of
    assert "claramente" not in base_of


def test_gender_is_made_of_adjectives_and_persons_only():
    made = genders(COUNTS, frozenset({"claro"}), frozenset({"hermano"}))
    assert [(form.base, form.form) for form in made] == [("hermano", "hermana")]


def test_genders_beyond_rule_shut_out_what_the_rule_makes():
    counts = dict.fromkeys(["emperador", "emperadora", "emperatriz"], 9)
    made = genders(counts, frozenset(), frozenset({"emperador"}))
    assert [(form.base, form.form) for form in made] == [("emperador", "emperatriz")]


def test_every_base_stands_before_its_forms():
    made = forms(COUNTS | dict.fromkeys(["habladas", "hablada"], 3))
    position = {form.form: i for i, form in enumerate(made)}
    assert all(position.get(form.base, -1) < i for i, form in enumerate(made))
