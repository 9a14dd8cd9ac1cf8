"""retrieve map: groups and colours, the page as data, the picture, and the command itself."""

from __future__ import annotations

import io
import json
import re
import sys
from pathlib import Path

import numpy as np
import pytest
import small
import toy_words
from PIL import Image

from retrieve.cli import app
from retrieve.cli.commands.search.map import _asked
from retrieve.cli.showing.maps.groups import COLOURS, GREY, ColourBy, Group, grouped, usual
from retrieve.cli.showing.maps.page import PICTURES, write_page
from retrieve.cli.showing.maps.picture import label, write_picture
from retrieve.errors import BadInput
from retrieve.indexes.maps import Item
from retrieve.projection.methods import Method
from retrieve.projection.project import Projection

ANA = Item(path=Path("/a/one.jpg"), place="face 1", person="Ana", taken_at="2019-07-09", face_id=1)
EVA = Item(path=Path("/b/two.jpg"), place="face 1", person="Eva", taken_at="2018-01-01", face_id=2)
NOBODY = Item(path=Path("/b/two.jpg"), place="face 2", taken_at="2018-01-01", face_id=3)


def _projection(places) -> Projection:
    return Projection(Method.TSNE, np.array(places, np.float32), None, None)


def _page(tmp_path, items, places, **options) -> tuple[dict, str]:
    groups, group_of = grouped(items, usual(items))
    page = tmp_path / "map.html"
    write_page(page, items, _projection(places), groups, group_of, title="a <map>", **options)
    text = page.read_text("utf-8")
    (data,) = re.findall(r'<script type="application/json" id="data">(.*?)</script>', text)
    return json.loads(data), text


def _jpeg(_face_id: int) -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (112, 112), "red").save(buffer, "JPEG")
    return buffer.getvalue()


def test_groups_stand_by_size_and_the_unknown_are_grey():
    groups, group_of = grouped([EVA, ANA, NOBODY, ANA], ColourBy.PERSON)
    assert groups == [
        Group("Ana", COLOURS[0], 2),
        Group("Eva", COLOURS[1], 1),
        Group("no name", GREY, 1),
    ]
    assert group_of == [1, 0, 2, 0]


def test_years_stand_in_their_order():
    groups, _ = grouped([ANA, EVA, ANA], ColourBy.YEAR)
    assert [group.name for group in groups] == ["2018", "2019"]


def test_folders_are_named_without_the_one_that_all_lie_in():
    items = [Item(path=Path(path)) for path in ("/t/a/one.txt", "/t/b/c/two.txt", "/t/b/c/x.txt")]
    groups, _ = grouped(items, ColourBy.FOLDER)
    assert [group.name for group in groups] == ["b/c", "a"]
    groups, _ = grouped(items[:1], ColourBy.FOLDER)
    assert [group.name for group in groups] == ["a"]


def test_groups_without_a_colour_are_one_grey_group():
    items = [Item(person=f"p{i}") for i in range(20)] + [Item(person="p19")]
    groups, group_of = grouped(items, ColourBy.PERSON)
    assert len(groups) == len(COLOURS) + 1
    assert groups[0] == Group("p19", COLOURS[0], 2)
    assert groups[-1] == Group("others", GREY, 21 - sum(group.points for group in groups[:-1]))
    assert all(groups[group_of[i]].name in ("others", item.person) for i, item in enumerate(items))


def test_the_usual_colour_tells_persons_then_folders_then_nothing():
    assert usual([NOBODY, ANA]) is ColourBy.PERSON
    assert usual([NOBODY]) is ColourBy.FOLDER
    assert usual([Item("word")]) is ColourBy.NOTHING


def test_the_page_holds_what_a_pointer_shows(tmp_path):
    data, text = _page(tmp_path, [ANA, NOBODY], [[0, 0], [4, 1]], crop=_jpeg)
    assert data["text"] == ["Ana", ""]
    assert data["detail"] == ["face 1, 2019-07-09", "face 2, 2018-01-01"]
    files = [data["files"][number] for number in data["file"]]
    assert [file["shown"] for file in files] == ["/a/one.jpg", "/b/two.jpg"]
    assert files[0]["address"] == "file:///a/one.jpg"
    assert data["pictures"].keys() == {"0", "1"}
    assert data["pictures"]["0"].startswith("data:image/jpeg;base64,")
    assert "a &lt;map&gt;" in text


def test_places_keep_their_proportions_and_stand_upright(tmp_path):
    data, _ = _page(tmp_path, [ANA, EVA, NOBODY], [[0, 0], [4, 1], [2, 2]])
    side = data["side"]
    assert data["x"] == [0, side, side // 2]
    assert data["y"] == [side // 2, side // 4, 0]  # on a screen y grows downward


def test_hostile_names_and_texts_stay_data(tmp_path):
    hostile = "</script><script>alert(1)</script><!--<img src=x onerror=alert(1)>"
    item = Item(hostile, Path(f"/a/{hostile.replace('/', '')}"), person=hostile)
    data, text = _page(tmp_path, [item, item], [[0, 0], [1, 1]])
    assert data["text"][0] == hostile
    assert text.count("<script") == 2
    assert "<img" not in text


def test_the_page_needs_nothing_from_elsewhere(tmp_path):
    _, text = _page(tmp_path, [ANA, EVA], [[0, 0], [1, 1]])
    assert not re.search(r"https?:|src\s*=\s*\"|@import|url\(|<link", text)


def test_a_large_page_has_pictures_of_some_faces(tmp_path):
    many = [Item(face_id=i) for i in range(PICTURES + 1)]
    data, _ = _page(tmp_path, many, np.zeros((len(many), 2)), crop=_jpeg)
    assert len(data["pictures"]) == (PICTURES + 2) // 2


@pytest.mark.parametrize("suffix", ["png", "svg", "pdf"])
def test_a_picture_is_written_in_the_form_of_its_name(tmp_path, suffix):
    out = tmp_path / f"map.{suffix}"
    groups, group_of = grouped([Item("$rey$"), Item("reina")], ColourBy.NOTHING)
    write_picture(
        out,
        _projection([[0, 0], [1, 1]]),
        groups,
        group_of,
        title="two $words$",
        labels=["$rey$", "reina"],
    )
    begins = {"png": b"\x89PNG", "svg": b"<?xml", "pdf": b"%PDF"}[suffix]
    assert out.read_bytes().startswith(begins)


def test_a_picture_shows_its_points_in_their_colours(tmp_path):
    groups, group_of = grouped([ANA, EVA], ColourBy.PERSON)
    out = tmp_path / "map.png"
    write_picture(out, _projection([[0, 0], [1, 1]]), groups, group_of, title="two")
    pixels = np.asarray(Image.open(out).convert("RGB")).astype(int)
    for group in groups:
        wanted = np.array([int(group.colour[i : i + 2], 16) for i in (1, 3, 5)])
        drawn = 0.85 * wanted + 0.15 * 255
        assert (np.abs(pixels - drawn).max(axis=2) < 3).sum() > 50


def test_words_stand_between_blanks_and_commas_or_in_a_file(tmp_path):
    file = tmp_path / "words.txt"
    file.write_text("rey, reina\nhombre\n", "utf-8")
    assert _asked(str(file)) == ["rey", "reina", "hombre"]
    assert _asked("rey,reina  hombre") == ["rey", "reina", "hombre"]
    assert _asked("all") == []
    with pytest.raises(BadInput, match="wanted two or more words"):
        _asked("rey")


def _run(monkeypatch, *arguments) -> int:
    monkeypatch.setattr(sys, "argv", ["retrieve", "map", *map(str, arguments)])
    with pytest.raises(SystemExit) as ended:
        app.main()
    return ended.value.code or 0


def test_the_command_draws_words_and_says_what_the_picture_keeps(tmp_path, monkeypatch, capsys):
    toy = toy_words.write(tmp_path / "toy.safetensors")
    picture, page = tmp_path / "map.png", tmp_path / "map.html"
    options = ("--vectors", toy, "--out", picture, "--html", page, "--json")
    assert _run(monkeypatch, "--words", "rey reina hombre mujer", *options) == 0
    said = json.loads(capsys.readouterr().out)
    assert (said["method"], said["points"], said["of"]) == ("pca", 4, 4)
    assert said["explained"][0] >= said["explained"][1] > 0
    assert said["kept"]["k"] == 1
    assert picture.read_bytes().startswith(b"\x89PNG")
    assert "reina" in page.read_text("utf-8")


def test_the_command_draws_the_faces_that_fulfil_its_conditions(tmp_path, monkeypatch, capsys):
    with small.opened(tmp_path / "c") as collection:
        small.add(collection, "/a/one.jpg", "ana eva luis", taken_at="2019-07-09")
        small.add(collection, "/a/two.jpg", "ana2", taken_at="2018-07-09")
        collection.db.execute("DELETE FROM crops")
        collection.db.conn.commit()
    page = tmp_path / "map.html"
    assert _run(monkeypatch, "-c", tmp_path / "c", "--since", "2019", "--html", page) == 0
    assert "of the variance" in capsys.readouterr().out
    assert "3 faces, two principal components" in page.read_text("utf-8")


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["--words", "rey reina"], 2, "wanted --out FILE.png for a picture or --html"),
        (["--words", "rey reina", "--html", "/dev/null/x"], 1, "cannot write /dev/null/x: "),
        (["--words", "rey reina", "--out", "map.gif"], 1, "wanted a picture in .png, .svg, .pdf"),
        (
            ["--words", "rey reina", "--since", "2019", "--html", "x"],
            2,
            "conditions choose photos and",
        ),
    ],
)
def test_what_cannot_be_drawn_is_one_line(arguments, code, message, monkeypatch, capsys):
    assert _run(monkeypatch, *arguments) == code
    assert message in " ".join(capsys.readouterr().err.split())


def test_labels_of_many_points_hide_none_and_of_few_are_all_there():
    from matplotlib import pyplot

    places = np.random.default_rng(0).uniform(size=(300, 2)).astype(np.float32)
    for every, least, most in ((True, 300, 300), (False, 50, 299)):
        figure, axes = pyplot.subplots(figsize=(8, 6), dpi=100)
        axes.scatter(*places.T)
        label(axes, places, ["palabra"] * 300, every=every)
        boxes = [text.get_window_extent() for text in axes.texts]
        assert least <= len(boxes) <= most
        if not every:
            assert boxes[0].count_overlaps([box.padded(-1) for box in boxes[1:]]) == 0
        pyplot.close(figure)
