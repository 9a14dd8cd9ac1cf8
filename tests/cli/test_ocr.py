"""retrieve index --ocr, and what a search shows of words in pictures: the networks run."""

from __future__ import annotations

import base64
import io
import json
import re
import sys
from pathlib import Path

import matplotlib
import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFont
from reportlab.lib.utils import ImageReader
from reportlab.pdfgen import canvas
from rich.console import Console

from retrieve.cli.app import main
from retrieve.cli.showing import render
from retrieve.indexes.recognising.places import INK

FONT = Path(matplotlib.get_data_path()) / "fonts" / "ttf" / "DejaVuSans.ttf"


def _drawn(*lines):
    picture = Image.new("RGB", (800, 600), (240, 240, 235))
    for number, line in enumerate(lines):
        font = ImageFont.truetype(str(FONT), 40)
        ImageDraw.Draw(picture).text((60, 100 + 80 * number), line, font=font, fill=(30, 30, 40))
    return picture


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    folder = tmp_path_factory.mktemp("ocr")
    files = folder / "files"
    files.mkdir()
    _drawn("PANADERÍA LA ESPIGA", "Pan de leña").save(files / "letrero.png")
    _drawn().save(files / "nada.png")
    scan = canvas.Canvas(str(files / "acta.pdf"), pagesize=(400, 300))
    for page in (_drawn("Acta de regantes", "La acequia pierde agua"), _drawn()):
        scan.drawImage(ImageReader(page), 0, 0, 400, 300)
        scan.showPage()
    scan.save()
    return folder


@pytest.fixture
def run(place, monkeypatch, capsys):
    monkeypatch.setenv("RETRIEVE_COLLECTION", str(place / "collection"))
    monkeypatch.chdir(place)
    monkeypatch.setattr(render, "_out", Console(highlight=False, width=80))

    def run(*arguments):
        monkeypatch.setattr(sys, "argv", ["retrieve", *arguments])
        with pytest.raises(SystemExit) as ended:
            main()
        printed = capsys.readouterr()
        assert not ended.value.code, printed.err
        return printed

    return run


def test_words_in_photos_and_scans_are_found_with_their_places(run, place):
    plain = json.loads(run("index", "files", "--json").out)
    assert (plain["new"], plain["read"], len(plain["skipped"])) == (2, 0, 1)
    report = json.loads(run("index", "files", "--ocr", "--json").out)
    assert (report["new"], report["unchanged"], report["read"]) == (1, 2, 4)
    assert (report["skipped"], report["warnings"]) == ([], [])
    assert json.loads(run("index", "files", "--ocr", "--json").out)["read"] == 0

    (hit,) = json.loads(run("search", "leña", "--json", "-k", "1").out)["hits"]
    assert (hit["said_in"], hit["text"]) == ("ocr", "PANADERÍA LA ESPIGA Pan de leña")
    assert hit["box"] == pytest.approx([60, 185, 290, 230], abs=14)
    assert hit["confidence"] > 0.95
    (hit,) = json.loads(run("search", "acequia", "--json", "-k", "1").out)["hits"]
    assert (hit["kind"], hit["said_in"], hit["place"]) == ("text", "ocr", {"page": 1})
    assert hit["box"] == pytest.approx([30, 93, 270, 115], abs=8)  # in points

    out = run("search", "acequia", "-k", "1").out
    assert "acta.pdf, page 1, words in the picture" in out
    out = run("search", "leña", "-k", "1", "--images", "blocks", "--html", "found.html").out
    assert "Pan de leña" in out
    pages = re.findall(r"base64,([^\"]+)", (place / "found.html").read_text())
    picture = np.asarray(Image.open(io.BytesIO(base64.b64decode(pages[0]))).convert("RGB"))
    framed = np.argwhere(np.abs(picture.astype(int) - INK).sum(axis=2) < 90)
    x1, y1, x2, y2 = (edge * 0.8 for edge in (60, 185, 290, 230))
    assert framed.min(axis=0).tolist() == pytest.approx([y1, x1], abs=16)
    assert framed.max(axis=0).tolist() == pytest.approx([y2, x2], abs=16)


def test_a_collection_with_words_in_pictures_is_whole(run, place):
    assert run("check").out == "nothing is wrong\n"
    run("backup", "saved")
    run("restore", "saved", "--collection", "again")
    restored = json.loads(run("search", "acequia", "--json", "-k", "1", "-c", "again").out)
    assert restored["hits"][0]["box"] is not None
    run("reembed", "--texts", "--encoder", "words", "--collection", "again")
    moved = json.loads(run("search", "acequia", "--json", "-k", "1", "-c", "again").out)
    assert moved["hits"][0]["box"] == restored["hits"][0]["box"]
