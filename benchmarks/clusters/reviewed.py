"""What a person gets for a little work: one face of some people named, a few questions answered."""

from __future__ import annotations

import tempfile
from collections import Counter
from pathlib import Path

import numpy as np

from benchmarks.scores.faces import Found
from retrieve.indexes.catalog.contents import NewPhoto
from retrieve.indexes.catalog.database import writing
from retrieve.indexes.catalog.paths import Found as File
from retrieve.indexes.collection import Collection, open_collection
from retrieve.indexes.people import review, statements
from retrieve.types import Face

NAMED, ASKED = 20, 30
DRAWS = 5  # of the people who are named


def table(title: str, faces: Found) -> None:
    """Prints how many faces have the right name, a wrong one, or none, before and after."""
    for seed in range(DRAWS):
        with (
            tempfile.TemporaryDirectory() as folder,
            open_collection(Path(folder) / "made", create=True) as collection,
        ):
            collection.begin()
            _fill(collection, faces)
            collection.group()
            print(f"{title}, draw {seed + 1}: {_reviewed(collection, faces, seed)}", flush=True)


def _reviewed(collection: Collection, faces: Found, seed: int) -> str:
    """One face each of some people with several photos named, then questions answered by labels.

    A question about a group of whom no face has a label cannot be answered, and is skipped.
    """
    rows = faces.labelled_rows()
    label = dict(
        zip((rows + 1).tolist(), (faces.people[i] for i in faces.photo[rows]), strict=True)
    )
    counts = Counter(label.values())
    rng = np.random.default_rng(seed)
    several = sorted(name for name, n in counts.items() if n > 1)
    named = rng.choice(several, NAMED, replace=False).tolist()
    for name in named:
        face = int(rng.choice([id for id, whose in label.items() if whose == name]))
        with writing(collection.db):
            statements.say_name(collection.db, name, [face], new=True)
    before = _told(collection, label, named)
    skipped: set[tuple[int, int]] = set()
    answers: Counter[str] = Counter()
    while sum(answers.values()) < ASKED:
        found = review.questions(collection.opened, most=1, skipped=skipped)
        if not found:
            break
        whose = [
            _most(collection, label, side.person_id) for side in (found[0].one, found[0].other)
        ]
        if None in whose:
            skipped.add(found[0].pair)
            continue
        with writing(collection.db):
            if whose[0] == whose[1]:
                review.same(collection.db, found[0])
            else:
                review.not_same(collection.db, found[0])
        answers["yes" if whose[0] == whose[1] else "no"] += 1
    after = _told(collection, label, named)
    return (
        f"{NAMED} people with {sum(counts[name] for name in named)} faces named by one each: "
        f"{before}; after {answers['yes']} yes and {answers['no']} no: {after}"
    )


def _told(collection: Collection, label: dict[int, str], named: list[str]) -> str:
    name_of = dict(
        collection.db.execute(
            "SELECT faces.id, name FROM faces JOIN persons ON persons.id = person_id "
            "WHERE name IS NOT NULL"
        ).fetchall()
    )
    right = sum(name_of.get(id) == whose for id, whose in label.items() if whose in named)
    wrong = sum(id in name_of and name_of[id] != whose for id, whose in label.items())
    unknown = sum(id not in name_of for id, whose in label.items() if whose in named)
    return f"{right} right, {wrong} wrong, {unknown} unknown"


def _most(collection: Collection, label: dict[int, str], person: int) -> str | None:
    """Who most labelled faces of a person are."""
    ids = collection.db.execute("SELECT id FROM faces WHERE person_id = ?", [person]).fetchall()
    known = Counter(label[id] for (id,) in ids if id in label)
    return known.most_common(1)[0][0] if known else None


def _fill(collection: Collection, faces: Found) -> None:
    """Store all faces; the id of each is its row + 1."""
    catalog = collection.catalog
    with writing(collection.db):
        first = collection.faces.append(faces.embeddings)
        photo, number, content = -1, 0, 0
        for row, place in enumerate(faces.photo.tolist()):
            if place != photo:
                photo, number = place, 0
                size = (int(faces.sizes[place][0]), int(faces.sizes[place][1]))
                content = catalog.add_photo(NewPhoto(f"{place:064x}", place, size, None, (), None))
                path = Path(f"/album/{faces.files[place]}")
                catalog.put_path(File(path, place, 1, 1), content_id=content, reason=None)
            number += 1
            face = Face(faces.boxes[row], faces.landmarks[row], 0.9)
            id = catalog.add_face(first + row, content, number, face, float(faces.quality[row]))
            assert id == row + 1
