"""What a shell offers for a word that is begun: persons, networks, spaces.

    retrieve --install-completion

Nothing is written and nothing is said where a collection cannot be read: the shell offers less.
"""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

import typer

from retrieve.errors import RetrievalError

Offered = list[tuple[str, str]]  # a word, and what is said beside it


def persons(ctx: typer.Context, incomplete: str) -> Offered:
    """Everybody of the collection, by name, or as #id."""
    from retrieve.indexes.catalog.database import open_database
    from retrieve.indexes.catalog.persons import persons as of_all
    from retrieve.indexes.opened import CATALOG

    where = Path(str(ctx.params["collection"]))
    with suppress(RetrievalError):
        database = open_database(where / CATALOG, read_only=True)
        try:
            found = [
                (one.shown, f"{one.faces} face{'' if one.faces == 1 else 's'}")
                for one in of_all(database, named=False)
                if one.faces
            ]
        finally:
            database.conn.close()
        return _beginning(found, incomplete)
    return []


def models(incomplete: str) -> Offered:
    """Embedders of faces: those that were measured, all weights, the ones that were trained."""
    from retrieve.faces.embedding.figures import measured
    from retrieve.faces.embedding.trained.file import names
    from retrieve.networks.weights import TABLE

    found = {one.name: f"{one.dim} dimensions" for one in measured()}
    found |= {name: row.what for name, row in TABLE.items() if row.dim and name not in found}
    found |= dict.fromkeys(names(), "trained here")
    return _beginning(found.items(), incomplete)


def detectors(incomplete: str) -> Offered:
    """Face detectors."""
    return _beginning([("centerface", "the default"), ("mtcnn", "")], incomplete)


def encoders(incomplete: str) -> Offered:
    """Text encoders."""
    found = [
        ("static", "the default"),
        ("lstm", "the default of older versions"),
        ("words", "a mean of word vectors"),
        ("e5", "a hundred languages, an extra"),
    ]
    return _beginning(found, incomplete)


def spaces(incomplete: str) -> Offered:
    """The spaces of a collection."""
    return _beginning([("faces", ""), ("passages", "of texts and photos")], incomplete)


def languages(incomplete: str) -> Offered:
    """Language models that ship or were trained."""
    from retrieve.text.language.model import known

    return _beginning([(name, "") for name in known()], incomplete)


def vectors(incomplete: str) -> Offered:
    """Word vectors that ship or were added."""
    from retrieve.indexes.words.stores import listing

    found = [(one.name, f"{one.words} words, {one.language}") for one in listing()]
    return _beginning(found, incomplete)


def _beginning(found: Iterable[tuple[str, str]], incomplete: str) -> Offered:
    return [(word, said) for word, said in found if word.startswith(incomplete)]
