"""`retrieve train ranking` as a user runs it, with a small encoder."""

from __future__ import annotations

import json

import toy_encoder
import toy_words
from typer.testing import CliRunner

from retrieve.cli.app import app
from retrieve.text.ranking.evidence import NAMES
from retrieve.text.ranking.ranking import open_ranker


def _run(tmp_path, out, *more):
    texts = ["El rey y la reina.", "Una mesa vieja.", "París de noche.", "Un pájaro azul."]
    docs = [{"_id": i, "title": f"t{i}", "text": text} for i, text in enumerate(texts)]
    asked = [{"text": text, "doc": str(i)} for i, text in enumerate(texts)]
    for name, rows in (("docs", docs), ("queries", asked)):
        (tmp_path / f"{name}.jsonl").write_text("\n".join(map(json.dumps, rows)))
    encoder = toy_encoder.write(tmp_path / "toy.safetensors")
    words = toy_words.write(tmp_path / "words.safetensors")
    command = ["train", "ranking", "--out", out, "--half", "fit"]
    command += ["--docs", tmp_path / "docs.jsonl", "--queries", tmp_path / "queries.jsonl"]
    command += ["--encoder", encoder, "--vectors", words, *more]
    return CliRunner().invoke(app, list(map(str, command)))


def test_a_ranking_is_fitted_to_half_of_the_questions_and_opens(tmp_path):
    done = _run(tmp_path, tmp_path / "ranking.safetensors")
    assert done.exit_code == 0, done.output
    assert "2 questions, cross-validated by title: R@1 1.000, MRR@10 1.000" in done.output
    assert tuple(open_ranker(tmp_path / "ranking.safetensors").weights) == NAMES


def test_a_name_without_the_suffix_is_refused(tmp_path):
    done = _run(tmp_path, tmp_path / "ranking.bin")
    assert "wanted a file name in .safetensors" in str(done.exception)


def test_weights_alone_are_written_for_an_encoder_that_shares_the_vectors_of_stems(tmp_path):
    out = tmp_path / "own.ranking.json"
    done = _run(tmp_path, out, "--meant", "0.25")
    assert done.exit_code == 0, done.output
    made = json.loads(out.read_text())
    assert tuple(made["weights"]) == NAMES
    assert (made["cosine_weight"], made["meant"]) == (3.0, 0.25)
