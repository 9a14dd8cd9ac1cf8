"""The Python API in the programs that people write: scripts, threads, servers, notebooks."""

from __future__ import annotations

import asyncio
import os
import re
import shutil
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

import retrieve

ROOT = Path(__file__).parents[1]
# Without a guard, as most people's first script.
UNGUARDED = """
import sys
import retrieve
with retrieve.open_collection(sys.argv[2], create=True) as collection:
    print(collection.index([sys.argv[1]]).new)
"""


# Many threads search while the collection is closed: each is answered or told so.
CLOSED = """
import sys, threading, time
import retrieve

collection = retrieve.open_collection(sys.argv[1])
said = []

def search():
    try:
        while True:
            collection.search_stored(1, k=3, threshold=-1)
            collection.search_texts("la boda de Rosario")
    except retrieve.BadInput as error:
        said.append(str(error))

threads = [threading.Thread(target=search) for _ in range(6)]
for thread in threads: thread.start()
time.sleep(.5)
collection.close()
for thread in threads: thread.join()
print(len(said), all("was closed" in one for one in said))
"""


@pytest.fixture(scope="module")
def home(album, probe, tmp_path_factory):
    """A home with Pictures, a few of them, Documents, and photos that the API's example names."""
    folder = tmp_path_factory.mktemp("home")
    shutil.copytree(album, folder / "Pictures")
    for name in ("Documents", "Few"):
        (folder / name).mkdir()
    for photo in sorted(album.rglob("IMG_*.jpg"))[:2]:
        shutil.copy(photo, folder / "Few")
    text = "Querida Rosario: fue una boda alegre en Zaragoza, con toda la familia y mucha lluvia."
    (folder / "Documents" / "carta.txt").write_text(text)
    for name in ("ana.jpg", "a.jpg", "b.jpg", "group.jpg"):
        shutil.copy(probe, folder / name)
    return folder


@pytest.fixture(scope="module")
def collection(home, tmp_path_factory):
    opened = retrieve.open_collection(tmp_path_factory.mktemp("shared") / "c", create=True)
    with opened:
        opened.index([home / "Pictures", home / "Documents"])
        yield opened


def _example(page: str) -> str:
    (code,) = re.findall(r"```python\n(.*?)```", (ROOT / page).read_text("utf-8"), re.DOTALL)
    return code


def _run(home, *command, stdin=None):
    # The cache of networks is the user's own, wherever the home of this test is.
    cache = os.environ.get("RETRIEVE_CACHE") or Path.home() / ".cache" / "retrieve"
    environment = os.environ | {"HOME": str(home), "RETRIEVE_CACHE": str(cache)}
    return subprocess.run(
        [sys.executable, *map(str, command)],
        capture_output=True,
        text=True,
        input=stdin,
        cwd=home,
        env=environment,
        check=False,
    )


def test_the_readmes_example_runs_behind_the_demo(home, collection, probe):
    (home / "demo").mkdir()
    (home / "demo" / "collection").symlink_to(collection.path)
    shutil.copy(probe, home / "demo")
    (home / "readme.py").write_text(_example("README.md"))
    done = _run(home, "readme.py")
    assert (done.stderr, done.returncode) == ("", 0)
    assert "IMG_" in done.stdout
    assert "carta.txt Querida Rosario" in done.stdout


def test_the_example_of_the_api_runs_when_it_is_pasted_into_a_file(home):
    (home / "example.py").write_text(_example("docs/python.md"))
    done = _run(home, "example.py")
    assert (done.stderr, done.returncode) == ("", 0)
    for found in ("carta.txt", "reina", "IMG_", "(1, 128)"):
        assert found in done.stdout


@pytest.mark.parametrize("way", ["file", "stdin", "-c"])
def test_a_script_without_a_guard_indexes(home, tmp_path, way):
    where = (home / "Few", tmp_path / "c")
    script = tmp_path / "script.py"
    script.write_text(UNGUARDED)
    command = {"file": [script], "stdin": ["-"], "-c": ["-c", UNGUARDED]}[way]
    done = _run(home, *command, *where, stdin=UNGUARDED if way == "stdin" else None)
    assert (done.stdout, done.stderr, done.returncode) == ("2\n", "", 0)


def _answers(collection, probe):
    by_face = [(hit.face_id, round(hit.score, 4)) for hit in collection.search_faces(probe, k=4)]
    texts = [hit.passage_id for hit in collection.search_texts("la boda de Rosario", k=3)]
    both = [hit.passage_id for hit in collection.search_both(probe, "IMG", k=3)]
    stored = [hit.face_id for hit in collection.search_stored(by_face[0][0], k=3)]
    return by_face, texts, both, stored


def test_eight_threads_find_what_one_finds(collection, probe):
    alone = _answers(collection, probe)
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda _: _answers(collection, probe), range(16)))
    assert found == [alone] * 16


def test_threads_search_while_another_one_indexes(home, album, probe, tmp_path):
    with retrieve.open_collection(tmp_path / "c", create=True) as opened:
        first = min(path for path in album.iterdir() if path.is_dir())
        opened.index([home / "Documents", first])

        def faces():
            return len(opened.search_faces(probe, k=100, threshold=-1))

        with ThreadPoolExecutor(4) as pool:
            counts = [faces()]
            indexing = pool.submit(opened.index, [album])
            while not indexing.done():
                searches = [pool.submit(faces) for _ in range(3)]
                counts += [search.result() for search in searches]
            assert indexing.result().new > 0
        assert min(counts) == counts[0]
        assert max(counts) <= faces() == opened.info().counts["faces"]


def test_a_server_that_awaits_answers_them_all(collection, probe):
    async def serve():
        asked = [asyncio.to_thread(_answers, collection, probe) for _ in range(6)]
        return await asyncio.gather(*asked)

    assert asyncio.run(serve()) == [_answers(collection, probe)] * 6


@pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="needs /proc to count open files")
def test_threads_that_end_leave_no_connection(collection):
    def connections():
        found = [Path("/proc/self/fd", name) for name in os.listdir("/proc/self/fd")]  # noqa: PTH208
        return sum(str(one.readlink()).endswith(".sqlite") for one in found if one.is_symlink())

    before = connections()
    for _ in range(5):
        with ThreadPoolExecutor(1) as pool:
            pool.submit(collection.search_texts, "boda").result()
    assert connections() == before


def test_the_api_runs_in_a_notebook(home, tmp_path):
    nbformat = pytest.importorskip("nbformat", reason="needs the extra dev")
    nbclient = pytest.importorskip("nbclient", reason="needs the extra dev")
    cells = [
        "import retrieve\n"
        f"collection = retrieve.open_collection({str(tmp_path / 'c')!r}, create=True)\n"
        f"collection.index([{str(home / 'Pictures')!r}])",
        f"found = collection.search_faces({str(home / 'ana.jpg')!r}, k=3)\nfound",
        "found[0]",
        f"retrieve.detect({str(home / 'group.jpg')!r})",
        "import asyncio\n"
        f"len(await asyncio.to_thread(collection.search_faces, {str(home / 'ana.jpg')!r}))",
    ]
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
    limits = {"timeout": 600, "startup_timeout": 600}
    nbclient.NotebookClient(notebook, kernel_name="python3", **limits).execute()
    shown = [cell.outputs[-1].data for cell in notebook.cells]
    assert shown[0]["text/plain"].startswith("Report(new=13")
    for at, pictures in ((1, 3), (2, 1), (3, 1)):
        assert shown[at]["text/html"].count("data:image/jpeg;base64,") == pictures
        assert len(shown[at]["text/plain"]) < 300
    assert int(shown[4]["text/plain"]) > 0


def test_closing_while_others_search_ends_them_in_words(home, collection):
    done = _run(home, "-c", CLOSED, collection.path)
    assert (done.stdout, done.stderr, done.returncode) == ("6 True\n", "", 0)


def test_a_thread_that_comes_while_it_is_closed_gets_no_connection(home, tmp_path):
    opened = retrieve.open_collection(tmp_path / "c", create=True)
    connecting, closed = threading.Event(), threading.Event()
    connect = opened._connections._connect

    def slowly():
        connecting.set()
        closed.wait(600)
        return connect()

    opened._connections._connect = slowly
    with ThreadPoolExecutor(1) as pool:
        late = pool.submit(opened.info)
        connecting.wait(600)
        opened.close()
        closed.set()
        with pytest.raises(retrieve.BadInput, match="was closed"):
            late.result()
