"""Backups that no collection of ours made: one good one, and a table of what is done to it.

Used by tests/indexes/upkeep/test_hostile.py, and by whoever measures damage: for each of
HOSTILE, `write(good, name, file)` makes the file, and restoring it has to end with one line,
soon, with nothing put in place.
"""

from __future__ import annotations

import hashlib
import json
import sqlite3
import struct
import tarfile
import zlib
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pretend
import small

from retrieve.indexes.catalog.database import writing
from retrieve.indexes.catalog.sums import teach
from retrieve.indexes.people import statements
from retrieve.indexes.upkeep.backup import backup
from retrieve.indexes.upkeep.forget import forget

CATALOG, MANIFEST = "catalog.sqlite", "manifest.json"
ENDLESS = (
    "WITH RECURSIVE n(id, name, key) AS (SELECT 1, 'Ana', 'ana' UNION ALL "
    "SELECT id + 1, name, key FROM n) SELECT id, name, key FROM n"
)


@dataclass(frozen=True, slots=True)
class Good:
    """A good backup: its members by name, and a folder to work in."""

    members: dict[str, bytes]
    folder: Path


def make(folder: Path) -> Good:
    """Back up a collection with faces, passages, a name, a place, a skipped file and dead rows."""
    photos, file = folder / "photos", folder / "good.tar"
    photos.mkdir(parents=True)
    for name, words in {
        "one": "ana",
        "group": "ana2 eva luis",
        "away": "gone",
        "bad": "bad",
    }.items():
        (photos / f"{name}.jpg").write_text(words)
    (photos / "letter.md").write_text("# Boda\n\nUna carta sobre la boda en Zaragoza.")
    with small.opened(folder / "collection") as opened:
        small.index(opened, photos)
        small.add(
            opened, "/album/place.jpg", "mar", taken_at="2019-05-01T10:00:00", place=(41.6, -1)
        )
        with writing(opened.db):
            statements.say_name(opened.db, "Ana", [small.face_of(opened, "ana")])
        forget(opened, paths=[photos / "away.jpg"])
        backup(opened, file)
    with tarfile.open(file, "r:") as tar:
        members = {info.name: tar.extractfile(info).read() for info in tar}  # type: ignore[union-attr]
    return Good(members, folder)


def write(good: Good, name: str, file: Path) -> Path:
    """Make the hostile backup of that name."""
    file.write_bytes(HOSTILE[name](good))
    return file


def tarred(members: dict[str, bytes], *more: bytes) -> bytes:
    """A tar as backup() writes them, more blocks before its end."""
    parts = []
    for name, data in members.items():
        parts += [head(name, len(data)), data, bytes(-len(data) % 512)]
    return b"".join([*parts, *more, bytes(1024)])


def head(name: str, size: int, kind: bytes = tarfile.REGTYPE, target: str = "") -> bytes:
    info = tarfile.TarInfo(name)
    info.size, info.type, info.linkname = size, kind, target
    return info.tobuf(tarfile.GNU_FORMAT)


def signed(good: Good, **manifest: Any) -> Callable[[dict[str, bytes]], bytes]:
    """Gives a function: members → a tar with a manifest that fits them."""

    def sign(changed: dict[str, bytes]) -> bytes:
        members = {**good.members, **changed}
        said = json.loads(members.pop(MANIFEST)) | manifest
        said["members"] = {
            name: {"size_bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()}
            for name, data in members.items()
        }
        return tarred(members | {MANIFEST: json.dumps(said).encode()})

    return sign


def changed(good: Good, *statements: str | tuple[str, list[Any]]) -> bytes:
    """The good catalog after these statements, with nothing that SQLite would keep them from."""
    path = good.folder / "changed.sqlite"
    path.write_bytes(good.members[CATALOG])
    with closing(sqlite3.connect(path, isolation_level=None)) as conn:
        teach(conn)  # its maker can sign what it says, too
        conn.execute("PRAGMA journal_mode = DELETE")
        for pragma in ("ignore_check_constraints", "writable_schema"):
            conn.execute(f"PRAGMA {pragma} = ON")
        for one in statements:
            conn.execute(one) if isinstance(one, str) else conn.execute(*one)
    data = path.read_bytes()
    path.unlink()
    return data


def _sql(*statements: str | tuple[str, list[Any]], **manifest: Any) -> Callable[[Good], bytes]:
    return lambda good: signed(good, **manifest)({CATALOG: changed(good, *statements)})


def _manifest(change: Callable[[dict[str, Any]], Any]) -> Callable[[Good], bytes]:
    def made(good: Good) -> bytes:
        said = json.loads(good.members[MANIFEST])
        text = change(said)
        data = text if isinstance(text, bytes) else json.dumps(said).encode()
        return tarred(good.members | {MANIFEST: data})

    return made


def _members(change: Callable[[dict[str, bytes]], dict[str, bytes]]) -> Callable[[Good], bytes]:
    """Members whose checksums are right."""
    return lambda good: signed(good)(change(dict(good.members)))


def _more(*blocks: bytes) -> Callable[[Good], bytes]:
    """Blocks before the members."""
    return lambda good: b"".join(blocks) + tarred(good.members)


def _catalog(change: Callable[[bytearray], None]) -> Callable[[Good], bytes]:
    def made(good: Good) -> bytes:
        data = bytearray(good.members[CATALOG])
        change(data)
        return signed(good)({CATALOG: bytes(data)})

    return made


def _circle(data: bytearray) -> None:
    """The schema's page becomes an inner one whose children are itself."""
    page_size = struct.unpack(">H", data[16:18])[0]
    data[100:page_size] = bytes(page_size - 100)
    data[100] = 5
    struct.pack_into(">HHHBI", data, 101, 0, 0, page_size, 0, 1)


def _twice(data: bytearray) -> None:
    """A table's pages: every inner page points to one child again and again."""
    page_size = struct.unpack(">H", data[16:18])[0]
    for start in range(page_size, len(data), page_size):
        if data[start] in (2, 5, 10, 13):
            data[start : start + page_size] = bytes(page_size)
            data[start] = 5
            child = min(start // page_size + 2, len(data) // page_size)
            cells = 200
            struct.pack_into(">HHHBI", data, start + 1, 0, cells, page_size - 6 * cells, 0, child)
            for i in range(cells):
                at = page_size - 6 * (i + 1)
                struct.pack_into(">H", data, start + 12 + 2 * i, at)
                struct.pack_into(">IB", data, start + at, child, i % 128)


def _put(**values: Any) -> Callable[[dict[str, Any]], None]:
    return lambda said: said.update(values)


def _everywhere(member: dict[str, Any]) -> Callable[[dict[str, Any]], None]:
    return lambda said: said["members"]["faces.f32"].update(member)


def _utf16(good: Good) -> bytes:
    """The same catalog with its texts in UTF-16."""
    path = good.folder / "utf16.sqlite"
    with (
        closing(sqlite3.connect(":memory:")) as old,
        closing(sqlite3.connect(path, isolation_level=None)) as new,
    ):
        old.deserialize(_no_log(good.members[CATALOG]))
        new.execute("PRAGMA encoding = 'UTF-16'")
        for line in old.iterdump():
            if "stems" not in line and "vocabulary" not in line:
                new.execute(line)
        for pragma in ("application_id", "user_version"):
            value = old.execute(f"PRAGMA {pragma}").fetchone()[0]
            new.execute(f"PRAGMA {pragma} = {value}")
    data = path.read_bytes()
    path.unlink()
    return signed(good)({CATALOG: data})


def _no_log(data: bytes) -> bytes:
    """Not in WAL mode, which a database in memory cannot have."""
    return data[:18] + b"\1\1" + data[20:]


def _value(table: str, column: str, value: Any) -> Callable[[Good], bytes]:
    """One value of one row."""
    return _sql(
        (f"UPDATE {table} SET {column} = ? WHERE rowid = (SELECT min(rowid) FROM {table})", [value])
    )


def _space(column: str, value: Any, space: str = "faces") -> Callable[[Good], bytes]:
    return _sql((f"UPDATE spaces SET {column} = ? WHERE name = ?", [value, space]))


def _instead(table: str, definition: str) -> Callable[[Good], bytes]:
    return _sql("PRAGMA legacy_alter_table = ON", f"ALTER TABLE {table} RENAME TO old", definition)


SIGNED = "UPDATE segments SET crc = ? WHERE space = 'faces'"
HOSTILE: dict[str, Callable[[Good], bytes]] = {
    # The tar
    "a member that climbs": _more(head("../evil.f32", 0)),
    "a member from /": _more(head("/tmp/evil.f32", 0)),
    "a symbolic link": _more(head("more.f32", 0, tarfile.SYMTYPE, "/etc/passwd")),
    "a hard link": _more(head("more.f32", 0, tarfile.LNKTYPE, "/etc/passwd")),
    "a pipe": _more(head("more.f32", 0, tarfile.FIFOTYPE)),
    "a device": _more(head("more.f32", 0, tarfile.CHRTYPE)),
    "a folder": _more(head("cache", 0, tarfile.DIRTYPE)),
    "a sparse file": _more(head("more.f32", 0, tarfile.GNUTYPE_SPARSE)),
    "an extended header": _more(
        head("x", 20, tarfile.XHDTYPE), b"20 path=../evil.f32\n" + bytes(492)
    ),
    "a long name": _more(
        head("././@LongLink", 9, tarfile.GNUTYPE_LONGNAME), b"../evil\0\0" + bytes(503)
    ),
    "a size of 8 EB": lambda good: head("more.f32", 1 << 62) + tarred(good.members),
    "a size below zero": _more(
        tarfile.TarInfo("more.f32")
        .tobuf(tarfile.GNU_FORMAT)
        .replace(b"00000000000\0", b"\xff" * 12, 1)
    ),
    "a member twice": _more(head("faces.f32", 0)),
    "a log beside the catalog": _members(lambda m: m | {"catalog.sqlite-wal": b"x" * 4096}),
    "a thousand members": _members(lambda m: m | {f"a{i}.f32": b"" for i in range(1000)}),
    "a vector file too many": _members(lambda m: m | {"more.f32": bytes(128)}),
    "no catalog": lambda good: tarred({k: v for k, v in good.members.items() if k != CATALOG}),
    "no manifest": lambda good: tarred({k: v for k, v in good.members.items() if k != MANIFEST}),
    # The manifest
    "a manifest of brackets": _manifest(lambda _: b"[" * 500_000),
    "a manifest of braces": _manifest(lambda _: b'{"a":' * 100_000),
    "a format of infinity": _manifest(lambda _: b'{"format":1e999,"catalog_format":1}'),
    "a format of no number": _manifest(lambda _: b'{"format":NaN,"catalog_format":1}'),
    "a format of 5,000 digits": _manifest(lambda _: b'{"format":' + b"9" * 5000 + b"}"),
    "a format of 4,000 digits": _manifest(
        lambda _: b'{"format":' + b"9" * 4000 + b',"catalog_format":1}'
    ),
    "a format that is true": _manifest(_put(format=True)),
    "a format of a list": _manifest(_put(format=[1])),
    "format 0": _manifest(_put(format=0)),
    "a catalog of format -3": _manifest(_put(catalog_format=-3)),
    "another format than the catalog's": _manifest(_put(catalog_format=1)),
    "members that are a list": _manifest(_put(members=[])),
    "a size that is a text": _manifest(_everywhere({"size_bytes": "x"})),
    "a size of infinity": _manifest(_everywhere({"size_bytes": float("inf")})),
    "a negative size": _manifest(_everywhere({"size_bytes": -1})),
    "a checksum that is none": _manifest(_everywhere({"sha256": "0" * 64})),
    "a checksum that is a list": _manifest(_everywhere({"sha256": ["x"]})),
    "a date with an escape": _manifest(_put(made_at="\x1b[2J2026")),
    # The schema
    "an endless view named persons": _instead("persons", f"CREATE VIEW persons AS {ENDLESS}"),
    "a view in the place of paths": _instead("paths", "CREATE VIEW paths AS SELECT * FROM old"),
    "a view more": _sql(f"CREATE VIEW more AS {ENDLESS}"),
    "a table more": _sql("CREATE TABLE more (x)"),
    "a table less": _sql("DROP TABLE persons"),
    "an index less": _sql("DROP INDEX faces_row"),
    "an index more": _sql("CREATE INDEX more ON faces (quality) WHERE abs(quality) > 0"),
    "a trigger on paths": _sql(
        "CREATE TRIGGER more AFTER INSERT ON paths BEGIN DELETE FROM faces; END"
    ),
    "a trigger on faces": _sql(
        "CREATE TRIGGER more BEFORE DELETE ON faces BEGIN SELECT RAISE(IGNORE); END"
    ),
    "a column more": _sql("ALTER TABLE persons ADD COLUMN more"),
    "a generated column": _sql("ALTER TABLE persons ADD COLUMN more AS (zeroblob(id * 1000000))"),
    "a constraint more": _instead(
        "persons",
        "CREATE TABLE persons (id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL, "
        "key TEXT NOT NULL UNIQUE, CHECK (randomblob(1000000000) <> id))",
    ),
    "another virtual table": _sql("CREATE VIRTUAL TABLE more USING fts5 (x)"),
    "words of another tokenizer": _sql(
        "DROP TABLE stems", "CREATE VIRTUAL TABLE stems USING fts5 (title, body)"
    ),
    "words that are a table": _sql("DROP TABLE stems", "CREATE TABLE stems (title, body)"),
    "a schema that is no SQL": _sql(
        "UPDATE sqlite_master SET sql = 'CREATE nonsense' WHERE name = 'persons'"
    ),
    "another program's id": _sql("PRAGMA application_id = 7"),
    "a format below 0": _sql("PRAGMA user_version = -1"),
    "a format of the future": _sql("PRAGMA user_version = 99"),
    "texts in UTF-16": _utf16,
    # The pages
    "a catalog that is text": lambda good: signed(good)(
        {CATALOG: b"SQLite format 3\0" + b"x" * 9000}
    ),
    "an empty catalog": lambda good: signed(good)({CATALOG: b""}),
    "a catalog that is cut": lambda good: signed(good)({CATALOG: good.members[CATALOG][:9000]}),
    "a schema that is its own child": _catalog(_circle),
    "pages that are read again and again": _catalog(_twice),
    "rows that an index does not have": _sql(
        "UPDATE sqlite_master SET rootpage = (SELECT rootpage FROM sqlite_master "
        "WHERE name = 'faces_content_id') WHERE name = 'faces_row'"
    ),
    # The values
    "dim -1": _space("dim", -1),
    "dim 0": _space("dim", 0),
    "dim 'x'": _space("dim", "x"),
    "dim 1 << 40": _space("dim", 1 << 40),
    "rows -5": _space("rows", -5),
    "rows 1 << 60": _space("rows", 1 << 60),
    "rows that are a blob": _space("rows", b"\0" * 8),
    "a row more than there are": _sql("UPDATE spaces SET rows = rows + 1"),
    "items sqlite_master": _space("items", "sqlite_master"),
    "items of SQL": _space("items", 'faces"; DROP TABLE faces; --'),
    "items of another space": _space("items", "faces", "passages"),
    "a space of another name": _sql("UPDATE spaces SET name = '../faces' WHERE name = 'faces'"),
    "a generation below 0": _space("generation", -1),
    "a metric": _space("metric", "euclid"),
    "networks of brackets": _space("made_by", "[" * 100_000),
    "networks that are missing": _space("made_by", "{}"),
    "a segment of minus rows": _sql("UPDATE segments SET rows = -1"),
    "a segment's wrong checksum": _sql("UPDATE segments SET crc = crc + 1"),
    "segments that are missing": _sql("DELETE FROM segments"),
    "a dead row beyond the file": _sql("INSERT INTO dead VALUES ('faces', 99999999, 1)"),
    "a dead row of nothing": _sql("INSERT INTO dead VALUES ('more', 1, 0)"),
    "a living row that is dead": _sql("INSERT INTO dead SELECT 'faces', row, 1 FROM faces LIMIT 1"),
    "a face row of 99999999": _value("faces", "row", 99_999_999),
    "a face row of -1": _value("faces", "row", -1),
    "two faces of one row": _sql("UPDATE faces SET row = (SELECT max(row) FROM faces)"),
    "a box of infinity": _value("faces", "x1", float("inf")),
    "a box of text": _value("faces", "x2", "wide"),
    "landmarks that are too few": _value("faces", "landmarks", b"\0" * 8),
    "landmarks of infinity": _value(
        "faces", "landmarks", struct.pack("<10f", *[float("inf")] * 10)
    ),
    "a score of text": _value("faces", "score", "high"),
    "a face of no photo": _value("faces", "content_id", 12345),
    "a face of nobody": _value("faces", "person_id", 12345),
    "a path javascript:": _value("paths", "path", "javascript:alert(1)"),
    "a path from here": _value("paths", "path", "album/one.jpg"),
    "a path with a null": _value("paths", "path", b"/album/\0/one.jpg"),
    "a path that is a number": _value("paths", "path", 7),
    "a path that is not UTF-8": _sql(
        "UPDATE paths SET path = CAST(x'2f61ff' AS TEXT) WHERE id = (SELECT min(id) FROM paths)"
    ),
    "a name with a line feed": _value("persons", "name", "Ana\nEva"),
    "a name that is a blob": _value("persons", "name", b"Ana"),
    "an empty name": _value("persons", "name", ""),
    "a date of text": _value("contents", "taken_at", "\x1b]0;yesterday"),
    "a month too many": _value("contents", "taken_at", "2019-13-01T00:00:00"),
    "warnings that are no list": _value("contents", "warnings", '{"a": 1}'),
    "warnings of brackets": _value("contents", "warnings", "[" * 100_000),
    "a photo without a size": _sql("UPDATE contents SET height = NULL WHERE kind = 'photo'"),
    "another kind of content": _value("contents", "kind", "video"),
    "a checksum of a content": _value("contents", "sha256", "x" * 64),
    "a latitude of 91": _value("contents", "latitude", 91),
    "a turn of 45": _value("contents", "turn", 45),
    "a passage of minus": _value("passages", "number", -1),
    "a passage's text that is a number": _sql("UPDATE passages SET text = x'ff'"),
    "words of other passages": _sql("DELETE FROM stems_docsize"),
    "a picture that is text": _value("crops", "jpeg", "picture"),
    "a picture that is cut": _value("crops", "jpeg", pretend.JPEG[:-20]),
    "a picture of something else": _value("crops", "jpeg", b"\x89PNG\r\n\x1a\n" + bytes(100)),
    "a picture of 65,500 pixels": _value(
        "crops", "jpeg", pretend.JPEG.replace(b"\x08\0\x08\0\x08", b"\x08\xff\xdc\xff\xdc", 1)
    ),
    "vectors of no length": lambda good: signed(good)(
        {
            "faces.f32": bytes(len(good.members["faces.f32"])),
            CATALOG: changed(good, (SIGNED, [_crc(good)])),
        }
    ),
}


def _crc(good: Good) -> int:
    return zlib.crc32(bytes(len(good.members["faces.f32"])))
