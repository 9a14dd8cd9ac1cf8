"""The commands on text encoders, in processes of their own, as a user runs them."""

from __future__ import annotations

import json

import pytest
import toy_encoder
import toy_words
from warm import retrieve


@pytest.fixture
def data(tmp_path):
    """Passages and questions about them, judged pairs, and an encoder by chance."""
    texts = ["La boda fue en Zaragoza.", "El presidente habló.", "Un perro ladra.", "Llueve."]
    rows = [{"_id": i, "title": f"t{i}", "text": text} for i, text in enumerate(texts)]
    (tmp_path / "docs.jsonl").write_text("\n".join(map(json.dumps, rows)))
    asked = [{"text": text, "doc": str(i)} for i, text in enumerate(texts)]
    (tmp_path / "queries.jsonl").write_text("\n".join(map(json.dumps, asked)))
    pairs = ["rey,rey,5", "rey mesa,mesa rey,4", "mujer,parís,1", "mesa,reina,0.5"]
    (tmp_path / "pairs.csv").write_text("\n".join(pairs))
    toy_encoder.write(tmp_path / "toy.safetensors")
    return tmp_path


def _files(data):
    return "--docs", data / "docs.jsonl", "--queries", data / "queries.jsonl"


def test_every_mode_is_measured_and_json_has_the_documented_form(data):
    done = retrieve("evaluate", "text", *_files(data), "--json")
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    assert [row["mode"] for row in rows] == ["bm25", "words", "lstm", "static", "hybrid"]
    for row in rows:
        assert row["recall_1"] == {"value": 1.0, "low": 1.0, "high": 1.0}
        assert set(row) >= {"half", "titles", "queries", "documents", "mrr_10", "ndcg_10"}


def test_half_of_the_titles_is_half_of_the_queries(data):
    found = retrieve("evaluate", "text", *_files(data), "--mode", "words", "--half", "test")
    assert "2 queries, 4 passages" in found.stdout


def test_similarity_takes_any_encoder(data):
    encoders = ("--encoder", "words", "--encoder", data / "toy.safetensors")
    done = retrieve("evaluate", "similarity", data / "pairs.csv", *encoders)
    assert "pairs.csv, words: Spearman" in done.stdout
    assert "4 of 4 pairs" in done.stdout
    assert len(done.stdout.splitlines()) == 2


def test_what_cannot_be_used_is_one_line(data):
    done = retrieve("evaluate", "similarity", data / "pairs.csv", "--encoder", "bert", code=1)
    assert done.stderr.startswith("error: no text encoder is called 'bert'")
    done = retrieve("evaluate", "text", *_files(data), "--mode", "bm26", code=1)
    assert "no mode is called 'bm26'" in done.stderr


def test_an_encoder_is_trained_and_used(data):
    vectors = toy_words.write(data / "vectors.safetensors")
    corpus = data / "corpus.txt"
    corpus.write_text("El rey y la reina. La mesa del hombre. Una mujer de parís. Reinas.\n" * 200)
    done = retrieve(
        "train", "text-encoder", corpus, "--out", data / "own.safetensors",
        "--vectors", vectors, "--judged", data / "pairs.csv", "--mean-pairs", 512,
        "--pairs", 256, "--hidden", 2, "--threads", 1, "--work", data / "work",
    )  # fmt: skip
    assert "wrote" in done.stderr
    encoder = ("--encoder", data / "own.safetensors")
    found = json.loads(
        retrieve("evaluate", "similarity", data / "pairs.csv", *encoder, "--json").stdout
    )
    assert (found["asked"], found["covered"]) == (4, 4)
