"""Who is in which photo: folders of people, a table of labels, a list of pairs."""

from __future__ import annotations

import csv
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from retrieve.errors import BadInput
from retrieve.evaluation.faces.folds import FOLDS
from retrieve.indexes.building.walk import is_text, walk
from retrieve.photos import SUFFIXES
from retrieve.types import Skipped

YES, NO = ("1", "true", "yes", "same"), ("0", "false", "no", "different")


@dataclass(frozen=True, slots=True, eq=False)
class Asked:
    """Pairs of photos.

    one, other  N photos
    same        (N,) whether they show one person
    fold        (N,) the number of its fold
    people      (N, 2) who they are, as numbers
    """

    one: list[Path]
    other: list[Path]
    same: NDArray[np.bool_]
    fold: NDArray[np.int64]
    people: NDArray[np.int64]


def from_folders(folder: Path) -> dict[Path, str]:
    """Photo → person, who is the folder below `folder` that it lies in; texts are left out."""
    root = folder.absolute()
    found = [item.path for item in walk([root]) if not isinstance(item, Skipped)]
    return {
        path: path.relative_to(root).parts[0]
        for path in found
        if path.parent != root and not is_text(path)
    }


def from_csv(folder: Path, labels: Path) -> dict[Path, str]:
    """Photo → person, of rows that name both.

    folder  that the files lie below
    raises  BadInput without the columns file (or path) and identity, or where a photo has two
    """
    rows = rows_of(labels)
    columns = list(rows[0]) if rows else []
    column = next((name for name in ("file", "path") if name in columns), None)
    if column is None or "identity" not in columns:
        raise BadInput(f"{labels} needs the columns file and identity; it has {columns}")
    found: dict[Path, str] = {}
    for row in rows:
        name, person = row[column], row["identity"]
        if not name or not person:
            continue
        path = folder.absolute() / name
        if found.setdefault(path, person) != person:
            raise BadInput(
                f"{labels} says that {name} shows {found[path]} and {person}; a photo is "
                "of one person here. Leave one of the rows"
            )
    return found


def from_pairs(file: Path, folder: Path, *, seed: int = 0) -> Asked:
    """The pairs of a file in the form of Labeled Faces in the Wild, or of a CSV.

    file    pairs.txt: perhaps a line with the number of folds and of pairs of a kind in each, then
            `NAME N M` (one person) or `NAME N OTHER M`, where photo N of NAME is
            NAME/NAME_000N.jpg; or a CSV with the columns one, other (files), same (1 or 0), and
            perhaps fold
    folder  that the photos lie below
    seed    of folds, where the file tells none: they are drawn by pair
    raises  BadInput for any other line
    """
    if file.suffix.lower() == ".csv":
        return _of_table(file, folder, seed)
    lines = [line.split() for line in _text(file).splitlines() if line.strip()]
    stated = [int(field) for field in lines[0]] if lines and _is_header(lines[0]) else []
    if stated:
        lines = lines[1:]
    one, other, names = [], [], []
    for number, fields in enumerate(lines, 2 if stated else 1):
        if len(fields) not in (3, 4) or not all(f.isdecimal() for f in (fields[1], fields[-1])):
            raise BadInput(
                f"{file}, line {number}: wanted NAME N M or NAME N OTHER M; got "
                f"{' '.join(fields)[:60]!r}"
            )
        first, second = fields[0], fields[-2] if len(fields) == 4 else fields[0]
        one.append(_of_person(folder, first, int(fields[1])))
        other.append(_of_person(folder, second, int(fields[-1])))
        names.append((first, second))
    if not names:
        raise BadInput(f"{file} holds no pair")
    numbers = np.unique(np.array(names), return_inverse=True)[1].reshape(-1, 2)
    same = numbers[:, 0] == numbers[:, 1]
    if len(stated) == 2 and stated[0] > 1:
        folds, each = stated
        if len(names) != folds * 2 * each:
            raise BadInput(
                f"{file} announces {folds} folds of {each} and {each} pairs, which are "
                f"{folds * 2 * each}; it has {len(names)}"
            )
        fold = np.repeat(np.arange(folds), 2 * each)
    else:
        fold = _drawn(len(names), seed)
    return Asked(one, other, same, fold.astype(np.int64), numbers.astype(np.int64))


def _of_table(file: Path, folder: Path, seed: int) -> Asked:
    rows = rows_of(file)
    columns = list(rows[0]) if rows else []
    if not {"one", "other", "same"} <= set(columns):
        raise BadInput(f"{file} needs the columns one, other and same; it has {columns}")
    same = []
    for number, row in enumerate(rows, 2):
        said = (row["same"] or "").strip().lower()
        if said not in (*YES, *NO) or not row["one"] or not row["other"]:
            raise BadInput(
                f"{file}, line {number}: wanted two files, and 1 or 0 for same; got "
                f"{row['one']!r}, {row['other']!r}, {row['same']!r}"
            )
        same.append(said in YES)
    one, other = ([folder.absolute() / row[name] for row in rows] for name in ("one", "other"))
    if "fold" in columns:
        fold = np.unique([row["fold"] or "" for row in rows], return_inverse=True)[1]
    else:
        fold = _drawn(len(rows), seed)
    return Asked(
        one, other, np.array(same), fold.astype(np.int64), _linked(one, other, np.array(same))
    )


def _linked(
    one: Iterable[Path], other: Iterable[Path], same: NDArray[np.bool_]
) -> NDArray[np.int64]:
    """Who is who where no file names anybody: photos that pairs call one person are."""
    parent: dict[Path, Path] = {}

    def root(path: Path) -> Path:
        while parent.setdefault(path, path) != path:
            parent[path] = path = parent[parent[path]]
        return path

    pairs = [*zip(one, other, strict=True)]
    for (first, second), is_same in zip(pairs, same.tolist(), strict=True):
        if is_same:
            parent[root(first)] = root(second)
    numbers: dict[Path, int] = {}
    return np.array(
        [[numbers.setdefault(root(path), len(numbers)) for path in pair] for pair in pairs],
        np.int64,
    )


def _drawn(pairs: int, seed: int) -> NDArray[np.int64]:
    order = np.random.default_rng((seed, 0xD0A1)).permutation(pairs)
    fold = np.empty(pairs, np.int64)
    fold[order] = np.arange(pairs) % FOLDS
    return fold


def _is_header(fields: list[str]) -> bool:
    return len(fields) in (1, 2) and all(field.isdecimal() for field in fields)


def _of_person(folder: Path, name: str, number: int) -> Path:
    """The photo of a person by number; a JPEG unless there is another."""
    path = folder.absolute() / name / f"{name}_{number:04}.jpg"
    if path.is_file():
        return path
    others = (path.with_suffix(suffix) for suffix in sorted(SUFFIXES))
    return next((one for one in others if one.is_file()), path)


def rows_of(file: Path) -> list[dict[str, str]]:
    """The rows of a CSV by its columns; raises BadInput if it is no UTF-8."""
    return list(csv.DictReader(_text(file, "utf-8-sig").splitlines()))


def _text(file: Path, encoding: str = "utf-8") -> str:
    try:
        return file.read_text(encoding)
    except UnicodeDecodeError as error:
        raise BadInput(f"wanted UTF-8 text; {file}: {error}") from error
