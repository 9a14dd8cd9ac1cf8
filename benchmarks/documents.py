"""Reading files of text, a process a file: python -m benchmarks.documents

The village archive of sample_data, repeated to the size that is asked for: passages and
megabytes a CPU second, and peak memory, as text, Markdown, HTML, JSON lines, DOCX, and as a
PDF of some 300 pages.
"""

from __future__ import annotations

import argparse
import html
import json
import subprocess
import sys
import tempfile
from collections.abc import Callable
from itertools import cycle, islice
from pathlib import Path

from retrieve.documents.encoding import decode

TEXTS = Path(__file__).parents[1] / "sample_data" / "texts"
PDF_PARAGRAPHS = 4900  # make some 300 pages
DOCX_SHARE = 4  # python-docx takes a minute for what is read in seconds
ROUNDS = 3

READ = """
import json, resource, sys
from pathlib import Path
from retrieve.documents.read import read_document
path = Path(sys.argv[1])
def seconds():  # PDFs are read in a process of their own
    own, children = (resource.getrusage(who) for who in (0, resource.RUSAGE_CHILDREN))
    return own.ru_utime + own.ru_stime + children.ru_utime + children.ru_stime
before = seconds()
document = read_document(path)
taken = seconds() - before
pages = max(passage.page or 0 for passage in document.passages)
peak = max(resource.getrusage(who).ru_maxrss for who in (0, resource.RUSAGE_CHILDREN)) / 1024
print(json.dumps([taken, len(document.passages), pages, peak]))
"""


def paragraphs() -> list[str]:
    """The paragraphs of the archive's stories, long enough to be prose."""
    texts = (decode(path.read_bytes())[0] for path in sorted(TEXTS.rglob("*.txt")))
    return [block for text in texts for block in text.split("\n\n") if len(block) > 200]


def repeated(megabytes: float) -> list[str]:
    known, size, taken = paragraphs(), int(megabytes * 1e6), []
    for block in cycle(known):
        taken.append(block)
        size -= len(block.encode()) + 2
        if size < 0:
            return taken
    raise AssertionError("no end")


def write_text(path: Path, blocks: list[str]) -> None:
    path.write_text("\n\n".join(blocks), encoding="utf-8")


def write_markdown(path: Path, blocks: list[str]) -> None:
    headed = (f"## {n}\n\n{block}" if n % 20 == 0 else block for n, block in enumerate(blocks))
    path.write_text("\n\n".join(headed), encoding="utf-8")


def write_html(path: Path, blocks: list[str]) -> None:
    body = "\n".join(f"<p>{html.escape(block)}</p>" for block in blocks)
    path.write_text(f"<html><body>{body}</body></html>", encoding="utf-8")


def write_json_lines(path: Path, blocks: list[str]) -> None:
    lines = (json.dumps({"text": block}, ensure_ascii=False) for block in blocks)
    path.write_text("\n".join(lines), encoding="utf-8")


def write_docx(path: Path, blocks: list[str]) -> None:
    import docx

    document = docx.Document()
    for block in islice(blocks, len(blocks) // DOCX_SHARE):
        document.add_paragraph(block)
    document.save(str(path))


def write_pdf(path: Path, blocks: list[str]) -> None:
    from reportlab.lib.styles import getSampleStyleSheet
    from reportlab.platypus import Paragraph, SimpleDocTemplate

    style = getSampleStyleSheet()["BodyText"]
    story = [Paragraph(html.escape(block), style) for block in blocks[:PDF_PARAGRAPHS]]
    SimpleDocTemplate(str(path)).build(story)


WRITERS: dict[str, Callable[[Path, list[str]], None]] = {
    "txt": write_text,
    "md": write_markdown,
    "html": write_html,
    "jsonl": write_json_lines,
    "docx": write_docx,
    "pdf": write_pdf,
}


def measured(path: Path) -> str:
    runs = [
        json.loads(
            subprocess.run(
                [sys.executable, "-c", READ, str(path)], capture_output=True, text=True, check=True
            ).stdout
        )
        for _ in range(ROUNDS)
    ]
    seconds, passages, pages, _ = min(runs)
    peak, size = max(run[3] for run in runs), path.stat().st_size / 1e6
    speed = f"{pages / seconds:.0f} pages/s" if pages else f"{size / seconds:.1f} MB/s"
    return (
        f"{path.suffix[1:]:6} {size:5.1f} MB {passages:7} passages {seconds:6.2f} CPU s "
        f"{passages / seconds:8.0f} passages/s {speed:>12} {peak:6.0f} MB peak"
        + (f", {pages} pages" if pages else "")
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--megabytes", type=float, default=10.0)
    parser.add_argument("formats", nargs="*", help=" ".join(WRITERS))
    options = parser.parse_args()
    blocks = repeated(options.megabytes)
    with tempfile.TemporaryDirectory() as folder:
        for name in options.formats or WRITERS:
            path = Path(folder) / f"a.{name}"
            WRITERS[name](path, blocks)
            print(measured(path), flush=True)


if __name__ == "__main__":
    main()
