"""The shipped vectors with what the recipe learnt since they were trained.

    contexts   names of places get vectors from the company they keep, and so does a word that
               an older rule took for a form of another (viena of venir)      (contexts)
    undone     curated facts are taken out again                               (facts.undone)
    related    the steps relations, inflect, facts as a training has them      (recipe.related)

A training anew does the same from the text on. What is pulled was pulled before, so that forms come
nearer to their rule than a training brings them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from retrieve.text.words import inflection
from retrieve.text.words.vectors import Origin, WordVectors, quantize, save, step_for
from retrieve.training.words import corpus, derivations, facts, recipe, wordnet
from retrieve.training.words.compose import Matrix, normalized
from retrieve.training.words.recipe import Known, Recipe
from retrieve.training.words.revision import contexts
from retrieve.training.words.tables import names

SURE = 2000  # occurrences from which the text itself outweighed a wrong rule
Counts = NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class Opened:
    """Vectors of a file without its facts, and what is known of its words."""

    words: list[str]
    counts: Counts
    vectors: Matrix
    known: Known
    wrong: list[str]


def revise(
    old: WordVectors,
    out: Path,
    texts: Sequence[Path],
    knowledge: Path,
    *,
    work: Path,
    settings: Recipe | None = None,
    progress: Callable[[int], object] | None = None,
) -> None:
    """Write a file of the same number of words with places among them and forms in their places.

    old       vectors that the recipe made with all of its facts
    texts     that it was trained on
    progress  called with the lines read so far
    work      folder for what is gathered from them, which takes most of the time
    raises    BadInput if a file cannot be read
    """
    settings = settings or Recipe()
    work.mkdir(parents=True, exist_ok=True)
    net = wordnet.read(knowledge)
    capitalised = _capitalised(texts, work)
    opened = _opened(old, net, knowledge, capitalised)
    places = sorted(names.places(knowledge) - set(opened.words))
    found, known = _gathered(opened, places, texts, work, progress)
    words, counts, vectors = _vocabulary(opened, places, found, known)
    pairs = recipe.known_of(words, counts, net, knowledge, capitalised)
    vectors = recipe.related(
        vectors, words, counts, pairs, net, knowledge, settings, _but_demonyms(pairs, words)
    )
    codes, scales = quantize(vectors, step_for(vectors))
    about = old.about
    save(
        out,
        words,
        codes,
        scales,
        Origin(
            about["name"],
            about["language"],
            about["licence"],
            tuple(about["sources"]),
            about["recipe"] | {"revised": {"places": len(places), "without": settings.without}},
        ),
        counts=counts,
        bases=recipe.base_rows(words, pairs.forms),
    )


def _capitalised(texts: Sequence[Path], work: Path) -> frozenset[str]:
    kept = work / "names.txt"
    if not kept.is_file():
        found = names.capitalised(chain.from_iterable(corpus.lines(path) for path in texts))
        kept.write_text("\n".join(sorted(found)), "utf-8")
    return frozenset(kept.read_text("utf-8").split())


def _opened(
    old: WordVectors, net: wordnet.WordNet, knowledge: Path, capitalised: frozenset[str]
) -> Opened:
    words = list(old.words)
    counts = old.counts.astype(np.int64)
    vectors = facts.undone(old.vectors(range(len(words))), words, facts.read(knowledge))
    known = recipe.known_of(words, counts, net, knowledge, capitalised)
    base_of = inflection.bases(known.forms)
    wrong = [
        word
        for row, word in enumerate(words)
        if old.bases[row] != row and word not in base_of and counts[row] < SURE
    ]
    shut_out = {form for one in inflection.GENDERS for form in inflection.feminines(one)}
    wrong += sorted((shut_out - set(inflection.GENDERS.values())) & set(words))
    return Opened(words, counts, vectors, known, wrong)


def _gathered(
    opened: Opened,
    places: list[str],
    texts: Sequence[Path],
    work: Path,
    progress: Callable[[int], object] | None,
) -> tuple[contexts.Contexts, contexts.Contexts]:
    wanted = [*places, *opened.wrong]
    kept = work / "contexts.npz"
    if kept.is_file():
        stored = np.load(kept, allow_pickle=False)
        place = {word: row for row, word in enumerate(stored["wanted"].tolist())}
        if place.keys() >= set(wanted):
            rows = [place[word] for word in wanted]
            return (
                contexts.Contexts(stored["sums"][rows], stored["times"][rows]),
                contexts.Contexts(stored["known_sums"], stored["known_times"]),
            )
    found, known = contexts.gather(
        chain.from_iterable(corpus.lines(path) for path in texts),
        opened.vectors,
        {word: row for row, word in enumerate(opened.words)},
        opened.counts,
        {word: row for row, word in enumerate(wanted)},
        progress,
    )
    np.savez(
        kept,
        wanted=np.array(wanted),
        sums=found.sums,
        times=found.times,
        known_sums=known.sums,
        known_times=known.times,
    )
    return found, known


def _vocabulary(
    opened: Opened, places: list[str], found: contexts.Contexts, known: contexts.Contexts
) -> tuple[list[str], Counts, Matrix]:
    """As many words as before: the rarest make room for the places that texts have."""
    made = contexts.mapped(found, known, opened.vectors)
    vectors = opened.vectors.copy()
    row_of = {word: row for row, word in enumerate(opened.words)}
    for row, word in enumerate(opened.wrong, len(places)):
        if found.times[row] >= contexts.FEWEST:
            vectors[row_of[word]] = made[row]
    met = [row for row in range(len(places)) if found.times[row]]
    kept = len(opened.words) - len(met)
    words = [*opened.words[:kept], *(places[row] for row in met)]
    counts = np.concatenate([opened.counts[:kept], found.times[met]])
    vectors = np.concatenate([vectors[:kept], made[met]])
    order = np.argsort(-counts, kind="stable")
    return [words[row] for row in order], counts[order], normalized(vectors[order])


def _but_demonyms(known: Known, words: Sequence[str]) -> Callable[[Any, Any], frozenset[str]]:
    """What inflect moves: all, but for who is of where, unless a step before moved its place."""

    def only(before: Matrix, after: Matrix) -> frozenset[str]:
        moved = {
            words[row] for row in np.flatnonzero(np.abs(before - after).max(axis=1) > 1e-6).tolist()
        }
        stay = {
            form.form
            for form in known.regular
            if form.rule == derivations.DEMONYM and form.base not in moved
        }
        return frozenset(words) - stay

    return only
