"""`import retrieve`: the names that people import, and what they may hand over."""

from __future__ import annotations

import ast
import inspect
import io
import pickle
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_allclose
from PIL import Image

import retrieve


@pytest.fixture(scope="module")
def collection(indexed, tmp_path_factory):
    folder = shutil.copytree(indexed, tmp_path_factory.mktemp("api") / "c")
    with retrieve.open_collection(str(folder)) as opened:
        yield opened


def test_every_name_is_there_and_shows_its_use():
    assert sorted(retrieve.__all__) == retrieve.__all__
    for name in retrieve.__all__:
        shown = inspect.getdoc(getattr(retrieve, name))
        used = r"retrieve\.\w+\(|collection\.\w+\(" if name != "Face" else r"retrieve\.detect"
        assert re.search(used, shown), name
        assert name in dir(retrieve)


def test_the_three_lists_of_names_are_one():
    tree = ast.parse(inspect.getsource(retrieve))
    (block,) = [node for node in tree.body if isinstance(node, ast.If)]
    typed = {
        (node.module, alias.name)
        for node in block.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    homes = {(home, name) for home, names in retrieve._HOMES.items() for name in names}
    assert typed == homes
    assert sorted(name for _, name in homes) == retrieve.__all__


def test_a_name_that_there_is_not_is_an_attribute_error():
    with pytest.raises(AttributeError, match="no attribute 'recognise'"):
        _ = retrieve.recognise


def test_the_import_alone_imports_nothing_heavy():
    heavy = "{'torch', 'onnxruntime', 'faiss', 'numpy', 'PIL', 'sqlite_utils', 'typer', 'rich'}"
    code = f"import sys, retrieve; print(sorted({heavy} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_path_bytes_image_and_array_find_the_same(collection, probe):
    image = Image.open(probe)
    photos = [str(probe), probe, probe.read_bytes(), image, np.asarray(image.convert("RGB"))]
    answers = [collection.search_faces(photo, k=3, threshold=-1) for photo in photos]
    for answer in answers:
        assert [hit.face_id for hit in answer] == [hit.face_id for hit in answers[0]]
        assert_allclose([hit.score for hit in answer], [h.score for h in answers[0]], atol=2e-3)
    assert [answer.path for answer in answers] == [probe, probe, None, None, None]


def test_an_image_of_pillow_is_turned_by_its_exif(probe):
    image = Image.open(probe).convert("RGB")
    exif = Image.Exif()
    exif[0x0112] = 6
    lying = image.transpose(Image.Transpose.ROTATE_90)
    buffer = io.BytesIO()
    lying.save(buffer, "JPEG", exif=exif, quality=95)
    (face,) = retrieve.detect(Image.open(io.BytesIO(buffer.getvalue())))
    (same,) = retrieve.detect(image)
    assert_allclose(face.box, same.box, atol=6)


@pytest.mark.parametrize(
    ("photo", "line"),
    [
        ("no/such.jpg", r"no/such\.jpg: cannot be read"),
        (b"", "wanted the bytes of a photo"),
        (b"GIF89a", "damaged|not a JPEG"),
        (
            np.zeros((4, 4)),
            r"wanted an array \(H, W, 3\) uint8 RGB .* got \(4, 4\) float64",
        ),
        (["a.jpg"], "wanted a photo: its path.* got list"),
        (None, "got NoneType"),
    ],
)
def test_what_is_no_photo_is_bad_input_in_one_line(photo, line):
    with pytest.raises(retrieve.BadInput, match=line) as caught:
        retrieve.detect(photo)
    assert "\n" not in str(caught.value)


def test_hits_are_the_best_of_all_faces_and_faces_hold_their_own(collection, album, probe):
    first = Image.open(probe).convert("RGB")
    stranger = collection.search_faces(probe, k=1000, threshold=-1)[-1].path
    other = Image.open(stranger).convert("RGB").resize(first.size)
    both = Image.new("RGB", (2 * first.width, first.height))
    both.paste(first, (0, 0))
    both.paste(other, (first.width, 0))
    found = collection.search_faces(both, k=4, threshold=-1)
    assert len(found.faces) >= 2
    scores = [hit.score for hit in found]
    assert scores == sorted(scores, reverse=True)
    assert [hit.rank for hit in found] == list(range(1, len(found) + 1))
    assert len({hit.face_id for hit in found}) == len(found)
    assert {hit.face_id for hit in found} == {
        hit.face_id for face in found.faces for hit in face.hits
    }
    assert found[0] is not None
    assert len(found[:2]) == 2


def test_reprs_are_short_and_html_holds_pictures(collection, probe):
    found = collection.search_faces(probe, k=3, threshold=-1)
    faces = retrieve.detect(probe)
    shown = [collection, found, found.faces[0], found[0], faces, faces[0], faces.photo]
    for thing in shown:
        assert len(repr(thing)) < 200
        assert "array" not in repr(thing)
    for thing, pictures in ((found, 3), (found.faces[0], 3), (found[0], 1), (faces, 1)):
        assert thing._repr_html_().count("data:image/jpeg;base64,") == pictures


def test_a_hit_outlives_its_collection(indexed, probe):
    with retrieve.open_collection(indexed, read_only=True) as opened:
        hit = opened.search_faces(probe, k=1)[0]
    assert "data:image" not in hit._repr_html_()
    again = pickle.loads(pickle.dumps(hit))
    assert (again.face_id, again.score, again.path) == (hit.face_id, hit.score, hit.path)


def test_embeddings_of_found_faces_are_those_of_the_collection(collection, probe):
    faces = retrieve.detect(probe)
    vectors = retrieve.embed_faces(faces)
    assert vectors.shape == (len(faces), 128)
    assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)
    (nearest,) = collection.nearest(vectors[:1], k=1)
    found = collection.search_faces(probe, k=1, face=1)[0]
    assert nearest[0].face_id == found.face_id
    assert nearest[0].score == pytest.approx(found.score, abs=1e-5)
    assert retrieve.embed_faces(faces[:0]).shape == (0, 128)


def test_faces_of_no_photo_cannot_be_embedded(probe):
    with pytest.raises(retrieve.BadInput, match=r"retrieve\.detect\(photo\).* got list"):
        retrieve.embed_faces(list(retrieve.detect(probe)))


def test_one_person_scores_higher_than_two(collection, probe):
    ranked = list(collection.search_faces(probe, k=1000, threshold=-1))
    same = retrieve.compare(probe, ranked[0].path)
    other = retrieve.compare(probe, ranked[-1].path)
    assert same.score == pytest.approx(ranked[0].score, abs=2e-3)
    assert same.score > other.score
    assert same.probability > other.probability
    assert same.false_match_rate <= other.false_match_rate
    assert same.false_match_rate <= 2e-4
    assert same.faces[0] == 1


def test_a_photo_without_a_face_cannot_be_compared(probe, tmp_path):
    Image.new("RGB", (200, 200), "white").save(tmp_path / "white.png")
    with pytest.raises(retrieve.BadInput, match=r"no face found in .*white\.png, the second"):
        retrieve.compare(probe, tmp_path / "white.png")


def test_words_answer_sums_and_give_their_vectors():
    words = retrieve.load_words()
    assert words.analogy("rey - hombre + mujer").hits[0].word == "reina"
    assert words.analogy("rey hombre mujer").hits[0].word == "reina"
    assert words["rey"].shape == (200,)
    assert np.linalg.norm(words["rey"]) == pytest.approx(1, abs=1e-3)
    assert "rey" in words
    assert "xyzzyq" not in words
    with pytest.raises(retrieve.BadInput, match="xyzzyq"):
        words["xyzzyq"]


def test_the_encoder_embeds_sentences():
    vectors = retrieve.load_encoder().embed(["una boda", "la boda", "el motor del coche"])
    assert vectors.shape[0] == 3
    assert vectors[0] @ vectors[1] > vectors[0] @ vectors[2]


@pytest.mark.parametrize(
    ("ask", "line"),
    [
        (lambda c, p: c.index("folder"), r"wanted a list of folders and files; got 'folder'"),
        (lambda c, p: c.index(Path("folder")), "wanted a list of folders"),
        (lambda c, p: c.search_faces(p, k=-1), "wanted k.* got -1"),
        (lambda c, p: c.search_faces(p, k=2.5), "wanted k.* got 2.5"),
        (lambda c, p: c.index(None), "wanted a list of folders and files; got None"),
        (lambda c, p: c.index([None]), "wanted a path.* got None"),
        (lambda c, p: c.index([b"album"]), "wanted a path.* got b'album'"),
        (lambda c, p: c.index(["~nobodyatall/x"]), "~nobodyatall"),
        (lambda c, p: c.index([p], processes=-1), "wanted one process or more; got -1"),
        (lambda c, p: c.index([p], processes=0), "wanted one process or more; got 0"),
        (lambda c, p: c.index([p], time_limit_s=0), "wanted a time limit above 0"),
        (lambda c, p: c.search_faces("a\0b"), "wanted a path"),
        (lambda c, p: c.search_faces(p, k=True), "wanted k.* got True"),
        (lambda c, p: c.search_faces(p, face="1"), "wanted the number of a face.* got '1'"),
        (lambda c, p: c.search_faces(p, face=1.0), "wanted the number of a face.* got 1.0"),
        (lambda c, p: c.search_faces(p, threshold="0.5"), "wanted a threshold.* got '0.5'"),
        (lambda c, p: c.search_faces(p, wanted={"since": 2019}), r"wanted conditions as retrieve"),
        (lambda c, p: c.search_stored(10**30), "wanted the id of a stored face"),
        (lambda c, p: c.search_texts("boda", k=2**70), "wanted k"),
        (lambda c, p: c.search_texts("boda", mode="nonsense"), "wanted the mode hybrid, bm25, mea"),
        (lambda c, p: c.search_texts("boda", wanted=None), "wanted conditions"),
        (lambda c, p: c.search_texts(None), "wanted a query of words; got None"),
        (lambda c, p: c.search_texts(["boda"]), "wanted a query of words"),
        (lambda c, p: c.nearest([[1.0]]), "wanted embeddings as an array.* got list"),
        (lambda c, p: c.picture(99_999), "no stored face with the id 99999"),
        (lambda c, p: c.picture("x"), "wanted the id of a stored face"),
        (lambda c, p: retrieve.open_collection(None), "wanted a path"),
        (lambda c, p: retrieve.open_collection("x", create=True, read_only=True), "create or read"),
        (lambda c, p: retrieve.load_words(5), "wanted the name of word vectors; got 5"),
        (lambda c, p: retrieve.load_encoder(5), "wanted the name of a text encoder; got 5"),
        (
            lambda c, p: retrieve.load_encoder().embed("frase"),
            r"a list of texts.*\['frase'\]",
        ),
        (lambda c, p: retrieve.detect(p, detector=object()), "a detector or an object with name"),
        (lambda c, p: retrieve.compare(p, p, embedder=3), "an embedder or an object with name"),
        (lambda c, p: retrieve.Filter(since=2019), "wanted a date.* got 2019"),
        (lambda c, p: retrieve.Filter(min_quality=float("nan")), "wanted min_quality"),
        (lambda c, p: retrieve.Filter(min_quality=5), "wanted min_quality.* got 5"),
        (lambda c, p: retrieve.Filter(near=(91, 0, 5)), "wanted LAT,LON,KM"),
        (lambda c, p: retrieve.Filter(near="Zaragoza"), "wanted LAT,LON,KM"),
        (lambda c, p: retrieve.Filter(persons=(3,)), "wanted names of persons"),
        (lambda c, p: retrieve.Filter(folders=(3,)), "wanted a path"),
        (lambda c, p: c.search_faces(p, threshold=float("nan")), "wanted a threshold.* got nan"),
        (lambda c, p: c.search_faces(p, threshold=2), "wanted a threshold.* got 2"),
        (lambda c, p: c.search_stored(1, k=0), "wanted k.* got 0"),
        (lambda c, p: c.search_stored(1, threshold=float("nan")), "wanted a threshold"),
        (lambda c, p: c.search_texts("boda", k=-1), "wanted k.* got -1"),
        (lambda c, p: c.search_both(p, "boda", k=0), "wanted k.* got 0"),
    ],
)
def test_what_cannot_be_asked_is_bad_input_in_words(collection, probe, ask, line):
    with pytest.raises(retrieve.BadInput, match=line):
        ask(collection, probe)


def test_a_closed_collection_says_so(album, probe, tmp_path):
    opened = retrieve.open_collection(tmp_path / "c", create=True)
    opened.close()
    opened.close()
    for ask in (
        lambda: opened.search_faces(probe),
        lambda: opened.search_texts("boda"),
        lambda: opened.index([album]),
        lambda: opened.info(),
    ):
        with pytest.raises(retrieve.BadInput, match="was closed: open it again"):
            ask()


def test_the_old_way_of_searching_still_works_and_warns(collection, probe):
    with pytest.warns(DeprecationWarning, match="search_faces"):
        (answer,) = collection.search([probe], k=2)
    assert [hit.face_id for hit in answer] == [
        hit.face_id for hit in collection.search_faces(probe, k=2)
    ]


def test_a_photo_without_a_face_finds_nobody_and_its_words_say_why(collection, tmp_path):
    Image.new("RGB", (200, 200), "white").save(tmp_path / "white.png")
    found = collection.search_faces(tmp_path / "white.png")
    assert (len(found), found.faces, found.reason) == (0, [], None)
    with pytest.raises(retrieve.BadInput, match="wanted k"):
        collection.search_faces(tmp_path / "white.png", k=-1)
    with pytest.raises(retrieve.BadInput, match=r"no face found in .*white\.png"):
        collection.search_both(tmp_path / "white.png", "playa")


def test_found_hits_are_the_same_each_time_they_are_looked_at(collection, probe):
    found = collection.search_faces(probe, k=5, threshold=-1)
    assert found[0] in found
    assert found.index(found[1]) == 1
    assert found[0] is found[0]
    assert len(collection.search_faces(probe, k=np.int64(3), threshold=-1)) == 3


def test_a_condition_takes_what_people_write(collection, album, probe, monkeypatch):
    everyone = collection.search_faces(probe, k=100, threshold=-1)
    folder = everyone[0].path.parent
    monkeypatch.setenv("HOME", str(folder.parent))
    ways = [(folder,), [str(folder)], str(folder), f"~/{folder.name}"]
    found = [
        collection.search_faces(
            probe, k=100, threshold=-1, wanted=retrieve.Filter(folders=way)
        ).hits
        for way in ways
    ]
    assert 0 < len(found[0]) < len(everyone)
    for hits in found:
        assert [hit.face_id for hit in hits] == [hit.face_id for hit in found[0]]
    assert retrieve.Filter(persons="Ana").persons == ("Ana",)
    assert retrieve.Filter(near=(41, -0.9, 5)).near.km == 5


def test_a_collection_stays_where_it_is_when_the_program_goes_elsewhere(
    album, probe, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "other").mkdir()
    with retrieve.open_collection("c", create=True) as opened:
        opened.index(sorted(album.rglob("IMG_*.jpg"))[:2])
        monkeypatch.chdir(tmp_path / "other")
        assert len(opened.search_faces(probe, k=2, threshold=-1)) == 2


def test_an_object_that_is_refused_leaves_no_folder_behind(tmp_path):
    with pytest.raises(retrieve.BadInput, match="an embedder or an object"):
        retrieve.open_collection(tmp_path / "c", create=True, embedder=object())
    assert not (tmp_path / "c").exists()


def test_a_file_is_no_collection(probe):
    with pytest.raises(retrieve.CollectionError, match="wanted the folder of a collection"):
        retrieve.open_collection(probe)


def test_a_collection_of_texts_says_that_it_has_no_photo(probe, tmp_path):
    (tmp_path / "a.txt").write_text("una boda en Zaragoza")
    with retrieve.open_collection(tmp_path / "c", create=True) as opened:
        opened.index([tmp_path / "a.txt"])
        with pytest.raises(retrieve.CollectionError, match="no photo was indexed"):
            opened.search_faces(probe)


def test_a_device_that_there_is_not_is_not_the_detectors_fault(collection, probe):
    with (
        retrieve.open_collection(collection.path, device="tpu") as opened,
        pytest.raises(retrieve.BadInput, match="device must be cpu or cuda"),
    ):
        opened.search_faces(probe)


def test_words_can_be_gone_through():
    words = retrieve.load_words()
    assert len(list(words)) == len(words)
    assert 5 not in words
