"""Photos that were sent to be searched for, kept for a while: in memory, and no more than so much.

A page names one by a key that nobody guesses. Each is searched for once for each condition: what
was found is kept beside it for the parts behind the first.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, field
from secrets import token_urlsafe

from fastapi import Request

from retrieve.cli.web.errors import Refused
from retrieve.indexes.catalog.filters import Filter
from retrieve.indexes.queries.probes import Probe

MOST_BYTES = 100_000_000  # of all photos that are kept
MOST_FOUND = 4  # searches for one photo


@dataclass(eq=False)
class Sent:
    """A photo's bytes, and what was found for it by condition."""

    content: bytes
    found: OrderedDict[Filter, Probe] = field(default_factory=OrderedDict)

    def put(self, wanted: Filter, probe: Probe) -> None:
        """Keep what was found."""
        self.found[wanted] = probe
        while len(self.found) > MOST_FOUND:
            self.found.popitem(last=False)


class Photos:
    """Those of an application, the latest kept."""

    def __init__(self) -> None:
        self._kept: OrderedDict[str, Sent] = OrderedDict()

    def keep(self, content: bytes) -> str:
        """Its key."""
        key = token_urlsafe(12)
        self._kept[key] = Sent(content)
        while len(self._kept) > 1 and self._bytes() > MOST_BYTES:
            self._kept.popitem(last=False)
        return key

    def get(self, key: str) -> Sent:
        """Raises Refused for one that is not kept any more."""
        if key not in self._kept:
            raise Refused(410, "that photo is not kept any more: search for it again")
        self._kept.move_to_end(key)
        return self._kept[key]

    def _bytes(self) -> int:
        return sum(len(one.content) for one in self._kept.values())


def photos_of(request: Request) -> Photos:
    """Those of the application that is asked."""
    state = request.app.state
    if not hasattr(state, "sent"):
        state.sent = Photos()
    kept: Photos = state.sent
    return kept
