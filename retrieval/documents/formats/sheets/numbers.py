"""Numbers in cells of XLSX → text as the cell shows them, as far as its format says it plainly."""

from __future__ import annotations

import re
from datetime import datetime, timedelta

# Days are counted from here (ECMA-376 18.17.4.1): 1900 is taken for a leap year, so that days
# before March of it are one off, as in Excel; files of old Macs count from 1904.
_EPOCH, _EPOCH_1904 = datetime(1899, 12, 30), datetime(1904, 1, 1)
_MAX_DAYS = 2_958_465  # 31 December 9999
# Formats that files name by number only (18.8.30).
_BUILT_IN = {
    1: "0", 2: "0.00", 3: "#,##0", 4: "#,##0.00", 9: "0%", 10: "0.00%", 14: "yyyy-mm-dd",
    15: "d-mmm-yy", 16: "d-mmm", 17: "mmm-yy", 18: "h:mm", 19: "h:mm:ss", 20: "h:mm",
    21: "h:mm:ss", 22: "yyyy-mm-dd h:mm", 37: "#,##0", 38: "#,##0", 39: "#,##0.00",
    40: "#,##0.00", 45: "mm:ss", 46: "[h]:mm:ss", 47: "mm:ss",
}  # fmt: skip
_LITERAL = re.compile(r"\"[^\"]*\"|\\.|_.|\*.|\[(?![hms]+\])[^\]]*\]", re.IGNORECASE)
_DATE, _TIME = re.compile(r"[yd]|mmm", re.IGNORECASE), re.compile(r"[hs]", re.IGNORECASE)
_DECIMALS = re.compile(r"[0#?]\.([0#?]+)")
_MAX_DECIMALS = 15


def shown(value: str, identifier: int, formats: dict[int, str], *, from_1904: bool) -> str:
    """A stored number as text: a date in ISO 8601, a share in per cent, else the number.

    value       as the file writes it
    identifier  of the number format of the cell
    formats     those of the file by identifier
    from_1904   whether days are counted from 1904
    """
    try:
        number = float(value)
    except ValueError:
        return value
    code = formats.get(identifier, _BUILT_IN.get(identifier, ""))
    code = _LITERAL.sub("", code.split(";")[0])
    has_date, has_time = _DATE.search(code), _TIME.search(code)
    if (has_date or has_time) and "general" not in code.lower():
        return _moment(number, bool(has_date), bool(has_time), from_1904) or _general(number)
    decimals = _DECIMALS.search(code)
    places = min(_MAX_DECIMALS, len(decimals[1])) if decimals else 0
    if "%" in code:
        return f"{number * 100:.{places}f}%"
    if decimals and "e" not in code.lower():
        return f"{number:.{places}f}"
    return _general(number)


def _general(number: float) -> str:
    """A number with the 15 digits that a cell holds, without those of the binary fraction."""
    if number != number or number in (float("inf"), float("-inf")):
        return ""
    if number == int(number) and abs(number) < 1e15:
        return str(int(number))
    return f"{number:.15g}"


def _moment(number: float, has_date: bool, has_time: bool, from_1904: bool) -> str | None:
    if not 0 <= number <= _MAX_DAYS:
        return None
    whole = timedelta(seconds=round(number * 86400))
    if not has_date:  # a time of day, or hours beyond one
        minutes, seconds = divmod(int(whole.total_seconds()), 60)
        return f"{minutes // 60}:{minutes % 60:02}" + (f":{seconds:02}" if seconds else "")
    try:
        moment = (_EPOCH_1904 if from_1904 else _EPOCH) + whole
    except OverflowError:
        return None
    return moment.isoformat(" ", "minutes") if has_time else moment.date().isoformat()
