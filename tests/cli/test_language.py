"""The commands on the language model, in processes of their own, as a user runs them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import toy_language
import warm
from numpy.testing import assert_allclose

from retrieve.text.language.model import open_language
from retrieve.visible import visible

ROOT = Path(__file__).parents[2]


def _run(*arguments, code=0, home=None):
    environment = {} if home is None else {"XDG_DATA_HOME": home}
    return warm.retrieve(*arguments, code=code, **environment)


@pytest.fixture(scope="module")
def toy(tmp_path_factory):
    path = tmp_path_factory.mktemp("language") / "toy.safetensors"
    toy_language.write_random(path)
    return path


def test_predict_prints_json_of_the_documented_form(toy):
    out = _run("predict", "el perro", "-k", 3, "--depth", 2, "--model", toy, "--json").stdout
    found = json.loads(out)
    assert found["text"] == "el perro"
    assert len(found["next"]) == 3
    for branch in found["next"]:
        assert set(branch) == {"piece", "probability", "after"}
        assert len(branch["after"]) == (0 if branch["piece"] == "<EOS>" else 3)
        assert all(leaf["after"] == [] for leaf in branch["after"])
    assert found["next"] == sorted(found["next"], key=lambda branch: -branch["probability"])


def test_predict_prints_a_tree_below_the_text(toy):
    lines = _run("predict", "[el] perro", "-k", 2, "--model", toy).stdout.splitlines()
    assert lines[0] == "[el] perro"
    assert sum(line.startswith(("├── ", "└── ")) for line in lines) == 2
    assert all("%" in line for line in lines[1:])


def test_generate_streams_what_its_json_holds(toy):
    options = ["el perro", "--length", 12, "--lines", 5, "--seed", 3, "--model", toy]
    found = json.loads(_run("generate", *options, "--json").stdout)
    assert set(found) == {"prompt", "text", "ended", "pieces"}
    assert len(found["pieces"]) == 12
    assert set(found["pieces"][0]) == {"piece", "text", "probability"}
    assert found["text"].startswith("el perro")
    assert _run("generate", *options).stdout.rstrip("\n") == visible(found["text"])
    assert _run("generate", *options[:-3], 4, *options[-2:]).stdout.rstrip("\n") != found["text"]


def test_a_number_out_of_range_is_one_line(toy):
    done = _run("generate", "el", "--top-p", 2, "--model", toy, code=1)
    assert done.stderr.count("\n") == 1
    assert "top-p" in done.stderr


def test_a_model_is_trained_named_measured_and_asked(tmp_path):
    text = tmp_path / "text.txt"
    text.write_text("\n".join(toy_language.lines(4000)), "utf-8")
    _run("train", "pieces", text, "--out", tmp_path / "p.model", "--size", 290, "--seed", 2)
    shape = ["--layers", 1, "--hidden", 16, "--width", 8, "--batch", 4, "--steps", 16]
    done = _run(
        *("train", "language-model", text, "--out", "toy", "--pieces", tmp_path / "p.model"),
        *(*shape, "--epochs", 0.1, "--rate", 0.01, "--work", tmp_path / "work"),
        home=tmp_path / "home",
    )
    assert "--model toy" in done.stderr
    out = _run(
        *("evaluate", "language-model", text, "--held-out", "--beside", text),
        *("--model", "toy", "--words", 500, "--json"),
        home=tmp_path / "home",
    ).stdout
    rows = [json.loads(line) for line in out.splitlines()]
    assert [row["model"] for row in rows] == ["toy", "unigram", "bigram", "Kneser-Ney 5-gram"]
    assert len({row["pieces"] for row in rows}) == 1
    for row in rows:
        assert set(row) == {
            "file",
            "words",
            "pieces",
            "model",
            "per_word",
            "per_piece",
            "bits",
            "error",
        }
        assert row["per_word"] > row["per_piece"] > 1
    assert rows[3]["per_word"] < rows[2]["per_word"] < rows[1]["per_word"]
    _run("predict", "el", "--model", "toy", home=tmp_path / "home")
    done = _run("predict", "el", "--model", "none", code=1, home=tmp_path / "home")
    assert "there are: es, toy" in done.stderr


def test_a_model_starts_from_a_narrower_one_and_says_so(tmp_path):
    text, pieces = tmp_path / "text.txt", tmp_path / "p.model"
    text.write_text("\n".join(toy_language.lines(2000)), "utf-8")
    pieces.write_bytes(toy_language.pieces_model())
    narrow, wide = tmp_path / "narrow.safetensors", tmp_path / "wide.safetensors"
    shape = ["--width", 8, "--batch", 2, "--epochs", 0.01]
    command = ["train", "language-model", text, *shape, "--work", tmp_path / "work"]
    _run(*command, "--out", narrow, "--hidden", 8, "--pieces", pieces)
    start = ["--start", narrow, "--out", wide, "--minutes", 0]
    assert "hidden 8, this one 7" in _run(*command, *start, "--hidden", 7, code=1).stderr
    _run(*command, *start, "--hidden", 16)
    first, then = open_language(str(narrow)), open_language(str(wide))
    assert then.about["dims"]["hidden"] == 16
    assert then.about["recipe"]["start"] == first.digest
    assert then.about["recipe"]["before"] == first.about["recipe"]
    found, want = (model.next_pieces(model.start()) for model in (then, first))
    assert_allclose(found, want, rtol=1e-4)


def test_a_share_that_is_none_is_said(tmp_path):
    text = tmp_path / "text.txt"
    text.write_text("el pan\n", "utf-8")
    done = _run("train", "language-model", text, "--out", "x", "--share", "text.txt", code=2)
    assert "wanted FILE=SHARE" in done.stderr


def test_predicting_and_generating_import_no_torch(toy):
    code = (
        "import sys\nfrom retrieve.cli.app import app\n"
        f"app(['generate', 'el', '--model', {str(toy)!r}], standalone_mode=False)\n"
        f"app(['predict', 'el', '--model', {str(toy)!r}], standalone_mode=False)\n"
        "assert not {'torch', 'faiss', 'scipy', 'onnxruntime'} & set(sys.modules)"
    )
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    subprocess.run([sys.executable, "-c", code], check=True, env=environment, capture_output=True)
