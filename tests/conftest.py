from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest
from hypothesis import settings

from retrieve.indexes.catalog import database
from retrieve.indexes.collection import open_collection
from retrieve.sample_data.album import write_album, write_probe

# The same examples in each run: what nobody has looked at fails where somebody looks, who asks for
# more by EXAMPLES=400 or so, and not where a change is to land.
settings.register_profile("suite", deadline=None, derandomize="EXAMPLES" not in os.environ)
settings.load_profile("suite")


@pytest.fixture(scope="session", autouse=True)
def shipped_synchronous():
    """Collections that are open in the tests' own process wait for no disk, which took as long as
    their work: only a power cut tells, and these are tried in processes of their own by
    indexes/upkeep/test_crash.py. Returns what SQLite is told in every other process.
    """
    shipped, database.SYNCHRONOUS = database.SYNCHRONOUS, "OFF"
    yield shipped
    database.SYNCHRONOUS = shipped


@pytest.fixture(scope="session")
def album(tmp_path_factory):
    """A drawn album of 12 photos of 3 people; its probe lies beside it."""
    folder = tmp_path_factory.mktemp("drawn") / "album"
    write_album(folder, people=3, photos=12, seed=1)
    write_probe(folder.parent / "probe.jpg", seed=1)
    return folder


@pytest.fixture(scope="session")
def probe(album):
    """One more picture of the album's person 0."""
    return album.parent / "probe.jpg"


@pytest.fixture(scope="session")
def indexed(album, tmp_path_factory):
    """A collection of that album by the networks that are installed; to be copied, not changed."""
    path = tmp_path_factory.mktemp("indexed") / "collection"
    with open_collection(path, create=True) as opened:
        opened.index([album])
    return path


# Files that take longest, the longest first. With pytest-xdist a file is one process's work, and
# a long one that began last would leave the other cores idle.
LONGEST = (
    *("indexes/upkeep/test_crash.py", "indexes/cluster/test_ray.py", "cli/test_cli.py"),
    *("indexes/test_collection.py", "test_privacy.py", "docs/test_commands.py", "test_programs.py"),
    *("docs/test_draw.py", "cli/web/test_browser.py", "cli/web/test_serving.py"),
    *("cli/test_words.py", "cli/test_evaluate_faces.py"),
    *("retrieval/faces/test_mtcnn.py", "retrieval/training/test_networks.py", "cli/test_life.py"),
    *("cli/test_light.py", "docs/test_es.py", "cli/test_reembed.py", "cli/test_language.py"),
    *("cli/test_search_texts.py", "cli/test_classify.py", "cli/test_search.py"),
    *("retrieval/training/test_language_model.py", "sample_data/test_cast.py"),
    *("retrieval/faces/test_embed.py", "retrieval/training/test_faces.py", "indexes/test_watch.py"),
    *("indexes/building/test_processes.py", "indexes/building/test_own_networks.py"),
)


def pytest_configure(config):
    """pytest-xdist would begin with the files of most tests. Ctrl-C counts, whatever began them: a
    shell lets what it starts in the background ignore it.
    """
    signal.signal(signal.SIGINT, signal.default_int_handler)
    if hasattr(config.option, "loadscopereorder"):
        config.option.loadscopereorder = False


def pytest_collection_modifyitems(items):
    """Those first, within a file in the order in which they stand."""
    place = {Path(__file__).parent / name: i for i, name in enumerate(LONGEST)}
    items.sort(key=lambda item: place.get(item.path, len(LONGEST)))
