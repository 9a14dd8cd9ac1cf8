from __future__ import annotations

from itertools import pairwise

import pytest
from containers import body, packed, reason

from retrieve.documents.formats.office import container


def test_a_part_that_unpacks_to_a_bomb_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(container, "MAX_PART_BYTES", 1 << 20)
    content = body("<w:p><w:r><w:t>" + "x" * (1 << 20) + "</w:t></w:r></w:p>")
    path = packed(tmp_path / "a.docx", {"word/document.xml": content})
    assert path.stat().st_size < 10_000
    assert reason(path) == "word/document.xml unpacks to more than 1 MiB"


def test_a_size_that_lies_unpacks_to_no_more(tmp_path, monkeypatch):
    monkeypatch.setattr(container, "MAX_PART_BYTES", 1 << 20)
    content = body("<w:p><w:r><w:t>" + "x" * (2 << 20) + "</w:t></w:r></w:p>").encode()
    path = packed(tmp_path / "a.docx", {"word/document.xml": content})
    lying = path.read_bytes().replace(len(content).to_bytes(4, "little"), b"\x10\0\0\0")
    path.write_bytes(lying)
    assert reason(path) == "damaged: word/document.xml cannot be unpacked"


@pytest.mark.parametrize("kind", ["entities", "external", "empty"])
def test_document_types_are_refused(tmp_path, kind):
    secret = tmp_path / "secret.txt"
    secret.write_text("secreto")
    declared = {
        "entities": '<!DOCTYPE x [<!ENTITY a "ja">'
        + "".join(f'<!ENTITY {b} "{f"&{a};" * 20}">' for a, b in pairwise("abcdefghi"))
        + "]>",
        "external": f'<!DOCTYPE x [<!ENTITY i SYSTEM "file://{secret}">]>',
        "empty": "<!DOCTYPE x>",
    }[kind]
    content = declared + body("<w:p><w:r><w:t>&i;</w:t></w:r></w:p>").replace(
        "&i;", "" if kind == "empty" else "&i;"
    )
    path = packed(tmp_path / "a.docx", {"word/document.xml": content})
    wanted = "its XML declares a document type, which no honest file of its kind does"
    assert reason(path) == wanted


@pytest.mark.parametrize(
    ("content", "wanted"),
    [
        ("<w:document", "damaged XML: "),
        (body("<w:p>" * 1000), "damaged XML: "),
        (body("<w:p/>"), "it holds no text"),
    ],
)
def test_damaged_xml_is_a_reason(tmp_path, content, wanted):
    path = packed(tmp_path / "a.docx", {"word/document.xml": content})
    assert reason(path).startswith(wanted)
