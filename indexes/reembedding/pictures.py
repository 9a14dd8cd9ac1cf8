"""Photos that were indexed without a look at them as a whole, looked at now.

Each batch is committed to the space that is searched; a run that dies is gone on with by the next
one, which asks the catalog what is missing. Where another network has made the space, it is begun
anew first, in one transaction: its embeddings cannot be compared with ours.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from retrieve.errors import BadInput
from retrieve.indexes.building import workers
from retrieve.indexes.building.jobs import Looking, Whole
from retrieve.indexes.building.storing import BATCH_FILES
from retrieve.indexes.catalog import sums
from retrieve.indexes.catalog.database import among, writing
from retrieve.indexes.opened import Opened
from retrieve.indexes.reembedding.reading import holding
from retrieve.indexes.search import traces
from retrieve.indexes.vectors.spaces import Moved
from retrieve.pictures.embedding import embed
from retrieve.pictures.embedding.shown import Shown
from retrieve.types import Skipped

OnProgress = Callable[[int, int], None]  # photos done, of how many


@dataclass(slots=True)
class Looked:
    """What became of a collection whose photos were to be looked at as a whole.

    photos       that were looked at now
    already      that had been before
    left         files of photos that could not be read, and why: nothing is known of what they show
    begun_anew   another network had made the space
    interrupted  by Ctrl-C; what was looked at is kept
    """

    photos: int = 0
    already: int = 0
    left: list[Skipped] = field(default_factory=list)
    begun_anew: bool = False
    interrupted: bool = False

    @property
    def done(self) -> bool:
        """Whether there is nothing more to do."""
        return not self.interrupted


def reembed(
    opened: Opened,
    *,
    processes: int = workers.WORKERS,
    time_limit_s: float = workers.TIME_LIMIT_S,
    on_progress: OnProgress | None = None,
) -> Looked:
    """Look at all photos that nobody has looked at as a whole.

    raises  CollectionError if another process moves the space to another network meanwhile
    """
    db, shown = opened.db, opened.pictures.shown
    traces.finish(db, opened.path)
    report = Looked(begun_anew=_begun_anew(opened))
    _let_damaged_go(opened)
    missing = shown.missing()
    (photos,) = db.execute("SELECT count(*) FROM contents WHERE kind = 'photo'").fetchone()
    report.already = photos - len(missing)
    batch: list[tuple[int, Whole]] = []
    done = 0
    try:
        with opened.indexes_kept_up() as on_commit:
            found = workers.run(
                Looking().open,
                _sources(opened, missing, report),
                workers=processes,
                time_limit_s=time_limit_s,
            )
            for content_id, outcome in found:
                done += 1
                if isinstance(outcome, str):
                    _leave(opened, content_id, outcome, report)
                else:
                    batch.append((content_id, outcome))
                if len(batch) >= BATCH_FILES:
                    report.photos += _store(opened, batch, report)
                    batch = []
                    on_commit()
                if on_progress is not None:
                    on_progress(done + len(report.left), len(missing))
            report.photos += _store(opened, batch, report)
    except KeyboardInterrupt:
        report.interrupted = True
        return report
    opened.pictures.engine.build()
    report.left.sort(key=lambda item: item.path)
    return report


def _begun_anew(opened: Opened) -> bool:
    """Let embeddings of another network go, and what they are of; returns whether there were."""
    pictures, made_by = opened.pictures, embed.made_by()
    space = pictures.vectors.space()
    if space is None or made_by.items() <= space.made_by.items():
        return False
    with writing(opened.db):
        found = opened.db.execute("SELECT content_id, row FROM pictures").fetchall()
        pictures.remove(found)
        opened.db.execute("DELETE FROM spaces WHERE name = ?", [space.name])
        for table in ("segments", "dead", "caches"):
            opened.db.execute(f"DELETE FROM {table} WHERE space = ?", [space.name])
        # Another generation: the file of this one may be mapped by somebody.
        dim = embed.open_picture_embedder().dim
        pictures.vectors.create(
            type(space)(space.name, space.items, made_by, dim, generation=space.generation + 1)
        )
        traces.mark(opened.db)
    pictures.vectors.remove_leftovers()
    traces.finish(opened.db, opened.path)
    return True


def _let_damaged_go(opened: Opened) -> None:
    """Take what is known of photos out whose rows are not what was written: they are looked at
    again. A row may have been another photo's, which its neighbours tell; where rows are there no
    more, so are those of which none is left.
    """
    db = opened.db
    with writing(db):
        contents: set[int] = set()
        for table in ("pictures", "classes"):
            for id in sums.damaged(db, table):
                assert isinstance(id, int)
                query = f"SELECT content_id FROM {table} WHERE id BETWEEN ? AND ?"
                contents |= {one for (one,) in db.execute(query, [id - 1, id + 1])}
                if table == "pictures":
                    found = db.execute("SELECT row FROM pictures WHERE id = ?", [id]).fetchall()
                    opened.pictures.vectors.kill(row for (row,) in found)
                db.execute(f"DELETE FROM {table} WHERE id = ?", [id])
                db.execute(f"DELETE FROM sums_{table} WHERE id = ?", [id])
        if contents:
            lost = "SELECT content_id FROM pictures EXCEPT SELECT content_id FROM classes"
            contents |= {one for (one,) in db.execute(lost)}
        opened.pictures.remove(
            among(db, "SELECT content_id, row FROM pictures WHERE content_id", contents)
        )
        opened.pictures.shown.remove(contents)
    if opened.pictures.vectors.space() is not None:
        opened.pictures.vectors.wipe()


def _sources(opened: Opened, missing: list[int], report: Looked) -> Iterator[tuple[int, Path]]:
    """Photos with a file that still has their content."""
    for content_id in missing:
        row = opened.db.execute("SELECT sha256 FROM contents WHERE id = ?", [content_id]).fetchone()
        if row is None:
            continue  # forgotten meanwhile
        try:
            yield content_id, holding(opened.catalog.paths_of(content_id), row[0])
        except BadInput as error:
            _leave(opened, content_id, str(error), report)


def _store(opened: Opened, batch: list[tuple[int, Whole]], report: Looked) -> int:
    """Keep what was seen, of photos that are still those; returns of how many."""
    if not batch:
        return 0
    made_by = embed.made_by()
    with writing(opened.db):
        space = opened.pictures.vectors.space()
        if space is not None and not made_by.items() <= space.made_by.items():
            raise Moved(opened.path, space)
        looked: list[tuple[int, Shown]] = []
        for content_id, whole in batch:
            query = "SELECT sha256 FROM contents WHERE id = ?"
            row = opened.db.execute(query, [content_id]).fetchone()
            if row is not None and row[0] != whole.sha256:
                _leave(opened, content_id, "its file changed while it was read", report)
            elif row is not None:
                looked.append((content_id, whole.shown))
        return opened.pictures.store(looked, made_by)


def _leave(opened: Opened, content_id: int, reason: str, report: Looked) -> None:
    known = opened.catalog.paths_of(content_id)
    path = known[0] if known else Path("a file that was replaced")
    report.left.append(Skipped(path, reason))
