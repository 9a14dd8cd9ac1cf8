"""Words are searched for over shards as in one collection of the same texts and photos.

EXAMPLES=400 in the environment tries so many collections in place of a few (CONTRIBUTING.md).
"""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path

import numpy as np
import pytest
import worded
from hypothesis import given, settings
from hypothesis import strategies as st

from retrieve.errors import BadInput, CollectionError
from retrieve.indexes.catalog import passages
from retrieve.indexes.catalog.filters import EVERYTHING, Filter
from retrieve.indexes.cluster.cluster import open_cluster
from retrieve.indexes.cluster.searching import texts as over_shards
from retrieve.indexes.cluster.searching import words as words_of_shards
from retrieve.indexes.queries import near, spelling
from retrieve.indexes.queries import texts as textsearch
from retrieve.indexes.queries.modes import Mode
from retrieve.types import Face, Hit, Passage

SHM = Path("/dev/shm")
SPANISH = (
    *("boda", "bodas", "casado", "casada", "iglesia", "Zaragoza", "tren", "estación", "nieve"),
    *("perro", "perros", "playa", "fragua", "el", "la", "de", "en", "con", "por", "una", "vino"),
    *("reloj", "molinos", "caballero", "conocer", "conocimiento", "castañuelas", "Arganda"),
)
ENGLISH = (
    *("the", "wedding", "of", "a", "dog", "in", "church", "train", "station", "snow", "beach"),
    *("hammer", "knowledge", "horses"),
)
PEOPLE = {1: "Ana", 2: "Luís Gil", 3: None, 4: "nieve"}
CLASSES = ((207, 0.7), (151, 0.5), (978, 0.9), (820, 0.3), (466, 0.95))
ROUNDING = 1e-6


def text_of(rng, words=None):
    """A few words, of one language mostly."""
    if words is None:
        words = ENGLISH if rng.random() < 0.3 else SPANISH
    return " ".join(rng.choice(words, rng.integers(1, 12)).tolist())


def items_of(rng, N):
    """So many texts and photos, in the order of their paths."""
    made = []
    for i in range(N):
        folder, year = rng.choice(["north", "south"]), f"20{rng.integers(10, 20)}"
        taken_at = rng.choice([None, year, f"{year}-0{rng.integers(1, 9)}"])
        if rng.random() < 0.4:
            said = [Passage(text_of(rng), kind="caption")] if rng.random() < 0.8 else []
            said += [Passage(text_of(rng), kind="keywords")] if rng.random() < 0.3 else []
            made.append(
                worded.Item(
                    f"/album/{folder}/{i:03}.jpg",
                    said,
                    taken_at=taken_at,
                    place=(41 + rng.random(), -1.0) if rng.random() < 0.5 else None,
                    persons=[int(one) for one in rng.choice([1, 2, 3, 4], rng.integers(0, 3))],
                    classes=[CLASSES[rng.integers(len(CLASSES))]] if rng.random() < 0.6 else [],
                    gone=rng.random() < 0.1,
                )
            )
        else:
            title = text_of(rng) if rng.random() < 0.5 else ""
            said = [
                Passage(text_of(rng), title=text_of(rng) if rng.random() < 0.3 else "")
                for _ in range(rng.integers(1, 5))
            ]
            path = f"/album/{folder}/{i:03}.txt"
            made.append(worded.Item(path, said, title, taken_at, gone=rng.random() < 0.1))
    return sorted(made, key=lambda item: item.path)


def query_of(rng):
    """Words, perhaps misspelt, with phrases, exclusions, names of persons."""
    words = ENGLISH if rng.random() < 0.2 else SPANISH
    asked = rng.choice(words, rng.integers(1, 5)).tolist()
    if rng.random() < 0.3:
        n, word = next(((n, one) for n, one in enumerate(asked) if len(one) > 5), (0, asked[0]))
        at = rng.integers(len(word))
        asked[n] = word[:at] + str(rng.choice(["", "x", word[at] * 2])) + word[at + 1 :]
    if rng.random() < 0.3:
        asked.append(str(rng.choice(["Ana", "luis gil", "perro", "dog"])))
    if rng.random() < 0.15:
        asked.append(f'"{text_of(rng, words[:6])}"')
    if rng.random() < 0.15:
        asked.append(f"-{rng.choice(words)}")
    if rng.random() < 0.1:
        asked = ["Ana"] if rng.random() < 0.5 else ["Ana", "Luis Gil"]
    rng.shuffle(asked)
    return " ".join(asked)


def filter_of(rng):
    """Conditions of every kind, some of them together."""
    asked = {}
    if rng.random() < 0.3:
        asked["since"] = f"20{rng.integers(10, 20)}"
    if rng.random() < 0.2:
        asked["until"] = f"20{rng.integers(10, 20)}-06"
    if rng.random() < 0.3:
        asked["folders"] = (Path("/album/north"),)
    if rng.random() < 0.3:
        some = ["ana", "Luis Gil", "#3", "nieve", "nobody"]
        asked["persons"] = tuple(rng.choice(some, rng.integers(1, 3)).tolist())
    if rng.random() < 0.2:
        asked["near"] = (41.5, -1.0, 30.0)
    return Filter(**asked) if rng.random() < 0.6 else EVERYTHING


def told(ask, *args, **options):
    """What is answered, or what is said to be wrong."""
    try:
        return ask(*args, **options)
    except (BadInput, CollectionError) as error:
        return str(error)


def check(one, many, what):
    """The same hits in the same order; of those of equal score, the same."""
    if isinstance(one, str) or isinstance(many, str):
        assert str(many).replace("/many yet", "/one yet") == one, what
        return
    assert len(many) == len(one), what
    groups = {}
    for ours, theirs in zip(one, many, strict=True):
        assert _key(theirs) == _key(ours), what
        for name in ("score", "bm25", "cosine"):
            at = getattr(theirs, name), getattr(ours, name)
            assert at[0] == pytest.approx(at[1], abs=ROUNDING, rel=1e-6), (what, name)
        assert groups.setdefault(ours.group, theirs.group) == theirs.group, what
    assert len({*groups.values()}) == len(groups), what


def _key(hit):
    return (
        hit.rank,
        str(hit.path),
        hit.passage,
        hit.document,
        hit.kind,
        hit.marks,
        hit.near,
        hit.more,
        hit.taken_at,
        hit.persons,
        hit.labels,
        hit.face and hit.face.number,
    )


def faces_of(collection):
    """Of a collection or a shard: place → id."""
    query = "SELECT path || '/' || number, faces.id FROM faces JOIN paths USING (content_id)"
    return dict(collection.db.execute(query))


def faces_found(rng, one, many):
    """Hits of a search for faces, by the ids of either."""
    ours = faces_of(one)
    theirs = {
        place: number << 32 | id
        for number, part in many.ask(faces_of).all().items()
        for place, id in part.items()
    }
    some = [place for place in sorted(ours) if rng.random() < 0.5]
    scores = rng.uniform(0.2, 0.9, len(some)).round(3).tolist()
    return [
        [
            Hit(
                rank=n,
                face_id=ids[place],
                path=Path(place),
                number=int(place.rpartition("/")[2]),
                face=Face(np.zeros(4, np.float32), np.zeros((5, 2), np.float32), 0.9),
                score=score,
                probability=score,
                quality=0.5,
                taken_at=None,
            )
            for n, (place, score) in enumerate(zip(some, scores, strict=True), 1)
        ]
        for ids in (ours, theirs)
    ]


def check_all(one, many, rng):
    """Every question that can be asked of both, some queries each."""
    for _ in range(4):
        query, wanted, k = query_of(rng), filter_of(rng), int(rng.integers(1, 12))
        options = {"k": k, "wanted": wanted, "exact_words": bool(rng.random() < 0.2)}
        for mode in Mode:
            asked = {**options, "mode": mode, "exact": bool(rng.random() < 0.5)}
            grouped = bool(rng.random() < 0.5)
            check(
                told(one.search_texts, query, **asked, grouped=grouped),
                told(many.search_texts, query, **asked, grouped=grouped),
                (query, asked, grouped),
            )
        ours, theirs = faces_found(rng, one, many)
        check(
            told(one.search_texts, query, **options, faces=ours),
            told(many.search_texts, query, **options, faces=theirs),
            (query, options, "faces"),
        )
        assert told(many.corrected, query) == told(one.corrected, query), query
        check(
            told(one.photos_of, wanted, k=k), told(many.photos_of, wanted, k=k), (wanted, "listed")
        )


@settings(
    max_examples=int(os.environ.get("EXAMPLES", "8")),
    deadline=None,
    derandomize="EXAMPLES" not in os.environ,
)
@given(
    seed=st.integers(0, 1 << 32),
    N=st.integers(1, 40),
    shards=st.integers(1, 4),
    deep=st.sampled_from([100, 4]),
    places=st.sampled_from([40_000, 12]),
    few=st.sampled_from([1000, 3]),
)
def test_words_find_over_shards_what_they_find_in_one_collection(
    seed, N, shards, deep, places, few
):
    rng = np.random.default_rng(seed)
    items = items_of(rng, N)
    cuts = sorted(rng.integers(0, N + 1, shards - 1).tolist())
    numbers = rng.permutation(shards).tolist()
    runs = [items[a:b] for a, b in zip([0, *cuts], [*cuts, N], strict=True)]
    parts = dict(zip(numbers, runs, strict=True))
    encoder = worded.Encoder()
    folder = Path(tempfile.mkdtemp(dir=SHM if SHM.is_dir() else None))
    try:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(textsearch, "DEEP", deep)
            patch.setattr(passages, "POSTINGS", places)
            patch.setattr(textsearch, "FEW", few)
            if few == 3:
                patch.setattr(near, "SAMPLE", 8)
                patch.setattr(near, "RUN", 4)
                for module in (near, over_shards):
                    patch.setattr(module, "LEAST_SAMPLE", 6)
                for module in (spelling, words_of_shards):
                    patch.setattr(module, "LOOKED_AT", 3)
            paths = worded.make(folder, parts, PEOPLE, encoder)
            with (
                worded.opened(paths[0], encoder) as one,
                open_cluster(paths[1], encoder=encoder) as many,
            ):
                check_all(one, many, rng)
    finally:
        shutil.rmtree(folder)
