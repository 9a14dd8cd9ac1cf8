"""Conditions of a request → a Filter, as `cli/conditions.py` makes one of options."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from fastapi import Query

from retrieve.indexes.catalog.filters import Filter, near_from

LONGEST = 4096  # characters of a name or a folder
Texts = Annotated[list[Annotated[str, Query(max_length=LONGEST)]], Query(max_length=50)]


def filter_of(
    since: Annotated[
        str | None, Query(max_length=30, description="Taken then or later: 2019, 2019-07-09.")
    ] = None,
    until: Annotated[
        str | None, Query(max_length=30, description="Taken then or earlier, that time included.")
    ] = None,
    folder: Texts = [],  # noqa: B006  FastAPI copies it
    person: Texts = [],  # noqa: B006
    near: Annotated[str | None, Query(max_length=100, description="LAT,LON,KM")] = None,
    min_quality: Annotated[float, Query(ge=0, le=1)] = 0.0,
) -> Filter:
    """Raises BadInput for a date or place that is none."""
    return Filter(
        since,
        until,
        tuple(Path(one) for one in folder),
        tuple(person),
        min_quality,
        near_from(near) if near else None,
    )
