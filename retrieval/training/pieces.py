"""Train the sentencepiece model that all networks on text share.

Source: Kudo 2018, "Subword regularization" (the unigram model); Kudo & Richardson 2018,
"SentencePiece".
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from retrieve.cache import replacing
from retrieve.errors import BadInput
from retrieve.text.language.pieces import END, START
from retrieve.training.split import Split, split

LONGEST_BYTES = 8192  # of a line; sentencepiece leaves out longer ones
OnProgress = Callable[[str, int, int], object]  # what, lines done, lines in all


@dataclass(frozen=True, slots=True)
class Recipe:
    """Everything that decides what the pieces will be, but for the texts.

    sentences  lines drawn by chance from the training parts of all texts together: all
               3.5 million would take several gigabytes and an hour
    coverage   share of the characters that get pieces; the others are spelt in bytes
    """

    size: int = 16_000
    sentences: int = 1_000_000
    coverage: float = 0.9995
    seed: int = 1


def train(
    texts: Sequence[Path],
    out: Path,
    *,
    recipe: Recipe | None = None,
    progress: OnProgress | None = None,
) -> int:
    """Train a unigram model with byte fallback over NFKC text; returns the lines it saw.

    texts   text files, plain or .xz, .gz, .bz2; their held-out ends are not read
    out     the file to write; the same seed and texts give the same file
    raises  BadInput if a file cannot be read or the texts are too small for so many pieces
    """
    import sentencepiece

    recipe = recipe or Recipe()
    tell = progress or (lambda what, done, total: None)
    cut = [split(path) for path in texts]
    seen = 0

    def drawn() -> Iterator[str]:
        nonlocal seen
        for line in _sample(cut, recipe, tell):
            seen += 1
            yield line

    model = io.BytesIO()
    try:
        sentencepiece.SentencePieceTrainer.train(
            sentence_iterator=drawn(),
            model_writer=model,
            model_type="unigram",
            vocab_size=recipe.size,
            character_coverage=recipe.coverage,
            normalization_rule_name="nfkc",
            byte_fallback=True,
            split_digits=True,
            max_sentence_length=LONGEST_BYTES,
            bos_piece=START,
            eos_piece=END,
            num_threads=1,  # sums in another order would give other pieces
            minloglevel=1,
        )
    except RuntimeError as error:
        raise BadInput(
            f"wanted text for {recipe.size} pieces; {seen} lines are too little ({error}). "
            "Give more text, or fewer pieces with --size"
        ) from error
    with replacing(out) as temporary:
        temporary.write_bytes(model.getvalue())
    return seen


def _sample(cut: Sequence[Split], recipe: Recipe, tell: OnProgress) -> Iterator[str]:
    total = sum(one.lines for one in cut)
    share = recipe.sentences / max(total, 1)
    generator = np.random.default_rng(recipe.seed)
    done = 0
    for one in cut:
        kept = generator.random(one.lines) < share
        for line, wanted in zip(one.training(), kept, strict=True):
            done += 1
            if wanted and (text := line.strip()):
                yield text
        tell("reading", done, total)
