"""The catalog's schema as numbered functions: only ever appended, never edited.

`PRAGMA user_version` holds how many have run: the format version of a collection.
"""

from __future__ import annotations

import json
import os
import sqlite3
import zlib
from collections.abc import Callable
from pathlib import Path

from sqlite_utils import Database

from retrieve.errors import CollectionError
from retrieve.indexes.catalog.sums import damaged, sign_all
from retrieve.indexes.files import open_regular, size_bytes


def _execute(db: Database, script: str) -> None:
    """Several statements, within the transaction that there is.

    sqlite3's executescript() commits, and that of sqlite-utils asks SQLite of every letter
    whether the statement ends there: it took half of the time that a new catalog takes.
    """
    statement = ""
    for part in script.split(";")[:-1]:
        statement += f"{part};"
        if sqlite3.complete_statement(statement):  # or that was in a comment or a string
            db.execute(statement.strip())
            statement = ""
    assert not statement, "a script ends with a statement's semicolon"


def _001_photos_and_faces(db: Database, folder: Path) -> None:
    """Photos by content, the paths that hold them, their faces, and the spaces of vectors."""
    _execute(
        db,
        """
        -- One row a kind of embedding: which networks made it, and how many rows of its
        -- vector file are committed. Readers trust `rows` and nothing behind it.
        CREATE TABLE spaces (
            name TEXT PRIMARY KEY,
            detector TEXT NOT NULL,
            detector_sha256 TEXT NOT NULL,
            embedder TEXT NOT NULL,
            embedder_sha256 TEXT NOT NULL,
            dim INTEGER NOT NULL,
            metric TEXT NOT NULL,
            rows INTEGER NOT NULL
        );
        -- One row a content: the SHA-256 of a file's bytes is what identifies a photo.
        CREATE TABLE photos (
            id INTEGER PRIMARY KEY,
            sha256 TEXT NOT NULL UNIQUE,
            size_bytes INTEGER NOT NULL,
            height INTEGER NOT NULL,
            width INTEGER NOT NULL,
            taken_at TEXT,
            warnings TEXT NOT NULL,            -- JSON list of lines
            live INTEGER NOT NULL DEFAULT 1    -- 0 when no path holds it any more
        );
        CREATE INDEX photos_size_bytes ON photos (size_bytes);
        CREATE INDEX photos_not_live ON photos (id) WHERE live = 0;
        -- One row a file seen. `path` is text, or the raw bytes where they are not UTF-8.
        -- Either photo_id or reason is set: what it holds, or why it was skipped.
        CREATE TABLE paths (
            id INTEGER PRIMARY KEY,
            path NOT NULL UNIQUE,
            photo_id INTEGER REFERENCES photos (id),
            reason TEXT,
            size_bytes INTEGER NOT NULL,
            mtime_ns INTEGER NOT NULL,
            ctime_ns INTEGER NOT NULL,
            gone INTEGER NOT NULL DEFAULT 0,
            CHECK ((photo_id IS NULL) <> (reason IS NULL))
        );
        CREATE INDEX paths_photo_id ON paths (photo_id);
        -- faces.id is the row of its embedding in the vector file, and its FAISS id.
        CREATE TABLE faces (
            id INTEGER PRIMARY KEY,
            photo_id INTEGER NOT NULL REFERENCES photos (id),
            number INTEGER NOT NULL,           -- 1 is the face that the detector named first
            x1 REAL NOT NULL, y1 REAL NOT NULL, x2 REAL NOT NULL, y2 REAL NOT NULL,
            landmarks BLOB NOT NULL,           -- (5, 2) little-endian float32, photo pixels
            score REAL NOT NULL,
            quality REAL NOT NULL
        );
        CREATE INDEX faces_photo_id ON faces (photo_id);
        CREATE TABLE crops (
            face_id INTEGER PRIMARY KEY REFERENCES faces (id),
            jpeg BLOB NOT NULL
        );
        """,
    )


def _002_spaces_of_anything(db: Database, folder: Path) -> None:
    """Spaces that know no faces, checksums, dead rows, cache files; persons and places.

    A face keeps its id for good, and `row` says where its embedding lies: compacting moves it.
    """
    _execute(
        db,
        """
        -- `items` names the table with a row (id, row) for each living embedding of the space;
        -- `generation` names the vector file.
        ALTER TABLE spaces RENAME TO old_spaces;
        CREATE TABLE spaces (
            name TEXT PRIMARY KEY,
            items TEXT NOT NULL,
            made_by TEXT NOT NULL,             -- JSON: networks and their SHA-256
            dim INTEGER NOT NULL,
            metric TEXT NOT NULL,
            rows INTEGER NOT NULL,
            generation INTEGER NOT NULL DEFAULT 0
        );
        INSERT INTO spaces (name, items, made_by, dim, metric, rows)
            SELECT name, 'faces', json_object(
                'detector', detector, 'detector_sha256', detector_sha256,
                'embedder', embedder, 'embedder_sha256', embedder_sha256
            ), dim, metric, rows FROM old_spaces;
        DROP TABLE old_spaces;
        -- CRC-32 of rows [first, first + rows) of a vector file, little-endian float32.
        CREATE TABLE segments (
            space TEXT NOT NULL,
            first INTEGER NOT NULL,
            rows INTEGER NOT NULL,
            crc INTEGER NOT NULL,
            PRIMARY KEY (space, first)
        ) WITHOUT ROWID;
        -- Rows that nothing refers to any more; wiped = 0: their bytes are still there.
        CREATE TABLE dead (
            space TEXT NOT NULL,
            row INTEGER NOT NULL,
            wiped INTEGER NOT NULL,
            PRIMARY KEY (space, row)
        ) WITHOUT ROWID;
        CREATE INDEX dead_unwiped ON dead (space) WHERE NOT wiped;
        -- The FAISS file of a space: a cache, made again at any time.
        CREATE TABLE caches (
            space TEXT PRIMARY KEY,
            generation INTEGER NOT NULL,
            name TEXT NOT NULL,
            sha256 TEXT NOT NULL,
            covered INTEGER NOT NULL,          -- rows [0, covered) of the vector file
            trained_rows INTEGER NOT NULL,
            size_bytes INTEGER NOT NULL
        );
        CREATE TABLE persons (
            id INTEGER PRIMARY KEY AUTOINCREMENT,
            name TEXT NOT NULL,
            key TEXT NOT NULL UNIQUE           -- the name without case and accents
        );
        CREATE TABLE new_faces (
            id INTEGER PRIMARY KEY AUTOINCREMENT,  -- never given twice
            row INTEGER NOT NULL,              -- of its embedding; ascends with id
            photo_id INTEGER NOT NULL REFERENCES photos (id),
            number INTEGER NOT NULL,           -- 1 is the face that the detector named first
            x1 REAL NOT NULL, y1 REAL NOT NULL, x2 REAL NOT NULL, y2 REAL NOT NULL,
            landmarks BLOB NOT NULL,           -- (5, 2) little-endian float32, photo pixels
            score REAL NOT NULL,
            quality REAL NOT NULL,
            person_id INTEGER REFERENCES persons (id)
        );
        INSERT INTO new_faces
            SELECT id, id, photo_id, number, x1, y1, x2, y2, landmarks, score, quality, NULL
            FROM faces ORDER BY id;
        DROP TABLE faces;
        ALTER TABLE new_faces RENAME TO faces;
        CREATE INDEX faces_photo_id ON faces (photo_id);
        CREATE INDEX faces_row ON faces (row);
        CREATE INDEX faces_person_id ON faces (person_id) WHERE person_id IS NOT NULL;
        -- Degrees north and east; NULL where the file does not tell. placed = 0: it was read
        -- by a version that did not look.
        ALTER TABLE photos ADD COLUMN latitude REAL;
        ALTER TABLE photos ADD COLUMN longitude REAL;
        ALTER TABLE photos ADD COLUMN placed INTEGER NOT NULL DEFAULT 0;
        CREATE INDEX photos_taken_at ON photos (taken_at);
        CREATE INDEX photos_latitude ON photos (latitude) WHERE latitude IS NOT NULL;
        """,
    )
    for name, dim, rows in db.execute("SELECT name, dim, rows FROM spaces").fetchall():
        _sign(db, folder / f"{name}.f32", name, dim * 4, rows)


def _003_texts(db: Database, folder: Path) -> None:
    """Contents that are no photos, the passages of texts, and an index of their words."""
    _execute(
        db,
        """
        ALTER TABLE photos RENAME TO contents;
        ALTER TABLE paths RENAME COLUMN photo_id TO content_id;
        ALTER TABLE faces RENAME COLUMN photo_id TO content_id;
        -- One row a content: the SHA-256 of a file's bytes is what identifies it.
        CREATE TABLE new_contents (
            id INTEGER PRIMARY KEY,
            sha256 TEXT NOT NULL UNIQUE,
            size_bytes INTEGER NOT NULL,
            kind TEXT NOT NULL,                -- photo or text
            height INTEGER,                    -- of a photo, in pixels
            width INTEGER,
            title TEXT NOT NULL,               -- of a text, as it states it itself, or ''
            taken_at TEXT,                     -- when it was taken or written
            warnings TEXT NOT NULL,            -- JSON list of lines
            live INTEGER NOT NULL DEFAULT 1,   -- 0 when no path holds it any more
            latitude REAL,                     -- degrees north and east
            longitude REAL,
            placed INTEGER NOT NULL DEFAULT 0  -- whether the file was looked at for them
        );
        INSERT INTO new_contents
            SELECT id, sha256, size_bytes, 'photo', height, width, '', taken_at, warnings, live,
                latitude, longitude, placed FROM contents;
        DROP TABLE contents;
        ALTER TABLE new_contents RENAME TO contents;
        CREATE INDEX contents_size_bytes ON contents (size_bytes);
        CREATE INDEX contents_not_live ON contents (id) WHERE live = 0;
        CREATE INDEX contents_taken_at ON contents (taken_at);
        CREATE INDEX contents_latitude ON contents (latitude) WHERE latitude IS NOT NULL;
        DROP INDEX paths_photo_id;
        CREATE INDEX paths_content_id ON paths (content_id);
        DROP INDEX faces_photo_id;
        CREATE INDEX faces_content_id ON faces (content_id);
        -- The files beside a photo that describe it, as they were seen; NULL: not looked for.
        ALTER TABLE paths ADD COLUMN described TEXT;
        CREATE INDEX paths_gone ON paths (id) WHERE gone;
        CREATE TABLE passages (
            id INTEGER PRIMARY KEY AUTOINCREMENT,  -- never given twice
            row INTEGER NOT NULL,              -- of its embedding; ascends with id
            content_id INTEGER NOT NULL REFERENCES contents (id),
            path_id INTEGER REFERENCES paths (id),  -- where the path or a file beside it says it
            number INTEGER NOT NULL,           -- in its content, 1 for the first
            kind TEXT NOT NULL,
            title TEXT NOT NULL,
            text TEXT NOT NULL,
            page INTEGER, line INTEGER, record INTEGER, time_s REAL
        );
        CREATE INDEX passages_content_id ON passages (content_id);
        CREATE INDEX passages_path_id ON passages (path_id) WHERE path_id IS NOT NULL;
        CREATE INDEX passages_row ON passages (row);
        """,
    )
    create_words(db)


def _staged_faces(db: Database) -> None:
    """Faces as other networks see them, until all are embedded and take the old ones' place."""
    _execute(
        db,
        """
        -- The items of the space `staged_faces`, which is there while a collection is on its way.
        CREATE TABLE staged_faces (
            id INTEGER PRIMARY KEY AUTOINCREMENT,  -- never given twice
            row INTEGER NOT NULL,              -- of its embedding; ascends with id
            content_id INTEGER NOT NULL REFERENCES contents (id),
            face_id INTEGER UNIQUE REFERENCES faces (id),  -- NULL: found for the first time
            source TEXT NOT NULL,              -- photo, or picture: the stored one
            filled INTEGER NOT NULL,           -- the crop reaches beyond that picture
            lost INTEGER NOT NULL,             -- another detector did not find it again
            number INTEGER,                    -- what the face is to be; NULL: as it is
            x1 REAL, y1 REAL, x2 REAL, y2 REAL,
            landmarks BLOB,
            score REAL,
            quality REAL,
            jpeg BLOB
        );
        CREATE INDEX staged_faces_content_id ON staged_faces (content_id);
        -- Photos that were read for it, or the pictures of their faces.
        CREATE TABLE staged_photos (
            content_id INTEGER PRIMARY KEY REFERENCES contents (id),
            source TEXT NOT NULL,
            turn INTEGER                       -- in which its faces were found anew
        );
        """,
    )


def _004_pictures(db: Database, folder: Path) -> None:
    """What the small picture of a face shows, so that crops can be cut out of it again."""
    _execute(
        db,
        """
        -- 'picture': the view of that name; the name of an embedder: the crop that it took, shrunk
        -- to 112 pixels, as all were before; NULL: not known.
        ALTER TABLE crops ADD COLUMN shows TEXT;
        UPDATE crops SET shows = (
            SELECT json_extract(made_by, '$.embedder') FROM spaces WHERE name = 'faces'
        );
        """,
    )
    _staged_faces(db)


def create_words(db: Database) -> None:
    """The index of words: the stems of each passage (rowid is its id), a blank between two.

    They are made by retrieval/text/stemming.py, so the tokenizer has only to split them at
    blanks: all categories of Unicode but separators are of a word, vowel signs of Devanagari
    too, and letters that SQLite's tables do not know yet.
    """
    db.execute(
        "CREATE VIRTUAL TABLE stems USING fts5 (title, body, tokenize = "
        "\"unicode61 remove_diacritics 0 categories 'L* M* N* P* S* C*'\")"
    )
    db.execute("CREATE VIRTUAL TABLE vocabulary USING fts5vocab (stems, row)")


def _005_turned_photos(db: Database, folder: Path) -> None:
    """The turn in which a photo shows its faces."""
    # Degrees clockwise: 0, 90, 180 or 270. Boxes and landmarks are of the photo as it is.
    db.execute("ALTER TABLE contents ADD COLUMN turn INTEGER NOT NULL DEFAULT 0")


def _006_readers(db: Database, folder: Path) -> None:
    """Which of our readers read a content, what its files are called, how often one was stopped."""
    _execute(
        db,
        """
        -- Format and version ("pdf 2"); NULL: it was read before that was kept.
        ALTER TABLE contents ADD COLUMN reader TEXT;
        -- Of a skipped file: the readers of its time, which may have tried it.
        ALTER TABLE paths ADD COLUMN readers TEXT;
        -- How often in turn reading it was stopped by a limit or a crash.
        ALTER TABLE paths ADD COLUMN stopped INTEGER NOT NULL DEFAULT 0;
        -- What the path calls a text, which stands for the title of one that states none.
        ALTER TABLE paths ADD COLUMN names TEXT;
        """,
    )


def _007_checksums(db: Database, folder: Path) -> None:
    """A checksum of each row that an answer is made of, and of each block of embeddings."""
    sign_all(db)
    # CRC-32 of each BLOCK_ROWS rows of the segment, little-endian uint32: what a search reads of
    # the file it looks at first.
    db.execute("ALTER TABLE segments ADD COLUMN blocks BLOB NOT NULL DEFAULT x''")
    for name, dim, rows, generation in db.execute(
        "SELECT name, dim, rows, generation FROM spaces"
    ).fetchall():
        _sign_blocks(db, folder, name, dim * 4, rows, generation)


def _sign_blocks(
    db: Database, folder: Path, space: str, row_bytes: int, rows: int, generation: int
) -> None:
    """Checksums of blocks, of segments that hold what was written; of others none fits."""
    path = folder / (f"{space}.f32" if generation == 0 else f"{space}.{generation}.f32")
    if not rows or size_bytes(path) is None:
        return
    dying = {
        row for (row,) in db.execute("SELECT row FROM dead WHERE space = ? AND NOT wiped", [space])
    }
    every = db.execute("SELECT first, rows, crc FROM segments WHERE space = ?", [space]).fetchall()
    with os.fdopen(open_regular(path), "rb") as file:
        for first, held, crc in every:
            file.seek(first * row_bytes)
            data = bytearray(file.read(held * row_bytes))
            for row in dying.intersection(range(first, first + held)):
                data[(row - first) * row_bytes : (row - first + 1) * row_bytes] = bytes(row_bytes)
            blocks = b"".join(
                zlib.crc32(data[start : start + 16 * row_bytes]).to_bytes(4, "little")
                for start in range(0, held * row_bytes, 16 * row_bytes)
            )
            if zlib.crc32(data) != crc:  # damaged before: it stays known as damaged
                blocks = bytes(byte ^ 255 for byte in blocks)
            db.execute(
                "UPDATE segments SET blocks = ? WHERE space = ? AND first = ?",
                [blocks, space, first],
            )


def _sign(db: Database, path: Path, space: str, row_bytes: int, rows: int) -> None:
    """Checksums of the rows of a vector file that was written without them."""
    size = size_bytes(path) or 0
    if size < rows * row_bytes:
        raise CollectionError(
            f"{path} is damaged: the catalog counts {rows} embeddings ({rows * row_bytes} bytes), "
            f"the file holds {size} bytes. Restore it from a backup"
        )
    if not rows:
        return
    with os.fdopen(open_regular(path), "rb") as file:
        for first in range(0, rows, 1024):
            held = min(1024, rows - first)
            crc = zlib.crc32(file.read(held * row_bytes))
            db.execute("INSERT INTO segments VALUES (?, ?, ?, ?)", [space, first, held, crc])


def _008_people(db: Database, folder: Path) -> None:
    """Persons are everyone, named or not; what people say of faces is a log of its own.

    Each name that faces were given becomes a statement about them.
    """
    # A row that is damaged is not signed again: no checksum of it fits any more.
    hurt = {table: damaged(db, table) for table in ("persons", "faces")}
    (last,) = db.execute(
        "SELECT coalesce(max(seq), 0) FROM sqlite_sequence WHERE name = 'persons'"
    ).fetchone()
    _execute(
        db,
        """
        CREATE TABLE new_persons (
            id INTEGER PRIMARY KEY AUTOINCREMENT,  -- never given twice
            name TEXT,                         -- NULL: nobody named them yet
            key TEXT,                          -- the name without case and accents
            ignored INTEGER NOT NULL DEFAULT 0 -- 1: somebody who is not to be asked about
        );
        INSERT INTO new_persons (id, name, key) SELECT id, name, key FROM persons;
        DROP TABLE persons;
        ALTER TABLE new_persons RENAME TO persons;
        CREATE INDEX persons_key ON persons (key) WHERE key IS NOT NULL;
        -- Who says whose face it is: 'human', a statement; 'group', a clustering; 'attached', it
        -- came later and is near that person. NULL where person_id is.
        ALTER TABLE faces ADD COLUMN by TEXT;
        -- 1: somebody said so. It is found by no search and belongs to nobody.
        ALTER TABLE faces ADD COLUMN not_a_face INTEGER NOT NULL DEFAULT 0;
        CREATE INDEX faces_not_a_face ON faces (row) WHERE not_a_face;
        -- What people say of faces, in the order in which they said it. Faces are named by photo
        -- and box, [sha256, [x1, y1, x2, y2]], and are found again by them.
        CREATE TABLE statements (
            id INTEGER PRIMARY KEY AUTOINCREMENT,
            said_at TEXT NOT NULL,             -- ISO 8601, UTC
            kind TEXT NOT NULL,                -- name, same, not-same, split, not-a-face, …
            person_id INTEGER,                 -- whom it is about
            other_id INTEGER,                  -- who else
            name TEXT,
            faces TEXT NOT NULL DEFAULT '[]',  -- JSON list: those that it is about
            others TEXT NOT NULL DEFAULT '[]', -- JSON list: those of the other one
            undoes INTEGER,                    -- the statement that this one takes back
            source TEXT NOT NULL DEFAULT 'human',  -- or region: read from a file
            -- What it moved, JSON: [from person, by, to person, [face ids]]; for taking it back.
            moved TEXT NOT NULL DEFAULT '[]'
        );
        -- Persons who may be one, for somebody to say so. Computed again at any time, and so not
        -- signed.
        CREATE TABLE suggestions (
            person_id INTEGER NOT NULL,
            other_id INTEGER NOT NULL,
            score REAL NOT NULL,
            PRIMARY KEY (person_id, other_id)
        ) WITHOUT ROWID;
        """,
    )
    if last:
        db.execute("DELETE FROM sqlite_sequence WHERE name = 'persons'")
        db.execute("INSERT INTO sqlite_sequence (name, seq) VALUES ('persons', ?)", [last])
    db.execute("UPDATE faces SET by = 'human' WHERE person_id IS NOT NULL")
    sign_all(db, "persons", "faces", "statements")
    for table, keys in hurt.items():
        for key in keys:
            db.execute(f"UPDATE sums_{table} SET sum = ~sum WHERE id = ?", [key])
    db.execute(
        "INSERT INTO statements (said_at, kind, person_id, name, faces, moved) "
        "SELECT strftime('%Y-%m-%dT%H:%M:%S+00:00', 'now'), 'name', persons.id, persons.name, "
        "json_group_array(json_array(sha256, json_array(x1, y1, x2, y2))), "
        "json_array(json_array(NULL, NULL, persons.id, json_group_array(faces.id))) "
        "FROM persons JOIN faces ON faces.person_id = persons.id "
        "JOIN contents ON contents.id = faces.content_id "
        "WHERE typeof(persons.name) = 'text' AND typeof(sha256) = 'text' "
        "AND typeof(x1 + y1 + x2 + y2) = 'real' "
        "AND persons.id NOT IN (SELECT value FROM json_each(?)) "
        "AND faces.id NOT IN (SELECT value FROM json_each(?)) "
        "GROUP BY persons.id ORDER BY persons.id",
        [json.dumps(hurt["persons"]), json.dumps(hurt["faces"])],
    )


def _009_words(db: Database, folder: Path) -> None:
    """By which version of retrieval/text/stemming.py the index of words was made."""
    _execute(
        db,
        """
        -- One row. 0: before that was kept; a writer makes the index of words anew.
        CREATE TABLE words (
            id INTEGER PRIMARY KEY CHECK (id = 1),
            version INTEGER NOT NULL
        );
        INSERT INTO words VALUES (1, 0);
        """,
    )
    sign_all(db, "words")


def _010_suggestions(db: Database, folder: Path) -> None:
    """Questions are answers too: they have checksums, for which a row has a name of its own."""
    _execute(
        db,
        """
        ALTER TABLE suggestions RENAME TO before;
        -- Persons who may be one, for somebody to say so.
        CREATE TABLE suggestions (
            id INTEGER PRIMARY KEY,
            person_id INTEGER NOT NULL,
            other_id INTEGER NOT NULL,
            score REAL NOT NULL,
            UNIQUE (person_id, other_id)
        );
        INSERT INTO suggestions (person_id, other_id, score)
            SELECT person_id, other_id, score FROM before;
        DROP TABLE before;
        """,
    )
    sign_all(db, "suggestions")


def _011_pictures(db: Database, folder: Path) -> None:
    """What whole photos show: a row for the embedding of each, and the classes of things in it."""
    _execute(
        db,
        """
        -- The items of the space `pictures`: photos that a picture embedder has looked at.
        CREATE TABLE pictures (
            id INTEGER PRIMARY KEY AUTOINCREMENT,  -- never given twice
            row INTEGER NOT NULL,              -- of its embedding; ascends with id
            content_id INTEGER NOT NULL UNIQUE REFERENCES contents (id)
        );
        CREATE INDEX pictures_row ON pictures (row);
        -- What a photo shows, a class a row: those of .01 and more.
        CREATE TABLE classes (
            id INTEGER PRIMARY KEY,
            content_id INTEGER NOT NULL REFERENCES contents (id),
            number INTEGER NOT NULL,           -- 1 is the likeliest
            class INTEGER NOT NULL,            -- 0 for the first of the network's, by its number
            probability REAL NOT NULL
        );
        CREATE INDEX classes_content_id ON classes (content_id);
        CREATE INDEX classes_class ON classes (class);
        """,
    )
    sign_all(db, "pictures", "classes")


def _012_words_in_pictures(db: Database, folder: Path) -> None:
    """Where lines of passages stand in pictures, and which pictures were looked at for them."""
    _execute(
        db,
        """
        -- Of a passage that was read off a picture its lines, a JSON list of
        -- [start in its text, x1, y1, x2, y2, confidence]; NULL of others.
        ALTER TABLE passages ADD COLUMN written TEXT;
        -- One row a content whose pictures were looked at for words.
        CREATE TABLE recognised (
            content_id INTEGER PRIMARY KEY REFERENCES contents (id),
            reader TEXT NOT NULL,              -- "ocr 1"; '' where none has come to its end
            pages TEXT NOT NULL,               -- JSON list of its pages that are still to be read
            stopped INTEGER NOT NULL           -- how often in turn it was stopped
        );
        """,
    )
    sign_all(db, "passages", "recognised")


MIGRATIONS: tuple[Callable[[Database, Path], None], ...] = (
    _001_photos_and_faces,
    _002_spaces_of_anything,
    _003_texts,
    _004_pictures,
    _005_turned_photos,
    _006_readers,
    _007_checksums,
    _008_people,
    _009_words,
    _010_suggestions,
    _011_pictures,
    _012_words_in_pictures,
)
FORMAT = len(MIGRATIONS)
