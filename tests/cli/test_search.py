"""retrieve search for stored faces and under conditions, as a user runs it."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import warm


def _run(*arguments, collection, code=0):
    return warm.retrieve(*arguments, code=code, RETRIEVE_COLLECTION=collection)


def _hits(done):
    return json.loads(done.stdout)["faces"][0]["hits"]


@pytest.fixture(scope="module")
def collection(indexed, tmp_path_factory):
    return Path(shutil.copytree(indexed, tmp_path_factory.mktemp("search") / "collection"))


@pytest.fixture(scope="module")
def every(collection, probe):
    """All stored faces as hits of the probe, best first."""
    return _hits(
        _run("search", probe, "-k", 100, "--threshold", -1, "--json", collection=collection)
    )


def test_a_stored_face_finds_others_like_it_and_not_itself(collection, every):
    best = every[0]
    done = _run("search", "--face-id", best["face_id"], "--json", "-k", 5, collection=collection)
    assert json.loads(done.stdout)["probe"] == best["path"]
    found = [hit["face_id"] for hit in _hits(done)]
    assert best["face_id"] not in found
    assert set(found) & {hit["face_id"] for hit in every[1:4]}


def test_a_stored_face_is_searched_for_without_networks(collection, every):
    code = (
        "import sys\n"
        f"sys.argv = ['retrieve', 'search', '--face-id', '{every[0]['face_id']}', "
        f"'-c', {str(collection)!r}]\n"
        "from retrieve.cli.app import app\n"
        "try: app()\n"
        "except SystemExit as stop: assert not stop.code\n"
        "print(sorted({'torch', 'onnxruntime'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"


def test_conditions_leave_exactly_what_fulfils_them(collection, probe, every):
    years = sorted({hit["taken_at"][:4] for hit in every if hit["taken_at"]})
    year = years[len(years) // 2]
    folder = Path(every[0]["path"]).parent
    for options, fulfils in (
        (("--since", year), lambda hit: (hit["taken_at"] or "") >= year),
        (("--until", year), lambda hit: hit["taken_at"] and hit["taken_at"][:4] <= year),
        (("--folder", folder), lambda hit: Path(hit["path"]).is_relative_to(folder)),
        (("--min-quality", 0.8), lambda hit: hit["quality"] >= 0.8),
    ):
        done = _run(
            "search", probe, "-k", 100, "--threshold", -1, "--json", *options, collection=collection
        )
        assert [hit["face_id"] for hit in _hits(done)] == [
            hit["face_id"] for hit in every if fulfils(hit)
        ], options


def test_exact_search_gives_the_same_where_there_is_no_index(collection, probe, every):
    done = _run(
        "search", probe, "-k", 100, "--threshold", -1, "--json", "--exact", collection=collection
    )
    assert _hits(done) == every


@pytest.mark.parametrize(
    ("options", "line"),
    [
        ((), "wanted photos and words, or --person NAME"),
        (("--face-id", "99999"), "no face with the id 99999"),
        (("--face-id", "1", "--since", "July"), "wanted a date as 2019"),
        (("--face-id", "1", "--near", "Zaragoza"), "wanted LAT,LON,KM"),
        (("--face-id", "1", "--person", "Nadie"), "nobody is called 'Nadie'"),
    ],
)
def test_what_cannot_be_searched_for_is_one_line(collection, options, line):
    refused = line.startswith(("no face", "nobody"))
    done = _run("search", *options, collection=collection, code=1 if refused else 2)
    assert line in done.stderr
    assert done.stderr.count("\n") == 1


def test_a_photo_that_is_stored_is_the_photo_itself_and_no_hit(collection, every):
    best = every[0]
    done = _run("search", best["path"], "--json", "-k", 3, collection=collection)
    face = json.loads(done.stdout)["faces"][best["face"] - 1]
    first, *others = face["hits"]
    assert (first["face_id"], first["itself"], first["rank"]) == (best["face_id"], True, 0)
    assert [(hit["itself"], hit["rank"]) for hit in others] == [(False, 1), (False, 2), (False, 3)]
    shown = _run("search", best["path"], "-k", 1, collection=collection).stdout
    assert "(the photo itself)" in shown
    assert "1  " in shown


def test_a_probe_of_other_bytes_is_not_itself(every):
    assert not any(hit["itself"] for hit in every)


@pytest.fixture(scope="module")
def named(collection, every):
    """The best hit's person is Ana; the paths of her photos."""
    best = every[0]
    _run("name", "Ana", "--face-id", best["face_id"], collection=collection)
    rows = _run("people", "--person", "Ana", "--json", collection=collection).stdout
    return {member["path"] for member in json.loads(rows)["members"]}


def test_a_person_alone_lists_her_photos(collection, named):
    done = _run("search", "--person", "ana", "--json", "-k", 50, collection=collection)
    answer = json.loads(done.stdout)
    assert answer["of"] == "ana"
    assert {hit["path"] for hit in answer["hits"]} == named
    dates = [hit["taken_at"] or "" for hit in answer["hits"]]
    assert dates == sorted(dates, reverse=True)
    since = dates[0][:4]
    done = _run("search", "--person", "Ana", "--since", since, collection=collection)
    assert since in done.stdout


def test_a_query_of_a_name_alone_shows_that_person_alone(collection, named):
    done = _run("search", "Ana", "--json", "-k", 50, collection=collection)
    assert {hit["path"] for hit in json.loads(done.stdout)["hits"]} == named
    shown = _run("search", "ANA", collection=collection)
    assert "nearest in meaning" not in shown.stderr
    assert "retrieve search '\"ANA\"'" in shown.stderr


def test_a_name_beside_words_is_a_word_of_the_query(collection, named):
    done = _run("search", "Ana fiesta", "-k", 1, collection=collection)
    assert "none of them has a word" not in done.stderr


def test_naming_over_a_name_says_whose_it_was(collection, every, named):
    face = every[0]["face_id"]
    done = _run("name", "Eva", "--face-id", face, "--json", collection=collection)
    assert json.loads(done.stdout)["called_before"] == ["Ana"]
    said = _run("name", "Ana", "--face-id", face, collection=collection).stderr
    assert "called Eva until now" in said


def test_a_photo_and_words_say_which_half_found_nothing(collection, probe):
    done = _run("search", probe, "xilófono", "--json", collection=collection)
    answer = json.loads(done.stdout)
    assert (answer["hits"], answer["photos_with_the_face"] > 0) == ([], True)
    assert "show the face, and of none is anything like this said" in done.stderr
    done = _run("search", probe, "fiesta", "--threshold", 1, collection=collection)
    assert "no stored face is like it" in done.stderr


def test_completion_offers_persons_of_the_collection(collection, named):
    del named

    def offered(line, number):
        return warm.retrieve(
            RETRIEVE_COLLECTION=collection,
            _RETRIEVE_COMPLETE="complete_bash",
            COMP_WORDS=line,
            COMP_CWORD=number,
        ).stdout.split()

    assert offered("retrieve search --person A", 3) == ["Ana"]
    assert "Ana" in offered("retrieve merge ", 2)
    assert offered("retrieve map --space ", 3) == ["faces", "passages"]
    assert "mobilefacenet" in offered("retrieve index --model m", 3)
    assert offered("retrieve search --collection /nowhere --person ", 5) == []
    assert offered("retrieve index --encoder ", 3) == ["static", "lstm", "words", "e5"]
    assert "es" in offered("retrieve analogy --vectors ", 3)
    assert "es" in offered("retrieve predict --model ", 3)


def test_photos_that_look_alike_stand_below_the_faces_or_alone(collection, probe, tmp_path):
    from PIL import Image

    first = next(iter(_hits(_run("search", probe, "--json", collection=collection))))["path"]
    image = Image.open(first).convert("RGB")
    edited = image.crop((0, 0, image.width * 9 // 10, image.height * 9 // 10)).convert("L")
    edited.save(tmp_path / "edited.jpg", quality=60)
    alone = _run("search", tmp_path / "edited.jpg", "--looks", "--json", collection=collection)
    found = json.loads(alone.stdout)
    assert found["faces"] == []
    best = found["looks"]["hits"][0]
    assert (best["path"], best["rank"], best["itself"]) == (first, 1, False)
    assert best["probability"] > 0.99
    assert found["looks"]["threshold"] < best["score"] < 1
    both = json.loads(
        _run("search", tmp_path / "edited.jpg", "--json", collection=collection).stdout
    )
    assert both["looks"]["hits"] == found["looks"]["hits"]
    page = tmp_path / "page.html"
    shown = _run(
        "search", tmp_path / "edited.jpg", "--looks", "--html", page, collection=collection
    )
    assert f"{tmp_path / 'edited.jpg'}, as a whole" in shown.stdout
    assert "photos that look like it as a whole" in page.read_text("utf-8")
    lines = _run("search", tmp_path / "edited.jpg", "--looks", "--csv", collection=collection)
    assert lines.stdout.splitlines()[1].startswith(f"{tmp_path / 'edited.jpg'},,1,{first},,,,,")


def test_the_photo_itself_is_marked_where_it_is_stored(collection, every):
    done = _run("search", every[0]["path"], "--looks", "--json", collection=collection)
    itself = json.loads(done.stdout)["looks"]["hits"][0]
    assert (itself["rank"], itself["itself"], itself["score"]) == (0, True, 1.0)


def test_looks_is_of_photos_alone(collection, probe):
    done = _run("search", probe, "playa", "--looks", collection=collection, code=2)
    assert "--looks compares whole photos" in done.stderr
