"""Labelled texts from disk: a folder, a table or JSON lines → texts, labels, groups.

    FOLDER/CLASS/…    documents, one folder a class: each passage is an example, each file a group
    FOLDER/CLASS.txt  an example a line, one file a class
    FILE.csv, .tsv    a column of texts, one of labels and perhaps one of groups
    FILE.jsonl        the same as fields of one JSON object a line

Examples of one group (passages of a book) are alike, so a group is never split between what is
trained on and what is measured. Without a column of groups each example is one.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from retrieve.documents.read import read_document
from retrieve.errors import BadInput
from retrieve.types import Skipped

TABLES = {".csv": ",", ".tsv": "\t"}
LINES = (".jsonl", ".ndjson")


@dataclass(frozen=True, slots=True)
class Columns:
    """Names of the columns or fields; group "" for none."""

    text: str = "text"
    label: str = "label"
    group: str = ""


@dataclass(frozen=True, slots=True)
class Examples:
    """N labelled texts, and the files that could not be read."""

    texts: list[str] = field(default_factory=list)
    labels: list[str] = field(default_factory=list)
    groups: list[str] = field(default_factory=list)
    skipped: list[Skipped] = field(default_factory=list)

    def add(self, text: str, label: str, group: str) -> None:
        """Add one, unless its text is blank."""
        if text.strip():
            self.texts.append(text)
            self.labels.append(label)
            self.groups.append(group)

    @property
    def classes(self) -> tuple[str, ...]:
        """The labels, each once, in alphabetical order."""
        return tuple(sorted(set(self.labels)))

    def __len__(self) -> int:
        return len(self.texts)


def read(source: Path, columns: Columns | None = None, *, fewest: int = 2) -> Examples:
    """The examples of a folder or a file.

    fewest  classes that there have to be
    raises  BadInput if the file is of another kind, a column is missing, a line is broken, or
            there are fewer classes
    """
    columns = columns or Columns()
    found = Examples()
    if source.is_dir():
        _folder(source, found)
    else:
        for number, row in _rows(source):
            for name in (columns.text, columns.label, columns.group):
                if name and not isinstance(row.get(name), str | int | float):
                    raise BadInput(
                        f"{source}, record {number}: no column {name!r}; there are "
                        f"{', '.join(map(str, row)) or 'none'}. Name them with --text-column, "
                        "--label-column, --group-column"
                    )
            group = str(row[columns.group]) if columns.group else f"record {number}"
            found.add(str(row[columns.text]), str(row[columns.label]), group)
    if len(found.classes) < fewest:
        raise BadInput(
            f"wanted texts of {fewest} classes at least; {source} holds {len(found)} texts of "
            f"{', '.join(found.classes) or 'none'}"
        )
    return found


def _folder(folder: Path, found: Examples) -> None:
    inside = sorted(path for path in folder.iterdir() if not path.name.startswith("."))
    if not any(path.is_dir() for path in inside):
        for path in inside:
            if path.suffix == ".txt":
                for number, line in enumerate(_lines(path), 1):
                    found.add(line, path.stem, f"{path.name} {number}")
        return
    for below in inside:
        for path in sorted(below.rglob("*")) if below.is_dir() else []:
            if not path.is_file() or path.name.startswith("."):
                continue
            try:
                document = read_document(path)
            except BadInput as error:
                found.skipped.append(Skipped(path, str(error)))
                continue
            for passage in document.passages:
                found.add(passage.text, below.name, str(path.relative_to(folder)))


def _rows(path: Path) -> Iterator[tuple[int, dict[str, object]]]:
    suffix = path.suffix.lower()
    if suffix in TABLES:
        cells = io.StringIO(_text(path), newline="")
        try:
            yield from enumerate(csv.DictReader(cells, delimiter=TABLES[suffix]), 1)
        except csv.Error as error:
            raise BadInput(f"{path} is no table: {error}") from error
    elif suffix in LINES:
        for number, line in enumerate(_lines(path), 1):
            if not line.strip():
                continue
            try:
                row = json.loads(line)
            except ValueError:
                row = None
            if not isinstance(row, dict):
                raise BadInput(
                    f"{path}, line {number}: wanted a JSON object; got {line.strip()[:60]!r}"
                )
            yield number, row
    else:
        raise BadInput(
            f"wanted labelled texts: a folder, or a file in {', '.join((*TABLES, *LINES))}; "
            f"got {path.name}"
        )


def _lines(path: Path) -> list[str]:
    # Not splitlines: that one also splits at marks which may stand inside of a text.
    return _text(path).split("\n")


def _text(path: Path) -> str:
    try:
        return path.read_text("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise BadInput(f"wanted UTF-8 text; {path}: {error}") from error
