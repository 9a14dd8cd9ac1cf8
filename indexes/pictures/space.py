"""Whole photos of a collection: stored with their embeddings and classes, and searched."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np
from sqlite_utils import Database

from retrieve.errors import CollectionError
from retrieve.indexes.catalog.filters import PICTURES
from retrieve.indexes.pictures.shown import Shown
from retrieve.indexes.search.engine import Engine, Loaded
from retrieve.indexes.vectors.spaces import Space, VectorSpace
from retrieve.pictures.embedding import shown

MADE_BY = ("picture_embedder", "picture_embedder_sha256")


class Pictures:
    """The whole photos of one collection, as one thread sees them."""

    def __init__(
        self, db: Database, folder: Path, *, device: str = "cpu", loaded: Loaded | None = None
    ) -> None:
        self._folder = folder
        self.vectors = VectorSpace(db, folder, PICTURES)
        self.engine = Engine(db, folder, self.vectors, device=device, loaded=loaded)
        self.shown = Shown(db)

    def space(self) -> Space:
        """What the catalog says of them; raises CollectionError if there are none yet."""
        space = self.vectors.space()
        if space is None:
            raise CollectionError(none_looked_at(self._folder))
        return space

    def check(self, made_by: Mapping[str, str]) -> None:
        """Another network gives vectors that cannot be compared with the stored ones.

        made_by  as made_by() gives it
        raises   CollectionError that names both
        """
        check_made_by(self.vectors.space(), self._folder, made_by)

    def store(self, looked: Sequence[tuple[int, shown.Shown]], made_by: Mapping[str, str]) -> int:
        """Store what contents show, and return how many are new; inside a transaction.

        Those that were looked at before stay as they are.
        raises  CollectionError if the stored ones were made with another network
        """
        new = {id: one for id, one in looked if not self.shown.holds(id)}
        if not new:
            return 0
        self.check(made_by)
        rows = np.stack([one.embedding for one in new.values()])
        if self.vectors.space() is None:
            self.vectors.create(Space(PICTURES, PICTURES, dict(made_by), rows.shape[1]))
        first = self.vectors.append(rows, made_by=made_by)
        self.shown.add(first, ((id, one.classes) for id, one in new.items()))
        return len(new)

    def remove(self, items: Iterable[tuple[int, int]]) -> None:
        """Take whole photos, (content id, row), out; inside a transaction."""
        every = list(items)
        if every:
            self.vectors.kill(row for _, row in every)
            self.engine.disown()
            self.shown.remove(id for id, _ in every)


def none_looked_at(folder: Path) -> str:
    """What is said of a collection in which there is no whole photo."""
    return (
        f"no whole photo was looked at in {folder} yet: retrieve index FOLDER, or, for photos that "
        "were indexed before, retrieve reembed --pictures"
    )


def check_made_by(space: Space | None, folder: Path, made_by: Mapping[str, str]) -> None:
    """Pictures.check() of what a collection in a folder holds."""
    if space is None or dict(made_by).items() <= space.made_by.items():
        return
    (name, sha256), (asked, other) = (
        [said[key] for key in MADE_BY] for said in (space.made_by, made_by)
    )
    raise CollectionError(
        f"{folder} holds whole photos as {name} sees them (weights {sha256[:8]}); this version of "
        f"retrieve looks with {asked} ({other[:8]}). Let them be looked at again: retrieve reembed "
        "--pictures; or leave them as they are with --no-pictures"
    )
