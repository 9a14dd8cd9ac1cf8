"""A collection → XMP files for other programs: who is where in each photo.

Beside the photos, or in a folder of their own, in the photos' folders below it. What a file there
says already is kept (retrieval/metadata/regions/writing.py); a file that cannot be kept is left as
it is, and reported.
"""

from __future__ import annotations

import os
import shutil
import stat
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from sqlite_utils import Database

from retrieve.cache import replacing
from retrieve.descriptions import orientation_of
from retrieve.errors import BadInput, CollectionError
from retrieve.indexes.catalog.database import among
from retrieve.indexes.catalog.filters import EVERYTHING, Filter, findable
from retrieve.indexes.catalog.paths import path_of
from retrieve.indexes.catalog.sums import check_table
from retrieve.indexes.collection import Collection
from retrieve.metadata.regions.areas import Region, as_area, stored, turned_size
from retrieve.metadata.regions.writing import with_people
from retrieve.photos import RAW_SUFFIXES, SUFFIXES
from retrieve.types import Skipped

OnProgress = Callable[[int, int], None]  # photos so far, photos in all
SUFFIX = ".xmp"
MAX_BYTES = 1 << 24  # of a file that is to be kept


@dataclass(slots=True)
class Written:
    """What was done, counted in files.

    files      that are new
    changed    that were there, and say more now
    unchanged  that say all that already
    skipped    photos and files that were left alone, with the reason
    below      the folder whose folders stand below the one that was written to; None beside photos
    """

    files: int = 0
    changed: int = 0
    unchanged: int = 0
    skipped: list[Skipped] = field(default_factory=list)
    below: Path | None = None


@dataclass(frozen=True, slots=True)
class _Pictured:
    """A file with a photo of named people, as the catalog knows it.

    size  of the photo as it is shown: width, height
    """

    path: Path
    size_bytes: int
    mtime_ns: int
    size: tuple[int, int]
    people: tuple[tuple[str, tuple[float, ...], bool], ...]


def export_sidecars(
    collection: Collection,
    folder: Path | None = None,
    *,
    wanted: Filter = EVERYTHING,
    on_progress: OnProgress | None = None,
) -> Written:
    """Write who is where in every photo in which somebody has a name.

    folder  where the files are to lie; None is beside the photos, where other programs look
    wanted  what a face in the photo has to satisfy; all people in it are written
    raises  BadInput if the folder cannot be written, CollectionError if nothing was indexed

    The photos are only looked at. A file appears whole or not at all.
    """
    if collection.faces.space() is None:
        raise CollectionError(
            f"no photo was indexed into {collection.path} yet: retrieve index FOLDER"
        )
    report = Written()
    photos = collection.opened.consistently(lambda: list(_pictured(collection, wanted)))
    if folder is not None:
        folder = folder.absolute()
        report.below = _common(collection.db)
        _make(folder, collection.path)
    beside = _Beside()
    for done, photo in enumerate(photos, start=1):
        target = beside.target(photo.path)
        if folder is not None and report.below is not None:
            target = folder / target.relative_to(report.below)
        try:
            _write(photo, target, folder, report, collection.opened.notes())
        except BadInput as error:
            report.skipped.append(Skipped(target, str(error)))
        if on_progress is not None:
            on_progress(done, len(photos))
    return report


def _write(
    photo: _Pictured, target: Path, folder: Path | None, report: Written, noted_in: Path | None
) -> None:
    """One file; raises BadInput with the reason if it is left as it is."""
    try:
        status = photo.path.stat()
    except OSError as error:
        raise BadInput(f"the photo {_refused(error)}") from error
    if (status.st_size, status.st_mtime_ns) != (photo.size_bytes, photo.mtime_ns):
        raise BadInput("the photo has changed since it was indexed: retrieve index FOLDER")
    orientation = orientation_of(photo.path)
    width, height = photo.size
    people = []
    for name, box, guessed in photo.people:
        x1, y1, x2, y2 = box
        area = as_area(x1 / width, y1 / height, x2 / width, y2 / height)
        if area is not None:
            people.append(Region(name, stored(area, orientation), guessed))
    try:
        if folder is not None:
            _check_way(target.parent, folder)
        before = _read(target)
        size = turned_size(photo.size, orientation)
        after = with_people(before, people, size=size, orientation=orientation)
        if after is None:
            report.unchanged += 1
            return
        if folder is not None:
            _folder(target.parent)
        with replacing(target, noted_in=noted_in) as part:
            part.write_bytes(after)
            if before is not None:
                shutil.copymode(target, part, follow_symlinks=False)
    except OSError as error:
        raise BadInput(_refused(error)) from error
    report.files += before is None
    report.changed += before is not None


def _refused(error: OSError) -> str:
    return f"cannot be read or written: {(error.strerror or str(error)).lower()}"


def _read(target: Path) -> bytes | None:
    """What a file says that is there, None for none; no link is followed."""
    try:
        fd = os.open(target, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    except OSError as error:
        if target.is_symlink():
            raise BadInput("it is a symbolic link, and is left as it is") from error
        raise
    with os.fdopen(fd, "rb") as file:
        status = os.fstat(fd)
        if not stat.S_ISREG(status.st_mode):
            raise BadInput("it is no plain file, and is left as it is")
        if status.st_size > MAX_BYTES:
            raise BadInput(f"it is larger than {MAX_BYTES >> 20} MiB, and is left as it is")
        return file.read(MAX_BYTES)


def _check_way(parent: Path, folder: Path) -> None:
    """No link on the way from the folder that the user named to a file's own."""
    way = [one for one in (parent, *parent.parents) if one.is_relative_to(folder) and one != folder]
    for one in way:
        if one.is_symlink():
            raise BadInput(f"{one} is a symbolic link, and is not followed")


def _make(folder: Path, collection: Path) -> None:
    if folder.resolve().is_relative_to(collection.resolve()):
        raise BadInput(f"{folder} is in the collection itself; name another folder")
    try:
        _folder(folder)
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise BadInput(f"cannot write to {folder}: {reason}") from error


def _folder(folder: Path) -> None:
    """As replacing() makes folders: for their owner alone."""
    if not folder.is_dir():
        _folder(folder.parent)
        folder.mkdir(0o700, exist_ok=True)


def _pictured(collection: Collection, wanted: Filter) -> Iterator[_Pictured]:
    """Every file with a photo in which somebody has a name, by path; inside one transaction."""
    db = collection.db
    check_table(db, "contents", "paths", "faces", "persons")
    query = (
        "SELECT faces.content_id, name, x1, y1, x2, y2, by FROM faces "
        "JOIN persons ON persons.id = person_id JOIN contents ON contents.id = faces.content_id "
        "WHERE name IS NOT NULL AND contents.live ORDER BY faces.content_id, number"
    )
    people: dict[int, list[tuple[str, tuple[float, ...], bool]]] = {}
    for content_id, name, *box, by in db.execute(query):
        people.setdefault(content_id, []).append((name, tuple(box), by != "human"))
    if wanted != EVERYTHING:
        kept = _satisfying(collection, wanted)
        people = {id: found for id, found in people.items() if id in kept}
    files = among(
        db,
        "SELECT path, paths.size_bytes, mtime_ns, width, height, content_id FROM paths "
        "JOIN contents ON contents.id = content_id WHERE NOT gone AND content_id",
        people,
    )
    for path, size_bytes, mtime_ns, width, height, id in sorted(files, key=lambda one: str(one[0])):
        yield _Pictured(path_of(path), size_bytes, mtime_ns, (width, height), tuple(people[id]))


def _satisfying(collection: Collection, wanted: Filter) -> set[int]:
    """Photos with a face that satisfies the conditions."""
    keep = findable(collection.db, collection.faces.required().rows, wanted)
    rows = collection.db.execute("SELECT content_id, row FROM faces")
    return {id for id, row in rows if keep is None or (row < len(keep) and keep[row])}


def _common(db: Database) -> Path:
    """The folder that holds all photos that are there: conditions do not change it."""
    query = (
        "SELECT path FROM paths JOIN contents ON contents.id = content_id "
        "WHERE NOT gone AND kind = 'photo'"
    )
    folders = {os.path.dirname(path_of(path)) for (path,) in db.execute(query)}  # noqa: PTH120
    return Path(os.path.commonpath(folders)) if folders else Path("/")


class _Beside:
    """Which file describes a photo for other programs: ana.jpg.xmp, and of a raw file ana.xmp,
    where Lightroom looks; of both the one that is there.

    Where two photos differ in their suffix alone, ana.xmp is the raw one's.
    """

    def __init__(self) -> None:
        self._stems: dict[Path, Counter[str]] = {}

    def target(self, photo: Path) -> Path:
        is_raw = photo.suffix.lower() in RAW_SUFFIXES
        own, shared = photo.with_name(photo.name + SUFFIX), photo.with_suffix(SUFFIX)
        if os.path.lexists(own) or not (is_raw or os.path.lexists(shared)):
            return own
        return shared if is_raw or self._alone(photo) else own

    def _alone(self, photo: Path) -> bool:
        """Whether no other photo lies there that differs in its suffix alone."""
        if photo.parent not in self._stems:
            stems: Counter[str] = Counter()
            with suppress(OSError):
                stems.update(
                    Path(name).stem
                    for name in os.listdir(photo.parent)  # noqa: PTH208
                    if Path(name).suffix.lower() in SUFFIXES
                )
            self._stems = {photo.parent: stems}  # photos come folder by folder
        return self._stems[photo.parent][photo.stem] < 2
