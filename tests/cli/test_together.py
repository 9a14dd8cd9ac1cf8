"""Who is seen with whom, and XMP for other programs, as a user runs them."""

from __future__ import annotations

import json

import drawn
import pytest
import small
from PIL import Image
from typer.testing import CliRunner

from retrieve.cli.app import app
from retrieve.errors import RetrievalError
from retrieve.indexes.catalog.database import writing
from retrieve.indexes.people import statements


@pytest.fixture
def collection(tmp_path, monkeypatch):
    """Ana and Luis in two photos, Zoe alone."""
    with small.opened(tmp_path / "c") as opened:
        late = small.add(opened, "/p/late.jpg", "ana luis", taken_at="2020-01-01T10:00:00")
        early = small.add(opened, "/p/[b]early.jpg", "luis2 ana2", taken_at="2019-07")
        zoe = small.add(opened, "/p/zoe.jpg", "zoe")
        names = {"Ana": [late[0], early[1]], "Luis": [late[1], early[0]], "[red]Zoe": zoe}
        with writing(opened.db):
            statements.say_names(opened.db, names)
    monkeypatch.setenv("RETRIEVE_COLLECTION", str(tmp_path / "c"))
    monkeypatch.setenv("COLUMNS", "200")
    return tmp_path / "c"


def _run(*arguments):
    done = CliRunner().invoke(app, [str(argument) for argument in arguments])
    if done.exception is not None and not isinstance(done.exception, SystemExit):
        raise done.exception
    assert done.exit_code == 0, done.output
    return done.stdout


def _refused(*arguments):
    with pytest.raises(RetrievalError) as error:
        _run(*arguments)
    assert "\n" not in str(error.value)
    return str(error.value)


def test_conditions_are_those_of_search(collection):
    (_, line) = _run("together", "Ana", "Luis", "--since", "2020").splitlines()
    assert "/p/late.jpg" in line
    pairs = [json.loads(line) for line in _run("graph", "--person", "Ana", "--json").splitlines()]
    assert "Zoe" not in str(pairs)
    assert "conditions" in _refused("graph", "--folder", "/q")


def test_photos_of_all_of_them_are_listed(collection):
    _, first, second = _run("together", "ana", "LUIS").splitlines()
    assert first.split() == ["2019-07", "/p/[b]early.jpg", "Ana", ":2,", "Luis", ":1"]
    assert second.split()[1] == "/p/late.jpg"
    assert "no photo shows all" in _run("together", "Ana", "[red]Zoe")
    (line,) = _run("together", "Ana", "Luis", "--json", "-k", 1).splitlines()
    found = json.loads(line)
    assert (found["path"], found["taken_at"]) == ("/p/[b]early.jpg", "2019-07")
    ana, luis = found["faces"]
    assert (ana["person"], ana["face"], ana["face_id"], ana["by"]) == ("Ana", 2, 4, "human")
    assert luis["box"] == [0.1, 2, 3, 4]
    with small.opened(collection) as opened:
        (number,) = [one.id for one in statements.persons.persons(opened.db) if one.name == "Ana"]
    assert len(_run("together", f"#{number}", "Luis", "--json").splitlines()) == 2


def test_nobody_of_that_name_is_told(collection):
    assert "nobody is called 'Eva'; there are:" in _refused("together", "Ana", "Eva")


def test_the_graph_lists_pairs_and_writes_files(collection, tmp_path):
    header, row = _run("graph").splitlines()
    assert header.split() == ["name", "with", "photos"]
    assert sorted(row.split()) == ["2", "Ana", "Luis"]
    pair = json.loads(_run("graph", "--json"))
    assert ({one["person"] for one in pair["people"]}, pair["photos"]) == ({"Ana", "Luis"}, 2)
    file = tmp_path / "people.graphml"
    _run("graph", "--graphml", file)
    assert "[red]Zoe" in file.read_text()
    assert ".png, .svg, .pdf" in _refused("graph", "--out", tmp_path / "people.gif")
    assert "cannot write" in _refused("graph", "--graphml", "/proc/people.graphml")


def test_names_are_written_beside_photos_or_in_a_folder(tmp_path, monkeypatch):
    monkeypatch.setenv("RETRIEVE_COLLECTION", str(tmp_path / "c"))
    photo = tmp_path / "album" / "a.jpg"
    photo.parent.mkdir()
    Image.new("RGB", (20, 10)).save(photo)
    status = photo.stat()
    with small.opened(tmp_path / "c") as opened:
        small.add(opened, photo, "ana eva")
        with writing(opened.db):
            statements.say_names(opened.db, {"Ana": [1]})
            opened.db.execute(
                "UPDATE paths SET size_bytes = ?, mtime_ns = ?",
                [status.st_size, status.st_mtime_ns],
            )
    counts = json.loads(_run("export", "--xmp", "--json"))
    assert counts == {"written": 1, "changed": 0, "unchanged": 0, "skipped_files": []}
    assert "Ana" in (photo.parent / "a.jpg.xmp").read_text()
    out = tmp_path / "out"
    assert "written" in _run("export", "--xmp", out)
    assert (out / "a.jpg.xmp").read_bytes() == (photo.parent / "a.jpg.xmp").read_bytes()
    (out / "a.jpg.xmp").write_bytes(
        drawn.packet(drawn.mwg(("Eva", (0.1, 0.3, 0.1, 0.2)), size=(9, 9)))
    )
    assert "was cropped since" in _run("export", "--xmp", out)
    assert "is a file" in _refused("export", "--xmp", photo)
    assert "leave out --to" in _refused("export", "--xmp", "--crops")
    assert "wanted a file" in _refused("export")
    assert "is a folder" in _refused("export", out)
