"""The recipe of the shipped text encoder: texts and word vectors in, one file out.

    text      encode the texts as rows of the vocabulary                      (corpus)
    start     the encoder `words`: whitened vectors, SIF weights              (text.encoders.mean)
    mean      tune vectors and weights by inverse cloze, without an LSTM      (pairs, loop)
    lstm      go on with the LSTM, from what `mean` ended with                (loop)
    averaged  vectors and weights half-way back to the start
    graded    sentence pairs that people judged, gently, beside more pairs    (graded)
    file      quantised to 8 bits, with where it comes from                   (encoder_file)

Source of `averaged`: Wortsman et al. 2022, "Robust fine-tuning of zero-shot models". Tuning
learns the texts it sees, the start knows none; half of each finds more in texts of other kinds
than either (R@10 of questions to their paragraphs: .791 tuned, .786 start, .805 averaged).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

import numpy as np
import torch

from retrieve.models.text_encoder import TextEncoder
from retrieve.text.encoders.mean import FREQUENT, HASHED_WEIGHT, weights, whitening
from retrieve.text.words.vectors import Origin, WordVectors
from retrieve.text.words.vocabulary import Vocabulary
from retrieve.training.encoder import corpus, graded, loop
from retrieve.training.encoder.loop import Run, Settings
from retrieve.training.encoder.pairs import QUESTION_WORDS, Pairs, PairSettings

# The weighted mean costs little: large batches, whole passages.
MEAN = Settings(hidden=0, pairs=1_000_000)
# Tuned vectors want smaller steps, and the LSTM many of them: shorter passages, smaller batches.
LSTM = Settings(vector_rate=1e-3, made=PairSettings(batch=256, passage=(24, 96)))

OnProgress = Callable[[str, int, int], object]  # what, pairs done, pairs in all


@dataclass(frozen=True, slots=True)
class Recipe:
    """Everything that decides what the encoder will be, but for the texts and word vectors.

    mean, lstm   the two runs; the second with hidden=0 is the average-only control
    start_share  of the start in the vectors and weights that `averaged` makes
    judged       the last step, where there are judged pairs
    """

    mean: Settings = MEAN
    lstm: Settings = LSTM
    start_share: float = 0.5
    judged: graded.Settings = field(default_factory=graded.Settings)


def train(
    texts: Sequence[Path],
    out: Path,
    *,
    vectors: WordVectors,
    work: Path,
    origin: Origin,
    judged: Path | None = None,
    recipe: Recipe | None = None,
    device: str = "cpu",
    progress: OnProgress | None = None,
) -> None:
    """Train a text encoder and write it.

    texts    text files, plain or .xz, .gz, .bz2, in running order
    out      the file to write
    vectors  what it starts from; its words become the vocabulary
    work     folder of the encoded text and the checkpoints; a run that was cut off goes on
             from there, one with another recipe starts anew
    judged   CSV of two sentences and a score a line; without it there is no graded step
    raises   BadInput if a file cannot be read or holds no words
    """
    from retrieve.text.encoders.file import save

    recipe = recipe or Recipe()
    tell = progress or (lambda what, done, total: None)
    vocabulary = Vocabulary(vectors.words)
    scored = graded.read(judged, vocabulary) if judged is not None else None
    encoded = _encoded(texts, vocabulary, work, tell)
    questions = [row for word in QUESTION_WORDS for row in vocabulary.rows(word)]
    model = start(vectors, vocabulary, recipe.mean.seed)
    made: dict[str, dict[str, float]] = {}
    for settings in (recipe.mean, recipe.lstm):
        name = "mean" if settings is recipe.mean else "lstm" if settings.hidden else "average"
        model = grown(model, settings.hidden, settings.seed)
        run = Run(model, settings, device)

        def source(seed: int, how: PairSettings = settings.made) -> Pairs:
            return Pairs(encoded, how, questions, seed)

        def show(pairs: int, done: float, loss: float, name: str = name) -> None:
            tell(f"{name}, loss {loss:.2f}", pairs, round(pairs / max(done, 1e-9)))

        loop.train(run, source, work / f"{name}.run", progress=show)
        made[name] = {"pairs": run.pairs, "seconds": round(run.seconds), "starts": run.starts}
    average(model, start(vectors, vocabulary, recipe.mean.seed), recipe.start_share)
    if scored is not None:
        graded.train(
            model,
            scored,
            Pairs(
                encoded,
                replace(recipe.lstm.made, batch=recipe.judged.cloze),
                questions,
                recipe.judged.seed,
            ),
            recipe.judged,
            device=device,
            progress=lambda done, total: tell("graded", done, total),
        )
    recorded = asdict(recipe) | {"runs": made, "judged_pairs": scored is not None}
    save(out, vocabulary, model.cpu(), replace(origin, recipe=origin.recipe | recorded))


def start(vectors: WordVectors, vocabulary: Vocabulary, seed: int) -> TextEncoder:
    """The encoder `words`, with random hashed rows: what training begins with."""
    rng = np.random.default_rng(seed)
    hashed = rng.normal(size=(vocabulary.buckets, vectors.dim)).astype(np.float32)
    hashed /= np.linalg.norm(hashed, axis=1, keepdims=True)
    shares = vectors.counts / max(int(vectors.counts.sum()), 1)
    known = vectors.vectors(range(len(vectors)))
    turned = known @ whitening(known[:FREQUENT], shares[:FREQUENT])
    hashed_weights = np.full(vocabulary.buckets, HASHED_WEIGHT, np.float32)
    model = TextEncoder(len(vocabulary), vectors.dim, 0)
    with torch.no_grad():
        model.embeddings.copy_(torch.from_numpy(np.concatenate([turned, hashed])))
        model.log_weights.copy_(torch.from_numpy(np.log([*weights(shares), *hashed_weights])))
    return model


def grown(model: TextEncoder, hidden: int, seed: int) -> TextEncoder:
    """The same words and weights with a new LSTM, which changes nothing yet."""
    torch.manual_seed(seed)
    rows, dim = model.embeddings.shape
    larger = TextEncoder(rows, dim, hidden)
    with torch.no_grad():
        larger.embeddings.copy_(model.embeddings)
        larger.log_weights.copy_(model.log_weights)
    return larger


def average(model: TextEncoder, begun: TextEncoder, share: float) -> None:
    """Move vectors and weights of a model toward those it began with, by a share of the way."""
    with torch.no_grad():
        model.embeddings.lerp_(begun.embeddings.to(model.embeddings.device), share)
        model.log_weights.lerp_(begun.log_weights.to(model.log_weights.device), share)


def _encoded(
    texts: Sequence[Path], vocabulary: Vocabulary, work: Path, tell: OnProgress
) -> corpus.Corpus:
    done = 0

    def count(more: int) -> None:
        nonlocal done
        done += more
        tell("reading", done, 0)

    return corpus.encode(texts, vocabulary, work, progress=count)
