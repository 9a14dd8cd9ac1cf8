"""Photos that are there more than once, the best of each group first; nothing is deleted.

They are found as by `retrieve duplicates`, which reads the files of all photos that look alike:
only when somebody asks for it, once for each state of the collection, and one search at a time.
"""

from __future__ import annotations

from anyio import CapacityLimiter, to_thread
from fastapi import APIRouter, Request
from fastapi.responses import Response

from retrieve.cli.web.here import HereNow
from retrieve.cli.web.rendering import is_part, render
from retrieve.indexes.collection import Collection
from retrieve.indexes.duplicates.kinds import Duplicates, Kind
from retrieve.indexes.queries.asked import LARGEST_ID

SHOWN = 30  # groups of a part

router = APIRouter()
_one_at_a_time = CapacityLimiter(1)


@router.get("/duplicates")
async def duplicates(request: Request, kind: Kind = Kind.EDITED) -> Response:
    """The page, which asks for the groups when its button is pressed."""
    return render(request, "duplicates.html", kind=kind, kinds=tuple(Kind))


@router.get("/duplicates/{kind}")
async def found(request: Request, here: HereNow, kind: Kind, start: int = 0) -> Response:
    """The groups of a kind."""
    start = min(max(start, 0), LARGEST_ID)

    def look(collection: Collection) -> Duplicates:
        return here.kept(collection, ("duplicates", kind), lambda: collection.duplicates([kind]))

    every = await to_thread.run_sync(look, here.collection, limiter=_one_at_a_time)
    groups = list(every)
    return render(
        request,
        "_groups.html" if is_part(request) else "duplicates.html",
        kind=kind,
        kinds=tuple(Kind),
        groups=groups[start : start + SHOWN],
        count=len(groups),
        left=every.left,
        spare=sum(group.spare_bytes for group in groups),
        start=start,
        after=start + SHOWN if len(groups) > start + SHOWN else 0,
    )
