"""Whether the head of a Ray cluster still answers.

Ray's own calls wait for a head that is gone, and a minute later Ray ends the process with a line of
its own. So threads of ours look: one tries a connection, the other asks what only the head knows.
"""

from __future__ import annotations

import socket
import threading
import time
from typing import Any

from retrieve.errors import CollectionError

LOOK_S = 1.0
REACH_S = 5.0  # that a connection may take
GONE_S = 15.0  # of looks in vain: it is gone, for it does not come back as the one that it was


class Head:
    """The head that this process is joined to, watched from the first question on.

    address  HOST:PORT
    """

    def __init__(self, ray: Any, address: str) -> None:
        self._ray = ray
        self.address = address
        self._lock = threading.Lock()
        self._begun = False
        self._in_vain_s = 0.0  # from the first to the last of the looks that failed in a row
        self._cores: int | None = None
        self._ended = threading.Event()

    def check(self) -> None:
        """Raise CollectionError if it did not answer for GONE_S."""
        self._begin()
        if self.is_gone:
            raise CollectionError(
                f"the head of the Ray cluster at {self.address} does not answer any more. What was "
                "stored stays: start Ray again (ray start --head, then the others), and run this "
                "again"
            )

    @property
    def is_gone(self) -> bool:
        """Whether it did not answer for so long, while this process ran and looked."""
        return self._in_vain_s > GONE_S

    def cores(self) -> int:
        """How many there are in all machines, for tasks; as it was when the head answered last.

        raises  as check()
        """
        self._begin()
        while self._cores is None:
            self.check()
            time.sleep(0.01)
        return self._cores

    def end(self) -> None:
        """Look no more."""
        self._ended.set()

    def _begin(self) -> None:
        with self._lock:
            if not self._begun:
                self._begun = True
                for look in (self._look, self._ask):
                    threading.Thread(target=look, daemon=True).start()

    def _look(self) -> None:
        host, _, port = self.address.rpartition(":")
        failed: float | None = None
        while not self._ended.is_set():
            began = time.monotonic()
            try:
                socket.create_connection((host.strip("[]"), int(port)), REACH_S).close()
            except OSError:
                failed = began if failed is None else failed
                self._in_vain_s = time.monotonic() - failed
            else:
                failed, self._in_vain_s = None, 0.0
            self._ended.wait(LOOK_S)

    def _ask(self) -> None:
        while not self._ended.is_set():
            try:
                self._cores = int(self._ray.cluster_resources().get("CPU", 0))
            except Exception:  # whatever it says of a head that is away: _look tells
                self._cores = self._cores or 0
            self._ended.wait(LOOK_S)
