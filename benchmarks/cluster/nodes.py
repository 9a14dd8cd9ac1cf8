"""The Ray cluster on one machine that tests use, tests/helpers/raylets.py, for benchmarks."""

from __future__ import annotations

import sys
from importlib import import_module
from pathlib import Path
from typing import Any

sys.path.append(str(Path(__file__).parents[2] / "tests" / "helpers"))


def cluster(nodes: int = 1, cores: int = 1) -> Any:
    """A head and so many nodes beside it, as a context manager."""
    return import_module("raylets").cluster(nodes, cores)
