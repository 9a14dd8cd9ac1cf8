"""The commands on words, in processes of their own, as a user runs them."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
import toy_words
import warm

ROOT = Path(__file__).parents[2]
EVALUATION = ROOT.parent / "shared" / "text" / "evaluation"


def _run(*arguments, store=None, code=0):
    environment = {} if store is None else {"RETRIEVE_WORDS": store}
    return warm.retrieve(*arguments, code=code, **environment)


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    folder = tmp_path_factory.mktemp("words")
    toy_words.write(folder / "toy.safetensors")
    return folder


def _toy(*arguments, store, code=0):
    return _run(*arguments, "--vectors", "toy", store=store, code=code)


@pytest.mark.parametrize(
    ("words", "answer"),
    [
        ("rey hombre mujer", "reina"),
        ("parís francia españa", "madrid"),
        ("tenis raqueta bate", "béisbol"),
        ("motocicleta motor pedales", "bicicleta"),
        ("amar positivo negativo", "odiar"),
    ],
)
def test_the_shipped_vectors_solve_the_analogies_of_the_course(words, answer):
    done = _run("analogy", *words.split(), "--json")
    assert json.loads(done.stdout)["hits"][0]["word"] == answer


def test_json_has_the_documented_form(store):
    answer = json.loads(_toy("analogy", "rey", "hombre", "mujer", "--json", store=store).stdout)
    assert answer["expression"] == "rey - hombre + mujer"
    hit = answer["hits"][0]
    assert (hit["rank"], hit["word"]) == (1, "reina")
    assert 0.5 < hit["score"] <= 1


def test_the_table_shows_rank_word_score_and_folded_forms(store):
    lines = _toy("analogy", "rey", "hombre", "mujer", store=store).stdout.splitlines()
    assert lines[0] == "rey - hombre + mujer"
    assert lines[2].split()[:2] == ["1", "reina"]
    assert lines[2].split()[-1] == "reinas"


def test_signs_may_stand_alone_or_in_one_argument(store):
    apart = _toy("analogy", "rey", "-", "hombre", "+", "mujer", "--json", store=store)
    together = _toy("analogy", "rey - hombre + mujer", "--json", store=store)
    assert apart.stdout == together.stdout


def test_explain_names_each_term_and_what_the_second_lacks(store):
    out = _toy("analogy", "rey", "hombre", "mujer", "--explain", store=store).stdout
    assert "- hombre" in out
    assert "comes second" in out


def test_an_unknown_word_is_one_line_with_suggestions(store):
    done = _toy("analogy", "reyna", "hombre", "mujer", store=store, code=1)
    assert "did you mean reina" in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_a_missing_accent_is_mended_and_said(store):
    done = _toy("neighbors", "paris", "--json", store=store)
    assert "took parís" in done.stderr
    assert json.loads(done.stdout)["expression"] == "parís"


def test_similarity_and_odd_one_out(store):
    same = json.loads(_toy("similarity", "rey", "REY", "--json", store=store).stdout)
    assert same["score"] == pytest.approx(1, abs=1e-4)
    odd = _toy("odd-one-out", "rey", "reina", "mesa", store=store)
    assert odd.stdout.splitlines()[0] == "mesa"


def test_words_are_added_listed_exported_and_drawn(tmp_path):
    store = tmp_path / "store"
    toy_words.write(store / "toy.safetensors")
    out = tmp_path / "out.vec"
    _run("words", "export", out, "--vectors", "toy", store=store)
    added = _run("words", "add", out, "--name", "again", store=store)
    assert "9 words of 6 dimensions" in added.stdout
    names = [json.loads(line)["name"] for line in _listed(store)]
    assert {"toy", "again"} <= set(names)
    picture, page = tmp_path / "p.png", tmp_path / "p.html"
    _toy("words", "plot", "hombre", "rey", "mujer", "reina", "--out", picture, store=store)
    _toy("words", "plot", "rey", "--html", page, "-k", "4", store=store)
    assert picture.read_bytes().startswith(b"\x89PNG")
    assert ">reina</text>" in page.read_text("utf-8")


def _listed(store):
    return _run("words", "list", "--json", store=store).stdout.splitlines()


def test_evaluation_counts_sections_and_coverage(store, tmp_path):
    path = tmp_path / "a.txt"
    path.write_text(": g\nhombre rey mujer reina\nhombre rey x y\n: n\nhombre hombres reina mesa\n")
    value = json.loads(_toy("evaluate", "words", path, "--json", store=store).stdout)
    sections = {one["section"]: one for one in value["sections"]}
    assert (sections["g"]["asked"], sections["g"]["covered"]) == (2, 1)
    assert sections["g"]["first"]["hits"] == 1
    assert sections["n"]["first"]["hits"] == 0
    assert value["total"]["first"]["value"] == 0.5
    pairs = tmp_path / "s.txt"
    pairs.write_text("rey\treina\t4\nrey\tmesa\t0\nhombre\thombres\t3.9\nmesa\tmujer\t0.1\n")
    found = json.loads(_toy("evaluate", "words", pairs, "--json", store=store).stdout)
    assert found["covered"] == 4
    assert found["spearman"] > 0.7


def test_words_of_several_words_are_asked_and_not_covered(store, tmp_path):
    path = tmp_path / "a.txt"
    path.write_text("hombre rey mujer reina\nestados unidos washington perú lima\n")
    value = json.loads(_toy("evaluate", "words", path, "--json", store=store).stdout)
    assert (value["total"]["asked"], value["total"]["covered"]) == (2, 1)
    pairs = tmp_path / "s.txt"
    lines = ["rey\treina\t4", "rey\tmesa\t0", "hombre\thombres\t3,9", "mesa\tmujer\t0.1"]
    pairs.write_text("\n".join(["caja de cerillas\tmesa\t1", *lines, "el rey mesa 2"]))
    found = json.loads(_toy("evaluate", "words", pairs, "--json", store=store).stdout)
    assert (found["asked"], found["covered"]) == (6, 4)


def test_words_of_another_language_are_told_that_these_are_spanish():
    assert "are Spanish" in _run("analogy", "king", "man", "woman").stderr
    assert "which are Spanish" in _run("analogy", "queen", "hombre", "mujerr", code=1).stderr
    assert not _run("analogy", "kenia", "nairobi", "seúl").stderr


@pytest.mark.parametrize(
    ("asked", "answer"),
    [
        ("berlín alemania austria", "viena"),
        ("hice hacer decir", "dije"),
        ("pasó pasar dar", "dio"),
        ("rey hombre mujer", "reina"),
        ("emperador hombre mujer", "emperatriz"),
    ],
)
def test_names_and_irregular_forms_are_answers(asked, answer):
    hit = json.loads(_run("analogy", *asked.split(), "--json").stdout)["hits"][0]
    assert answer in (hit["word"], *hit.get("forms", ()))


def test_nothing_near_a_small_word_is_folded_into_a_verb():
    hits = json.loads(_run("neighbors", "algo", "-k", "20", "--json").stdout)["hits"]
    assert not {"estar", "lar"} & {hit["word"] for hit in hits}


def test_a_wrong_evaluation_file_names_the_line(store, tmp_path):
    path = tmp_path / "a.txt"
    path.write_text("uno dos tres cuatro\nuno dos\n")
    done = _toy("evaluate", "words", path, store=store, code=1)
    assert "line 2: wanted four words" in done.stderr


def test_training_makes_vectors_that_can_be_asked_for(tmp_path):
    pytest.importorskip("numba")
    text = tmp_path / "t.txt"
    text.write_text("el perro ladra\nel gato maúlla\n" * 50, "utf-8")
    options = ["--dim", 4, "--epochs", 1, "--min-count", 2, "--work", tmp_path / "w"]
    _run("train", "words", text, "--out", "mine", *options, store=tmp_path / "s")
    done = _run("neighbors", "perro", "--vectors", "mine", "--json", store=tmp_path / "s")
    assert len(json.loads(done.stdout)["hits"]) >= 3


def test_an_analogy_imports_no_torch():
    code = (
        "import sys; sys.argv = ['retrieve', 'analogy', 'rey', 'hombre', 'mujer']\n"
        "from retrieve.cli.app import app\n"
        "try: app()\n"
        "except SystemExit: pass\n"
        "print(sorted({'torch', 'onnxruntime', 'sqlite_utils', 'scipy', 'numba', 'matplotlib'}"
        " & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"


@pytest.mark.skipif(not EVALUATION.is_dir(), reason="../shared/text/evaluation is not here")
def test_shipped_vectors_keep_the_figures_of_their_card():
    files = [EVALUATION / "analogies_es.txt", EVALUATION / "ES_RG-65.txt"]
    done = _run("evaluate", "words", *files, "--json")
    analogies, similarity = map(json.loads, done.stdout.splitlines())
    assert analogies["total"]["first"]["value"] >= 0.72
    assert analogies["total"]["covered"] / analogies["total"]["asked"] >= 0.80
    assert similarity["spearman"] >= 0.86
