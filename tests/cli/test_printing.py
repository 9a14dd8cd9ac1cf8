"""Names that would fake a line, move the cursor or be a formula are seen, and do nothing."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import numpy as np
import pytest
import small
from PIL import Image
from typer import Exit

from retrieve.cli import exits
from retrieve.cli.commands.search.verify import verify
from retrieve.cli.showing import facehits, render, reports, texthits
from retrieve.cli.showing.gallery import write_gallery
from retrieve.indexes.exchange.exports import export
from retrieve.indexes.queries.modes import Mode
from retrieve.indexes.queries.probes import Probe, ProbeFace
from retrieve.indexes.upkeep.forget import Forgotten, Mention
from retrieve.photos import read
from retrieve.types import Face, Hit, Passage, TextHit

EVIL = "boda\n 2  0.9999  99.9%  fake.jpg\r\x1b[2J\x9b31m\u202egpj."
FORMULA = '=HYPERLINK("http://a","b")'
FACE = Face(np.array([-1, 0, 1, 1], np.float32), np.zeros((5, 2), np.float32), 0.9)


def _hit(path=f"/album/{EVIL}jpg", person=FORMULA):
    return Hit(1, 7, Path(path), 1, FACE, -0.25, None, 0.5, None, person)


def _probe(*hits):
    found = ProbeFace(1, FACE, np.zeros((8, 8, 3), np.uint8), 0.5, list(hits))
    return Probe(Path(f"/probes/{EVIL}png"), [found], None)


def _text_hit():
    passage = Passage(f"una {EVIL} carta", EVIL, "caption")
    return TextHit(
        1,
        3,
        Path(f"/album/{EVIL}jpg"),
        "photo",
        EVIL,
        passage,
        1.0,
        1.0,
        0.5,
        ((0, 3),),
        None,
        (EVIL,),
    )


def _is_quiet(out: str, *, lines: int | None = None) -> None:
    out = out.replace("\r\n", "\n")  # as CSV ends its lines
    hidden = {letter for letter in out if not letter.isprintable()} - {"\n"}
    assert hidden == set()
    if lines is not None:
        assert len(out.splitlines()) == lines


@pytest.mark.parametrize(
    ("say", "lines"),
    [
        (lambda: render.line(EVIL), 1),
        (lambda: render.note(EVIL), 1),
        (lambda: render.error(EVIL), 1),
        (lambda: render.warning(EVIL), 1),
        (lambda: render.skipped(Path(EVIL), EVIL), 1),
        (lambda: render.as_json({"name": EVIL}), 1),
        (lambda: facehits.search_json([_probe(_hit())]), 1),
        (lambda: facehits.search_csv([_probe(_hit())]), 2),
        (lambda: texthits.as_json(EVIL, [_text_hit()]), 1),
        (lambda: texthits.as_csv(EVIL, [_text_hit()]), 2),
        (lambda: facehits.search_tables([_probe(_hit())]), None),
        (lambda: texthits.blocks(EVIL, [_text_hit()], Mode.HYBRID), None),
        (lambda: render.table((EVIL, "b"), [(EVIL, EVIL)]), None),
        (lambda: render.tree(EVIL, [EVIL], str, lambda _: []), None),
        (
            lambda: reports.forgotten(
                Forgotten(1, 0, 0, 1, 0, [Path(EVIL)], [], [EVIL]), done=True
            ),
            3,
        ),
        (lambda: reports.said([Mention(EVIL, "caption", Path(EVIL), EVIL)]), 3),
    ],
)
def test_what_is_printed_is_visible(capsys, monkeypatch, say, lines):
    for console in (render._out, render._err):
        monkeypatch.setattr(console, "_width", 400)
    say()
    captured = capsys.readouterr()
    _is_quiet(captured.out + captured.err, lines=lines)
    assert r"\n" in captured.out + captured.err


def test_csv_holds_no_formula_and_numbers_stay_numbers(capsys):
    facehits.search_csv([_probe(_hit())])
    (row,) = csv.DictReader(io.StringIO(capsys.readouterr().out))
    assert row["person"] == f"'{FORMULA}"
    assert (row["x1"], row["score"]) == ("-1.0", "-0.250000")
    assert row["path"].startswith(r"/album/boda\n 2  0.9999")


def test_a_page_never_links_to_anything_but_files(tmp_path):
    page = tmp_path / "hits.html"
    write_gallery(page, [_probe(_hit("javascript:alert(1)", "Ana"), _hit())])
    text = page.read_text("utf-8")
    assert text.count('href="file:///') == text.count("href=") == 2
    _is_quiet(text)
    texthits.write_page(page, EVIL, [_text_hit()])
    text = page.read_text("utf-8")
    assert text.count('href="file:///') == text.count("href=")
    _is_quiet(text)


def test_people_get_their_names_back_from_csv(tmp_path):
    names = [FORMULA, "'=1+1", "'t Hooft", "@ana", r"\u202e", "Ana\u202eEva", "-5"]
    with small.opened(tmp_path / "source") as source:
        ids = small.add(source, "/album/group.jpg", " ".join(f"w{i}" for i in range(len(names))))
        with small.writing(source.db):
            for id, name in zip(ids, names, strict=True):
                small.statements.say_name(source.db, name, [id])
        export(source, tmp_path / "faces.csv")
    text = (tmp_path / "faces.csv").read_text("utf-8")
    _is_quiet(text.replace("\r\n", "\n"))
    with small.opened(tmp_path / "target") as target:
        small.imported(target, tmp_path / "faces.csv")
        found = {name for (name,) in target.db.execute("SELECT name FROM persons")}
    assert found == set(names)


def test_what_libraries_in_c_print_of_a_damaged_photo_goes_nowhere(tmp_path, capfd):
    """libtiff hands a damaged strip to libjpeg, which says so on its own."""
    pixels = np.random.default_rng(0).integers(0, 255, (200, 200, 3), np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "TIFF", compression="jpeg")
    content = bytearray(buffer.getvalue())
    middle = len(content) // 2
    content[middle : middle + 3000] = b"\x00\xff\x13" * 1000
    (tmp_path / "bad.tif").write_bytes(content)
    read(tmp_path / "bad.tif")
    assert "JPEGLib" in capfd.readouterr().err  # so it speaks, where nothing is done
    with pytest.raises(Exit) as ended:
        verify(tmp_path / "bad.tif", tmp_path / "bad.tif")
    said = capfd.readouterr()
    assert ended.value.exit_code == exits.UNSURE
    assert "no face found in" in said.out
    assert not said.err
