"""Which recipe a collection searches photos by, and what it keeps of it."""

from __future__ import annotations

import shutil
import sqlite3
from pathlib import Path

import pytest
import small
from PIL import Image

import retrieve
from retrieve.errors import CollectionError
from retrieve.faces.detection.recipe import DEFAULT, FIRST, KEY, read_recipe
from retrieve.faces.detection.turns import turned
from retrieve.indexes.catalog.sums import teach
from retrieve.indexes.exchange.exports import export
from retrieve.indexes.exchange.formats import chosen as formats
from retrieve.indexes.exchange.imports import put
from retrieve.sample_data.album import draw_portrait

FIXTURES = Path(__file__).parents[2] / "fixtures"
PORTRAIT = draw_portrait(9, 59)


@pytest.fixture
def folder(tmp_path):
    """One portrait that stands upright and one that lies on its side."""
    photos = tmp_path / "photos"
    photos.mkdir()
    Image.fromarray(PORTRAIT).save(photos / "upright.png")
    Image.fromarray(turned(PORTRAIT, 270)).save(photos / "aside.png")
    return photos


def _turns(collection) -> dict[str, int]:
    rows = collection.db.execute(
        "SELECT path, turn FROM contents JOIN paths ON paths.content_id = contents.id"
    )
    return {Path(path).name: turn for path, turn in rows.fetchall()}


@pytest.mark.parametrize("detector", ["mtcnn", "centerface"])
def test_a_new_collection_records_the_recipe_and_the_turn(folder, tmp_path, detector):
    with retrieve.open_collection(tmp_path / "c", create=True, detector=detector) as opened:
        assert opened.index([folder]).faces == 2
        assert read_recipe(opened.faces.required().made_by[KEY]) == DEFAULT
        assert _turns(opened) == {"upright.png": 0, "aside.png": 90}
        faces = opened.catalog.faces_at(range(2)).values()
        (aside,) = (one for one in faces if one.path.name == "aside.png")
        height, width = PORTRAIT.shape[1::-1]
        assert 0 <= aside.face.box[0] < aside.face.box[2] <= width
        assert 0 <= aside.face.box[1] < aside.face.box[3] <= height
        hits = opened.search_faces(turned(PORTRAIT, 180), threshold=-1)
        assert [round(hit.score, 2) >= 0.99 for hit in hits] == [True, True]


def test_without_turns_a_collection_stays_without(folder, tmp_path):
    made = {"create": True, "detector": "centerface"}
    with retrieve.open_collection(tmp_path / "c", **made, turns=False) as opened:
        opened.index([folder])
        assert read_recipe(opened.faces.required().made_by[KEY]) == DEFAULT.turning(False)
        assert set(_turns(opened).values()) == {0}
    with retrieve.open_collection(tmp_path / "c") as again:
        assert again.networks.recipe == DEFAULT.turning(False)
    with retrieve.open_collection(tmp_path / "c", turns=True) as again:
        assert again.networks.recipe == DEFAULT


def test_a_collection_without_a_recipe_keeps_the_first_one(tmp_path):
    folder = Path(shutil.copytree(FIXTURES / "format-1", tmp_path / "collection"))
    with retrieve.open_collection(folder) as opened:
        assert KEY not in opened.faces.required().made_by
        assert opened.networks.recipe == FIRST
        assert opened.networks.job().recipe == FIRST
        assert opened.detector.name == "mtcnn"
        opened.begin()  # no other networks
        assert KEY not in opened.faces.required().made_by


def test_an_old_collection_of_centerface_keeps_its_landmarks(tmp_path):
    with retrieve.open_collection(tmp_path / "c", create=True, detector="centerface") as opened:
        opened.begin()
        assert opened.detector.landmarks_of == "mtcnn"
    _edit(tmp_path / "c", "json_remove(made_by, '$.recipe')")
    with retrieve.open_collection(tmp_path / "c") as again:
        assert (again.detector.name, again.detector.landmarks_of) == ("centerface", "centerface")


def test_a_recipe_of_a_newer_version_is_not_followed(tmp_path):
    with retrieve.open_collection(tmp_path / "c", create=True) as opened:
        opened.begin()
    _edit(tmp_path / "c", "json_set(made_by, '$.recipe', 'edition=99')")
    with (
        retrieve.open_collection(tmp_path / "c") as again,
        pytest.raises(CollectionError, match="Upgrade"),
    ):
        again.search_faces(PORTRAIT)


@pytest.mark.parametrize("suffix", ["jsonl", "npz", "csv"])
def test_an_export_carries_the_recipe(tmp_path, suffix):
    file = tmp_path / f"faces.{suffix}"
    made_by = small.MADE_BY | {KEY: str(DEFAULT.turning(False))}
    with small.opened(tmp_path / "from", made_by) as source:
        small.add(source, "/album/ana.jpg", "ana")
        export(source, file)
    with (
        retrieve.open_collection(tmp_path / "to", create=True) as target,
        formats.reading(file) as (header, rows),
    ):
        assert put(target, header, rows).faces == 1
        assert target.faces.required().made_by == made_by


def _edit(folder: Path, value: str) -> None:
    with sqlite3.connect(folder / "catalog.sqlite") as conn:
        teach(conn)
        conn.execute(f"UPDATE spaces SET made_by = {value} WHERE name = 'faces'")
