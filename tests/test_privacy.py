"""Nothing leaves the machine, and nothing is left outside the collection and our own cache.

Everyday commands and a script run in a home that was empty; where the system allows it, under
strace in a network namespace of their own.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import pytest
import traced
from PIL import Image

from retrieve.cache import fonts_in_cache
from retrieve.errors import CollectionError
from retrieve.indexes.collection import open_collection

# onnxruntime 1.32 looks its vendor's host up 9 s after its import.
LONG_ENOUGH_S = 12
PATIENCE_S = 900  # on a machine that others keep busy a command took more than 60
RETRIEVE = ("-m", "retrieve.cli")
SCRIPT = """
import retrieve

with retrieve.open_collection("scripted", create=True) as collection:
    assert collection.index(["album", "texts"]).new
    assert collection.search_faces("probe.jpg").hits
    assert collection.search_texts("una boda en Zaragoza")
assert retrieve.compare("probe.jpg", "probe.jpg").score > .99
assert retrieve.load_words()["rey"].shape
assert retrieve.load_encoder().embed(["una frase"]).shape
"""
# What retrieve serve and retrieve mcp do when they are asked, without the socket of the first.
SERVED = """
from pathlib import Path

import anyio
from mcp import Client
from starlette.testclient import TestClient

from retrieve.cli.mcp import server_of
from retrieve.cli.web import serving
from retrieve.cli.web.access import Access, new_token
from retrieve.cli.web.app import create_app
from retrieve.indexes.collection import open_collection


async def asked(collection):
    async with Client(server_of(collection)) as client:
        assert not (await client.call_tool("search", {"words": "boda"})).is_error
        assert not (await client.call_tool("identify", {"photo": "probe.jpg"})).is_error


with open_collection(Path("collection")) as collection:
    access = Access(new_token())
    app = create_app(collection, access)
    serving.configured(app, None)
    client = TestClient(app, base_url="http://localhost:8321")
    client.headers["authorization"] = f"Bearer {access.token}"
    assert client.get("/", params={"q": "boda"}).status_code == 200
    photo = Path("probe.jpg").read_bytes().ljust(3_000_000, b"0")  # more than Starlette's memory
    answer = client.post("/api/v1/search", files={"photo": photo}, data={"k": "3"})
    assert answer.status_code == 200, answer.text
    for path in ("photos/1", "photos/1/image", "photos/1/original", "faces/1/image", "persons"):
        assert client.get(f"/api/v1/{path}").status_code == 200, path
    said = {"kind": "name", "name": "Ana", "face_ids": [1]}
    assert client.post("/api/v1/statements", json=said).status_code == 200
    anyio.run(asked, collection)
"""
# 12 MB: SQLite keeps the copy of a small catalog in memory.
LARGE = """
from pathlib import Path
from retrieve.indexes.collection import open_collection
from retrieve.indexes.search import traces

with open_collection(Path("col'lection"), create=True) as collection:
    db = collection.db
    db.execute("CREATE TABLE large (content BLOB)")
    db.conn.executemany("INSERT INTO large VALUES (?)", ([bytes(4000)] for _ in range(9000)))
    traces.mark(db)
    db.conn.commit()
    assert traces.finish(db, collection.path)
"""
# In one process, one after the other: each would begin with the same imports.
EVERY = """
import sys
from retrieve.cli.app import main

for words in (
    ["search", "probe.jpg", "--collection", "collection"],
    ["search", "la boda de Zaragoza", "--collection", "collection"],
    ["analogy", "rey", "hombre", "mujer"],
    ["info", "--collection", "collection"],
    ["check", "--collection", "collection"],
    ["duplicates", "--collection", "collection", "--html", "out/duplicates.html"],
    ["words", "plot", "rey", "reina", "--out", "out/plot.png"],
):
    sys.argv = ["retrieve", *words]
    try:
        main()
    except SystemExit as end:
        assert not end.code, words
"""
# Until telemetry was seen or cannot be.
TELLING = f"""
import retrieve, onnxruntime, time
from pathlib import Path

end = time.monotonic() + {PATIENCE_S}
while time.monotonic() < end and not Path("enough").exists():
    time.sleep(0.1)
"""
COMMANDS = {
    "commands": ("every.py",),
    "words in pictures": (*RETRIEVE, "index", "album", "--ocr", "--collection", "collection"),
    "script": ("script.py",),
    "serve and mcp": ("served.py",),
}
PROBING = ("words in pictures",)  # rapidocr imports requests, which asks whether there is IPv6
EVERYDAY = ("index", "watch", *COMMANDS)
CACHE = "home/Library/Caches/retrieve" if sys.platform == "darwin" else "home/.cache/retrieve"
OURS = ("work/collection", "work/watched", "work/scripted", "work/out", CACHE)
# Python's multiprocessing keeps its sockets and locks there while it runs: these right in SHARED.
PASSING = ("tmp", "/dev/null")  # where workers let C libraries talk to nobody
SHARED = Path("/dev/shm")
ORT_DISABLE = "ORT_DISABLE_TELEMETRY"


@dataclass
class Machine:
    """A home, a temporary folder and a folder to work in, for nobody else, and what ran there."""

    root: Path

    def __post_init__(self) -> None:
        for name in ("home", "tmp", "work", "traces"):
            (self.root / name).mkdir(parents=True)
        self._brought: set[Path] = set()

    def start(self, name: str, command: tuple[str, ...], **variables: str) -> subprocess.Popen[str]:
        """Python with these arguments, with its working folder and nothing of our environment."""
        whole = [sys.executable, *command]
        if traced.why_not() is None:
            whole = traced.traced(whole, self.trace(name))
        own = {"HOME": str(self.root / "home"), "TMPDIR": str(self.root / "tmp")}
        kept = {name: os.environ[name] for name in ("PATH", "SYSTEMROOT") if name in os.environ}
        return subprocess.Popen(
            whole,
            cwd=self.root / "work",
            # Compiled modules beside the sources are Python's, whoever installed it.
            env={**kept, **own, "PYTHONDONTWRITEBYTECODE": "1", **variables},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )

    @contextmanager
    def running(
        self, name: str, command: tuple[str, ...], **variables: str
    ) -> Iterator[subprocess.Popen[str]]:
        """start(), and its end whatever happens meanwhile."""
        with self.start(name, command, **variables) as process:
            try:
                yield process
            finally:
                if process.poll() is None:
                    os.killpg(process.pid, signal.SIGKILL)

    def run(self, name: str, command: tuple[str, ...], **variables: str) -> None:
        """start() and end()."""
        self.end(name, self.start(name, command, **variables))

    def end(self, name: str, process: subprocess.Popen[str]) -> None:
        """Wait until it has ended well."""
        with process:
            said, _ = process.communicate(timeout=PATIENCE_S)
        assert process.returncode == 0, f"{name}: {said}"

    def trace(self, name: str) -> Path:
        return self.root / "traces" / name.replace(" ", "-")

    def bring(self) -> None:
        """All files that are there now were there before."""
        self._brought = self._files()

    def left(self) -> set[Path]:
        """Files and empty folders that are new, relative to the machine."""
        return {path.relative_to(self.root) for path in self._files() - self._brought}

    def _files(self) -> set[Path]:
        places = [self.root / name for name in ("home", "tmp", "work")]
        return {
            path
            for place in places
            for path in place.rglob("*")
            if not path.is_dir() or not any(path.iterdir())
        }


@pytest.fixture(scope="module")
def told(tmp_path_factory):
    """A machine whose user wants onnxruntime's telemetry on, and what runs there meanwhile.

    None where there is no network of its own for it: it would send.
    """
    if traced.why_not():
        yield None
        return
    machine = Machine(tmp_path_factory.mktemp("telling"))
    with machine.running("import", ("-c", TELLING), **{ORT_DISABLE: "0"}) as process:
        yield machine, process


@pytest.fixture(scope="module")
def everyday(album, probe, tmp_path_factory, told):
    """The machine after a day of use; the other one waits meanwhile."""
    machine = Machine(tmp_path_factory.mktemp("everyday"))
    work = machine.root / "work"
    photos = sorted(album.rglob("IMG_*.jpg"))[:3]
    for folder in ("album", "texts", "followed", "out"):
        (work / folder).mkdir()
    for photo in photos:
        shutil.copy(photo, work / "album")
    with Image.open(photos[0]) as image:
        image.reduce(2).save(work / "album" / "smaller.png")  # files are read to be compared
    shutil.copy(probe, work)
    (work / "texts" / "boda.txt").write_text("La boda fue en Zaragoza, y llovía a cántaros.")
    (work / "every.py").write_text(EVERY)
    (work / "script.py").write_text(SCRIPT)
    (work / "served.py").write_text(SERVED)
    machine.bring()

    machine.run("index", (*RETRIEVE, "index", "album", "texts", "--collection", "collection"))
    following = ("watch", "followed", "--collection", "watched", "--debounce", ".2")
    started = time.monotonic()
    with machine.running("watch", (*RETRIEVE, *following)) as watch:
        for name, command in COMMANDS.items():
            machine.run(name, command)
        shutil.copy(photos[0], work / "followed")
        _until_followed(work / "watched")
        time.sleep(max(2.0, LONG_ENOUGH_S - (time.monotonic() - started)))
        os.killpg(watch.pid, signal.SIGINT)  # Ctrl-C
        said, _ = watch.communicate(timeout=PATIENCE_S)
    assert "1 new" in said
    (work / "followed" / photos[0].name).unlink()
    return machine


def _until_followed(collection: Path) -> None:
    """Wait until a photo was stored, however busy the machine is."""
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline:
        with (
            suppress(CollectionError),
            open_collection(collection, read_only=True) as opened,
        ):
            if opened.info().counts["photos"]:
                return
        time.sleep(0.2)
    raise AssertionError("the photo was not followed")


@pytest.fixture(scope="module")
def telling(told):
    """The machine with telemetry on, when all has ended there."""
    if told is None:
        pytest.skip(f"tracing {traced.why_not()}")
    machine, process = told
    begun = time.monotonic()
    while process.poll() is None and "AF_INET" not in traced.families(machine.trace("import")):
        waited_s = time.monotonic() - begun
        if waited_s > PATIENCE_S or (waited_s > LONG_ENOUGH_S and not machine.left()):
            break
        time.sleep(0.2)
    (machine.root / "work" / "enough").touch()
    machine.end("import", process)
    (machine.root / "work" / "enough").unlink()
    return machine


@pytest.fixture
def _tracing():
    if reason := traced.why_not():
        pytest.skip(f"tracing {reason}")


def _within(path: Path, machine: Machine, places: tuple[str, ...]) -> bool:
    """Whether it lies in one of them, or is a folder that leads to one."""
    whole = [machine.root / place for place in places]
    return any(path.is_relative_to(place) or place.is_relative_to(path) for place in whole)


def test_nothing_is_left_but_collections_and_our_cache(everyday):
    left = everyday.left()
    assert {path for path in left if not _within(everyday.root / path, everyday, OURS)} == set()
    for place in OURS:
        assert any(path.is_relative_to(place) for path in left), f"nothing was looked at in {place}"


@pytest.mark.usefixtures("_tracing")
def test_a_large_catalog_is_written_anew_within_its_collection(tmp_path):
    machine = Machine(tmp_path / "machine")
    (machine.root / "work" / "large.py").write_text(LARGE)
    machine.run("large", ("large.py",))
    made = traced.made(machine.trace("large"), machine.root / "work")
    assert any("etilqs" in path.name for path in made)  # what SQLite calls its temporary files
    assert {path for path in made if not _within(path, machine, ("work/col'lection",))} == set()


@pytest.mark.usefixtures("_tracing")
@pytest.mark.parametrize("name", EVERYDAY)
def test_no_socket_is_opened_but_local_ones(everyday, name):
    probing = {"AF_INET6"} if name in PROBING else set()
    assert traced.families(everyday.trace(name)) <= {"AF_UNIX"} | probing
    assert traced.reached(everyday.trace(name)) == set()


@pytest.mark.usefixtures("_tracing")
@pytest.mark.parametrize("name", EVERYDAY)
def test_no_file_is_written_elsewhere_not_even_for_a_moment(everyday, name):
    made = traced.made(everyday.trace(name), everyday.root / "work")
    elsewhere = {path for path in made if not _within(path, everyday, (*OURS, *PASSING))}
    assert {path for path in elsewhere if path.parent != SHARED} == set()


def test_the_look_out_sees_the_files_of_onnxruntimes_telemetry(telling):
    left = {str(path) for path in telling.left()}
    if not left:
        pytest.skip("this onnxruntime keeps no events")
    assert "tmp/.ses" in left
    assert any(".onnxruntime" in path for path in left)


@pytest.mark.usefixtures("_tracing")
def test_the_look_out_sees_the_sockets_of_onnxruntimes_telemetry(telling):
    made = traced.made(telling.trace("import"), telling.root / "work")
    if not made:
        pytest.skip("this onnxruntime keeps no events")
    assert telling.root / "tmp" / ".ses" in made
    assert "AF_INET" in traced.families(telling.trace("import"))


@pytest.mark.parametrize(("wanted", "found"), [(None, "1"), ("0", "0"), ("", "")])
def test_telemetry_is_off_unless_the_user_says_otherwise(wanted, found):
    given = {key: value for key, value in os.environ.items() if key != ORT_DISABLE}
    if wanted is not None:
        given[ORT_DISABLE] = wanted
    code = f"import retrieve, os; print(os.environ['{ORT_DISABLE}'])"
    said = subprocess.run(
        [sys.executable, "-c", code], env=given, capture_output=True, text=True, check=True
    )
    assert said.stdout == f"{found}\n"


def test_the_list_of_fonts_lies_in_our_cache_unless_the_user_says_where(tmp_path, monkeypatch):
    monkeypatch.setenv("RETRIEVE_CACHE", str(tmp_path))
    monkeypatch.setenv("MPLCONFIGDIR", "elsewhere")
    fonts_in_cache()
    assert os.environ["MPLCONFIGDIR"] == "elsewhere"
    monkeypatch.delenv("MPLCONFIGDIR")
    fonts_in_cache()
    assert os.environ["MPLCONFIGDIR"] == str(tmp_path / "matplotlib")
    assert (tmp_path / "matplotlib").is_dir()
