"""Files that commands write: asked for before any work, and pages that can be moved."""

from __future__ import annotations

import csv
import io
import json
import re
from importlib import import_module
from pathlib import Path
from typing import get_type_hints
from urllib.parse import unquote_to_bytes

import numpy as np
import pytest
import typer
from typer.testing import CliRunner

from retrieve.cli.app import COMMANDS, app
from retrieve.cli.options import to_write
from retrieve.cli.showing import exchange, facehits, render, reports, texthits
from retrieve.cli.showing.gallery import write_gallery
from retrieve.cli.showing.maps import page as maps
from retrieve.errors import BadInput
from retrieve.indexes.exchange.imports import Imported
from retrieve.indexes.exchange.sidecars import Written
from retrieve.indexes.queries.modes import Mode
from retrieve.indexes.queries.probes import Probe, ProbeFace
from retrieve.indexes.queries.thresholds import Threshold
from retrieve.indexes.reembedding.faces import Reembedded
from retrieve.types import Face, Hit, Passage, Skipped, TextHit

FACE = Face(np.array([1, 0, 1, 1], np.float32), np.zeros((5, 2), np.float32), 0.9)


def _hit(path, probability=0.99996):
    return Hit(1, 7, Path(path), 1, FACE, 0.9, probability, 0.5, None, None)


LEAST = Threshold(0.7781, 38.4, 0.01)


def _probe(*hits, name="/probes/ana.jpg"):
    found = ProbeFace(1, FACE, np.zeros((8, 8, 3), np.uint8), 0.5, list(hits))
    return Probe(Path(name), [found], least=LEAST)


def _passage(path):
    said = Passage("una carta", "", "caption")
    return TextHit(1, 3, Path(path), "photo", "", said, 1.0, 1.0, 0.5, ((0, 3),), None, ())


# Where a file is written


@pytest.mark.parametrize(
    "command",
    [
        ["search", "playa", "--html"],
        ["people", "--html"],
        ["map", "--html"],
        ["map", "--out"],
        ["graph", "--graphml"],
        ["graph", "--out"],
        ["words", "plot", "mar", "--html"],
        ["words", "export"],
        ["export"],
        ["backup"],
        ["embed", ".", "--out"],
        ["evaluate", "faces", "--folders", ".", "--html"],
        ["evaluate", "faces", "--folders", ".", "--picture"],
        ["train", "ranking", __file__, __file__, "--out"],
        ["train", "pieces", ".", "--out"],
        ["calibrate", ".", "--out"],
    ],
    ids=" ".join,
)
def test_a_missing_folder_is_an_error_before_anything_else(command, tmp_path):
    """The collection is not there either, and that would be said next."""
    missing = tmp_path / "missing"
    suffix = "parquet" if command == ["export"] else "html" if "--html" in command else "png"
    environment = {"RETRIEVE_COLLECTION": str(tmp_path / "none")}
    done = CliRunner().invoke(app, [*command, str(missing / f"a.{suffix}")], env=environment)
    assert isinstance(done.exception, BadInput), done.output
    assert f"there is no folder {missing}" in str(done.exception)
    assert not missing.exists()


def test_a_folder_that_is_a_file_or_may_not_be_written_is_an_error(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    with pytest.raises(BadInput, match="is a file"):
        to_write(tmp_path / "file" / "a.html")
    monkeypatch.setattr("os.access", lambda *_: False)
    with pytest.raises(BadInput, match="permission denied"):
        to_write(tmp_path / "a.html")


def _written():
    """Of every command, what is declared of each file that it does not want to be there."""
    for name, place in COMMANDS.items():
        module, attribute = place.split(":")
        found = getattr(import_module(f"retrieve.cli.commands.{module}"), attribute)
        if isinstance(found, typer.Typer):
            functions = [one.callback for one in found.registered_commands]
        else:
            functions = [found]
        for function in functions:
            for option, kind in get_type_hints(function, include_extras=True).items():
                for told in getattr(kind, "__metadata__", ()):
                    if told.dir_okay is False and not told.exists:
                        yield f"{name} {function.__name__} {option}", told


def test_every_file_that_an_option_writes_is_asked_for_so():
    found = dict(_written())
    assert len(found) >= 15
    assert [name for name, told in found.items() if told.callback is not to_write] == []


# Links


@pytest.mark.parametrize(
    "name",
    ["a.jpg", "50 % ¿qué?#1.jpg", "javascript:alert(1)", "//evil.example/x.jpg", "b\udcff.jpg"],
)
def test_a_photo_below_the_pages_folder_is_linked_from_there(name, tmp_path):
    photo = Path(f"{tmp_path}/photos/{name}")
    link = render.address(photo, tmp_path / "hits.html")
    assert link.startswith("./photos/")
    assert tmp_path / Path(unquote_to_bytes(link).decode("utf-8", "surrogateescape")) == photo
    outside = render.address(photo, tmp_path / "pages" / "hits.html")
    assert outside.startswith("file:///")


def test_links_in_pages_are_from_their_folder(tmp_path):
    page, photo = tmp_path / "hits.html", tmp_path / "fotos" / "a.jpg"
    write_gallery(page, [_probe(_hit(photo), _hit("/elsewhere/b.jpg"))])
    assert re.findall(r'<a href="([^"]*)', page.read_text("utf-8")) == [
        "./fotos/a.jpg",
        "file:///elsewhere/b.jpg",
    ]
    assert re.findall(r'title="([^"]*)', page.read_text("utf-8")) == [
        "fotos/a.jpg",  # after a move it is true still
        "/elsewhere/b.jpg",
    ]
    texthits.write_page(page, "carta", [_passage(photo)])
    assert set(re.findall(r'<a href="([^"]*)', page.read_text("utf-8"))) == {"./fotos/a.jpg"}


def test_the_legend_of_a_map_is_on_phones_too_and_counts_stay_whole():
    text = maps.TEMPLATE.read_text("utf-8")
    narrow = text[text.index("@media") : text.index("</style>")]
    assert "display: none" not in narrow
    assert re.search(r"#groups b \{[^}]*flex: none", text)


# What passed


def test_a_page_of_faces_says_what_passed_and_no_probability_is_a_certainty(tmp_path):
    page = tmp_path / "hits.html"
    write_gallery(page, [_probe(_hit("/a.jpg"))])
    text = page.read_text("utf-8")
    assert "threshold 0.7781: the best of 38 strangers reaches it with a chance of 0.01" in text
    assert "&gt;99.9%" in text
    assert "100%</strong>" not in text


def test_csv_of_faces_says_what_passed(capsys):
    facehits.search_csv([_probe(_hit("/a.jpg"))])
    done = capsys.readouterr()
    (row,) = csv.DictReader(io.StringIO(done.out))
    assert (row["threshold"], row["among"], row["strangers"]) == ("0.7781", "38.4", "0.01")
    facehits.search_csv([_probe()])
    assert "chance of 0.01" in capsys.readouterr().err


def test_a_photo_and_words_say_what_passed(capsys, tmp_path):
    probes = [_probe(_hit("/a.jpg")), _probe(_hit("/a.jpg"), name="/probes/eva.jpg")]
    line = "threshold 0.7781: the best of 38 strangers reaches it with a chance of 0.01"
    for hits in ([_passage("/a.jpg")], []):
        texthits.blocks("carta", hits, Mode.HYBRID, None, probes)
        assert capsys.readouterr().out.count(line) == 1
        texthits.as_csv("carta", hits, probes)
        assert line in capsys.readouterr().err
        texthits.write_page(tmp_path / "hits.html", "carta", hits, probes)
        assert line in (tmp_path / "hits.html").read_text("utf-8")
        texthits.as_json("carta", hits, None, probes)
        found = json.loads(capsys.readouterr().out)["probes"]
        assert [one["probe"] for one in found] == ["/probes/ana.jpg", "/probes/eva.jpg"]
        assert (found[0]["threshold"], found[0]["strangers"]) == (0.7781, 0.01)
    texthits.as_json("carta", [])
    assert "probes" not in json.loads(capsys.readouterr().out)


# What was skipped

MANY = [
    *(Skipped(Path(f"/fotos/{i}.ico"), "not a JPEG") for i in range(12)),
    Skipped(Path("/fotos/a.jpg"), "damaged: no end"),
    Skipped(Path("/fotos/b.jpg"), "damaged: line 12: bad"),
    Skipped(Path("/fotos/c.jpg"), "wanted up to 256 million pixels; got 70000 x 70000"),
    Skipped(Path("/fotos/d.jpg"), "wanted up to 256 million pixels; got 80000 x 70000"),
    Skipped(Path("/fotos/e.jpg"), "the file is empty"),
]


def test_skipped_files_stand_below_their_reason_with_examples(capsys):
    left = render.listed("Skipped", MANY)
    assert left == 9
    assert capsys.readouterr().out.splitlines() == [
        "",
        "Skipped:",
        "  12 files: not a JPEG",
        *(f"    /fotos/{i}.ico" for i in range(3)),
        "    and 9 more",
        "  2 files: damaged",
        "    /fotos/a.jpg: no end",
        "    /fotos/b.jpg: line 12: bad",
        "  2 files: wanted up to … million pixels; got … x …",
        "    /fotos/c.jpg: wanted up to 256 million pixels; got 70000 x 70000",
        "    /fotos/d.jpg: wanted up to 256 million pixels; got 80000 x 70000",
        "  /fotos/e.jpg: the file is empty",
    ]


def test_all_skipped_files_are_listed_where_they_are_asked_for(capsys):
    assert render.listed("skipped", MANY, most=None) == 0
    said = capsys.readouterr().out
    assert all(str(one.path) in said for one in MANY)


def test_of_very_many_reasons_the_rest_is_counted(capsys):
    letters = "abcdefghijklmnopqrstuvwxyz"
    left = render.listed("Skipped", [Skipped(Path(f"/{one}"), f"bad {one}") for one in letters])
    assert left == len(letters) - render.LISTED
    assert "and 6 reasons more" in capsys.readouterr().out


# What is said of scores


def test_the_help_of_verify_says_for_whom_probabilities_are_too_high():
    done = CliRunner().invoke(app, ["verify", "--help"], env={"COLUMNS": "100"})
    assert "For East Asian faces the probability comes out too high" in done.output
    scores = (Path(__file__).parents[2] / "docs" / "scores.md").read_text("utf-8")
    assert "Probabilities for East Asian faces come out too high" in scores


NETWORKS = {"embedder": "a", "detector": "b"}


@pytest.mark.parametrize(
    "show",
    [
        lambda: reports.reembedded(Reembedded(NETWORKS, NETWORKS, unread=MANY), as_json=False),
        lambda: reports.reembedded(Reembedded(NETWORKS, NETWORKS, left=MANY), as_json=False),
        lambda: exchange.imported(Imported(), MANY, Path("/c"), as_json=False),
        lambda: exchange.sidecars(Written(skipped=MANY), None, as_json=False),
    ],
)
def test_every_command_tells_files_by_their_reason(show, capsys):
    show()
    said = capsys.readouterr()
    assert "  12 files: not a JPEG" in said.out.splitlines()
    assert "    and 9 more" in said.out.splitlines()
    assert "all of them: --json" in said.err
