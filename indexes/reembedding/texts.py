"""The passages of a collection, embedded anew by another encoder, from their stored texts.

No file is read: what a passage says stands in the catalog. Embeddings are kept as they are made
(resumed.py), and a run that is cut off is gone on with by the next one. What others index or forget
meanwhile is seen in the next round; the last one finds nothing to embed and puts all in the old
embeddings' place, in one transaction.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from retrieve.errors import CollectionError
from retrieve.indexes.catalog.database import writing
from retrieve.indexes.opened import Opened
from retrieve.indexes.reembedding.staged import BLOCK_ROWS
from retrieve.indexes.search import traces
from retrieve.indexes.search.texts import Encoding, Texts
from retrieve.indexes.vectors import resumed
from retrieve.indexes.vectors.resumed import Resumed, key_of
from retrieve.types import Embeddings

if TYPE_CHECKING:
    from retrieve.text.encoders.encode import TextEncoder

AT_ONCE = 256  # texts embedded between two flushes
LISTED = 4096  # passages asked of the catalog at once

OnProgress = Callable[[int, int], None]  # passages that are embedded, of how many


@dataclass(frozen=True, slots=True)
class Moved:
    """What became of the texts of a collection that was to move to another encoder.

    before, after  the encoders, each with its SHA-256, and the language of the words
    done           it holds the embeddings of `after`; else those of `before`, and what is made is
                   kept for the next run
    already        it did before: nothing was to be done
    passages       that are embedded
    resumed        of them, by an earlier run
    left_out       passages of which the encoder knows nothing: they are no longer found
    interrupted    by Ctrl-C
    """

    before: Mapping[str, str]
    after: Mapping[str, str]
    done: bool = False
    already: bool = False
    passages: int = 0
    resumed: int = 0
    left_out: int = 0
    interrupted: bool = False


def reembed(
    opened: Opened,
    encoder: str | TextEncoder,
    *,
    on_progress: OnProgress | None = None,
) -> Moved:
    """Move the texts of a collection to another encoder; the language of their words stays.

    raises  CollectionError if no text was indexed, or another process is doing the same; what
            opening the encoder raises
    """
    db, folder = opened.db, opened.path
    space = opened.texts.vectors.space()
    if space is None:
        raise CollectionError(f"no text was indexed into {folder} yet: retrieve index FOLDER")
    traces.finish(db, folder)
    wanted = Texts(db, folder, Encoding(encoder, space.made_by["language"]))
    report = Moved(space.made_by, wanted.made_by())
    same = all(report.before[what] == report.after[what] for what in ("encoder", "encoder_sha256"))
    if same:
        resumed.drop(folder)
        return replace(report, already=True, done=True, passages=opened.texts.passages.count())
    sha256 = report.after["encoder_sha256"]
    with resumed.resumed(folder, wanted.encoder.dim, sha256) as made:
        try:
            report = _Run(opened, wanted, made, report, on_progress).run()
        except KeyboardInterrupt:
            return replace(report, interrupted=True)
    resumed.drop(folder)
    opened.texts.use(wanted.encoder)
    traces.finish_or_raise(db, folder)
    opened.texts.engine.build()
    return report


class _Run:
    """One run, up to the switch."""

    def __init__(
        self,
        opened: Opened,
        wanted: Texts,
        made: Resumed,
        report: Moved,
        on_progress: OnProgress | None,
    ) -> None:
        self._opened = opened
        self._wanted = wanted
        self._encoder = wanted.encoder
        self._made = made
        self._report = report
        self._on_progress = on_progress

    def run(self) -> Moved:
        """Embed until nothing is left, then switch."""
        before = len(self._made.found)
        while True:
            self._embed()
            with writing(self._opened.db):
                if self._opened.texts.vectors.required().made_by != self._report.before:
                    raise CollectionError(
                        f"{self._opened.path} was moved to another encoder meanwhile; run again"
                    )
                if any(True for _ in self._waiting()):  # indexed since
                    continue
                passages, left_out = self._switch()
            return replace(
                self._report, done=True, passages=passages, resumed=before, left_out=left_out
            )

    def _texts(self) -> Iterator[tuple[int, str]]:
        """Ids and texts of all passages, by id."""
        last = -1
        query = "SELECT id, text FROM passages WHERE id > ? ORDER BY id LIMIT ?"
        while found := self._opened.db.execute(query, [last, LISTED]).fetchall():
            yield from found
            last = found[-1][0]

    def _waiting(self) -> Iterator[tuple[bytes, str]]:
        """Texts that are not embedded, each once, with their keys."""
        seen = set()
        for _, text in self._texts():
            key = key_of(text)
            if key in self._made.found or key in seen or not self._encoder.covers(text):
                continue
            seen.add(key)
            yield key, text

    def _embed(self) -> None:
        # Of like length together: the longest first, so that the time that is left is overstated.
        waiting = sorted(self._waiting(), key=lambda one: -len(one[1]))
        done = len(self._made.found)
        total = done + len(waiting)
        if self._on_progress is not None and waiting:
            self._on_progress(done, total)
        for start in range(0, len(waiting), AT_ONCE):
            some = waiting[start : start + AT_ONCE]
            embeddings = self._encoder.embed([text for _, text in some])
            self._made.add([key for key, _ in some], embeddings)
            if self._on_progress is not None:
                self._on_progress(done + start + len(some), total)

    def _switch(self) -> tuple[int, int]:
        """Let the passages have the new embeddings; returns how many, and how many are left out.

        Inside a write transaction.
        """
        opened, found = self._opened, self._made.found
        texts, db = opened.texts, opened.db
        texts.vectors.wipe_now()
        unknown = [(id,) for id, text in self._texts() if key_of(text) not in found]
        texts.passages.remove([id for (id,) in unknown])
        space = replace(
            texts.vectors.required(), made_by=dict(self._report.after), dim=self._encoder.dim
        )
        texts.vectors.begin_generation(self._blocks(), like=space)
        db.execute(
            "UPDATE passages SET row = place FROM (SELECT id AS item, row_number() OVER "
            "(ORDER BY id) - 1 AS place FROM passages) WHERE id = item"
        )
        texts.engine.disown()
        traces.mark(db)
        return texts.passages.count(), len(unknown)

    def _blocks(self) -> Iterator[Embeddings]:
        rows: list[Embeddings] = []
        for _, text in self._texts():
            rows.append(self._made.found[key_of(text)])
            if len(rows) == BLOCK_ROWS:
                yield np.array(rows, np.float32)
                rows = []
        if rows:
            yield np.array(rows, np.float32)
