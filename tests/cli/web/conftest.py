"""A small collection without networks behind the application, and who asks it."""

from __future__ import annotations

import pytest
import small
from web_client import client_of

from retrieve.indexes.catalog.database import writing
from retrieve.indexes.people import statements


@pytest.fixture(scope="session")
def served(tmp_path_factory):
    """A collection of two persons, Ana named, in three photos, and a letter; not to be changed."""
    folder = tmp_path_factory.mktemp("served")
    with small.opened(folder / "collection") as collection:
        small.add(collection, folder / "beach.jpg", "ana eva", taken_at="2019-07-09T18:30:00")
        small.add(collection, folder / "party.jpg", "ana", taken_at="2020-01-01")
        small.add(collection, folder / "<b>old</b>.jpg", "eva")
        letters = folder / "letters"
        letters.mkdir()
        (letters / "carta.txt").write_text("Querida Ana: la boda fue en Zaragoza.\n")
        small.index_all(collection, letters)
        with writing(collection.db):
            statements.say_name(collection.db, "Ana", [1])
        yield collection


@pytest.fixture
def client(served):
    """A program with the token."""
    return client_of(served)


@pytest.fixture
def stranger(served):
    """Whoever has no token."""
    return client_of(served, token=None)
