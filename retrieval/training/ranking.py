"""Fits what each kind of evidence weighs in the order of passages, and writes the ranking's file.

The weights make the passage asked for the most probable among the candidates of its query, a
logistic model over lists. They are fitted on questions with known passages; on the same with
documents and titles hidden, for a folder of notes has none that help; and, a little, on queries
made from running text and on questions put in other words (`made_queries`). Stems get the mean
of the vectors of their words.
Source: Cao et al. 2007, "Learning to rank: from pairwise approach to listwise approach".
"""

from __future__ import annotations

import json
import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from numpy.typing import NDArray

from retrieve.cache import replacing
from retrieve.errors import BadInput
from retrieve.evaluation.in_memory import InMemory
from retrieve.evaluation.retrieval import Document, Query
from retrieve.extras import optional
from retrieve.text.encoders.encode import TextEncoder
from retrieve.text.encoders.file import EncoderFile
from retrieve.text.ranking import stem_vectors
from retrieve.text.ranking.evidence import NAMES
from retrieve.text.ranking.ranking import COSINE_WEIGHT, MEANT, Examined, examine
from retrieve.text.ranking.stem_vectors import StemVectors
from retrieve.text.stemming import stems
from retrieve.text.words.vectors import Origin, WordVectors
from retrieve.training import made_queries
from retrieve.training.split import split

Values = NDArray[np.float64]

HIDDEN_WEIGHT = 0.3  # of the questions without titles and documents, beside 1 with them
MADE_WEIGHT = 0.1  # of each kind of made queries, and of the questions in other words
MADE_PASSAGES = 90  # from each text
WEIGHTS = ".json"  # a file of the weights alone, beside the vectors of stems that ship
RIDGE = 1e-3  # on weights of evidence in units of its spread
LEAST_SPREAD = 0.3  # in the first lists, of that in all of them


@dataclass(frozen=True, slots=True, eq=False)
class Lists:
    """Q queries with their candidates, those that were read, padded to K.

    evidence  (Q, K, len(NAMES)) float64
    real      (Q, K) bool, False where padded
    answers   (Q, K) bool, the passages asked for; a query without one is left out
    groups    (Q,) int64 what is cross-validated apart: the title of the first answer
    """

    evidence: Values
    real: NDArray[np.bool_]
    answers: NDArray[np.bool_]
    groups: NDArray[np.int64]


def lists(
    index: InMemory, queries: Sequence[Query], vectors: StemVectors, *, hidden: bool = False
) -> Lists:
    """What is known of the candidates of each query.

    hidden  as if passages had no title and each was a document of its own
    """
    statistics = index.statistics
    titles = sorted({document.title for document in index.documents})
    title_of = {document.key: titles.index(document.title) for document in index.documents}
    rows: list[tuple[Examined, NDArray[np.bool_], int]] = []
    cosines = index.cosines([query.text for query in queries])
    for query, row in zip(queries, cosines, strict=True):
        numbers, found = index.candidates(query.text, row)
        if hidden:
            found = [replace(one, title="", document=i) for i, one in enumerate(found)]
        seen = examine(query.text, found, statistics, vectors, index.language)
        answers = np.array(
            [index.documents[numbers[i]].key in query.relevant for i in seen.read], bool
        )
        if answers.any():
            rows.append((seen, answers, title_of[min(query.relevant)]))
    K = max((len(answers) for _, answers, _ in rows), default=0)
    packed = Lists(
        np.zeros((len(rows), K, len(NAMES))),
        np.zeros((len(rows), K), bool),
        np.zeros((len(rows), K), bool),
        np.array([title for _, _, title in rows]),
    )
    for i, (seen, answers, _) in enumerate(rows):
        packed.evidence[i, : len(answers)] = seen.evidence
        packed.real[i, : len(answers)] = True
        packed.answers[i, : len(answers)] = answers
    return packed


def fit(parts: Sequence[tuple[Lists, float]]) -> dict[str, float]:
    """The weight of each evidence.

    parts  lists, and what the mean of each counts; the first gives the units
    """
    with optional("training a ranking"):
        from scipy.optimize import minimize

    first = parts[0][0]
    spread = first.evidence[first.real].std(axis=0) + 1e-9
    # What the first lists hardly have (titles of unmet queries) is not to weigh beyond measure.
    every = np.concatenate([one.evidence[one.real] for one, _ in parts]).std(axis=0)
    spread = np.maximum(spread, LEAST_SPREAD * every)
    scaled = [(one.evidence / spread, one.real, one.answers, share) for one, share in parts]

    def loss(weights: Values) -> tuple[float, Values]:
        value, slope = RIDGE * float(weights @ weights), 2 * RIDGE * weights
        for evidence, real, answers, share in scaled:
            scores = np.where(real, evidence @ weights, -np.inf)
            top = scores.max(axis=1, keepdims=True)
            likely = np.exp(scores - top)
            right = np.where(answers, likely, 0)
            all_, found = likely.sum(axis=1), right.sum(axis=1)
            value -= share * float(np.mean(np.log(found / all_)))
            pull = likely / all_[:, None] - right / found[:, None]
            slope = slope + share * np.einsum("qk,qkf->f", pull, evidence) / len(evidence)
        return value, slope

    found = minimize(loss, np.zeros(len(NAMES)), jac=True, method="L-BFGS-B")
    return dict(zip(NAMES, (found.x / spread).tolist(), strict=True))


def without(one: Lists, group: Iterable[int]) -> Lists:
    """The lists of the other groups."""
    kept = ~np.isin(one.groups, list(group))
    return Lists(one.evidence[kept], one.real[kept], one.answers[kept], one.groups[kept])


def made_lists(
    texts: Sequence[Path],
    encoder: TextEncoder,
    vectors: StemVectors,
    limit: int,
    seed: int = 1,
    near: made_queries.Near | None = None,
) -> list[Lists]:
    """Lists of each kind of query made from the trained part of texts."""
    passages: list[Document] = []
    for text in texts:
        part = split(text)
        # From a third on: front matter and tables of contents stand at the start.
        running = islice(part.training(), part.lines // 3, None)
        passages += made_queries.passages(running, text.name.partition(".")[0], limit)
    if not passages:
        return []
    passages, queries = made_queries.made(passages, seed, near)
    index = InMemory(passages, encoder)
    found = [lists(index, some, vectors) for some in queries.values()]
    return [one for one in found if len(one.groups)]


def cross_validated(
    asked: Lists,
    others: Sequence[tuple[Lists, float]],
    mine: Sequence[tuple[Lists, float]] = (),
) -> tuple[float, float]:
    """R@1 and MRR@10 of the questions, each by weights fitted without its title.

    Questions whose passage was not among the candidates that were read count as not found.
    asked, others  as `fit` takes them; of the others none must be about the same titles
    mine           as others, about the same titles: those of the title left out are so, too
    raises         BadInput for questions about fewer than two titles
    """
    if len(np.unique(asked.groups)) < 2:
        raise BadInput("wanted questions about two titles or more, to fit on some and measure")
    ranks = []
    for group in np.unique(asked.groups):
        rest = [(without(one, [group]), share) for one, share in [(asked, 1.0), *mine]]
        weights = np.array(list(fit([*rest, *others]).values()))
        these = without(asked, np.setdiff1d(asked.groups, [group]).tolist())
        scores = np.where(these.real, these.evidence @ weights, -np.inf)
        best = np.where(these.answers, scores, -np.inf).max(axis=1, keepdims=True)
        ranks += (1 + (scores > best).sum(axis=1)).tolist()
    found = np.array(ranks)
    return float((found == 1).mean()), float(np.where(found <= 10, 1 / found, 0).mean())


def vectors_of_stems(
    file: EncoderFile, counted: WordVectors, language: str = "es"
) -> tuple[list[str], NDArray[np.float32]]:
    """Stems, most frequent first, and the mean of the unit vectors of each one's words.

    file     an encoder, whose vectors of words are taken
    counted  how often each word stands in texts; a word counts by the root of it
    """
    often = dict(zip(counted.words, counted.counts.tolist(), strict=True))
    number: dict[str, int] = {}
    rows, which, counts = [], [], []
    for row, word in enumerate(file.words):
        for stem in stems(word, language):
            rows.append(row)
            which.append(number.setdefault(stem, len(number)))
            counts.append(often.get(word, 0) + 1)
    words = file.decoded("embeddings")[rows]
    words /= np.maximum(np.linalg.norm(words, axis=1, keepdims=True), 1e-12)
    means = np.zeros((len(number), words.shape[1]), np.float32)
    np.add.at(means, which, words * np.sqrt(np.array(counts, np.float32))[:, None])
    total = np.bincount(which, counts, len(number))
    names = list(number)
    order = sorted(range(len(names)), key=lambda i: (-total[i], names[i]))
    return [names[i] for i in order], means[order]


@dataclass(frozen=True, slots=True)
class Fitted:
    """What a run found.

    questions        that were fitted on
    recall_1, mrr_10 of them, cross-validated by title
    weights          that were written
    """

    questions: int
    recall_1: float
    mrr_10: float
    weights: dict[str, float]


def train(
    collection: Sequence[Document],
    asked: Sequence[Query],
    texts: Sequence[Path],
    out: Path,
    *,
    encoder: TextEncoder,
    words: tuple[EncoderFile, WordVectors],
    origin: Origin,
    seed: int = 1,
    meant: float = MEANT,
) -> Fitted:
    """Fit a ranking and write its file, or where `out` ends in .json, its weights.

    collection, asked  questions and the passages that they are about
    texts              to make queries from, none needed
    encoder            whose cosines candidates come with
    words              as `vectors_of_stems` takes them
    meant              of the encoder, as retrieve.text.ranking.ranking.Fitted has it
    raises             MissingExtra without scipy
    """
    with optional("training a ranking"):
        import scipy.optimize  # noqa: F401 - asked for now, not after the work

    names, matrix = vectors_of_stems(*words, origin.language)
    with TemporaryDirectory() as folder:
        # As they will be read: in 8 bits.
        draft = Path(folder) / "stems.safetensors"
        stem_vectors.save(draft, names, matrix, {})
        vectors, _ = stem_vectors.read(draft)
    index = InMemory(collection, encoder, origin.language)
    questions = lists(index, asked, vectors)
    near = made_queries.Near(words[1])
    made = made_lists(texts, encoder, vectors, MADE_PASSAGES, seed, near)
    others = [(one, MADE_WEIGHT) for one in made]
    said = made_queries.in_other_words(asked, collection, near, random.Random(seed))
    reworded = lists(index, said, vectors, hidden=True)
    mine = [(reworded, MADE_WEIGHT)] if len(reworded.groups) else []
    recall_1, mrr_10 = cross_validated(questions, others, mine)
    found = len(questions.groups) / len(asked)
    hidden = lists(index, asked, vectors, hidden=True)
    weights = fit([(questions, 1.0), (hidden, HIDDEN_WEIGHT), *others, *mine])
    about = {
        "name": origin.name,
        "language": origin.language,
        "licence": origin.licence,
        "sources": list(origin.sources),
        "encoder": encoder.weights_sha256,
        "weights": weights,
    }
    if out.suffix == WEIGHTS:
        with replacing(out) as part:
            fitted = {"cosine_weight": COSINE_WEIGHT, "meant": meant}
            text = json.dumps(about | fitted, ensure_ascii=False, indent=2)
            part.write_text(f"{text}\n", "utf-8")
    else:
        stem_vectors.save(out, names, matrix, about)
    return Fitted(len(asked), recall_1 * found, mrr_10 * found, weights)
