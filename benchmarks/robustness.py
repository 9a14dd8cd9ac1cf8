"""What strangers' files cost: python -m benchmarks.robustness FOLDER [--mutants N] [--seed S]

FOLDER holds photos and texts as they come. To them are added documents and a photo with what
describes it, made here, and N damaged files of all of these (benchmarks.mutants). Everything is
indexed at once, as `retrieve index` does. Printed is, for each kind of file, how many were stored,
used with a warning, skipped and stopped; the reasons; which exceptions nobody had foreseen; and
the peak memory of all processes together. A second run tries once more what was stopped. The
exit status is 1 where a run ended early or a file is missing from its report.
"""

from __future__ import annotations

import argparse
import csv
import io
import json
import re
import sys
import tempfile
import threading
import time
from collections import Counter
from contextlib import suppress
from pathlib import Path
from random import Random

import docx
import odfdo
from PIL import ExifTags, Image
from reportlab.pdfgen.canvas import Canvas

from benchmarks.documents import paragraphs
from benchmarks.mutants import mutant
from retrieve.errors import UNFORESEEN
from retrieve.indexes.building.storing import Report
from retrieve.indexes.building.walk import walk
from retrieve.indexes.collection import Collection, open_collection

IN_A_FOLDER = 500
LOOK_S = 0.1
SHOWN = 40  # reasons
STOPPED = ("decoding took", "decoding was not", "decoding crashed", "decoding needs")
XMP = (
    '<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf='
    '"http://www.w3.org/1999/02/22-rdf-syntax-ns#"><rdf:Description '
    'xmlns:dc="http://purl.org/dc/elements/1.1/"><dc:description><rdf:Alt><rdf:li '
    'xml:lang="x-default">Una boda en Zaragoza</rdf:li></rdf:Alt></dc:description>'
    "<dc:subject><rdf:Bag><rdf:li>boda</rdf:li></rdf:Bag></dc:subject>"
    "</rdf:Description></rdf:RDF></x:xmpmeta>"
)
TAKEOUT = {
    "title": "ana.jpg",
    "description": "Una boda en Zaragoza",
    "photoTakenTime": {"timestamp": "1562689800"},
    "geoData": {"latitude": 41.65, "longitude": -0.88, "altitude": 200.0},
    "people": [{"name": "Ana Núñez"}],
}


def made() -> dict[str, bytes]:
    """A small file of each kind, by its name."""
    some = paragraphs()[:6]
    word = docx.Document()
    word.core_properties.title = "Diario"
    for block in some:
        word.add_heading(block[:30], 1)
        word.add_paragraph(block)
    word.add_table(1, 2).cell(0, 0).text = "vino"
    open_text = odfdo.Document("text")
    for block in some:
        open_text.body.append(odfdo.Paragraph(block))
    table = io.StringIO()
    csv.writer(table).writerows([["title", "text"], *([block[:20], block] for block in some)])
    page = "".join(f"<h2>{block[:20]}</h2><p>{block}</p>" for block in some)
    cues = "\n\n".join(
        f"{i}\n00:00:{i:02},000 --> 00:00:{i + 1:02},000\n{block}" for i, block in enumerate(some)
    )
    return {
        "made.docx": _saved(word),
        "made.odt": _saved(open_text),
        "made.pdf": _pdf(some),
        "made.html": f"<!doctype html><title>Diario</title>{page}".encode(),
        "made.md": "\n\n".join(f"# {block[:20]}\n\n{block}" for block in some).encode(),
        "made.txt": "\n\n".join(some).encode(),
        "western.txt": "\n\n".join(some).encode("cp1252", "replace"),
        "wide.txt": "\n\n".join(some).encode("utf-16"),
        "made.csv": table.getvalue().encode(),
        "made.jsonl": "\n".join(json.dumps({"text": block}) for block in some).encode(),
        "made.srt": cues.encode(),
        "made.vtt": f"WEBVTT\n\n{cues}".replace(",000", ".000").encode(),
        "photo.jpg": _photo(),
        "photo.png": _photo("PNG"),
        "photo.xmp": XMP.encode(),
        "photo.json": json.dumps(TAKEOUT).encode(),
    }


def _saved(document: object) -> bytes:
    kept = io.BytesIO()
    document.save(kept)  # type: ignore[attr-defined]
    return kept.getvalue()


def _pdf(blocks: list[str]) -> bytes:
    kept = io.BytesIO()
    canvas = Canvas(kept, pageCompression=1)
    canvas.setTitle("Diario")
    for block in blocks:
        for row, start in enumerate(range(0, len(block), 80)):
            canvas.drawString(72, 750 - 14 * row, block[start : start + 80])
        canvas.showPage()
    canvas.save()
    return kept.getvalue()


def _photo(kind: str = "JPEG") -> bytes:
    exif = Image.Exif()
    exif[ExifTags.Base.ImageDescription] = "Una boda"
    exif.get_ifd(ExifTags.IFD.Exif)[ExifTags.Base.DateTimeOriginal] = "2019:07:09 18:30:00"
    exif.get_ifd(ExifTags.IFD.GPSInfo).update({1: "N", 2: (41, 39, 0), 3: "W", 4: (0, 52, 0)})
    kept = io.BytesIO()
    Image.effect_noise((160, 120), 60).convert("RGB").save(kept, kind, exif=exif, xmp=XMP.encode())
    return kept.getvalue()


def write(folder: Path, given: Path, mutants: int, seed: int) -> None:
    """Files as they are, and damaged ones in folders of IN_A_FOLDER."""
    files = {path.name: path.read_bytes() for path in sorted(given.rglob("*")) if path.is_file()}
    files |= made()
    whole = folder / "whole"
    whole.mkdir()
    for name, content in files.items():
        (whole / name).write_bytes(content)
    names = sorted(name for name, content in files.items() if content)
    contents = [files[name] for name in names]
    photo = files["photo.jpg"]
    for number in range(mutants):
        chance, name = Random(f"{seed} {number}"), names[number % len(names)]
        inside = folder / f"{number // IN_A_FOLDER:03}"
        inside.mkdir(exist_ok=True)
        target = inside / f"{number:05}-{name}"
        target.write_bytes(mutant(files[name], contents, chance))
        if name in ("photo.xmp", "photo.json"):
            target.with_suffix(".jpg").write_bytes(photo)


class Memory:
    """The most memory that this process and all below it had at once, in MB: a context manager."""

    def __enter__(self) -> Memory:
        self.peak_mb, self._ends = 0.0, threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ends.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._ends.wait(LOOK_S):
            self.peak_mb = max(self.peak_mb, sum(map(_own_mb, _below(Path("/proc/self")))))


def _below(process: Path) -> list[Path]:
    found = [process]
    with suppress(OSError):
        for thread in (process / "task").iterdir():
            for number in (thread / "children").read_text().split():
                found += _below(Path("/proc") / number)
    return found


def _own_mb(process: Path) -> float:
    """Of a process, with its share of what several have in common."""
    with suppress(OSError, ValueError):
        for line in (process / "smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1]) / 1024
    return 0.0


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--mutants", type=int, default=5000)
    parser.add_argument("--seed", type=int, default=14)
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--time-limit", type=float, default=20.0)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder, where = Path(temporary) / "files", Path(temporary) / "collection"
        folder.mkdir()
        write(folder, given.folder, given.mutants, given.seed)
        ended_early = 0
        for number in (1, 2):
            began = time.monotonic()
            with open_collection(where, create=True) as collection, Memory() as memory:
                report = collection.index(
                    [folder], processes=given.processes, time_limit_s=given.time_limit
                )
                lost = _lost(collection, folder)
                if number == 1:
                    show(collection, report, folder)
            ended_early += report.interrupted or bool(lost)
            print(
                f"\nrun {number}: {report.new} new, {report.unchanged} unchanged, "
                f"{len(report.skipped)} skipped, {len(report.warnings)} with a warning; "
                f"{time.monotonic() - began:.0f} s, peak {memory.peak_mb:.0f} MB of all processes; "
                f"files of which nothing is known: {len(lost)}"
            )
            for path in lost[:SHOWN]:
                print(f"  {path.name}")
    return int(ended_early > 0)


def _lost(collection: Collection, folder: Path) -> list[Path]:
    """Files that are neither in the collection nor beside a photo of it."""
    return [item.path for item in walk([folder]) if collection.catalog.path(item.path) is None]


def show(collection: Collection, report: Report, folder: Path) -> None:
    """The tables of one run."""
    reasons = {item.path: item.reason for item in report.skipped}
    warned = {item.path for item in report.warnings}
    kinds: dict[str, Counter[str]] = {}
    for item in walk([folder]):
        kind = item.path.suffix.lower()
        what = "stored"
        if (reason := reasons.get(item.path)) is not None:
            what = "stopped" if reason.startswith(STOPPED) else "skipped"
        kinds.setdefault(kind, Counter()).update([what, "files"])
        if item.path in warned:
            kinds[kind]["warned"] += 1
    columns = ("files", "stored", "warned", "skipped", "stopped")
    print(f"{'':10}" + "".join(f"{name:>9}" for name in columns))
    for kind, counts in sorted(kinds.items()):
        print(f"{kind:10}" + "".join(f"{counts[name]:9}" for name in columns))
    total = sum(kinds.values(), Counter())
    print(f"{'all':10}" + "".join(f"{total[name]:9}" for name in columns))
    _tell("skipped or stopped", (item.reason for item in report.skipped))
    _tell("stored with a warning", (item.reason for item in report.warnings))
    foreseen = Counter(
        f"{item.path.suffix.lower()}: {found[1]}"
        for item in [*report.skipped, *report.warnings]
        if (found := re.search(rf"{UNFORESEEN}([\w.]+)", item.reason))
    )
    print(f"\nexceptions that nobody foresaw: {foreseen.total()}")
    for name, count in foreseen.most_common():
        print(f"{count:7}  {name}")


def _tell(title: str, reasons: object) -> None:
    alike = Counter(re.sub(r"[\d.,]*\d", "N", str(one))[:110] for one in reasons)  # type: ignore[attr-defined]
    print(f"\n{title}: {alike.total()}")
    for reason, count in alike.most_common(SHOWN):
        print(f"{count:7}  {reason}")


if __name__ == "__main__":
    sys.exit(main())
