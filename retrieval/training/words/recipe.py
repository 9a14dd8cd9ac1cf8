"""The recipe of the shipped word vectors: corpora and knowledge in, one file out.

    text      encode the corpora with the graph as text beside them  (corpus, verbalise)
    runs      CBOW with several seeds, one core each                 (cbow)
    composed  word + ½ context vectors, runs joined, PCA             (compose)
    graph     vectors of random walks alone, joined                  (graph)
    retrofit  toward synonyms, hypernyms, parts                      (retrofit)
    relations opposites, ordinals, trades                          (tables)
    inflect   derived and inflected forms toward their rules         (inflect)
    facts     curated tables                                         (facts)

Each step can be left out by name, to see what it is worth.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field, replace
from itertools import chain
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from retrieve.cache import replacing
from retrieve.errors import BadInput
from retrieve.text.words import inflection
from retrieve.text.words.inflection import Form
from retrieve.text.words.vectors import Origin, quantize, save, step_for
from retrieve.training.words import (
    cbow,
    compose,
    corpus,
    derivations,
    facts,
    graph,
    inflect,
    retrofit,
    verbalise,
    wordnet,
)
from retrieve.training.words.cbow import Settings, State
from retrieve.training.words.compose import Matrix
from retrieve.training.words.corpus import Corpus
from retrieve.training.words.tables import names, relations

STEPS = ("graph", "retrofit", "relations", "inflect", "facts")
CHECKPOINT_S = 120.0  # a run loses no more than this
WALKS = Settings(dim=100, epochs=4, window=4, negatives=6)
WALKS_PER_SYNSET = 30

OnProgress = Callable[[str, int, int], object]  # what, words done, words in all


@dataclass(frozen=True, slots=True)
class Recipe:
    """Everything that decides what the vectors will be, but for the texts.

    runs      CBOW trainings side by side, with the seeds seed, seed + 1, …
    without   steps to leave out, of STEPS
    withhold  leave a random half out of each table of facts
    """

    settings: Settings = field(default_factory=Settings)
    runs: int = 2
    min_count: int = 8
    limit: int = 100_000
    without: tuple[str, ...] = ()
    withhold: bool = False


def train(
    texts: Sequence[Path],
    out: Path,
    *,
    work: Path,
    origin: Origin,
    knowledge: Path | None = None,
    recipe: Recipe | None = None,
    progress: OnProgress | None = None,
) -> None:
    """Train word vectors and write them.

    texts      text files, plain or .xz, .gz, .bz2
    out        the file to write
    work       folder of the encoded text and the checkpoints; a run that was cut off goes
               on from there, one with another recipe or other texts starts anew
    knowledge  folder with WordNet and its companions; without it only `inflect` is done
    raises     BadInput if a file cannot be read or holds no words
    """
    recipe = recipe or Recipe()
    if unknown := set(recipe.without) - set(STEPS):
        raise BadInput(f"no step is called {', '.join(sorted(unknown))}; there are: {STEPS}")
    tell = progress or (lambda what, done, total: None)
    work.mkdir(parents=True, exist_ok=True)
    seed = recipe.settings.seed
    words_net = wordnet.read(knowledge) if knowledge else None
    lines = chain.from_iterable(corpus.lines(path) for path in texts)
    if knowledge and words_net:
        lines = chain(
            lines,
            verbalise.walks(words_net, seed),
            verbalise.relations(words_net, seed),
            verbalise.glosses(knowledge),
            verbalise.subjects(knowledge, seed),
        )
    places = names.places(knowledge) if knowledge else frozenset()
    encoded = _encoded(lines, texts, work, knowledge is not None, recipe, tell, places)
    capitalised = names.capitalised(chain.from_iterable(corpus.lines(path) for path in texts))
    vectors = _trained(encoded, work, recipe, tell)
    if words_net and "graph" not in recipe.without:
        vectors = _with_graph(vectors, encoded, words_net, work, seed, tell)
    vectors, forms = finish(vectors, encoded, words_net, knowledge, recipe, capitalised)
    codes, scales = quantize(vectors, step_for(vectors))
    made = asdict(recipe) | {"words": int((encoded.ids >= 0).sum())}
    save(
        out,
        encoded.words,
        codes,
        scales,
        replace(origin, recipe=origin.recipe | made),
        counts=encoded.counts,
        bases=base_rows(encoded.words, forms),
    )


def finish(
    vectors: Matrix,
    encoded: Corpus,
    words_net: wordnet.WordNet | None,
    knowledge: Path | None,
    recipe: Recipe,
    capitalised: frozenset[str] = frozenset(),
) -> tuple[Matrix, list[Form]]:
    """The steps after training, in their order: (N, D) unit vectors and the inflected forms."""
    words, counts = encoded.words, encoded.counts
    if words_net and "retrofit" not in recipe.without:
        vectors = retrofit.retrofit(vectors, words, words_net)
    known = known_of(words, counts, words_net, knowledge, capitalised)
    if "inflect" not in recipe.without:
        vectors = inflect.pull(
            vectors,
            words,
            counts,
            known.derived,
            inflect.DERIVATION,
            frequent=inflect.FREQUENT,
            rare=inflect.RARELY_DERIVED,
        )
    return related(vectors, words, counts, known, words_net, knowledge, recipe), known.forms


def related(
    vectors: Matrix,
    words: list[str],
    counts: NDArray[np.int64],
    known: Known,
    words_net: wordnet.WordNet | None,
    knowledge: Path | None,
    recipe: Recipe,
    only: Callable[[Matrix, Matrix], frozenset[str]] | None = None,
) -> Matrix:
    """(N, D) unit vectors after the steps relations, inflect and facts.

    only  from the vectors before and after relations, the forms that inflect moves; None is all
    """
    relating = words_net is not None and "relations" not in recipe.without
    regular = [*known.regular, *known.related] if relating else known.regular
    before = vectors
    if words_net and relating:
        opposites = relations.antonyms(words_net, words, vectors)
        vectors = relations.bring_together(vectors, words, opposites)
    if "inflect" not in recipe.without:
        vectors = inflect.pull(
            vectors,
            words,
            counts,
            [*regular, *known.forms],
            inflect.INFLECTION,
            listed=known.nominal,
            only=None if only is None else only(before, vectors),
        )
    if knowledge and "facts" not in recipe.without:
        tables = facts.read(knowledge)
        if recipe.withhold:
            tables = facts.half(tables, recipe.settings.seed)
        vectors = facts.pull(vectors, words, tables)
    return vectors


@dataclass(frozen=True, slots=True)
class Known:
    """What grammar and dictionaries say of a vocabulary.

    nominal  nouns and adjectives
    derived  words of other words by an affix
    regular  genders and demonyms by rule
    related  of tables.relations
    forms    number, conjugation, adverbs, diminutives: bases stand before what is made from them
    """

    nominal: frozenset[str]
    derived: list[Form]
    regular: list[Form]
    related: list[Form]
    forms: list[Form]


def known_of(
    words: Sequence[str],
    counts: NDArray[np.int64],
    words_net: wordnet.WordNet | None,
    knowledge: Path | None,
    capitalised: frozenset[str],
) -> Known:
    """The pairs of a vocabulary; without knowledge those by rule alone.

    capitalised  words that texts mostly write with a capital
    """
    occurring = dict(zip(words, counts.tolist(), strict=True))
    if not (knowledge and words_net):
        forms = inflection.forms(occurring, names=capitalised)
        return Known(frozenset(), [], [], [], forms)
    persons = frozenset(
        lemma for synset in words_net.persons for lemma in words_net.lemmas.get(synset, ())
    )
    adjectives = words_net.single_words("a")
    genders = inflection.genders(occurring, adjectives, persons)
    nominal = words_net.single_words("n") | adjectives | {form.form for form in genders}
    derived = list(derivations.read(knowledge))
    regular = [*genders, *(form for form in derived if form.rule == derivations.DEMONYM)]
    regular += derivations.demonyms(occurring)
    places = names.places(knowledge)
    related = [*relations.ordinals(), *relations.trades(occurring, persons)]
    forms = inflection.forms(
        occurring, nominal, (capitalised | places) - nominal, words_net.single_words("v")
    )
    return Known(nominal, derived, regular, related, forms)


def base_rows(words: Sequence[str], forms: list[Form]) -> NDArray[np.uint32]:
    """(N,) for each word the row of the word that it is listed under."""
    row_of = {word: row for row, word in enumerate(words)}
    base_of = inflection.bases(forms)
    rows = [row_of.get(base_of.get(word, word), row) for row, word in enumerate(words)]
    return np.array(rows, np.uint32)


def _encoded(
    lines: chain[str],
    texts: Sequence[Path],
    work: Path,
    knows: bool,
    recipe: Recipe,
    tell: OnProgress,
    places: frozenset[str],
) -> Corpus:
    """The encoded corpus, from the work folder where it was made from the same files."""
    ids, kept = work / "text.ids", work / "text.json"
    source = {
        "texts": [[path.name, path.stat().st_size] for path in texts],
        "knowledge": knows,
        "min_count": recipe.min_count,
        "limit": recipe.limit,
        "seed": recipe.settings.seed,
    }
    if ids.is_file() and kept.is_file():
        stored = json.loads(kept.read_text("utf-8"))
        if stored["source"] == source:
            counts = np.array(stored["counts"], np.int64)
            return Corpus(np.memmap(ids, "<i4", "r"), stored["words"], counts)
    done = 0

    def count(more: int) -> None:
        nonlocal done
        done += more
        tell("reading", done, 0)

    made = corpus.encode(
        lines,
        ids,
        min_count=recipe.min_count,
        keep=places,
        limit=recipe.limit,
        progress=count,
    )
    for stale in work.glob("run-*.npz"):
        stale.unlink()
    text = {"source": source, "words": made.words, "counts": made.counts.tolist()}
    with replacing(kept) as temporary:
        temporary.write_text(json.dumps(text), "utf-8")
    return made


def _trained(encoded: Corpus, work: Path, recipe: Recipe, tell: OnProgress) -> Matrix:
    """The runs side by side, joined and reduced: (N, D) unit vectors."""
    first = recipe.settings
    runs = [replace(first, seed=first.seed + i) for i in range(recipe.runs)]
    total = len(encoded.ids) * first.epochs * len(runs)
    positions = dict.fromkeys(range(len(runs)), 0)
    stop = threading.Event()

    def one(number: int) -> Matrix:
        def show(position: int) -> None:
            positions[number] = position
            tell("training", sum(positions.values()), total)

        state = _run(encoded, runs[number], work / f"run-{runs[number].seed}.npz", show, stop)
        return compose.summed(state.inputs, state.outputs)

    with ThreadPoolExecutor(len(runs)) as pool:
        try:
            matrices = list(pool.map(one, range(len(runs))))
        finally:
            stop.set()  # an interrupt ends the other threads at their next chunk
    if len(matrices) == 1:
        return matrices[0]
    return compose.reduced(np.concatenate(matrices, axis=1), first.dim)


def _run(
    encoded: Corpus,
    settings: Settings,
    checkpoint: Path,
    show: Callable[[int], object],
    stop: threading.Event,
) -> State:
    tables = cbow.noise(encoded.counts)
    state = _restored(checkpoint, settings) or cbow.start(len(encoded.words), settings)
    saved = time.monotonic()
    while not stop.is_set() and cbow.advance(encoded, tables, settings, state):
        show(state.position)
        if time.monotonic() - saved > CHECKPOINT_S:
            _checkpoint(checkpoint, settings, state)
            saved = time.monotonic()
    _checkpoint(checkpoint, settings, state)
    return state


def _checkpoint(path: Path, settings: Settings, state: State) -> None:
    with replacing(path) as temporary, temporary.open("wb") as file:
        np.savez(
            file,
            inputs=state.inputs,
            outputs=state.outputs,
            random=state.random,
            position=np.int64(state.position),
            settings=np.array(json.dumps(asdict(settings))),
        )


def _restored(path: Path, settings: Settings) -> State | None:
    """The state of a run with exactly these settings, or None."""
    if not path.is_file():
        return None
    with np.load(path, allow_pickle=False) as stored:
        if json.loads(str(stored["settings"])) != asdict(settings):
            return None
        return State(stored["inputs"], stored["outputs"], stored["random"], int(stored["position"]))


def _with_graph(
    vectors: Matrix,
    encoded: Corpus,
    words_net: wordnet.WordNet,
    work: Path,
    seed: int,
    tell: OnProgress,
) -> Matrix:
    """The text's vectors joined with those of longer random walks."""
    lines = verbalise.walks(words_net, seed + 1, WALKS_PER_SYNSET)
    walked = corpus.encode(lines, work / "walks.ids", min_count=5)
    settings = replace(WALKS, seed=seed)
    total = len(walked.ids) * settings.epochs
    state = _run(
        walked,
        settings,
        work / "run-walks.npz",
        lambda position: tell("walks", position, total),
        threading.Event(),
    )
    row_of = {word: row for row, word in enumerate(encoded.words)}
    shared = [(row_of[word], i) for i, word in enumerate(walked.words) if word in row_of]
    rows, own = np.array(shared, np.int64).T
    return graph.joined(vectors, state.inputs[own], rows)
