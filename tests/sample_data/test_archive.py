"""The archive as it is laid out."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from retrieve.documents.read import read_document
from retrieve.sample_data.archive import LAID_OUT, TEXTS, members, write_texts

DOCS = TEXTS.parent / "paraphrases.docs.jsonl"


@pytest.fixture(scope="module")
def laid_out(tmp_path_factory) -> Path:
    folder: Path = tmp_path_factory.mktemp("archive")
    write_texts(folder)
    return folder


def test_every_file_but_the_readme_is_laid_out(laid_out):
    found = {path.relative_to(laid_out).as_posix() for path in laid_out.rglob("*.*")}
    wanted = {
        str(Path(name).with_suffix(LAID_OUT[name][0])) if name in LAID_OUT else name
        for name in members()
    }
    assert found == wanted
    assert len(found) == 61
    assert not (laid_out / "README.md").exists()


def test_texts_are_copied_byte_by_byte(laid_out):
    for name in set(members()) - set(LAID_OUT):
        assert (laid_out / name).read_bytes() == (TEXTS / name).read_bytes(), name


@pytest.mark.parametrize("name", LAID_OUT)
def test_a_pdf_a_docx_and_an_odt_hold_their_passages(laid_out, name):
    suffix, title, _ = LAID_OUT[name]
    document = read_document((laid_out / name).with_suffix(suffix))
    text = " ".join(passage.text for passage in document.passages)
    docs = [json.loads(line) for line in DOCS.read_text("utf-8").splitlines()]
    passages = [doc["text"] for doc in docs if doc["_id"].startswith(f"{name}#")]
    assert len(passages) >= 3
    assert [one for one in passages if one not in text] == []
    assert document.title == title
    assert document.warnings == ()


def test_the_same_archive_gives_the_same_bytes(laid_out, tmp_path):
    for path in write_texts(tmp_path):
        other = laid_out / path.relative_to(tmp_path)
        assert path.read_bytes() == other.read_bytes(), path.name
