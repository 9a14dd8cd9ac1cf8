"""What a collection has more than once: candidates by their embeddings, then a look at the photos.

The probability of two photos that look alike says nothing here: it was measured against different
photos drawn by chance, and those of one burst are more alike than most pictures and their crops.
So the files of candidates are read, and each pair compared part by part
(retrieve.pictures.same). Nothing of it is stored: what would have to be kept of each photo for it
(a small copy, marks, full pixels) is needed of those alone that have a neighbour, and a photo is
read small in some hundredths of a second.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from retrieve.errors import BadInput
from retrieve.indexes.building import workers
from retrieve.indexes.catalog.filters import EVERYTHING, Filter
from retrieve.indexes.duplicates import looking
from retrieve.indexes.duplicates.best import Worth
from retrieve.indexes.duplicates.candidates import (
    BURST_S,
    BURST_SCORE,
    Pairs,
    candidates,
    chance_of_vain,
    seconds_of,
)
from retrieve.indexes.duplicates.grouping import Pair, Same, grouped
from retrieve.indexes.duplicates.kinds import Copy, Duplicates, Group, Kind
from retrieve.indexes.duplicates.stored import Details, Looked, Source
from retrieve.indexes.queries.asked import checked_filter
from retrieve.indexes.queries.pictures import calibrated_for
from retrieve.indexes.queries.thresholds import threshold_among
from retrieve.types import Skipped

if TYPE_CHECKING:
    from retrieve.faces.calibration import Calibration

SHOTS_S = 60.0  # two pictures with times so near and not the same are two shots, however alike


def duplicates(
    source: Source,
    *,
    kinds: Iterable[Kind | str] = tuple(Kind),
    wanted: Filter = EVERYTHING,
    threshold: float | None = None,
    strangers: float | None = None,
    processes: int = workers.WORKERS,
    time_limit_s: float = workers.TIME_LIMIT_S,
    on_progress: looking.OnProgress | None = None,
) -> Duplicates:
    """The photos that are there more than once, in groups, the best one of each first.

    kinds      of groups
    wanted     what a photo has to satisfy
    threshold  lowest score of two photos of one scene; None lets it follow from strangers
    strangers  the chance that the best of as many different photos passes as are searched; None
               is .01
    raises     CollectionError if no photo was looked at as a whole
    """
    asked, wanted = checked_kinds(kinds), checked_filter(wanted)
    space = source.space()
    photos = source.looked(wanted)
    calibrated = calibrated_for(space)
    least = threshold_among(
        calibrated,
        space.made_by["picture_embedder"],
        float(photos.searched),
        threshold=threshold,
        strangers=strangers,
    )
    pairs = _pairs(photos, calibrated, least.score)
    if asked == {Kind.PIXELS}:
        pairs = _of_one_size(pairs, photos)
    ids = photos.ids
    paths = source.paths(sorted({ids[place] for place in (*pairs.a.tolist(), *pairs.b.tolist())}))

    def sought(photo: int) -> looking.Sought:
        return looking.Sought(paths[photo], photos.known[photo][0])

    named = {
        (min(pair), max(pair)): at
        for at, pair in enumerate((ids[a], ids[b]) for a, b in zip(pairs.a, pairs.b, strict=True))
    }
    seen = looking.look(
        named,
        sought,
        processes=processes,
        time_limit_s=time_limit_s,
        on_progress=on_progress,
    )
    equal = _equal(seen, photos, sought, processes, time_limit_s)
    same = _same(pairs, named, least.score, seen, equal)
    members = {photo for pair in (*same.pixels, *same.edited, *same.burst) for photo in pair}
    members |= {photo for pair in same.scene for photo in pair} | photos.several
    skipped = [
        Skipped(paths[id][0], reason) for id, reason in sorted(seen.left.items()) if paths[id]
    ]
    groups = _groups(asked, same, source.details(sorted(members)), photos, seen)
    return Duplicates(groups, len(ids), least, photos.unlooked, skipped)


def checked_kinds(kinds: Iterable[Kind | str]) -> frozenset[Kind]:
    """The kinds that are asked for; raises BadInput for another one, and for none."""
    try:
        found = frozenset(map(Kind, [kinds] if isinstance(kinds, str) else kinds))
    except (TypeError, ValueError) as error:
        raise BadInput(f"wanted kinds among {', '.join(Kind)}; got {kinds!r}") from error
    if not found:
        raise BadInput(f"wanted one kind or more of {', '.join(Kind)}; got none")
    return found


def _pairs(photos: Looked, calibrated: Calibration | None, least: float) -> Pairs:
    n = len(photos.ids)
    if calibrated is not None and n:
        least = min(least, calibrated.threshold_for(n, chance_of_vain(n)))
    times = seconds_of([photos.known[id][1] for id in photos.ids])
    return candidates(photos.rows, times, least)


def _of_one_size(pairs: Pairs, photos: Looked) -> Pairs:
    """Only pairs that may have the same pixels."""
    size = np.array([photos.known[id][2:] for id in photos.ids], np.int64).reshape(-1, 2)
    keep = (size[pairs.a] == size[pairs.b]).all(axis=1)
    return Pairs(pairs.a[keep], pairs.b[keep], pairs.scores[keep], pairs.apart_s[keep])


def _equal(
    seen: looking.Seen,
    photos: Looked,
    sought: Callable[[int], looking.Sought],
    processes: int,
    time_limit_s: float,
) -> list[Pair]:
    """Pairs whose pixels are the same, in full resolution."""
    sizes = {id: known[2:] for id, known in photos.known.items()}
    maybe = [(a, b) for a, b in seen.equal if sizes[a] == sizes[b]]
    wanted = {photo: sought(photo) for pair in sorted(maybe) for photo in pair}
    if not wanted:
        return []
    held = looking.pixels_of(wanted, processes=processes, time_limit_s=time_limit_s)
    return [(a, b) for a, b in sorted(maybe) if a in held and held[a] == held.get(b)]


def _same(
    pairs: Pairs,
    named: Mapping[Pair, int],
    least: float,
    seen: looking.Seen,
    equal: Sequence[Pair],
) -> Same:
    """In what way each pair is the same."""
    edited: dict[Pair, float] = {}
    burst: list[Pair] = []
    scene: dict[Pair, float] = {}
    for pair, at in named.items():
        fit, apart = seen.fits.get(pair), float(pairs.apart_s[at])
        if fit is not None and fit.one_picture and not 0 < apart <= SHOTS_S:
            edited[pair] = fit.area
            continue
        score = float(pairs.scores[at])
        if apart <= BURST_S and score >= BURST_SCORE:
            burst.append(pair)
        if score >= least:
            scene[pair] = score
    return Same(equal, edited, burst, scene)


def _groups(
    kinds: frozenset[Kind], same: Same, details: Details, photos: Looked, seen: looking.Seen
) -> list[Group]:
    """The groups, with what is known of their photos, as the catalog has it now."""
    hits, files, faces = details.hits, details.files, details.faces
    there = {id for id in hits if files[id]}
    quality_of = {id: sum(faces[id]) / len(faces[id]) if faces[id] else None for id in there}
    worth = {
        id: Worth(
            hits[id].size,
            files[id][0][1],
            hits[id].taken_at is not None,
            seen.unframed.get(id, 1.0),
            seen.sharpness.get(id),
            quality_of[id],
            files[id][0][0],
            seen.coloured.get(id, True),
        )
        for id in there
    }
    row_of = {id: at for at, id in enumerate(photos.ids)}

    def copy(photo: int, best: int) -> Copy:
        looked = photo in row_of and best in row_of
        score = float(photos.rows[row_of[photo]] @ photos.rows[row_of[best]]) if looked else 1.0
        return Copy(
            photo,
            tuple(path for path, _ in files[photo]),
            hits[photo].size,
            files[photo][0][1],
            hits[photo].taken_at,
            seen.sharpness.get(photo),
            len(faces[photo]),
            quality_of[photo],
            min(score, 1.0),
        )

    def within(pair: Pair) -> bool:
        return pair[0] in there and pair[1] in there

    left = Same(
        [pair for pair in same.pixels if within(pair)],
        {pair: area for pair, area in same.edited.items() if within(pair)},
        [pair for pair in same.burst if within(pair)],
        {pair: score for pair, score in same.scene.items() if within(pair)},
    )
    found = grouped(sorted(there), left, worth, photos.several & there)
    groups = [
        Group(kind, tuple(copy(photo, part[0]) for photo in part))
        for kind, part in found
        if kind in kinds
    ]
    place = {kind: at for at, kind in enumerate(Kind)}
    groups.sort(key=lambda one: (place[one.kind], -len(one.photos), str(one.best.path)))
    return groups
