"""What a program and all processes below it take: CPU time and memory."""

from __future__ import annotations

import itertools
import os
import subprocess
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

LOOK_S = 0.05  # watching takes time from what is watched


@dataclass(frozen=True, slots=True)
class Use:
    """What a process and all below it have taken.

    peak_mb  of all together: their pages, and those of files that they have mapped
    own_mb   the same without those of files, which the system takes back when it needs them
    """

    cpu_s: float
    peak_mb: float
    own_mb: float


def watched(process: subprocess.Popen[bytes]) -> Use:
    """Wait for a process to end, and say what it took.

    What a process uses after it was last looked at is missed: .05 s of each at the most.
    """
    cpu: dict[int, float] = {}
    peak = own = 0.0
    for n in itertools.count():
        if process.poll() is not None:
            break
        family = descendants(process.pid)
        cpu |= {pid: taken for pid in family if (taken := cpu_s(pid)) is not None}
        if n % 4 == 0:
            memory = [memory_mb(pid) for pid in family]
            peak = max(peak, sum(every for every, _ in memory))
            own = max(own, sum(mine for _, mine in memory))
        time.sleep(LOOK_S)
    return Use(sum(cpu.values()), peak, own)


def descendants(pid: int) -> list[int]:
    """A process and all below it."""
    found, waiting = [], [pid]
    while waiting:
        found.append(waiting.pop())
        with suppress(OSError):  # it has ended
            children = Path(f"/proc/{found[-1]}/task/{found[-1]}/children").read_text()
            waiting += map(int, children.split())
    return found


def cpu_s(pid: int) -> float | None:
    """User and system time of one process; None if it has ended."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def memory_mb(pid: int) -> tuple[float, float]:
    """Private pages and shared ones by their share: of all kinds, and without those of files."""
    try:
        rollup = Path(f"/proc/{pid}/smaps_rollup").read_text()
    except OSError:
        return 0.0, 0.0
    every, own = (int(rollup.split(name)[1].split()[0]) / 1024 for name in ("Pss:", "Pss_Anon:"))
    return every, own
