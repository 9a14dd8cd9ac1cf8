"""The catalog's schema as numbered functions: only ever appended, never edited.

`PRAGMA user_version` holds how many have run: the format version of a collection.
"""

from __future__ import annotations

from collections.abc import Callable

from sqlite_utils import Database


def _001_photos_and_faces(db: Database) -> None:
    """Photos by content, the paths that hold them, their faces, and the spaces of vectors."""
    db.executescript(
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
        """
    )


MIGRATIONS: tuple[Callable[[Database], None], ...] = (_001_photos_and_faces,)
FORMAT = len(MIGRATIONS)
