"""Words that are found in PDFs, beside MuPDF and other readers: python -m benchmarks.pdf [PATH...]

Files of many kinds are made with reportlab; those below PATH are read too. For each kind: the
share of MuPDF's words that a reader finds (distinct words of a file, divided ones joined), how
many files give under half of them, and CPU milliseconds a page, a process a reader and file.
Of made files the words are known, so MuPDF stands beside them as well. `pypdf` is what this
project read PDFs with before; `ours` is read_document.
"""

from __future__ import annotations

import argparse
import json
import random
import re
import subprocess
import sys
import tempfile
import unicodedata
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from statistics import mean
from typing import Any

from benchmarks.documents import paragraphs

PAGES = 4
READERS = ("ours", "pypdf", "pdfminer", "mupdf")
TIMEOUT_S = 60
READ = """
import json, logging, re, resource, sys, time
reader, path = sys.argv[1:]
logging.disable(logging.CRITICAL)
def ours(path):
    from pathlib import Path
    from retrieve.documents.read import read_document
    document = read_document(Path(path))
    return "\\n".join([document.title, *(passage.text for passage in document.passages)])
def pypdf(path):
    from pypdf import PdfReader
    reader = PdfReader(path)
    if reader.is_encrypted:
        reader.decrypt("")
    text = "\\f".join(page.extract_text() for page in reader.pages)
    return re.sub(r"(?<=[^\\W\\d_])[-\\u2010\\u00ad][ \\t]*\\n[ \\t]*(?=[^\\W\\d_])", "", text)
def pdfminer(path):
    from pdfminer.high_level import extract_text
    text = extract_text(path)
    return re.sub(r"(?<=[^\\W\\d_])[-\\u2010\\u00ad][ \\t]*\\n[ \\t]*(?=[^\\W\\d_])", "", text)
def mupdf(path):
    import pymupdf
    pymupdf.TOOLS.mupdf_display_errors(False)
    flags = pymupdf.TEXT_DEHYPHENATE | pymupdf.TEXTFLAGS_TEXT & ~pymupdf.TEXT_PRESERVE_LIGATURES
    document = pymupdf.open(path, filetype="pdf")
    return "\\f".join(page.get_text(flags=flags) for page in document)
read = globals()[reader]
def seconds():
    own, children = (resource.getrusage(who) for who in (0, resource.RUSAGE_CHILDREN))
    return own.ru_utime + own.ru_stime + children.ru_utime + children.ru_stime
import importlib
for name in {"ours": ["pypdfium2.raw", "retrieve.documents.read", "numpy"], "pypdf": ["pypdf"],
             "pdfminer": ["pdfminer.high_level"], "mupdf": ["pymupdf"]}[reader]:
    importlib.import_module(name)
before = seconds()
text = read(path)
print(json.dumps([text, seconds() - before]))
"""


@dataclass(frozen=True, slots=True)
class Made:
    """A file of one kind, and the text that it shows."""

    kind: str
    content: bytes
    text: str


def made() -> Iterator[Made]:
    """One file of each kind."""
    from reportlab.pdfbase import pdfmetrics
    from reportlab.pdfbase.cidfonts import UnicodeCIDFont
    from reportlab.pdfbase.ttfonts import TTFont

    pdfmetrics.registerFont(TTFont("Vera", "Vera.ttf"))
    pdfmetrics.registerFont(UnicodeCIDFont("HeiseiMin-W3"))
    texts = paragraphs()
    for kind, draw in DRAWN.items():
        content, text = draw(texts)
        yield Made(kind, content, text)
    prose, text = DRAWN["prose"](texts)
    yield Made("no end", prose[: prose.rindex(b"xref\n")], text)
    yield Made("no startxref", prose[: prose.rindex(b"startxref")], text)
    yield Made("mark before", b"\xef\xbb\xbf" + prose, text)
    yield Made("head before", b"From: mail\r\n\r\n" + prose, text)
    packed = _packed(prose)
    yield Made("packed", packed, text)
    yield Made("packed, no end", packed[: packed.rindex(b"/XRef")], text)
    subset, text = DRAWN["subset"](texts)
    unmapped = re.sub(rb"/ToUnicode \d+ 0 R", lambda found: b" " * len(found[0]), subset)
    yield Made("subset, no map", unmapped, text)
    for share in (0.5, 0.9):
        yield Made(f"first {share:.0%}", prose[: int(share * len(prose))], "")


def _drawn(draw: Callable[[Any], str | None], **options: Any) -> bytes:
    """A PDF of PAGES pages, each drawn by a function of the canvas."""
    from reportlab.pdfgen.canvas import Canvas

    file = BytesIO()
    canvas = Canvas(file, **options)
    for _ in range(PAGES):
        draw(canvas)
        canvas.showPage()
    canvas.save()
    return file.getvalue()


def _wrapped(text: str, letters: int) -> list[str]:
    """Lines of so many letters, long words divided at the ends as a typesetter would."""
    lines, line = [], ""
    for word in text.split():
        if len(line) + len(word) + 1 > letters:
            room = letters - len(line) - 2
            if room > 3 and len(word) - room > 3 and word[: room + 1].isalpha():
                lines.append(f"{line} {word[:room]}-")
                line = word[room:]
                continue
            lines.append(line)
            line = ""
        line = f"{line} {word}".strip()
    return [*lines, line]


def prose(texts: list[str], **options: Any) -> tuple[bytes, str]:
    shown = iter(texts)
    used: list[str] = []

    def draw(canvas: Any) -> None:
        used.append(next(shown))
        for row, line in enumerate(_wrapped(used[-1], 80)[:48]):
            canvas.drawString(72, 760 - 14 * row, line)

    return _drawn(draw, **options), "\n".join(used)


def columns(texts: list[str], count: int = 2, by_row: bool = False) -> tuple[bytes, str]:
    """Columns as one after another, or line by line over all of them."""
    shown = iter(texts)
    used: list[str] = []

    def draw(canvas: Any) -> None:
        canvas.setFont("Times-Roman", 10)
        width = 460 // count
        parts = []
        for _ in range(count):
            used.append(next(shown))
            parts.append(_wrapped(used[-1], int(width / 5.2))[:50])
        canvas.drawString(72, 790, "Memoria de la comarca y de sus gentes, de un año a otro, hoy")
        used.append("Memoria de la comarca y de sus gentes, de un año a otro, hoy")
        cells = [(row, at) for at, part in enumerate(parts) for row in range(len(part))]
        for row, at in sorted(cells) if by_row else cells:
            canvas.drawString(72 + at * (width + 14), 760 - 12 * row, parts[at][row])

    return _drawn(draw), "\n".join(used)


def letters(texts: list[str], shuffled: bool = False, space: float = 0.0) -> tuple[bytes, str]:
    """Each letter drawn on its own."""
    from reportlab.pdfbase.pdfmetrics import stringWidth

    text = " ".join(texts[0].split()[:60])

    def draw(canvas: Any) -> None:
        cells = []
        for row, line in enumerate(_wrapped(text, 45)):
            at = 72.0
            for letter in line:
                cells.append((at, 760 - 16 * row, letter))
                at += stringWidth(letter, "Helvetica", 11) + space
        if shuffled:
            random.Random(1).shuffle(cells)
        canvas.setFont("Helvetica", 11)
        for across, up, letter in cells:
            if letter != " ":
                canvas.drawString(across, up, letter)

    return _drawn(draw), text


def table(texts: list[str]) -> tuple[bytes, str]:
    words = " ".join(texts).split()
    rows = [(words[n], f"{n * 7},50", words[n + 60], str(1900 + n)) for n in range(40)]

    def draw(canvas: Any) -> None:
        for row, cells in enumerate(rows):
            for across, cell in zip((72, 200, 260, 420), cells, strict=True):
                canvas.drawString(across, 780 - 15 * row, cell)

    return _drawn(draw), "\n".join(" ".join(row) for row in rows)


def form(texts: list[str], looks: bool = True) -> tuple[bytes, str]:
    """A filled form, with what its fields look like or with their values alone."""
    text = texts[0].split()

    def draw(canvas: Any) -> None:
        canvas.drawString(72, 780, "Formulario de inscripción")
        for row in range(10):
            canvas.acroForm.textfield(
                name=f"{canvas.getPageNumber()}-{row}",
                value=" ".join(text[3 * row : 3 * row + 3]),
                x=72,
                y=740 - 30 * row,
                width=300,
                height=20,
            )

    content = _drawn(draw)
    if not looks:
        content = re.sub(rb"/AP <<", b"/XX <<", content)
    return content, " ".join(text[:30]) + " Formulario de inscripción"


def turned(texts: list[str], page: int = 0, letter: int = 0) -> tuple[bytes, str]:
    """Pages that are shown turned, and text that is drawn turned."""
    text = " ".join(texts[0].split()[:80])

    def draw(canvas: Any) -> None:
        canvas.setPageRotation(page)
        canvas.translate(300, 420)
        canvas.rotate(letter)
        for row, line in enumerate(_wrapped(text, 60)):
            canvas.drawString(-170, 100 - 14 * row, line)

    return _drawn(draw), text


def subset(texts: list[str]) -> tuple[bytes, str]:
    text = " ".join(texts[0].split()[:80])

    def draw(canvas: Any) -> None:
        canvas.setFont("Vera", 11)
        for row, line in enumerate(_wrapped(text, 60)):
            canvas.drawString(72, 760 - 14 * row, line)

    return _drawn(draw), text


def ligatures(texts: list[str]) -> tuple[bytes, str]:
    text = "La oficina fina afirma el flujo final del edificio y la afinidad del conflicto"

    def draw(canvas: Any) -> None:
        canvas.setFont("Vera", 11)
        canvas.drawString(72, 760, text.replace("fi", "ﬁ").replace("fl", "ﬂ"))

    return _drawn(draw), text


def japanese(texts: list[str]) -> tuple[bytes, str]:
    text = "日本語の文章 水車小屋 川の流れ 山の雪"

    def draw(canvas: Any) -> None:
        canvas.setFont("HeiseiMin-W3", 12)
        canvas.drawString(72, 760, text)

    return _drawn(draw), text


def running(texts: list[str]) -> tuple[bytes, str]:
    shown = iter(texts)
    used = ["Historia del molino"]

    def draw(canvas: Any) -> None:
        used.append(next(shown))
        canvas.drawString(72, 800, "Historia del molino")
        for row, line in enumerate(_wrapped(used[-1], 80)[:46]):
            canvas.drawString(72, 770 - 14 * row, line)
        canvas.drawString(290, 40, f"{canvas.getPageNumber()}")

    return _drawn(draw), "\n".join(used)


def inside(texts: list[str]) -> tuple[bytes, str]:
    """Text within a form XObject, drawn twice a page."""
    text = " ".join(texts[0].split()[:60])

    def draw(canvas: Any) -> None:
        name = f"f{canvas.getPageNumber()}"
        canvas.beginForm(name)
        for row, line in enumerate(_wrapped(text, 60)):
            canvas.drawString(72, 760 - 14 * row, line)
        canvas.endForm()
        canvas.doForm(name)
        canvas.translate(0, -300)
        canvas.doForm(name)

    return _drawn(draw), text


def locked(texts: list[str]) -> tuple[bytes, str]:
    from reportlab.lib.pdfencrypt import StandardEncryption

    return prose(texts, encrypt=StandardEncryption("", "owner", strength=128))


def _packed(content: bytes) -> bytes:
    """The same with its objects in streams, as word processors write them."""
    import pymupdf

    document: Any = pymupdf
    with document.open(stream=content, filetype="pdf") as opened:
        return bytes(opened.tobytes(use_objstms=1, deflate=True))


DRAWN: dict[str, Callable[[list[str]], tuple[bytes, str]]] = {
    "prose": prose,
    "two columns": columns,
    "two, by row": lambda texts: columns(texts, by_row=True),
    "three columns": lambda texts: columns(texts, 3),
    "three, by row": lambda texts: columns(texts, 3, by_row=True),
    "letters": letters,
    "letters, shuffled": lambda texts: letters(texts, shuffled=True),
    "letters, spaced": lambda texts: letters(texts, space=3.0),
    "table": table,
    "form": form,
    "form, values": lambda texts: form(texts, looks=False),
    "page turned 90": lambda texts: turned(texts, 90),
    "text turned 90": lambda texts: turned(texts, 0, 90),
    "both turned": lambda texts: turned(texts, 270, 270),
    "upside down": lambda texts: turned(texts, 0, 180),
    "aslant": lambda texts: turned(texts, 0, 35),
    "subset": subset,
    "ligatures": ligatures,
    "japanese": japanese,
    "running lines": running,
    "form xobject": inside,
    "encrypted": locked,
}


def words(text: str) -> set[str]:
    return set(re.findall(r"\w+", unicodedata.normalize("NFKC", text).casefold()))


def read(reader: str, path: Path) -> tuple[set[str], float]:
    """The words of a file and the CPU seconds it took; none where it cannot be read."""
    try:
        done = subprocess.run(
            [sys.executable, "-c", READ, reader, str(path)],
            capture_output=True,
            text=True,
            timeout=TIMEOUT_S,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return set(), TIMEOUT_S
    if done.returncode:
        return set(), 0.0
    text, seconds = json.loads(done.stdout.splitlines()[-1])
    return words(text), seconds


def share(found: set[str], wanted: set[str]) -> float:
    return len(found & wanted) / len(wanted) if wanted else float("nan")


def compare(files: list[tuple[str, Path, str]]) -> None:
    """Print a line a file and the sums; files are (kind, path, text that is shown or "")."""
    readers = [name for name in READERS if name != "mupdf"]
    totals: dict[str, list[float]] = {name: [] for name in READERS}
    truths: dict[str, list[float]] = {name: [] for name in READERS}
    print(f"{'of the words of MuPDF (of those that are shown)':48}", *(f"{n:>16}" for n in READERS))
    for kind, path, text in files:
        found = {name: read(name, path) for name in READERS}
        wanted = found["mupdf"][0]
        cells = []
        for name in READERS:
            beside, truth = share(found[name][0], wanted), share(found[name][0], words(text))
            cells.append(f"{beside:7.1%} ({truth:6.1%})" if text else f"{beside:7.1%}         ")
            if wanted:
                totals[name].append(beside)
            if text:
                truths[name].append(truth)
        print(f"{kind:48}", *cells, flush=True)
    for name in [*readers, "mupdf"]:
        under = sum(value < 0.5 for value in totals[name])
        print(
            f"{name}: mean {mean(totals[name]):.1%} of MuPDF's words in {len(totals[name])} files, "
            f"under half in {under}"
            + (
                f"; {mean(truths[name]):.1%} of the words that are shown in {len(truths[name])}"
                if truths[name]
                else ""
            )
        )


def speed(texts: list[str], folder: Path) -> None:
    """CPU time a page of prose, each reader on the same file."""
    from benchmarks.documents import write_pdf

    path = folder / "speed.pdf"
    write_pdf(path, texts * 5)
    from pypdf import PdfReader

    pages = len(PdfReader(path).pages)
    for name in READERS:
        if name != "pdfminer":
            best = min(read(name, path)[1] for _ in range(3))
            print(f"{name}: {best / pages * 1000:.1f} CPU ms a page ({pages} pages)", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("paths", nargs="*", type=Path)
    parser.add_argument("--no-made", action="store_true", help="only the files of PATH")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        files = []
        for number, file in enumerate([] if options.no_made else made()):
            path = Path(folder) / f"{number}.pdf"
            path.write_bytes(file.content)
            files.append((file.kind, path, file.text))
        for top in options.paths:
            for path in sorted(top.rglob("*.pdf")) if top.is_dir() else [top]:
                files.append((path.name, path, ""))
        compare(files)
        speed(paragraphs(), Path(folder))


if __name__ == "__main__":
    main()
