"""The paraphrase set: queries that mean a passage of the archive and share no word with it."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

import retrieve.sample_data
from retrieve.text.stemming import stems

HERE = Path(retrieve.sample_data.__file__).parent
LATIN_1 = "cartas/1958-octubre-riada.txt"
# Passages of prose: in these formats they are one line each, of two sentences and more.
PROSE = (".txt", ".md")
NOT_SPANISH = ("catala", "galego", "english")


def _read(name: str) -> list[dict[str, str]]:
    return [json.loads(line) for line in (HERE / name).read_text("utf-8").splitlines()]


@pytest.fixture(scope="module")
def docs() -> dict[str, dict[str, str]]:
    return {doc["_id"]: doc for doc in _read("paraphrases.docs.jsonl")}


@pytest.fixture(scope="module")
def queries() -> list[dict[str, str]]:
    return _read("paraphrases.queries.jsonl")


@pytest.fixture(scope="module")
def files() -> dict[str, str]:
    """The text of each file of the archive."""
    texts = HERE / "texts"
    return {
        name: path.read_bytes().decode("latin-1" if name == LATIN_1 else "utf-8")
        for path in texts.rglob("*.*")
        if (name := path.relative_to(texts).as_posix()) != "README.md"
    }


def test_no_query_shares_a_stem_with_its_passage_or_its_title(docs, queries):
    shared = {
        query["text"]: both
        for query in queries
        for doc in [docs[query["doc"]]]
        if (both := set(stems(query["text"])) & set(stems(f"{doc['title']} {doc['text']}")))
    }
    assert shared == {}


def test_every_query_has_content_and_every_passage_a_query(docs, queries):
    assert min(len(stems(query["text"])) for query in queries) >= 2
    assert all(3 <= len(query["text"].split()) <= 10 for query in queries)
    assert {query["doc"] for query in queries} == set(docs)


def test_there_are_two_hundred_pairs_and_no_query_twice(docs, queries):
    assert len(queries) == len({query["text"].lower() for query in queries}) == 249
    assert len(queries) == len({query["_id"] for query in queries})
    assert len(docs) == len({doc["text"] for doc in docs.values()}) == 249


def test_passages_stand_word_for_word_in_their_file(docs, files):
    for name, doc in docs.items():
        assert doc["text"] in files[name.partition("#")[0]], name


def test_passages_are_numbered_in_the_order_of_their_file(docs, files):
    for name in {one.partition("#")[0] for one in docs}:
        texts = [doc["text"] for key, doc in docs.items() if key.startswith(f"{name}#")]
        keys = [key for key in docs if key.startswith(f"{name}#")]
        assert keys == [f"{name}#{n}" for n in range(1, len(texts) + 1)]
        places = [files[name].index(text) for text in texts]
        assert places == sorted(places), name


def test_all_spanish_prose_of_the_archive_is_in_the_haystack(docs, files):
    known = {doc["text"] for doc in docs.values()}
    prose = {
        line
        for name, text in files.items()
        if name.endswith(PROSE) and not name.startswith(NOT_SPANISH)
        for line in text.splitlines()
        if len(re.findall(r"[.!?»](?: |$)", line)) >= 2 and len(line) > 80
    }
    assert len(prose) > 200
    assert prose <= known


def test_only_one_file_is_not_utf_8():
    undecoded = []
    for path in (HERE / "texts").rglob("*.*"):
        try:
            path.read_bytes().decode()
        except UnicodeDecodeError:
            undecoded.append(path.relative_to(HERE / "texts").as_posix())
    assert undecoded == [LATIN_1]
