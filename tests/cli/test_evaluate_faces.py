"""`retrieve evaluate faces` on drawn people: figures, a page, pictures, damage, attacks."""

from __future__ import annotations

import csv
import json

import pytest
import small
from PIL import Image
from warm import retrieve

from retrieve.cli.commands.evaluate.faces import _networks
from retrieve.cli.options import Device
from retrieve.sample_data.album import draw_portrait

PEOPLE, SHOTS = 4, 2
SMALL = ("--model", "mobilefacenet", "--processes", 1)


@pytest.fixture(scope="module")
def album(tmp_path_factory):
    """Folders of people, one photo that is none, and the same as a table beside them."""
    folder = tmp_path_factory.mktemp("people")
    with (folder / "labels.csv").open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["file", "identity"])
        for person in range(PEOPLE):
            (folder / f"p{person}").mkdir()
            for shot in range(SHOTS):
                name = f"p{person}/{shot}.jpg"
                Image.fromarray(draw_portrait(1000 + person, shot)).save(folder / name)
                rows.writerow([name, f"p{person}"])
        (folder / "p0" / "bad.jpg").write_bytes(b"none")
        rows.writerow(["p0/bad.jpg", "p0"])
    return folder


def _asked(*arguments, code=0):
    return retrieve(
        "evaluate", "faces", *arguments, "--collection", "none", code=code,
        OMP_NUM_THREADS=1,
    )  # fmt: skip


@pytest.fixture(scope="module")
def robust(album, tmp_path_factory):
    """One run with everything, as objects, its page and its picture."""
    out = tmp_path_factory.mktemp("out")
    done = _asked(
        *("--folders", album, "--robust", "--probes", 2, "--tta", "mirror", *SMALL),
        *("--json", "--html", out / "page.html", "--picture", out / "all.png"),
    )
    return [json.loads(line) for line in done.stdout.splitlines()], out, done


def test_each_way_of_averaging_has_its_figures_and_a_bad_photo_is_skipped(robust):
    objects, _, done = robust
    faces = [one for one in objects if one["what"] == "faces"]
    assert [one["averaging"] for one in faces] == ["none", "mirror"]
    assert "p0/bad.jpg: " in done.stderr
    for one in faces:
        assert (one["faces"], one["people"], one["photos"], one["skipped"]) == (8, 4, 9, 1)
        assert (one["genuine"], one["impostor"]) == (4, 24)
        assert [at["far"] for at in one["at"]] == [0.1]
        assert one["at"][0]["tar"] == 1 - one["at"][0]["fnmr"]["value"]
        assert 0 <= one["eer"]["value"] < 0.3
        assert one["rank_1"]["value"] > 0.5
        assert one["rank_1"]["low"] is None  # of four people
    assert faces[0]["clusters"]["pairs"]["recall"] == 1
    assert faces[1]["clusters"] is None  # groups are of the faces as the product embeds them


def test_every_damage_and_every_step_of_the_attack_is_told(robust):
    objects, _, _ = robust
    damages = [one for one in objects if one["what"] == "damage"]
    assert len(damages) == 2 * 18
    assert damages[0]["damage"] is None
    assert {one["probes"] for one in damages} == {1}  # the other photo drawn is the bad one
    hard = next(one for one in damages if (one["damage"], one["strength"]) == ("blur", 10))
    assert hard["fnmr"]["value"] >= damages[0]["fnmr"]["value"]
    attacks = [one for one in objects if one["what"] == "attack" and one["averaging"] == "none"]
    assert [one["epsilon"] for one in attacks] == [1, 2, 4, 8, 16]
    assert attacks[-1]["taken_for"]["value"] == 1
    assert attacks[-1]["away"]["fnmr"]["value"] > damages[0]["fnmr"]["value"]


def test_the_page_needs_no_other_file_and_holds_no_photo(robust):
    _, out, _ = robust
    page = (out / "page.html").read_text("utf-8")
    assert page.count("data:image/png;base64,") == 2
    assert "http" not in page
    assert 'src="data:' in page
    assert "sunglasses" in page
    assert "jpeg" not in page
    with Image.open(out / "all.png") as picture:
        assert picture.width > 600


def test_a_table_of_labels_says_the_same_as_folders(album, robust):
    done = _asked("--labels", album / "labels.csv", "--json", "--tta", "zooms")
    plain, zooms = (json.loads(line) for line in done.stdout.splitlines())
    wanted = robust[0][0]
    assert (plain["what"], zooms["averaging"]) == ("faces", "zooms")
    for key in ("photos", "faces", "people", "genuine", "impostor", "open_set"):
        assert plain[key] == wanted[key]
    assert plain["embedder"] == "dlib-resnet+mobilefacenet"
    assert (plain["clusters"]["people"], plain["clusters"]["singles"]) == (4, 0)
    assert 0 < plain["clusters"]["bcubed_f1"] <= 1
    assert zooms["clusters"] is None
    assert zooms["at"][0]["threshold"] != plain["at"][0]["threshold"]


def test_pairs_are_told_by_folds(album, tmp_path):
    rows = ["one,other,same,fold"]
    for fold in (0, 1):
        a, b = f"p{2 * fold}", f"p{2 * fold + 1}"
        rows += [f"{a}/0.jpg,{a}/1.jpg,1,{fold}", f"{b}/0.jpg,{b}/1.jpg,1,{fold}"]
        rows += [f"{a}/0.jpg,{b}/0.jpg,0,{fold}", f"{a}/0.jpg,p0/bad.jpg,0,{fold}"]
    (tmp_path / "pairs.csv").write_text("\n".join(rows))
    done = _asked("--pairs", tmp_path / "pairs.csv", "--root", album, *SMALL)
    assert "8 pairs in 2 folds" in done.stdout
    assert "closed set" not in done.stdout


def test_the_networks_are_those_of_the_collection_unless_they_are_named(tmp_path):
    made_by = small.MADE_BY | {"detector": "mtcnn", "embedder": "mobilefacenet"}
    with small.opened(tmp_path / "c", made_by):
        pass
    held = _networks(tmp_path / "c", None, None, Device.CPU)
    assert (held.detector.name, held.embedder.name) == ("mtcnn", "mobilefacenet")
    named = _networks(tmp_path / "c", "centerface", None, Device.CPU)
    assert (named.detector.name, named.embedder.name) == ("centerface", "mobilefacenet")
    absent = _networks(tmp_path / "none", None, "mobilefacenet", Device.CPU)
    assert (absent.detector.name, absent.embedder.name) == ("centerface", "mobilefacenet")


@pytest.mark.parametrize(
    ("arguments", "told", "code"),
    [
        ((), "wanted one of --folders DIR, --labels FILE, --pairs FILE", 2),
        (("--folders", ".", "--labels", __file__), "wanted one of", 2),
        (("--pairs", __file__, "--robust"), "--robust damages one face of everybody", 2),
        (("--labels", __file__), "needs the columns file and identity", 1),
        (("--folders", "tests/cli"), "names no photo of anybody", 1),
        (("--labels", __file__, "--picture", "roc.gif"), "wanted a picture in .png", 1),
        (("--folders", ".", "--model", "nobody"), "no embedder named 'nobody'", 1),
    ],
)
def test_what_cannot_be_measured_is_told_in_one_line(arguments, told, code):
    done = _asked(*arguments, code=code)
    assert told in done.stderr
