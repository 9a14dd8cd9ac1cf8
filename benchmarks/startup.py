"""What a cold process costs: python -m benchmarks.startup

CPU seconds of whole processes, the least of several; `import torch` is the peer that a
search does without.
"""

from __future__ import annotations

import resource
import subprocess
import sys
import tempfile
from pathlib import Path

from retrieve.sample_data.album import write_album, write_probe

ROUNDS = 5
CLI = ("-m", "retrieve.cli")


def cpu_s(*arguments: str) -> float:
    """The least CPU time that python with these arguments takes."""
    times = []
    for _ in range(ROUNDS):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run([sys.executable, *arguments], stdout=subprocess.DEVNULL, check=True)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        times.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    return min(times)


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        album, probe, where = (str(Path(folder, name)) for name in ("album", "probe.jpg", "c"))
        write_album(Path(album), people=3, photos=12, seed=1)
        write_probe(Path(probe), seed=1)
        subprocess.run(
            [sys.executable, *CLI, "index", album, "-c", where],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            check=True,
        )
        rows = {
            "python": ("-c", "pass"),
            "import torch": ("-c", "import torch"),
            "import onnxruntime": ("-c", "import onnxruntime"),
            "import faiss": ("-c", "import faiss"),
            "open both networks": (
                "-c",
                "import retrieve.cli\n"
                "from retrieve.faces.detection.detect import open_detector\n"
                "from retrieve.faces.embedding.embed import open_embedder\n"
                "open_detector(), open_embedder()",
            ),
            "retrieve --help": (*CLI, "--help"),
            "retrieve info": (*CLI, "info", "-c", where),
            "retrieve detect": (*CLI, "detect", probe),
            "retrieve search": (*CLI, "search", probe, "-c", where),
        }
        for name, arguments in rows.items():
            print(f"{name:20} {cpu_s(*arguments):.2f} CPU s")


if __name__ == "__main__":
    main()
