from __future__ import annotations

import json

import numpy as np
import pytest

from retrieve.cli.showing import facehits, gallery, texthits
from retrieve.cli.showing.render import is_gone
from retrieve.indexes.queries.modes import Mode
from retrieve.indexes.queries.probes import Probe, ProbeFace
from retrieve.types import Face, Hit, Passage, TextHit

FACE = Face(np.array([0, 0, 8, 8], np.float32), np.zeros((5, 2), np.float32), 0.9)


@pytest.fixture
def paths(tmp_path):
    (tmp_path / "here.txt").write_text("x")
    return [tmp_path / "here.txt", tmp_path / "away.txt", tmp_path / "here.txt" / "away.txt"]


@pytest.fixture
def probe(paths):
    hits = [
        Hit(rank, rank, path, 1, FACE, 0.9, None, 0.5, None) for rank, path in enumerate(paths, 1)
    ]
    return Probe(paths[0], [ProbeFace(1, FACE, np.zeros((8, 8, 3), np.uint8), 0.5, hits)])


@pytest.fixture
def texts(paths):
    said = Passage("Una boda")
    return [
        TextHit(rank, rank, path, "text", "", said, 1.0, 1.0, 0.5, (), None)
        for rank, path in enumerate(paths, 1)
    ]


def test_what_nothing_is_at_is_gone_and_a_loop_of_links_is_not(paths, tmp_path):
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    assert [is_gone(path) for path in paths] == [False, True, True]
    assert not is_gone(tmp_path / "loop")


def test_json_says_of_each_hit_whether_its_file_is_gone(probe, texts, capsys):
    facehits.search_json([probe])
    faces = json.loads(capsys.readouterr().out)["faces"][0]["hits"]
    texthits.as_json("boda", texts)
    said = json.loads(capsys.readouterr().out)["hits"]
    assert [hit["gone"] for hit in faces] == [hit["gone"] for hit in said] == [False, True, True]


def test_tables_and_pages_say_so(probe, texts, capsys, tmp_path):
    table = facehits._hits_table("", probe.faces[0].hits, None)
    place = [column.name for column in table.columns].index("photo")
    shown = [str(row[place]) for row in table.rows]
    assert [cell.endswith(" (not there now)") for cell in shown] == [False, True, True]
    texthits.blocks("boda", texts, Mode.HYBRID)
    assert capsys.readouterr().out.count("(not there now)") == 2
    page = tmp_path / "hits.html"
    gallery.write_gallery(page, [probe])
    assert page.read_text("utf-8").count("not there now") == 2
    texthits.write_page(page, "boda", texts)
    assert page.read_text("utf-8").count("not there now") == 2
