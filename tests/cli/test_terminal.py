"""What a terminal is shown: pictures as it can draw them, and tables as wide as it is."""

from __future__ import annotations

import base64
import io
import re
import sys
from pathlib import Path

import numpy as np
import pytest
import small
import terminals
from PIL import Image
from rich.cells import cell_len
from rich.console import Console
from rich.text import Text

from retrieve.cli.showing import render
from retrieve.cli.showing.people import asking
from retrieve.cli.showing.terminal import pictures, screen
from retrieve.cli.showing.terminal.pictures import Pictures
from retrieve.cli.showing.terminal.rows import Column, Rows
from retrieve.cli.showing.terminal.screen import Images, Screen
from retrieve.cli.showing.terminal.sixel import sixel
from retrieve.indexes.people.review import Question, Side

ASK = """
import os, sys, termios
from retrieve.cli.showing.terminal import screen
screen.NEAR_S = float(os.environ.get("WAIT_S", screen.NEAR_S))
before = termios.tcgetattr(0)
found = screen.screen_of(1, screen.Images.AUTO, os.environ)
assert termios.tcgetattr(0) == before
print("found", found.way, *found.cell_px)
if len(sys.argv) > 1: print("typed", input())
"""
COMMAND = """
from retrieve.cli.showing.terminal import screen
screen.NEAR_S = 600.0
from retrieve.cli.app import main
main()
"""


def _found(answers, *arguments, **options):
    """What a program on that terminal finds it to be, and all that was written."""
    if answers:  # on a busy machine they come later than a terminal's: they are waited for
        options["WAIT_S"] = "600"
    said = terminals.run([sys.executable, "-c", ASK, *arguments], answers, **options)
    match = re.search(rb"found (\w+) (\d+) (\d+)", said)
    assert match, said
    return (match[1].decode(), int(match[2]), int(match[3])), said


@pytest.mark.parametrize(
    ("answers", "found"),
    [
        (terminals.KITTY | terminals.CELL | terminals.PLAIN, ("kitty", 9, 18)),
        (terminals.SIXEL | terminals.CELL, ("sixel", 9, 18)),
        (terminals.NAMED | terminals.SIXEL, ("iterm", *screen.CELL_PX)),
        (terminals.PLAIN, ("blocks", *screen.CELL_PX)),
        ({}, ("blocks", *screen.CELL_PX)),
    ],
    ids=["kitty", "sixel", "iterm", "plain", "mute"],
)
def test_a_terminal_is_what_it_answers_and_its_answers_are_not_seen(answers, found):
    told, said = _found(answers)
    assert told == found
    assert screen.QUESTIONS in said
    assert not any(answer in said for answer in answers.values())


def test_what_was_typed_before_is_not_taken_for_an_answer():
    told, said = _found(terminals.SIXEL, "read", typed=b"yes\n")
    assert told[0] == "blocks"
    assert b"typed yes" in said
    assert screen.QUESTIONS not in said


def test_a_terminal_of_others_is_not_asked():
    told, said = _found(terminals.SIXEL, owned=False)
    assert told[0] == "blocks"
    assert screen.QUESTIONS not in said


@pytest.mark.parametrize(
    "environment",
    [
        {},
        {"TERM": "linux"},
        {"TERM": "eterm-color"},
        {"TERM": "xterm-256color", "TERM_PROGRAM": "Apple_Terminal"},
        {"TERM": "xterm", "INSIDE_EMACS": "29.1"},
    ],
)
def test_a_terminal_that_would_write_the_questions_down_is_not_asked(environment, monkeypatch):
    monkeypatch.setattr(screen, "_asked", lambda *_: pytest.fail("it was asked"))
    assert screen.screen_of(1, screen.Images.AUTO, environment).way is Images.BLOCKS


def test_a_name_that_is_handed_on_into_tmux_does_not_count(monkeypatch):
    monkeypatch.setattr(screen, "_asked", lambda *_: b"\x1b[?62;4c")
    inside = {"TERM": "tmux-256color", "TERM_PROGRAM": "iTerm.app", "TMUX": "/tmp/tmux,1,0"}
    assert screen.screen_of(1, screen.Images.AUTO, inside).way is Images.SIXEL
    del inside["TMUX"]
    assert screen.screen_of(1, screen.Images.AUTO, inside).way is Images.ITERM


@pytest.mark.parametrize(
    ("settings", "shown"),
    [
        ({"color_system": "truecolor"}, True),
        ({"color_system": "256"}, True),
        ({"color_system": "standard"}, False),
        ({"color_system": "truecolor", "no_color": True}, False),
        ({"color_system": None}, False),
        ({"color_system": "truecolor", "force_terminal": False}, False),
    ],
)
def test_faces_show_on_terminals_with_colours_and_never_under_no_color(
    settings, shown, monkeypatch
):
    console = Console(file=io.StringIO(), **({"force_terminal": True} | settings))
    monkeypatch.setattr(render, "_out", console)
    assert (render.pictures(Images.AUTO) is not None) is shown
    assert render.pictures(Images.NONE) is None


def test_no_color_keeps_a_terminals_own_pictures_away_too(monkeypatch):
    console = Console(file=io.StringIO(), force_terminal=True, no_color=True)
    monkeypatch.setattr(render, "_out", console)
    assert render.pictures(Images.KITTY) is None


# What is drawn


def _face(side=144):
    """Colours that change along both axes."""
    y, x = np.mgrid[:side, :side] / side
    pixels = np.stack([x, y, (x + y) / 2], axis=-1) * 255
    return Image.fromarray(pixels.astype(np.uint8))


def _jpeg(picture):
    buffer = io.BytesIO()
    picture.save(buffer, "JPEG", quality=95)
    return buffer.getvalue()


def _drawn(way, jpeg, cell_px=(10, 20), true=True):
    """What a table with one picture writes, 60 columns wide."""
    made = Rows([Column("#", right=True), Column("", picture=17), Column("name")])
    draws = Pictures(Screen(way, cell_px), true)
    made.add("1", draws.of(jpeg), "Ana")
    out = io.StringIO()
    Console(file=out, force_terminal=True, color_system="truecolor", width=60).print(made)
    return out.getvalue()


def _decoded_sixel(text):
    """(H, W, 3) pixels of a Sixel sequence, as the terminal's manual has it."""
    width, height = map(int, re.search(r'"1;1;(\d+);(\d+)', text).groups())
    body = text[text.index(f"{width};{height}") + len(f"{width};{height}") : -2]
    pixels = np.full((height, width, 3), -1, np.int64)
    palette, colour, left, top = {}, None, 0, 0
    for token in re.finditer(r"#(\d+)(?:;2;(\d+);(\d+);(\d+))?|!(\d+)(.)|([?-~])|([$-])", body):
        number, *rgb, count, repeated, single, move = token.groups()
        if number is not None:
            colour = int(number)
            if rgb[0] is not None:
                palette[colour] = [round(int(one) * 2.55) for one in rgb]
        elif move is not None:
            left, top = 0, top + 6 * (move == "-")
        else:
            bits, run = ord(repeated or single) - 63, int(count or 1)
            for row in range(6):
                if bits >> row & 1:
                    pixels[top + row, left : left + run] = palette[colour]
            left += run
    return pixels


@pytest.mark.parametrize("side", [6, 64, 144])
def test_sixels_are_the_picture(side):
    picture = _face(side)
    found = _decoded_sixel(sixel(picture))
    assert found.min() >= 0  # no pixel is left out
    few = np.asarray(picture.quantize(256).convert("RGB"), np.int64)
    assert np.abs(found - few).max() <= 2  # colours are percentages


def test_kitty_gets_the_picture_in_pieces_and_answers_nothing():
    out = _drawn(Images.KITTY, _jpeg(_face()))
    parts = re.findall(r"\x1b_G([^;]*);([^\x1b]*)\x1b\\", out)
    assert "a=T,f=100,r=8,C=1" in parts[0][0]
    assert all("q=2" in keys and len(data) <= pictures.CHUNK for keys, data in parts)
    assert [keys[-3:] for keys, _ in parts] == ["m=1"] * (len(parts) - 1) + ["m=0"]
    png = Image.open(io.BytesIO(base64.b64decode("".join(data for _, data in parts))))
    seen = np.asarray(png.convert("RGB"))[:144]
    again = Image.open(io.BytesIO(_jpeg(_face()))).convert("RGB")
    assert (seen == np.asarray(again)).all()


def test_iterm_gets_the_file_itself():
    jpeg = _jpeg(_face())
    found = re.search(
        r"\x1b\]1337;File=inline=1;([^:]*):([^\x07]*)\x07", _drawn(Images.ITERM, jpeg)
    )
    assert f"size={len(jpeg)};width=16;height=8" in found[1]
    assert base64.b64decode(found[2]) == jpeg


@pytest.mark.parametrize("way", [Images.KITTY, Images.ITERM, Images.SIXEL])
def test_a_picture_is_drawn_where_its_blanks_stand(way):
    """The text is that of a table with blanks; at their end the cursor goes to their beginning."""
    out = _drawn(way, _jpeg(_face()))
    text = re.sub(r"\x1bD\x1b\[A\x1b7.*?\x1b8", "<drawn>", out, flags=re.DOTALL)
    lines = re.sub(r"\x1b\[[\d;]*m", "", text).rstrip("\n").split("\n")
    assert len(lines) == 1 + 8
    assert lines[1].split() == ["1", "Ana"]
    assert [line.index("<drawn>") for line in lines if "<drawn>" in line] == [1 + 2 + 16]
    assert "<drawn>" in lines[-1]
    assert "\x1b7\x1b[7A\x1b[16D" in out


def test_a_picture_has_the_shape_of_the_face_whatever_characters_are():
    tall = _drawn(Images.KITTY, _jpeg(_face()), cell_px=(8, 24))
    assert "r=5," in tall  # 16 * 8 / 24


def test_blocks_are_grey_where_there_are_few_colours():
    jpeg = _jpeg(_face())
    out = _drawn(Images.BLOCKS, jpeg, true=False)
    used = {int(one) for one in re.findall(r"[34]8;5;(\d+)", out)}
    assert used <= set(range(232, 256))
    assert "38;2" in _drawn(Images.BLOCKS, jpeg)


def test_a_command_draws_on_the_terminal_that_it_has_asked(tmp_path):
    with small.opened(tmp_path / "made") as collection:
        (face,) = small.add(collection, "ana.jpg", "ana")
        with small.writing(collection.db):
            small.statements.say_name(collection.db, "Ana", [face])
        collection.db.execute("UPDATE crops SET jpeg = ?", [_jpeg(_face())])
    command = [sys.executable, "-c", COMMAND, "people", "-c", str(tmp_path / "made")]
    asked = terminals.SIXEL | terminals.CELL
    assert b"\x1bP0;1;0q" in terminals.run(command, asked)
    plain = terminals.run(command, asked, NO_COLOR="1")
    assert b"Ana" in plain
    assert b"\x1bP" not in plain
    assert screen.QUESTIONS not in plain


def test_a_question_shows_both_faces_side_by_side_and_tells_which_is_which(monkeypatch):
    out = io.StringIO()
    console = Console(file=out, force_terminal=True, color_system="truecolor", width=50)
    monkeypatch.setattr(render, "_out", console)
    sides = [
        Side(one, name, 2, one, Path(f"/fotos/{one}.jpg"), 1, "2019-07-01T10:00:00")
        for one, name in ((1, "Ana"), (2, None))
    ]
    faces = {1: _jpeg(_face()), 2: _jpeg(_face(80))}
    asking.question(Question(*sides, 0.79, 0.9999, 2), faces.get, Pictures(Screen(Images.ITERM)))
    said = out.getvalue()
    assert [said.index(base64.b64encode(one).decode()) for one in faces.values()]
    lines = re.sub(r"\x1bD\x1b\[A\x1b7.*?\x1b8", "<drawn>", said, flags=re.DOTALL).split("\n")
    assert [line.count("<drawn>") for line in lines[:8]] == [0] * 7 + [2]
    assert lines[8:11] == [
        "left: Ana, 2 faces, 2019-07-01: /fotos/1.jpg, face 1",
        "right: #2, 2 faces, 2019-07-01: /fotos/2.jpg, face 1",
        "probability >99.9%, score 0.7900; a yes settles 2 faces",
    ]


# Tables

LONG = "fotos/Verano en la playa con toda la familia 2019/IMG_20190701_120000_recortada.jpg"
CELLS = [
    ("1", "0.9914", ">99.9%", LONG, "1", "2019-07-01", "Ana María de las Mercedes Núñez"),
    ("2", "0.9812", "99.1%", "家族の写真/2018年夏/" + "海" * 30 + ".jpg", "12", "", "山田太郎"),
    ("3", "0.8001", "50.3%", "صور العائلة/صورة.jpg", "2", "2001-01-01", ""),
]
NAMES = ("#", "score", "probability", "photo", "face", "date", "name")


def _lines(width, rows=CELLS, names=NAMES):
    right = ("#", "score", "probability", "face")
    made = Rows([Column(one, one in right, one in ("photo", "name")) for one in names])
    for row in rows:
        made.add(*map(Text, row))
    out = io.StringIO()
    Console(file=out, width=width).print(made)
    return out.getvalue().rstrip("\n").split("\n")


@pytest.mark.parametrize("width", [20, 40, 60, 80, 100, 200])
def test_no_line_is_wider_than_the_terminal_and_nothing_is_left_out(width):
    lines = _lines(width)
    assert max(map(cell_len, lines)) <= width
    seen = "".join("".join(lines).split())
    if width <= 60:
        for row in CELLS:
            assert all("".join(value.split()) in seen for value in row)
    else:
        assert "…" not in seen
        assert sum(seen.count(letter) for letter in "海") == 30


def test_a_narrow_terminal_stacks_what_does_not_fit():
    lines = _lines(60)
    assert lines[0] == "1  score: 0.9914  probability: >99.9%"
    assert lines[1].startswith("  photo:")
    assert "2  score: 0.9812  probability: 99.1%" in lines
    assert not any(line.rstrip().endswith(("name:", "date:")) for line in lines)


def test_a_wide_terminal_shows_a_table_and_so_does_a_narrow_one_if_it_fits():
    assert len(_lines(250)) == 1 + len(CELLS)
    few = [("Ana", "12"), ("山田太郎", "3")]
    assert len(_lines(20, few, ("name", "faces"))) == 1 + len(few)
    assert [cell_len(line) for line in _lines(20, few, ("name", "faces"))] == [8 + 2 + 5] * 3


def test_texts_are_folded_only_while_enough_of_a_line_is_left_to_them():
    folded = _lines(100)
    assert folded[0].split() == list(NAMES)
    assert _lines(75)[0].startswith("1  score")
