from __future__ import annotations

import itertools
import pickle

import numpy as np
import pretend
import pytest
from PIL import Image

from retrieve.errors import BadInput, CollectionError
from retrieve.indexes.catalog.contents import Catalog
from retrieve.indexes.catalog.database import writing
from retrieve.indexes.collection import open_collection
from retrieve.indexes.exchange import deepface, originals
from retrieve.indexes.exchange.exports import export
from retrieve.indexes.exchange.formats import chosen as formats
from retrieve.indexes.exchange.imports import put
from retrieve.indexes.people import statements

ENDING = "aligned_normalization_base_expand_0.pkl"
TODAY = f"ds_model_facenet512_detector_retinaface_{ENDING}"


@pytest.fixture
def file(tmp_path):
    return tmp_path / TODAY


def test_a_list_within_itself_ends(file):
    endless = []
    endless.append(endless)
    file.write_bytes(pickle.dumps([endless, {"identity": endless, "embedding": endless}]))
    with pytest.raises(BadInput, match="holds no embedding"):
        deepface.read(file)


def _entry(identity, embedding, x=10, y=20, w=30, h=40):
    return {
        "identity": identity,
        "hash": "ab" * 20,
        "embedding": embedding,
        "target_x": x,
        "target_y": y,
        "target_w": w,
        "target_h": h,
    }


def _numbers(word, scale=7.5):
    return [float(value) * scale for value in pretend.embedding(word)[0]]


@pytest.fixture
def album_db(tmp_path, monkeypatch):
    """db/ana/1.png and db/group.png, and entries as deepface writes them."""
    (tmp_path / "db" / "ana").mkdir(parents=True)
    for n, name in enumerate(("ana/1.png", "group.png", "sea.png")):
        Image.new("RGB", (200, 100), (n * 50, 100, 0)).save(tmp_path / "db" / name)
    monkeypatch.chdir(tmp_path)
    return [
        _entry("db/ana/1.png", _numbers("ana")),
        _entry("db/group.png", _numbers("eva")),
        _entry("db/group.png", _numbers("luis"), x=100),
        _entry("db/sea.png", None, 0, 0, 0, 0),
    ]


def _put(tmp_path, held, unread=None):
    with open_collection(tmp_path / "c", create=True) as opened:
        rows = originals.records(held.photos, [] if unread is None else unread, processes=1)
        return put(opened, held.header, itertools.chain(held.broken, rows))


@pytest.fixture
def imported(tmp_path, album_db):
    file = tmp_path / "db" / TODAY
    file.write_bytes(pickle.dumps(album_db))
    _put(tmp_path, deepface.read(file))
    with open_collection(tmp_path / "c") as opened:
        yield opened


def test_deepfaces_faces_are_stored_at_length_1_with_their_photos(imported, tmp_path):
    space = imported.faces.space()
    assert space.made_by["embedder"] == "deepface:Facenet512"
    assert space.made_by["detector"] == "deepface:retinaface"
    assert (space.dim, space.rows) == (32, 3)
    found = {}
    for id in (1, 2, 3):
        face = imported.catalog.faces([id])[id]
        row = np.asarray(imported.faces.gallery()[face.row])
        (word,) = (
            w for w in ("ana", "eva", "luis") if np.allclose(row, pretend.embedding(w), atol=1e-6)
        )
        found[word] = face
        assert imported.catalog.crop(id).startswith(b"\xff\xd8\xff")
    assert found["ana"].path == tmp_path / "db" / "ana" / "1.png"
    assert found["luis"].number == 2
    assert found["luis"].face.box.tolist() == [100, 20, 130, 60]
    assert np.isnan(found["luis"].face.landmarks).all()
    assert (found["ana"].face.score, found["ana"].quality) == (0, 0)
    assert imported.catalog.counts()["photos"] == 3


def test_such_a_collection_is_searched_by_stored_face_named_and_exported(imported, tmp_path):
    probe = imported.search_stored(1, k=5, threshold=-1)
    assert [hit.face_id for hit in probe.faces[0].hits] != []
    assert len(probe.faces[0].hits) == 2
    with writing(imported.db):
        statements.say_name(imported.db, "Ana", [1])
    assert export(imported, tmp_path / "x.jsonl", crops=True).faces == 3
    with (
        formats.reading(tmp_path / "x.jsonl") as (header, rows),
        open_collection(tmp_path / "again", create=True) as again,
    ):
        report = put(again, header, rows)
        assert (report.faces, report.photos, report.broken_count) == (3, 3, 0)
        assert again.faces.space() == imported.faces.space()


def test_searching_it_by_photo_or_adding_photos_is_one_line_that_says_what_to_do(
    imported, tmp_path
):
    for attempt in (
        lambda: imported.search_faces(tmp_path / "db" / "group.png"),
        lambda: imported.index([tmp_path / "db"]),
        lambda: imported.prepare([tmp_path / "db"]),
    ):
        with pytest.raises(CollectionError, match=r"--face-id, or index the photos.*OTHER"):
            attempt()


@pytest.mark.parametrize("layout", ["pairs", "rows", "tuples"])
def test_older_layouts_are_read(tmp_path, album_db, layout):
    entries = [[e["identity"], e["embedding"]] for e in album_db if e["embedding"]]
    if layout == "rows":
        entries = [[*entry, 10, 20, 30, 40] for entry in entries]
    if layout == "tuples":
        entries = [tuple(entry) for entry in entries]
    file = tmp_path / "db" / "representations_vgg_face.pkl"
    file.write_bytes(pickle.dumps(entries, 3))
    held = deepface.read(file)
    assert held.header.made_by["embedder"] == "deepface:VGG-Face"
    assert held.header.made_by["detector"] == "deepface:unknown"
    _put(tmp_path, held)
    with open_collection(tmp_path / "c") as opened:
        box = opened.catalog.faces([1])[1].face.box.tolist()
        assert box == ([10, 20, 40, 60] if layout == "rows" else [0, 0, 200, 100])


@pytest.mark.parametrize(
    ("name", "embedder", "detector"),
    [
        (TODAY, "Facenet512", "retinaface"),
        (f"ds_model_vggface_detector_opencv_un{ENDING}", "VGG-Face", "opencv"),
        (
            "ds_model_facenet_detector_ssd_aligned_normalization_vggface2_expand_10.pkl",
            "Facenet+vggface2",
            "ssd",
        ),
        (f"ds_model_buffalo_l_detector_mtcnn_{ENDING}", "Buffalo_L", "mtcnn"),
        ("ds_vggface_opencv_v2.pkl", "VGG-Face", "opencv"),
        ("ds_arcface_retinaface_v2.pkl", "ArcFace", "retinaface"),
        ("representations_ghostfacenet.pkl", "GhostFaceNet", "unknown"),
    ],
)
def test_the_files_name_tells_the_networks(tmp_path, name, embedder, detector):
    (tmp_path / name).write_bytes(pickle.dumps([_entry("a.jpg", [1.0, 2.0])]))
    made_by = deepface.read(tmp_path / name).header.made_by
    assert made_by["embedder"] == f"deepface:{embedder}"
    assert made_by["detector"] == f"deepface:{detector}"


def test_a_name_that_tells_nothing_needs_the_model(tmp_path):
    (tmp_path / "faces.pkl").write_bytes(pickle.dumps([_entry("a.jpg", [1.0, 2.0])]))
    with pytest.raises(BadInput, match="--model, one of VGG-Face, Facenet"):
        deepface.read(tmp_path / "faces.pkl")
    held = deepface.read(tmp_path / "faces.pkl", model="facenet512")
    assert held.header.made_by["embedder"] == "deepface:Facenet512"


@pytest.mark.parametrize(
    ("entry", "words"),
    [
        ({"identity": "a"}, "has no embedding"),
        ({"identity": "a", "embedding": [1.0]}, "has no target_x"),
        (_entry(7, [1.0, 2.0]), "identity is no path"),
        (_entry("a\0b", [1.0, 2.0]), "identity is no path"),
        (_entry("a", "text"), "no list of numbers"),
        (_entry("a", []), "no list of numbers"),
        (_entry("a", [1.0, None]), "something else than numbers"),
        (_entry("a", [True, 1.0]), "something else than numbers"),
        (_entry("a", [0.0, 0.0]), "zero or not finite"),
        (_entry("a", [float("nan"), 1.0]), "zero or not finite"),
        (_entry("a", [float("inf"), 1.0]), "zero or not finite"),
        (_entry("a", [10**400, 1]), "too large"),
        (_entry("a", [1.0, 2.0], w=None), "box is no four numbers"),
        (_entry("a", [1.0, 2.0, 3.0]), "3 dimensions; most have 2"),
        (["a", [1.0, 2.0], [1.0, 2.0], [1.0, 2.0]], "ensemble"),
        ("text", "is a str"),
        (None, "is a NoneType"),
        (["a"], "is a list"),
    ],
)
def test_a_broken_entry_is_reported_with_its_number_and_the_others_are_read(file, entry, words):
    good = [_entry("b", [3.0, 4.0]), _entry("c", [1e300, 0.0])]
    file.write_bytes(pickle.dumps([good[0], entry, good[1]]))
    held = deepface.read(file)
    ((where, reason),) = held.broken
    assert where == "entry 2"
    assert words in reason
    faces = [face for found in held.photos.values() for face in found]
    np.testing.assert_allclose([f.embedding for f in faces], [[0.6, 0.8], [1, 0]], rtol=1e-6)


@pytest.mark.parametrize("held", [[], {}, "text", 7, None, [_entry("a", None)]])
def test_a_pickle_of_something_else_is_one_line(file, held):
    file.write_bytes(pickle.dumps(held))
    with pytest.raises(BadInput, match=r"is no list of deepface's|holds no embedding"):
        deepface.read(file)


def test_photos_that_are_not_there_are_known_by_their_path(tmp_path, file):
    file.write_bytes(pickle.dumps([_entry("away/a.jpg", [3.0, 4.0]), ["away/b.jpg", [1.0, 0.0]]]))
    unread = []
    for faces in (2, 0):
        assert _put(tmp_path, deepface.read(file), unread).faces == faces
    assert len(unread) == 4
    with open_collection(tmp_path / "c") as opened:
        digests = [sha for (sha,) in opened.db.execute("SELECT sha256 FROM contents")]
        assert all(digest.startswith("unread:") for digest in digests)
        probe = opened.search_stored(1, threshold=-1)
        assert len(probe.faces[0].hits) == 1
        assert Catalog.crop(opened.catalog, 1).startswith(b"\xff\xd8\xff")
        export(opened, tmp_path / "x.csv")


def test_paths_are_looked_for_from_the_file_too(tmp_path, album_db, monkeypatch):
    file = tmp_path / "db" / TODAY
    file.write_bytes(pickle.dumps(album_db))
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    assert set(deepface.read(file).photos) == {
        tmp_path / "db" / name for name in ("ana/1.png", "group.png", "sea.png")
    }
