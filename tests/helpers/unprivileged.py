"""Processes that file modes bind, though the tests may run as root."""

from __future__ import annotations

import ctypes
import os
import subprocess
from typing import Any

_DROP_FROM_BOUNDING_SET = 24
_OVERRIDE, _READ_SEARCH, _OWNER = 1, 2, 3  # capabilities that go past file modes


def _drop() -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    for capability in (_OVERRIDE, _READ_SEARCH, _OWNER):
        if libc.prctl(_DROP_FROM_BOUNDING_SET, capability, 0, 0, 0):
            raise OSError(ctypes.get_errno(), "prctl")


def run(command: list[str], **options: Any) -> subprocess.CompletedProcess[str]:
    """Run it with the rights that the modes of files give to their owner, and no more.

    raises  subprocess.SubprocessError where root cannot give up its rights
    """
    before = _drop if os.geteuid() == 0 else None
    return subprocess.run(
        command, preexec_fn=before, capture_output=True, text=True, check=False, **options
    )
