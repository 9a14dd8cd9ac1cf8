"""Dates as files state them → ISO 8601 in local time, without zone."""

from __future__ import annotations

import re
from datetime import datetime

# 2019-07-09, 2019/7/9 18:03, 2019-07-09T18:03:00.5+02:00, D:20190709180300+02'00'
_DATE = re.compile(
    r"\s*(?:D:)?(\d{4})[-/:.]?(\d{1,2})[-/:.]?(\d{1,2})"
    r"(?:[T ]*(\d{2}):?(\d{2})(?::?(\d{2}))?)?"
)


def iso(stated: str) -> str | None:
    """The date at the start of a text, midnight where it names no time; None without one.

    A zone is dropped, not applied: what counts is the clock on the wall of who wrote.
    """
    found = _DATE.match(stated)
    if not found:
        return None
    year, month, day, hour, minute, second = (int(part or 0) for part in found.groups())
    try:
        return datetime(year, month, day, hour, minute, second).isoformat()
    except ValueError:
        return None
