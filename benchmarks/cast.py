"""How far apart the drawn people are: python -m benchmarks.cast

Prints of the demo's album and the tests' one, with either detector and the default embedder, the
scores of pairs of faces of one person and of two, beside the threshold of two faces.

--choose N chooses the people of an album again (CAST in retrieve.sample_data.people) from as many
candidates as --among says, by the highest score that any two pictures of two people reach
(Gonzalez 1985, "Clustering to minimize the maximum intercluster distance"). Whoever isn't found
in each picture by both detectors, or has the first name of somebody chosen, stays out; half of
the N are women. Two pictures each do not show everything: measure the album afterwards, and leave
--without SEED whoever is missed there.
"""

from __future__ import annotations

import argparse
import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from retrieve.faces import calibration
from retrieve.faces.detection.detect import DETECTORS, open_detector
from retrieve.faces.detection.detector import Detector
from retrieve.faces.direct import detect
from retrieve.faces.embedding.embed import open_embedder
from retrieve.faces.embedding.sums import AnyEmbedder
from retrieve.faces.embedding.views import embed, together, views
from retrieve.sample_data.album import Label, draw_portrait, write_album
from retrieve.sample_data.people import Person
from retrieve.types import Embeddings

ALBUMS = {"demo": (8, 40), "tests": (3, 12)}  # people, photos; both of seed 1
FIRST_CANDIDATE = 1000
SHOTS = 2  # pictures of a candidate
# A person whose own pictures score less with each other is hard to find again.
LOWEST_OF_ONE = 0.87
ALIKE = 2.0  # above any score: never chosen together

People = NDArray[np.int64]  # (N,) who each embedding is of
Nearest = NDArray[np.float32]  # (P, P)


@dataclass(frozen=True, slots=True, eq=False)
class Candidates:
    """Drawn people whom every detector finds in all their pictures.

    seeds    (P,) who they are
    nearest  (P, P) the highest score of two pictures of two people, with either detector
    """

    seeds: list[int]
    nearest: Nearest


def faces_of(
    folder: Path, labels: list[Label], detector: Detector, embedder: AnyEmbedder
) -> tuple[People, Embeddings, int]:
    """Who each found face of an album is, its embedding, and how many labels have none."""
    wanted = views(embedder, detector.name)
    people, crops, missed = [], [], 0
    for path in dict.fromkeys(label.path for label in labels):
        found = detect(folder / path, detector=detector)
        middles = [(face.box[:2] + face.box[2:]) / 2 for face in found]
        cut = found.crops(wanted)
        for label in (one for one in labels if one.path == path):
            x1, y1, x2, y2 = label.box
            here = [i for i, (x, y) in enumerate(middles) if x1 < x < x2 and y1 < y < y2]
            missed += not here
            people += [label.person] * len(here)
            crops.append(tuple(view[here] for view in cut))
    return np.array(people), embed(embedder, together(crops)), missed


def pairs(
    people: People, embeddings: Embeddings
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Scores of all pairs of faces of one person, and of two."""
    first, second = np.triu_indices(len(people), 1)
    scores = (embeddings @ embeddings.T)[first, second]
    same = people[first] == people[second]
    return scores[same], scores[~same]


def measured(embedder: AnyEmbedder) -> None:
    """Print the table."""
    with tempfile.TemporaryDirectory() as folder:
        for name, (people, photos) in ALBUMS.items():
            album = Path(folder, name)
            labels = write_album(album, people=people, photos=photos, seed=1)
            for which in DETECTORS:
                who, embeddings, missed = faces_of(album, labels, open_detector(which), embedder)
                one, two = pairs(who, embeddings)
                print(
                    f"{name}'s album, {which}: {len(who)} faces, {missed} missed\n"
                    f"  {one.size:5} pairs of one: lowest, 5 %, median "
                    f"{_shown(one, (0, 0.05, 0.5))}\n"
                    f"  {two.size:5} pairs of two: median, 99 %, highest "
                    f"{_shown(two, (0.5, 0.99, 1))}\n" + _passing(embedder, which, one, two)
                )


def _shown(scores: Embeddings, quantiles: tuple[float, ...]) -> str:
    return " ".join(f"{x:.3f}" for x in np.quantile(scores, quantiles))


def _passing(embedder: AnyEmbedder, detector: str, one: Embeddings, two: Embeddings) -> str:
    found = calibration.find(embedder.weights_sha256, detector)
    if found is None:
        return "  there is no calibration for it"
    return (
        f"  threshold {found.threshold:.3f}: {np.mean(one < found.threshold):.1%} of one below, "
        f"{np.mean(two >= found.threshold):.1%} of two pass"
    )


def candidates(embedder: AnyEmbedder, seeds: list[int]) -> Candidates:
    """Draw people and score their pictures with each other's."""
    detectors = [open_detector(name) for name in DETECTORS]
    kept, rows = [], []
    for seed in seeds:
        found = [
            [detect(draw_portrait(seed, shot), detector=one) for one in detectors]
            for shot in range(SHOTS)
        ]
        if any(len(faces) != 1 for shot in found for faces in shot):
            continue
        # (detectors, SHOTS, D)
        embeddings = np.stack(
            [
                embed(
                    embedder,
                    together([shot[i].crops(views(embedder, one.name)) for shot in found]),
                )
                for i, one in enumerate(detectors)
            ]
        )
        if (embeddings @ embeddings.transpose(0, 2, 1)).min() >= LOWEST_OF_ONE:
            kept.append(seed)
            rows.append(embeddings)
    every = np.stack(rows)  # (P, detectors, SHOTS, D)
    scores = np.einsum("pdsv,qdtv->pqdst", every, every, optimize=True)
    nearest = scores.max(axis=(2, 3, 4))
    # Equal to the last bit, or a person could seem farther away than from the other side.
    return Candidates(kept, np.maximum(nearest, nearest.T))


def chosen(people: Candidates, n: int) -> tuple[list[int], float]:
    """N seeds that are apart, from the start that ends best; the highest score among them.

    Farthest first from each start; then whoever of the nearest two can be replaced by somebody
    farther from all the others is.
    """
    who = [Person.from_seed(seed) for seed in people.seeds]
    women = np.array([one.woman for one in who])
    first = np.array([one.name.partition(" ")[0] for one in who])
    rivals = np.where(first[:, None] == first, np.float32(ALIKE), people.nearest)
    best: tuple[float, list[int]] = (ALIKE, [])
    for start in range(len(who)):
        picked = [start]
        while len(picked) < n:
            picked.append(_farthest(rivals, picked, women, n)[0])
        while (better := _swapped(rivals, picked, women)) is not None:
            picked = better
        best = min(best, (_worst(rivals, picked)[0], picked))
    return [people.seeds[i] for i in best[1]], best[0]


def _farthest(
    rivals: Nearest, picked: list[int], women: NDArray[np.bool_], n: int
) -> tuple[int, float]:
    """Who is least like anybody picked, and how much; of `n` half are women."""
    nearest = rivals[picked].max(axis=0)
    for sex in (True, False):
        if np.count_nonzero(women[picked] == sex) >= n // 2:
            nearest[women == sex] = ALIKE
    return int(nearest.argmin()), float(nearest.min())


def _worst(rivals: Nearest, picked: list[int]) -> tuple[float, int, int]:
    """The highest score of two of those picked, and their places."""
    among = rivals[np.ix_(picked, picked)]
    np.fill_diagonal(among, -1)
    i, j = np.unravel_index(int(among.argmax()), among.shape)
    return float(among.max()), int(i), int(j)


def _swapped(rivals: Nearest, picked: list[int], women: NDArray[np.bool_]) -> list[int] | None:
    """One of the nearest two replaced, or None where nobody is farther."""
    worst, *two = _worst(rivals, picked)
    tried = []
    for place in two:
        rest = picked[:place] + picked[place + 1 :]
        who, score = _farthest(rivals, rest, women, len(picked))
        tried.append((score, [*rest, who]))
    score, better = min(tried)
    return better if score < worst else None


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.cast", description=__doc__)
    parser.add_argument("--choose", type=int, metavar="N", help="choose so many people")
    parser.add_argument("--among", type=int, default=120, metavar="P", help="of so many")
    parser.add_argument("--without", type=int, nargs="*", default=[], metavar="SEED")
    arguments = parser.parse_args()
    embedder = open_embedder()
    if arguments.choose is None:
        measured(embedder)
        return
    tried = range(FIRST_CANDIDATE, FIRST_CANDIDATE + arguments.among)
    seeds = [seed for seed in tried if seed not in arguments.without]
    people = candidates(embedder, seeds)
    print(f"{len(people.seeds)} of {len(seeds)} are found in each picture and like themselves")
    picked, highest = chosen(people, arguments.choose)
    print(f"two of the chosen score at most {highest:.3f}")
    print(f"CAST = {tuple(picked)}")
    for seed in picked:
        who = Person.from_seed(seed)
        print(f"  {seed}  {who.name}, {'woman' if who.woman else 'man'}, {who.age:.0f}")


if __name__ == "__main__":
    main()
