"""What other shards hold, as a task asks the manifest on whatever machine it runs.

Not to read a photo that another shard holds saves work and no more: what a task stores all the
same, since another stores it at the same time or the manifest cannot be asked now, is seen when the
shard is committed (committing.py).
"""

from __future__ import annotations

import os
import sqlite3
from pathlib import Path

from retrieve.indexes.catalog.paths import Found
from retrieve.indexes.cluster.manifest import CLUSTER

PATIENCE_S = 10.0  # while the coordinator writes


class HeldElsewhere:
    """building.build.Elsewhere of one shard.

    taken  files whose content another shard holds, and which
    """

    def __init__(self, cluster: Path, number: int) -> None:
        uri = Path(os.path.abspath(cluster / CLUSTER)).as_uri()  # noqa: PTH100
        self._db = sqlite3.connect(f"{uri}?mode=ro", uri=True, timeout=PATIENCE_S)
        self._number = number
        self.taken: list[tuple[Path, int]] = []

    def holds_size(self, size_bytes: int) -> bool:
        """Whether a content of that many bytes is in any shard."""
        query = "SELECT 1 FROM contents WHERE size_bytes = ? LIMIT 1"
        return self._first(query, size_bytes) is not None

    def takes(self, found: Found, sha256: str) -> bool:
        """Whether another shard holds a content; if so it will have the file, too."""
        holder = self._first("SELECT shard FROM contents WHERE sha256 = ?", bytes.fromhex(sha256))
        if holder is None or holder == self._number:
            return False
        self.taken.append((found.path, holder))
        return True

    def close(self) -> None:
        """End the connection."""
        self._db.close()

    def _first(self, query: str, value: int | bytes) -> int | None:
        try:
            row = self._db.execute(query, [value]).fetchone()
        except sqlite3.OperationalError:  # it is being written, or its disk is away
            return None
        return None if row is None else int(row[0])
