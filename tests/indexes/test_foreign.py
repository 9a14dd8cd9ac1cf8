"""What other programs keep: pickles of plain data, deepface's files, folders of known people."""

from __future__ import annotations

import builtins
import itertools
import os
import pickle
import pickletools
import struct
import tracemalloc
from pathlib import Path

import numpy as np
import pretend
import pytest
import small
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from indexes import persons
from indexes.catalog import Catalog
from indexes.collection import open_collection
from indexes.database import writing
from indexes.exchange import deepface, formats, originals, pickles
from indexes.exports import export
from indexes.imports import put
from indexes.known import import_people, name_of
from retrieval.errors import BadInput, CollectionError

ENDING = "aligned_normalization_base_expand_0.pkl"
TODAY = f"ds_model_facenet512_detector_retinaface_{ENDING}"


@pytest.fixture
def file(tmp_path):
    return tmp_path / TODAY


# Pickles

_PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner) | st.tuples(inner, inner),
    max_leaves=30,
)


@given(value=_PLAIN, protocol=st.integers(0, pickle.HIGHEST_PROTOCOL))
@settings(
    max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_plain_data_of_every_protocol_is_what_it_was(file, value, protocol):
    file.write_bytes(pickle.dumps(value, protocol))
    assert pickles.load(file) == value


class _Calls:
    """Pickled as a call of a function."""

    def __init__(self, function, *arguments):
        self.called = function, arguments

    def __reduce__(self):
        return self.called


class _WithState:
    def __init__(self):
        self.x = 1


def _evil(mark):
    """Programs that leave a mark, or reach for something else than data."""
    touch = f"import pathlib; pathlib.Path({str(mark)!r}).touch()"
    yield "os.system", _Calls(os.system, f"touch {mark}")
    yield "builtins.eval", _Calls(builtins.eval, f"open({str(mark)!r}, 'w')")
    yield "builtins.exec", _Calls(builtins.exec, touch)
    yield "nested", [{"identity": "a", "embedding": [_Calls(os.mkdir, str(mark))]}]
    yield "key", {_Calls(os.mkdir, str(mark)): 1}
    yield "getattr", _Calls(getattr, _Calls(__import__, "os"), "system")
    yield "numpy array", np.zeros(3)
    yield "numpy number", [np.float32(1)]
    yield "object with state", _WithState()
    yield "class", Path
    yield "set", {1, 2}
    yield "frozenset", frozenset((1,))
    yield "bytes", b"x" * 9
    yield "bytearray", bytearray(b"x")
    yield "complex", 1j


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_more_than_plain_data_is_refused_and_nothing_runs(tmp_path, file, protocol):
    mark = tmp_path / "mark"
    for what, value in _evil(mark):
        file.write_bytes(pickle.dumps(value, protocol))
        with pytest.raises(BadInput, match=r"more than lists, dicts, texts and numbers"):
            pickles.load(file)
        assert not mark.exists(), what


@pytest.mark.parametrize(
    "program",
    [
        b"cos\nsystem\n(S'touch MARK'\ntR.",  # the classic
        b"(cos\nsystem\nS'touch MARK'\no.",  # OBJ
        b"(S'touch MARK'\nios\nsystem\n.",  # INST
        b"\x80\x04\x8c\x02os\x8c\x06system\x93\x8c\x01x\x85R.",  # STACK_GLOBAL
        b"\x80\x02\x82\x01.",  # an extension that copyreg knows
        b"Pid\n.",  # a persistent id
        b"\x8c\x01xQ.",
        b"}\x8c\x09__class__Nsb.",  # BUILD
        b"\x80\x05\x97.",  # a buffer from outside
    ],
)
def test_every_instruction_that_reaches_out_is_refused(tmp_path, file, program):
    file.write_bytes(program.replace(b"MARK", str(tmp_path / "mark").encode()))
    with pytest.raises(BadInput, match="is refused"):
        pickles.load(file)
    assert not (tmp_path / "mark").exists()


def test_only_instructions_of_plain_data_are_known():
    refused = {o.name for o in pickletools.opcodes} - pickles.INSTRUCTIONS
    assert {"GLOBAL", "STACK_GLOBAL", "REDUCE", "BUILD", "INST", "OBJ", "NEWOBJ"} <= refused
    assert {"NEWOBJ_EX", "EXT1", "EXT2", "EXT4", "PERSID", "BINPERSID", "NEXT_BUFFER"} <= refused
    for opcode in pickletools.opcodes:
        known = pickles._Plain.dispatch[ord(opcode.code)].__name__ != "instruction"
        assert known == (opcode.name in pickles.INSTRUCTIONS)
    with pytest.raises(pickles._Refused):
        pickles._Plain.find_class(None, "os", "system")


def _long(code, number):
    return code + struct.pack("<Q" if code in b"\x8d\x95" else "<I", number)


@pytest.mark.parametrize(
    "program",
    [
        b"]" + _long(b"r", 2**31) + b".",  # a note at a far place
        _long(b"X", 2**32 - 1) + b"x.",  # a text that is longer than the file
        _long(b"\x8d", 2**62) + b"x.",
        b"\x80\x04" + _long(b"\x95", 2**62) + b".",  # a frame
        b"}" * 200_000 + b".",  # more dicts than a file of its size should have
        b"]" + b"\x94" * 200_000 + b".",
        b"(" * 200_000 + b".",
        b"N" + b"\x85" * 200_000 + b".",
        b"]" * 3 + b"a" * 2 + b"q\0h\0h\0aa",  # ends before its end
        b"",
        b".",
        b"h\x05.",  # a note that nobody made
        b"\x8b" + struct.pack("<i", -5) + b".",
        b"I" + b"9" * 10_000 + b"\n.",
        b"\xff\xff",
    ],
)
def test_bombs_and_nonsense_are_one_line_and_take_no_memory(file, program):
    file.write_bytes(program)
    tracemalloc.start()
    try:
        if program[:1] == b"]" and b"r" in program[:2]:
            assert pickles.load(file) == []  # the note costs one entry of a dict
        else:
            with pytest.raises(BadInput):
                pickles.load(file)
        assert tracemalloc.get_traced_memory()[1] < 30_000_000
    finally:
        tracemalloc.stop()


def test_a_pickle_that_is_too_large_is_not_opened(file):
    with file.open("wb") as out:
        out.truncate(pickles.MAX_BYTES + 1)
    with pytest.raises(BadInput, match="read up to 512 MiB"):
        pickles.load(file)


def test_a_list_within_itself_ends(file):
    endless = []
    endless.append(endless)
    file.write_bytes(pickle.dumps([endless, {"identity": endless, "embedding": endless}]))
    with pytest.raises(BadInput, match="holds no embedding"):
        deepface.read(file)


# deepface


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
        assert imported.catalog.crop(id).startswith(small.JPEG)
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
        persons.give_name(imported.db, "Ana", [1])
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
        lambda: imported.search([tmp_path / "db" / "group.png"]),
        lambda: imported.index([tmp_path / "db"]),
        imported.prepare,
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
        digests = [sha for (sha,) in opened.db.execute("SELECT sha256 FROM photos")]
        assert all(digest.startswith("unread:") for digest in digests)
        probe = opened.search_stored(1, threshold=-1)
        assert len(probe.faces[0].hits) == 1
        assert Catalog.crop(opened.catalog, 1).startswith(small.JPEG)
        export(opened, tmp_path / "x.csv")


def test_paths_are_looked_for_from_the_file_too(tmp_path, album_db, monkeypatch):
    file = tmp_path / "db" / TODAY
    file.write_bytes(pickle.dumps(album_db))
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    assert set(deepface.read(file).photos) == {
        tmp_path / "db" / name for name in ("ana/1.png", "group.png", "sea.png")
    }


# Known people


@pytest.fixture
def known(tmp_path):
    folder = tmp_path / "known"
    (folder / "Luís García" / "2019").mkdir(parents=True)
    for name, words in {
        "ana.jpg": "ana",
        "Luís García/1.jpg": "luis1",
        "Luís García/2019/2.jpg": "luis2",
        "group.jpg": "eva zoe",
        "sea.jpg": "",
        "broken.jpg": "bad",
    }.items():
        (folder / name).write_text(words)
    return folder


@pytest.fixture
def collection(tmp_path):
    with small.opened(tmp_path / "c") as opened:
        yield opened


def _import_people(collection, folder):
    return import_people(collection, folder, lambda roots: small.index(collection, roots[0]))


def _people(collection):
    return {one.name: one.faces for one in persons.persons(collection.db)}


def test_the_only_face_of_a_photo_gets_the_name_of_file_or_folder(collection, known):
    done = _import_people(collection, known)
    assert (done.named, done.before) == (3, 0)
    assert _people(collection) == {"ana": 1, "Luís García": 2}
    assert {item.path.name: item.reason.split(":")[0] for item in done.unnamed} == {
        "group.jpg": "it shows 2 faces",
        "sea.jpg": "it shows no face",
    }
    assert [item.path.name for item in done.indexed.skipped] == ["broken.jpg"]


def test_a_second_import_of_known_people_changes_nothing(collection, known):
    _import_people(collection, known)
    done = _import_people(collection, known)
    assert (done.named, done.before, done.indexed.new) == (0, 3, 0)
    assert _people(collection) == {"ana": 1, "Luís García": 2}


def test_a_name_that_somebody_gave_stays_and_is_reported(collection, known):
    small.index(collection, known)
    with writing(collection.db):
        query = "SELECT face_id FROM crops WHERE jpeg = ?"
        ((id,),) = collection.db.execute(query, [b"ana"]).fetchall()
        persons.give_name(collection.db, "Anita", [id])
    done = _import_people(collection, known)
    assert _people(collection) == {"Anita": 1, "Luís García": 2}
    reasons = {item.path.name: item.reason for item in done.unnamed}
    assert reasons["ana.jpg"].startswith("its face is called Anita")


def test_one_photo_of_two_names_names_nobody(collection, tmp_path):
    folder = tmp_path / "known"
    folder.mkdir()
    for name in ("ana", "eva"):
        (folder / f"{name}.jpg").write_text("same")
    done = _import_people(collection, folder)
    assert _people(collection) == {}
    assert [item.reason for item in done.unnamed] == [
        "the same photo also stands for eva",
        "the same photo also stands for ana",
    ]
    (folder / "eva.jpg").rename(folder / "ANA.png")
    assert _import_people(collection, folder).named == 1


def test_photos_outside_the_folder_get_no_name(collection, known, tmp_path):
    small.add(collection, tmp_path / "other" / "zoe.jpg", "zoe2")
    _import_people(collection, known)
    assert "zoe" not in _people(collection)


def test_a_file_name_that_is_no_name_names_nobody(collection, tmp_path):
    folder = tmp_path / "known"
    folder.mkdir()
    (folder / os.fsdecode(b"\xff\xfe.jpg")).write_text("ana")
    done = _import_people(collection, folder)
    assert _people(collection) == {}
    assert "wanted a name" in done.unnamed[0].reason


def test_an_interrupted_run_names_nobody(collection, known):
    def interrupted(roots):
        report = small.index(collection, roots[0])
        report.interrupted = True
        return report

    assert import_people(collection, known, interrupted).named == 0
    assert _people(collection) == {}


def test_what_is_no_folder_is_refused(collection, tmp_path):
    (tmp_path / "a.jpg").write_text("ana")
    for path in (tmp_path / "a.jpg", tmp_path / "nowhere"):
        with pytest.raises(BadInput, match=r"folder"):
            _import_people(collection, path)


def test_names_come_from_the_first_folder_or_the_file():
    root = Path("/known")
    assert name_of(Path("/known/ana.maria.jpg"), root) == "ana.maria"
    assert name_of(Path("/known/ana/2019/1.jpg"), root) == "ana"
