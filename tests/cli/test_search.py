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
        ((), "wanted photos and words, or --face-id ID"),
        (("--face-id", "99999"), "no face with the id 99999"),
        (("--face-id", "1", "--since", "July"), "wanted a date as 2019"),
        (("--face-id", "1", "--near", "Zaragoza"), "wanted LAT,LON,KM"),
        (("--face-id", "1", "--person", "Nadie"), "nobody is called 'Nadie'"),
    ],
)
def test_what_cannot_be_searched_for_is_one_line(collection, options, line):
    done = _run("search", *options, collection=collection, code=1)
    assert line in done.stderr
    assert done.stderr.count("\n") == 1
