"""All benchmarks, one after the other, each beside its peer in the same run: make bench"""

from __future__ import annotations

import subprocess
import sys

RUNS = (
    ("benchmarks.embedding",),
    ("benchmarks.runtimes",),
    ("benchmarks.detection",),
    ("benchmarks.everyday",),
    ("benchmarks.startup",),
    ("benchmarks.installation",),
    ("benchmarks.pipeline",),
    ("benchmarks.search",),
    ("benchmarks.collection",),
    ("benchmarks.checks",),
    ("benchmarks.words", "--imported", "1000000"),
    ("benchmarks.training",),
    ("benchmarks.language",),
    ("benchmarks.text_encoder",),
    ("benchmarks.e5",),
    ("benchmarks.documents",),
    ("benchmarks.pdf",),
    ("benchmarks.passages", "--passages", "10000"),
    ("benchmarks.texts",),
    ("benchmarks.pipeline", "--memory", "1000"),
    ("benchmarks.pipeline", "--memory", "10000"),
)

for module, *arguments in RUNS:
    print(f"\n== python -m {' '.join([module, *arguments])}", flush=True)
    subprocess.run([sys.executable, "-m", module, *arguments], check=True)
