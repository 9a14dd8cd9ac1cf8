"""What a program and all processes below it take: CPU time and memory."""

from __future__ import annotations

import itertools
import os
import subprocess
import time
from contextlib import suppress
from pathlib import Path

LOOK_S = 0.05  # watching takes time from what is watched


def watched(process: subprocess.Popen[bytes]) -> tuple[float, float]:
    """Wait for a process: CPU seconds of all its family, and their peak memory together in MB.

    What a process uses after it was last looked at is missed: .05 s of each at the most.
    """
    cpu: dict[int, float] = {}
    peak = 0.0
    for n in itertools.count():
        if process.poll() is not None:
            break
        family = descendants(process.pid)
        cpu |= {pid: taken for pid in family if (taken := cpu_s(pid)) is not None}
        if n % 4 == 0:
            peak = max(peak, sum(map(memory_mb, family)))
        time.sleep(LOOK_S)
    return sum(cpu.values()), peak


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


def memory_mb(pid: int) -> float:
    """Private pages, and shared ones by their share."""
    try:
        rollup = Path(f"/proc/{pid}/smaps_rollup").read_text()
    except OSError:
        return 0.0
    return int(rollup.split("Pss:")[1].split()[0]) / 1024
