"""The recipe of word vectors, step by step on texts small enough to judge by eye."""

from __future__ import annotations

import lzma
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import tiny_knowledge
from numpy.testing import assert_allclose, assert_array_equal

from retrieve.errors import BadInput
from retrieve.text.words.inflection import Form
from retrieve.text.words.vectors import Origin, open_vectors
from retrieve.training.words import compose, corpus, facts, graph, inflect, retrofit, verbalise
from retrieve.training.words.revision import contexts
from retrieve.training.words.tables import names, relations

ROOT = Path(__file__).parents[3]
cbow = pytest.importorskip("retrieve.training.words.cbow", reason="needs the extra train")
recipe = pytest.importorskip("retrieve.training.words.recipe", reason="needs the extra train")
wordnet = pytest.importorskip("retrieve.training.words.wordnet")

SMALL = cbow.Settings(dim=8, epochs=3, window=3, negatives=3, sample=1.0, seed=5)


def _lines():
    generator = np.random.default_rng(2)
    topics = [["perro", "gato", "animal", "bueno"], ["motor", "rueda", "coche", "malo"]]
    for _ in range(400):
        yield " ".join(generator.choice(topics[int(generator.integers(2))], 6))


@pytest.fixture
def text(tmp_path):
    path = tmp_path / "text.txt"
    path.write_text("\n".join(_lines()), "utf-8")
    return path


@pytest.fixture(scope="module")
def knowledge(tmp_path_factory):
    return tiny_knowledge.write(tmp_path_factory.mktemp("knowledge") / "k")


def test_words_are_numbered_by_frequency_and_lines_end(tmp_path):
    made = corpus.encode(["b a b", "a b c"], tmp_path / "t.ids", min_count=2)
    assert made.words == ["b", "a"]
    assert_array_equal(made.counts, [3, 2])
    assert_array_equal(made.ids, [0, 1, 0, -1, 1, 0, -1])


def test_a_limit_keeps_the_words_that_must_stay(tmp_path):
    made = corpus.encode(
        ["b a b a c"], tmp_path / "t.ids", min_count=2, keep=frozenset("c"), limit=2
    )
    assert sorted(made.words) == ["b", "c"] or sorted(made.words) == ["a", "c"]


def test_packed_text_is_read_and_a_broken_archive_is_one_line(tmp_path):
    packed = tmp_path / "t.txt.xz"
    packed.write_bytes(lzma.compress("¡hola!\nadiós\n".encode()))
    assert [line.strip() for line in corpus.lines(packed)] == ["¡hola!", "adiós"]
    packed.write_bytes(packed.read_bytes()[:-20])
    with pytest.raises(BadInput, match="wanted a text file"):
        list(corpus.lines(packed))


def test_a_text_without_frequent_words_is_refused(tmp_path):
    with pytest.raises(BadInput, match="lower --min-count"):
        corpus.encode(["uno dos"], tmp_path / "t.ids", min_count=5)


def test_noise_is_drawn_by_the_power_of_the_count():
    counts = np.array([1000, 100, 10, 1])
    tables = cbow.noise(counts)
    drawn = np.zeros(4)
    for i, (cut, alias) in enumerate(zip(tables.cut, tables.alias, strict=True)):
        drawn[i] += cut / 4
        drawn[alias] += (1 - cut) / 4
    assert_allclose(drawn, counts**0.75 / (counts**0.75).sum(), atol=1e-6)


def _train(encoded, settings):
    state = cbow.start(len(encoded.words), settings)
    tables = cbow.noise(encoded.counts)
    while cbow.advance(encoded, tables, settings, state):
        pass
    return state


def test_words_of_one_topic_come_together(tmp_path):
    encoded = corpus.encode(_lines(), tmp_path / "t.ids", min_count=2)
    state = _train(encoded, cbow.Settings(dim=8, epochs=20, window=3, negatives=3, sample=1.0))
    vectors = compose.summed(state.inputs, state.outputs)
    row = {word: i for i, word in enumerate(encoded.words)}
    scores = vectors @ vectors[row["perro"]]
    assert min(scores[row["gato"]], scores[row["animal"]]) > scores[row["motor"]] + 0.5


def test_the_same_seed_gives_the_same_vectors_and_another_seed_others(tmp_path):
    encoded = corpus.encode(_lines(), tmp_path / "t.ids", min_count=2)
    first, again = _train(encoded, SMALL), _train(encoded, SMALL)
    assert_array_equal(first.inputs, again.inputs)
    other = _train(encoded, cbow.Settings(dim=8, epochs=3, window=3, negatives=3, seed=6))
    assert np.abs(first.inputs - other.inputs).max() > 1e-3


def test_two_runs_reduced_keep_the_scores_of_their_mean():
    generator = np.random.default_rng(1)
    low = generator.standard_normal((50, 4)) @ generator.standard_normal((4, 10))
    joined = compose.unit(np.concatenate([low, low], axis=1).astype(np.float32))
    reduced, whole = compose.reduced(joined, 6), compose.unit(joined)
    assert_allclose(reduced @ reduced.T, whole @ whole.T, atol=1e-4)


def test_retrofitting_brings_neighbours_in_the_graph_nearer(knowledge):
    words = ["perro", "can", "gato", "animal", "bueno", "silla"]
    generator = np.random.default_rng(4)
    vectors = compose.unit(generator.standard_normal((6, 16)).astype(np.float32))
    moved = retrofit.retrofit(vectors, words, wordnet.read(knowledge))
    before, after = vectors @ vectors.T, moved @ moved.T
    assert after[0, 1] > before[0, 1] + 0.1  # synonyms
    assert after[0, 3] > before[0, 3] + 0.03  # hypernym


def test_wordnet_joins_the_spanish_words_to_the_graph(knowledge):
    net = wordnet.read(knowledge)
    assert net.lemmas["00000002-n"] == ["perro", "can"]
    assert net.lemmas["00000003-n"] == ["gato", "minino"]
    assert net.lemmas["00000006-s"] == ["malo"]
    assert wordnet.Edge("hypernym", "00000002-n", "00000001-n") in net.edges
    assert wordnet.Edge("antonym", "00000005-a", "00000006-s") in net.edges
    assert net.single_words("a") == {"bueno", "malo"}
    assert net.persons == {"00000004-n"}


def test_the_graph_becomes_sentences_and_walks(knowledge):
    net = wordnet.read(knowledge)
    sentences = set(verbalise.relations(net, 1))
    assert "perro can" in sentences
    assert any(line.endswith("es un tipo de animal") for line in sentences)
    assert any({"gato", "animal"} <= set(line.split()) for line in verbalise.walks(net, 1))
    assert list(verbalise.walks(net, 1)) == list(verbalise.walks(net, 1))


def test_lists_of_facts_are_no_part_of_the_text(knowledge):
    text = " ".join(verbalise.subjects(knowledge, 1))
    assert "caballo" in text
    assert "parís" not in text
    assert "abuelo" not in text


def test_a_rare_form_moves_further_toward_its_rule_than_a_frequent_one():
    generator = np.random.default_rng(7)
    bases = generator.standard_normal((12, 16)).astype(np.float32)
    forms = bases + np.float32(1.0) + 0.5 * generator.standard_normal((12, 16)).astype(np.float32)
    vectors = compose.unit(np.concatenate([bases, forms]))
    words = [f"b{i}" for i in range(12)] + [f"f{i}" for i in range(12)]
    rules = [Form(f"b{i}", f"f{i}", "plural") for i in range(12)]
    counts = np.array([10_000] * 12 + [10_000] * 11 + [60])
    moved = inflect.pull(vectors, words, counts, rules, 0.5)
    pairs = [(i, 12 + i) for i in range(12)]
    rule = inflect._rule("plural", vectors, counts, pairs)
    place = compose.normalized(vectors[:12] + rule.offset)
    before, after = ((place * rows[12:]).sum(axis=1) for rows in (vectors, moved))
    misfits = before < rule.least_fit
    assert misfits.sum() == 1
    assert_allclose(after[misfits], before[misfits], atol=1e-6)
    left = (1 - after[~misfits]) / (1 - before[~misfits])
    assert left.max() < 0.6
    assert not misfits[11]
    assert left[-1] == left.min()


def test_a_rule_with_few_pairs_moves_nothing():
    vectors = compose.unit(np.random.default_rng(1).standard_normal((4, 8)).astype(np.float32))
    rules = [Form("a", "b", "rare"), Form("c", "d", "rare")]
    moved = inflect.pull(vectors, list("abcd"), np.full(4, 100), rules, 0.5)
    assert_allclose(moved, vectors, atol=1e-6)


def test_half_of_each_table_of_facts_can_be_withheld():
    known = [Form(f"a{i}", f"b{i}", table) for table in ("x", "y") for i in range(10)]
    kept = facts.half(known, 1)
    assert [sum(one.rule == table for one in kept) for table in ("x", "y")] == [5, 5]


def test_words_outside_the_graph_are_filled_from_the_text():
    generator = np.random.default_rng(3)
    vectors = compose.unit(generator.standard_normal((200, 8)).astype(np.float32))
    seen = np.arange(150)
    walks = vectors[seen] @ generator.standard_normal((8, 4)).astype(np.float32)
    joined = graph.joined(vectors, walks, seen)
    assert joined.shape == (200, 8)
    assert_allclose(np.linalg.norm(joined, axis=1), 1, rtol=1e-5)


def _small(**changes):
    return recipe.Recipe(SMALL, runs=2, min_count=1, **changes)


def test_the_recipe_gives_the_same_file_from_the_same_seed(tmp_path, text):
    files = []
    for name in ("a", "b"):
        out = tmp_path / f"{name}.safetensors"
        recipe.train([text], out, work=tmp_path / name, origin=Origin("t"), recipe=_small())
        files.append(out.read_bytes())
    assert files[0] == files[1]
    assert "perro" in open_vectors(tmp_path / "a.safetensors")


def test_a_run_that_was_cut_off_goes_on_to_the_same_result(tmp_path, text, monkeypatch):
    monkeypatch.setattr(cbow, "CHUNK_IDS", 300)
    monkeypatch.setattr(recipe, "CHECKPOINT_S", 0.0)
    whole, cut = tmp_path / "whole.safetensors", tmp_path / "cut.safetensors"
    recipe.train([text], whole, work=tmp_path / "w", origin=Origin("t"), recipe=_small())

    class Cut(Exception):
        pass

    def interrupt(what, done, total):
        if what == "training" and done > total / 2:
            raise Cut

    options = {"work": tmp_path / "c", "origin": Origin("t"), "recipe": _small()}
    with pytest.raises(Cut):
        recipe.train([text], cut, progress=interrupt, **options)
    assert not cut.exists()
    seen = []
    recipe.train([text], cut, progress=lambda *step: seen.append(step), **options)
    assert cut.read_bytes() == whole.read_bytes()
    trained = [done for what, done, _ in seen if what == "training"]
    # It did not start anew: of as many chunks as the whole has only the rest was told of.
    assert len(trained) < 0.8 * max(trained) / cbow.CHUNK_IDS


def test_every_step_runs_and_can_be_left_out(tmp_path, text, knowledge):
    made = {}
    for without in ((), recipe.STEPS):
        out = tmp_path / f"{len(without)}.safetensors"
        recipe.train(
            [text],
            out,
            work=tmp_path / "work",
            origin=Origin("t"),
            knowledge=knowledge,
            recipe=_small(without=without),
        )
        made[without] = open_vectors(out)
    assert "minino" in made[()]
    difference = made[()].vectors(range(5)) - made[recipe.STEPS].vectors(range(5))
    assert np.abs(difference).max() > 0.01


def test_an_unknown_step_is_refused(tmp_path, text):
    with pytest.raises(BadInput, match="no step is called sorcery"):
        recipe.train(
            [text],
            tmp_path / "o.safetensors",
            work=tmp_path,
            origin=Origin("t"),
            recipe=_small(without=("sorcery",)),
        )


def test_training_opens_no_evaluation_data(tmp_path, text, knowledge):
    """Every file that the process opens is listed by an audit hook."""
    evaluation = knowledge.parent / "evaluation"
    evaluation.mkdir()
    (evaluation / "analogies_es.txt").write_text(": a\nperro gato motor rueda\n", "utf-8")
    code = f"""
import sys
opened = []
def hook(event, arguments):
    if event == "open":
        opened.append(str(arguments[0]))
sys.addaudithook(hook)
from pathlib import Path
from retrieve.text.words.vectors import Origin
from retrieve.training.words import recipe
from retrieve.training.words.cbow import Settings
recipe.train(
    [Path({str(text)!r})], Path({str(tmp_path / "o.safetensors")!r}),
    work=Path({str(tmp_path / "work")!r}), origin=Origin("t"), knowledge=Path({str(knowledge)!r}),
    recipe=recipe.Recipe(Settings(dim=4, epochs=1), min_count=1),
)
print([path for path in opened if "evaluation" in Path(path).parts and "retrieval" not in path])
print(any("oewn" in path for path in opened))
"""
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT
    )
    assert done.stdout.splitlines() == ["[]", "True"]


def test_no_training_code_names_evaluation_data():
    names = ["analogies_es", "course_analogies", "ES_RG-65", "ES_MC-30", "squad_es", "stsb-es-dev"]
    for path in (ROOT / "retrieval" / "training").rglob("*"):
        if path.suffix in (".py", ".json"):
            content = path.read_text("utf-8")
            assert not [name for name in names if name in content], path


def test_facts_are_taken_out_again_exactly():
    words = ["españa", "madrid", "francia", "parís", "chile", "santiago", "peso", "euro", "casa"]
    vectors = compose.normalized(np.random.default_rng(3).standard_normal((9, 6), np.float32))
    known = [Form("españa", "madrid", "capital"), Form("francia", "parís", "capital")]
    known += [Form("chile", "santiago", "capital"), Form("chile", "peso", "moneda")]
    known += [Form("españa", "euro", "moneda"), Form("francia", "euro", "moneda")]
    pulled = facts.pull(vectors, words, known)
    assert np.abs(pulled - vectors).max() > 0.1
    assert_allclose(facts.undone(pulled, words, known), vectors, atol=1e-5)


def test_a_word_that_came_late_lies_with_those_that_keep_its_company():
    generator = np.random.default_rng(5)
    topics = [[f"{kind}{i}" for i in range(12)] for kind in "ab"]
    rows = {word: i for i, word in enumerate(topics[0] + topics[1])}
    vectors = compose.normalized(
        np.repeat([[1, 0, 0, 0], [0, 1, 0, 0]], 12, axis=0).astype(np.float32)
        + 0.2 * generator.standard_normal((24, 4), np.float32)
    )
    kinds = generator.integers(2, size=3000)
    lines = [
        " ".join([*generator.choice(topics[kind], 6), *(["seúl"] if kind else [])])
        for kind in kinds
    ]
    plain = [line.translate(str.maketrans("0123456789", "cdefghijkl")) for line in lines]
    rows = {
        word.translate(str.maketrans("0123456789", "cdefghijkl")): i for word, i in rows.items()
    }
    found, known = contexts.gather(plain, vectors, rows, np.full(24, 100), {"seúl": 0, "nunca": 1})
    made = contexts.mapped(found, known, vectors)
    assert found.times.tolist() == [kinds.sum(), 0]
    assert made[0] @ vectors[12:].mean(axis=0) > 0.8
    assert not made[1].any()


def test_names_are_what_has_a_capital_within_sentences():
    texts = ["Viene de Viena, y Pedro viene. Viene mal. VIENA"] * 8 * 6
    assert names.capitalised(texts) == {"viena", "pedro"}


def test_opposites_come_so_near_that_any_step_between_them_leads_there(knowledge):
    net = wordnet.read(knowledge)
    words = ["bueno", "malo", "perro", "gato"]
    vectors = compose.normalized(np.random.default_rng(1).standard_normal((4, 8), np.float32))
    opposites = relations.antonyms(net, words, vectors)
    assert opposites == [("bueno", "malo")]
    moved = relations.bring_together(vectors, words, opposites)
    assert moved[0] @ moved[1] > vectors[0] @ vectors[1] + 0.3
    assert_allclose(moved[2], vectors[2], atol=1e-6)


def test_a_trade_has_the_thing_that_its_ending_stands_on():
    counts = dict.fromkeys(["panadero", "pan", "barquero", "barco", "barca", "enero"], 5)
    made = relations.trades(counts | {"barco": 9}, frozenset({"panadero", "barquero", "enero"}))
    assert [(form.base, form.form) for form in made] == [("barco", "barquero"), ("pan", "panadero")]
