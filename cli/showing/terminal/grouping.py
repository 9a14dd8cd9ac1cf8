"""Files that could not be used, those with one reason together."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from retrieve.types import Skipped

_NUMBER = re.compile(r"\d+(?:[.,]\d+)*")


@dataclass(frozen=True, slots=True)
class Group:
    """Files of one kind of reason, in the order in which they came.

    reason  as all of them have it, or what their reasons have in common, … for numbers
    """

    reason: str
    files: Sequence[Skipped]

    def own(self, item: Skipped) -> str:
        """What a file's reason says beyond the group's; "" where that is nothing."""
        if item.reason == self.reason:
            return ""
        head, _, rest = item.reason.partition(": ")
        return rest if rest and _kind(head) == self.reason else item.reason


def grouped(items: Sequence[Skipped]) -> list[Group]:
    """The groups, largest first, of one size in the order in which they came."""
    found: dict[str, list[Skipped]] = {}
    for item in items:
        found.setdefault(_kind(item.reason.partition(": ")[0]), []).append(item)
    groups = [
        Group(files[0].reason if len({one.reason for one in files}) == 1 else kind, files)
        for kind, files in found.items()
    ]
    return sorted(groups, key=lambda group: -len(group.files))


def _kind(text: str) -> str:
    return _NUMBER.sub("…", text)
