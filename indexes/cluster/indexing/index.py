"""A cluster brought up to date with folders: the walk is cut, tasks read, one coordinator commits.

First all shards are brought up to date with the files that are theirs, and new ones are made. A
photo that two segments have is one photo: the shard that has it keeps it, and gets the other file
as one more path in a second round.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from retrieve.errors import BadInput, CollectionError
from retrieve.indexes.building.leaving import Leaving
from retrieve.indexes.building.storing import Report
from retrieve.indexes.catalog.paths import stored
from retrieve.indexes.cluster.engines.engine import Engine
from retrieve.indexes.cluster.indexing import committing, work
from retrieve.indexes.cluster.indexing.committing import OnBuilt
from retrieve.indexes.cluster.indexing.progress import Watching
from retrieve.indexes.cluster.indexing.routing import Unknown, Walked
from retrieve.indexes.cluster.indexing.task import Brought, Segment, Settings, bring
from retrieve.indexes.cluster.manifest import Manifest
from retrieve.indexes.collection import Collection

SEGMENT_FILES = 5_000  # three minutes of one core: then they are searched
ROUNDS = 4  # of files that change hands; what is left then is for the next run
SUMMED = (
    "new", "unchanged", "moved", "duplicate", "changed", "gone", "reread", "faces", "passages",
    "read",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Over:
    """Over what a run goes.

    unknown  says of some paths which a shard does not know
    release  lets the servers of the shards go: tasks are about to write to these
    """

    manifest: Manifest
    engine: Engine
    unknown: Unknown
    release: Callable[[], None]
    on_built: OnBuilt


def index(
    over: Over,
    settings: Settings,
    *,
    leaving: Leaving,
    segment_files: int | None = None,
    processes: int | None = None,
    tasks: int | None = None,
    on_progress: Any = None,
    on_words: Callable[[int, int], None] | None = None,
) -> Report:
    """Bring the cluster up to date; what a run that died has left is finished first.

    settings       of which `photos`, `unlisted` and `processes` are settled here
    segment_files  of a new shard; None is SEGMENT_FILES
    processes      of each task; None is one, and two where there is one task
    tasks          at a time; None is what the engine has room for
    raises         CollectionError if a segment could not be indexed: the others are, and so is
                   what was whole of that one; or if another coordinator is at work
    """
    files = SEGMENT_FILES if segment_files is None else segment_files
    if files < 1:
        raise BadInput(f"wanted segments of one file or more; got {files}")
    with over.manifest.coordinating():
        run = _Run(over, settings, processes, tasks)
        try:
            return run.run(leaving, files, Watching(on_progress, on_words))
        finally:
            work.remove(over.manifest.folder)


class _Run:
    def __init__(
        self, over: Over, settings: Settings, processes: int | None, tasks: int | None
    ) -> None:
        self._over, self._settings = over, settings
        self._manifest = over.manifest
        self._processes, self._tasks = processes, tasks
        self._report = Report()
        self._lost: dict[bytes, int] = {}
        self._failed: list[str] = []
        self._links: dict[int, list[Path]] = {}
        self._done: set[Segment] = set()

    def run(self, leaving: Leaving, segment_files: int, watching: Watching) -> Report:
        manifest, roots = self._manifest, list(self._settings.roots)
        committing.check_there(manifest)
        committing.finish(manifest, self._over.on_built)
        folder = work.begin(manifest.folder)
        walked = Walked(manifest, roots, leaving)
        begun: list[Segment] = []
        try:
            walked.route(segment_files, self._over.unknown)
            self._over.release()
            self._settle(walked)
            begun = list(self._segments(walked, folder))
            watching.of = sum(one.count for one in begun)
            with watching:
                self._round(begun, watching)
                for number in range(ROUNDS):
                    if not self._links or self._failed:
                        break
                    linked = list(self._linked(folder, number))
                    begun += linked
                    self._round(linked, watching)
        except KeyboardInterrupt:
            self._report.interrupted = True
            for one in begun:
                if one not in self._done:
                    self._add(work.told_report(one.told))
        finally:
            walked.close()
        if self._report.interrupted or self._failed:
            committing.finish(manifest, self._over.on_built)
        else:
            committing.end(manifest)
        self._report.skipped += walked.unlisted
        self._report.skipped.sort(key=lambda item: item.path)
        self._report.warnings.sort(key=lambda item: item.path)
        self._report.left_out = dict(sorted(leaving.met.items()))
        if self._failed:
            raise CollectionError(
                f"{'; '.join(self._failed)}. What is whole is kept; the next run goes on with it"
            )
        return self._report

    def _settle(self, walked: Walked) -> None:
        """What follows from the walk."""
        asked = self._settings.asked
        named = asked.detector is not None or asked.embedder is not None or asked.device != "cpu"
        self._settings = replace(
            self._settings,
            photos=named or walked.photos > 0,
            unlisted=tuple(one.path for one in walked.unlisted),
        )

    def _segments(self, walked: Walked, folder: Path) -> Iterator[Segment]:
        """All shards there are, for what is gone from them, and those that are to be made."""
        walked.index()
        shards = {one.number: one.folder for one in self._manifest.shards()}
        counts = walked.counts()
        lasts = dict(self._manifest.db.execute("SELECT number, last FROM shards").fetchall())
        for number in sorted(shards.keys() | counts.keys()):
            files = folder / f"{number:04}.files"
            yield Segment(
                number,
                shards.get(number, self._manifest.folder / committing.part_folder(number)),
                files,
                work.write_list(files, walked.files(number)),
                folder / f"{number:04}.json",
                lasts.get(number, 0),
                new=number not in shards,
            )

    def _linked(self, folder: Path, number: int) -> Iterator[Segment]:
        """What shards have to do with files whose content they hold."""
        links, self._links = self._links, {}
        shards = {one.number: one.folder for one in self._manifest.shards()}
        lasts = dict(self._manifest.db.execute("SELECT number, last FROM shards").fetchall())
        for shard, paths in sorted(links.items()):
            files = folder / f"{shard:04}.{number}.files"
            count = work.write_list(files, sorted({bytes(path) for path in paths}))
            told = folder / f"{shard:04}.{number}.json"
            yield Segment(shard, shards[shard], files, count, told, lasts[shard], linked=True)

    def _round(self, segments: Sequence[Segment], watching: Watching) -> None:
        """Run the tasks of some segments, and commit each when it has ended."""
        shards = {one.number for one in self._manifest.shards()}
        there = [one.number for one in segments if one.number in shards]
        with self._manifest.writing():
            self._manifest.db.execute(
                "INSERT INTO begun (what, with_what) VALUES (?, ?)",
                [committing.BEGUN, json.dumps(there)],
            )
        processes = self._processes or (1 if len(segments) > 1 else 2)
        settings = replace(self._settings, processes=processes, spaces=self._manifest.spaces())
        watching.watch([one.told for one in segments])
        jobs = ((settings, one) for one in segments if not self._failed)
        with closing(self._over.engine.run(bring, jobs, workers=self._tasks)) as running:
            for done in running:
                segment = segments[done.job]
                if done.result is None:
                    self._failed.append(
                        f"segment {segment.number} was not indexed to its end: {done.error}"
                    )
                    continue
                self._commit(segment, done.result, is_new=segment.number not in shards)
                if done.result.report.interrupted:
                    raise KeyboardInterrupt

    def _commit(self, segment: Segment, brought: Brought, *, is_new: bool) -> None:
        manifest, on_built = self._manifest, self._over.on_built
        committing.move(manifest, brought.links)
        if is_new:
            gone = committing.commit_part(manifest, segment.number, on_built)
        else:
            gone = committing.commit_shard(manifest, segment.number, on_built, brought.seen)
        self._done.add(segment)
        for path, holder in brought.links:
            self._links.setdefault(holder, []).append(path)
        for holder, paths in gone.links.items():
            self._links.setdefault(holder, []).extend(paths)
        self._add(brought.report)
        self._report.new -= gone.contents
        self._report.faces -= gone.faces
        self._report.passages -= gone.passages
        # What is gone from one shard and came to light in another one has moved.
        if segment.linked:
            self._report.gone -= sum(self._lost.pop(one, 0) for one in brought.revived)
        for sha256, count in brought.lost.items():
            self._lost[sha256] = self._lost.get(sha256, 0) + count

    def _add(self, report: Report) -> None:
        mine = self._report
        for name in SUMMED:
            setattr(mine, name, getattr(mine, name) + getattr(report, name))
        mine.skipped += report.skipped
        mine.warnings += report.warnings


def unknown_to(collection: Collection, paths: Sequence[Path]) -> list[Path]:
    """A question to a shard: which of some paths it does not know."""
    query = "SELECT 1 FROM paths WHERE path = ?"
    return [
        path for path in paths if collection.db.execute(query, [stored(path)]).fetchone() is None
    ]
