"""What a cluster for so many photos and texts takes: machines, hours, disk, memory, shards.

Reckoned from figures that were measured (docs/figures.md), each line with its arithmetic. What was
not measured at such a size is said in the notes.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from retrieve.errors import BadInput

FACES_PER_SHARD = 1_000_000  # of that size a query was measured; more shards ask more machines
DAYS = 7.0  # to index in, where no number of nodes is given
CORES = 8
MEMORY_GB = 32.0
MOST_PHOTOS = 10**13


@dataclass(frozen=True, slots=True)
class Figure:
    """Something that was measured.

    text     as docs/figures.md states it
    command  and day, in the same line there
    """

    what: str
    value: float
    unit: str
    text: str
    command: str
    day: str

    @property
    def shown(self) -> str:
        """Value and unit, as people read them."""
        return f"{self.value:,g} {self.unit}"


_STORAGE = "python -m benchmarks.storage FOLDER --texts FOLDER"

PHOTO_S = Figure(
    "indexing a photo, its faces and the whole of it",
    0.1895,
    "CPU s",
    "189.5 CPU ms a photo with",
    "python -m benchmarks.pictures cost FOLDER",
    "2026-11-28",
)
PASSAGES = Figure(
    "indexing passages of texts",
    920,
    "a CPU s",
    "920 to 1,000 passages a CPU s",
    "python -m benchmarks.passages",
    "2026-11-25",
)
PHOTO_BYTES = Figure(
    "a photo on disk, without its faces",
    2327,
    "bytes",
    "2,327 bytes a photo",
    _STORAGE,
    "2026-11-28",
)
FACE_BYTES = Figure("a face on disk", 5212, "bytes", "5,212 a face", _STORAGE, "2026-11-28")
PASSAGE_BYTES = Figure(
    "a passage on disk", 2927, "bytes", "2,927 bytes a passage", _STORAGE, "2026-11-28"
)
CONTENT_BYTES = Figure(
    "a photo or text in the manifest",
    137,
    "bytes",
    "137 bytes a content",
    _STORAGE,
    "2026-11-28",
)
CODE_BYTES = Figure(
    "a face in the index of a search, on disk and in memory",
    32,
    "bytes",
    "index of 32 bytes a face",
    "python -m benchmarks.search",
    "2026-11-27",
)
INDEXING_MB = Figure(
    "indexing, all processes of a task, at most",
    584,
    "MB",
    "584 MB at 1,000 drawn photos",
    "python -m benchmarks.pipeline --memory 1000",
    "2026-11-27",
)
SERVING_MB = Figure(
    "a server, beside its indexes",
    161,
    "MB",
    "161, 161 and 161 MB",
    "python -m benchmarks.serve --only first",
    "2026-11-28",
)
QUERY_1M_MS = Figure(
    "a query among 1,000,000 faces, catalog included",
    3.1,
    "CPU ms",
    "3.1 and 18.7 CPU ms",
    "python -m benchmarks.collection --rows N",
    "2026-11-24",
)
QUERY_10M_MS = Figure(
    "the same among 10,000,000",
    18.7,
    "CPU ms",
    "3.1 and 18.7 CPU ms",
    "python -m benchmarks.collection --rows N",
    "2026-11-24",
)
FIGURES = (
    PHOTO_S,
    PASSAGES,
    PHOTO_BYTES,
    FACE_BYTES,
    PASSAGE_BYTES,
    CONTENT_BYTES,
    CODE_BYTES,
    INDEXING_MB,
    SERVING_MB,
    QUERY_1M_MS,
    QUERY_10M_MS,
)


@dataclass(frozen=True, slots=True)
class Line:
    """One thing that is reckoned.

    name, value  for programs
    shown, how   for people: with its unit, and by what arithmetic
    """

    name: str
    value: float
    what: str
    shown: str
    how: str


@dataclass(frozen=True, slots=True)
class Plan:
    """What a cluster takes.

    figures  that the lines are reckoned from
    notes    what is not in them
    """

    lines: list[Line]
    figures: list[Figure]
    notes: list[str]

    def value(self, name: str) -> float:
        """Of the line of that name."""
        return next(one.value for one in self.lines if one.name == name)


@dataclass(frozen=True, slots=True)
class Asked:
    """For what a plan is made.

    nodes   machines; None for as many as index in `days` and hold what is served
    copies  of each shard, that which is written too
    """

    photos: int
    texts: int = 0
    faces_per_photo: float = 1.0
    passages_per_text: float = 10.0
    nodes: int | None = None
    cores: int = CORES
    memory_gb: float = MEMORY_GB
    days: float = DAYS
    copies: int = 1


def plan(asked: Asked) -> Plan:
    """What it takes, line by line.

    raises  BadInput for numbers that are none of photos, machines, days
    """
    _check(asked)
    lines: list[Line] = []

    def reckon(name: str, value: float, what: str, unit: str, how: str) -> float:
        lines.append(Line(name, value, what, f"{_rounded(value)} {unit}".strip(), how))
        return value

    photos, texts = asked.photos, asked.texts
    faces = reckon(
        "faces", photos * asked.faces_per_photo, "faces", "",
        f"{photos:,} photos × {asked.faces_per_photo:g}",
    )  # fmt: skip
    passages = reckon(
        "passages", texts * asked.passages_per_text, "passages", "",
        f"{texts:,} texts × {asked.passages_per_text:g}",
    )  # fmt: skip
    cpu_h = reckon(
        "cpu_hours", (photos * PHOTO_S.value + passages / PASSAGES.value) / 3600,
        "indexing, of one core", "h",
        f"({photos:,} × {PHOTO_S.value:g} s + {_rounded(passages)} / {PASSAGES.value:,g} a s) / "
        "3,600",
    )  # fmt: skip
    codes_gb = reckon(
        "codes_gb", faces * CODE_BYTES.value * asked.copies / 1e9, "indexes in memory, all copies",
        "GB", f"{_rounded(faces)} × {CODE_BYTES.value:g} B × {asked.copies} / 10⁹",
    )  # fmt: skip
    base_gb = (SERVING_MB.value + asked.cores * INDEXING_MB.value) / 1e3
    room_gb = asked.memory_gb - base_gb
    if asked.nodes is None:
        by_time = math.ceil(cpu_h / (asked.days * 24 * asked.cores))
        by_memory = math.ceil(codes_gb / room_gb) if room_gb > 0 else 0
        nodes = max(1, asked.copies, by_time, by_memory)
        how = (
            f"the most of {cpu_h:,.0f} h / ({asked.days:g} days × 24 × {asked.cores} cores) = "
            f"{by_time}, {codes_gb:,.1f} GB / {max(room_gb, 0):,.1f} GB = {by_memory}, and "
            f"{asked.copies} {'copy' if asked.copies == 1 else 'copies'}"
        )
    else:
        nodes, how = asked.nodes, "as you say"
    reckon("nodes", nodes, "nodes", "", f"{how}; each {asked.cores} cores, {asked.memory_gb:g} GB")
    reckon(
        "hours", cpu_h / (nodes * asked.cores), "indexing", "h",
        f"{_rounded(cpu_h)} h / ({_nodes(nodes)} × {asked.cores} cores)",
    )  # fmt: skip
    shards = reckon(
        "shards", max(1, math.ceil(max(faces, passages) / FACES_PER_SHARD), nodes * asked.cores),
        "shards", "",
        f"the most of {_rounded(max(faces, passages))} / {FACES_PER_SHARD:,} a shard and "
        f"{nodes:,} × {asked.cores}, a task a core",
    )  # fmt: skip
    segment = reckon(
        "segment", max(1, math.ceil((photos + texts) / shards)), "files a segment", "",
        f"{photos + texts:,} files / {_rounded(shards)}: retrieve index --segment",
    )  # fmt: skip
    one_copy = reckon(
        "copy_gb",
        (
            photos * PHOTO_BYTES.value
            + faces * (FACE_BYTES.value + CODE_BYTES.value)
            + passages * PASSAGE_BYTES.value
        )
        / 1e9,
        "disk, one copy", "GB",
        f"({photos:,} × {PHOTO_BYTES.value:,g} + {_rounded(faces)} × ({FACE_BYTES.value:,g} + "
        f"{CODE_BYTES.value:g}) + {_rounded(passages)} × {PASSAGE_BYTES.value:,g}) B / 10⁹",
    )  # fmt: skip
    manifest_gb = reckon(
        "manifest_gb", (photos + texts) * CONTENT_BYTES.value / 1e9, "disk, cluster.sqlite", "GB",
        f"{photos + texts:,} × {CONTENT_BYTES.value:g} B / 10⁹",
    )  # fmt: skip
    reckon(
        "disk_gb", one_copy * asked.copies + manifest_gb, "disk, in all", "GB",
        f"{_rounded(one_copy)} × {asked.copies} + {_rounded(manifest_gb)}",
    )  # fmt: skip
    node_gb = reckon(
        "memory_gb", codes_gb / nodes + base_gb, "memory, each node", "GB",
        f"{_rounded(codes_gb)} / {nodes:,} + ({SERVING_MB.value:g} + {asked.cores} × "
        f"{INDEXING_MB.value:g} while indexing) / 1,000",
    )  # fmt: skip
    at = faces / shards
    slope = (QUERY_10M_MS.value - QUERY_1M_MS.value) / 9e6
    shard_ms = QUERY_1M_MS.value + max(0.0, at - 1e6) * slope
    query_ms = reckon(
        "query_cpu_ms", shards * shard_ms, "a query, of one core", "ms",
        f"{_rounded(shards)} × {shard_ms:.1f} ms",
    )  # fmt: skip
    reckon(
        "query_ms", math.ceil(shards / nodes / asked.cores) * shard_ms, "a query, at least", "ms",
        f"{_rounded(shards)} shards over {nodes:,} × {asked.cores} cores, one after another each",
    )  # fmt: skip
    reckon(
        "queries_per_s", nodes * asked.cores * 1000 / query_ms, "queries a second, at most", "",
        f"{nodes:,} × {asked.cores} cores × 1,000 / {_rounded(query_ms)} ms",
    )  # fmt: skip
    return Plan(lines, list(FIGURES), _notes(asked, node_gb, segment))


def _notes(asked: Asked, node_gb: float, segment: float) -> list[str]:
    found = [
        "photos and texts themselves are on top, and have to be read over the network once: "
        "their own size was not asked",
        "the figures are of two shared cores of an AMD EPYC with AVX-512 VNNI and photos of about "
        "a megapixel: other processors and larger photos take longer (docs/figures.md)",
        "a backup takes one copy's disk once more; a replica is made anew by way of a tar of its "
        "shard",
        "no cluster of that size was measured: a query of one shard was, and is multiplied; what "
        "goes over the network is not in it",
    ]
    if node_gb > asked.memory_gb:
        found.insert(
            0,
            f"each node needs {node_gb:,.1f} GB of memory and has {asked.memory_gb:g}: take more "
            "nodes, or fewer cores for indexing",
        )
    if segment > 1e6:
        found.append("texts are few passages each: a segment has many files")
    return found


def _check(asked: Asked) -> None:
    for name, value, least in (
        ("photos", asked.photos, 0),
        ("texts", asked.texts, 0),
        ("faces a photo", asked.faces_per_photo, 0),
        ("passages a text", asked.passages_per_text, 0),
        ("nodes", 1 if asked.nodes is None else asked.nodes, 1),
        ("cores", asked.cores, 1),
        ("GB of memory", asked.memory_gb, 0.5),
        ("days", asked.days, 0.01),
        ("copies", asked.copies, 1),
    ):
        if not least <= value <= MOST_PHOTOS:
            raise BadInput(f"wanted {name} from {least:g} to {MOST_PHOTOS:,}; got {value:,g}")
    if not asked.photos and not asked.texts:
        raise BadInput("wanted photos or texts: --photos 100_000_000")


def _nodes(number: int) -> str:
    return f"{number:,} node{'' if number == 1 else 's'}"


def _rounded(value: float) -> str:
    """With as many digits as say something."""
    if value >= 100 or value == int(value):
        return f"{value:,.0f}"
    return f"{value:,.3g}"
