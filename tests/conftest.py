from __future__ import annotations

import os

import pytest

from retrieve.sample_data.album import write_album, write_probe

os.environ["ORT_DISABLE_TELEMETRY"] = "1"  # as retrieve.runtime does, for tests that import it


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
