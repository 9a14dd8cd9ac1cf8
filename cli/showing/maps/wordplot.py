"""Words in two dimensions: a picture with the parallelogram, a page of a neighbourhood."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from retrieve.cache import replacing
from retrieve.cli.showing.plotting import checked
from retrieve.errors import BadInput
from retrieve.indexes.words.stores import WordIndex
from retrieve.types import Embeddings

MARGIN = 0.18
TEMPLATE = Path(__file__).with_name("wordplot.html")


def projected(vectors: Embeddings) -> NDArray[np.float32]:
    """(N, 2) places on the first two principal components of (N, D) vectors."""
    centred = vectors - vectors.mean(axis=0, keepdims=True)
    _, _, axes = np.linalg.svd(centred, full_matrices=False)
    places = centred @ axes[:2].T
    return np.asarray(np.pad(places, ((0, 0), (0, 2 - places.shape[1]))), np.float32)


def picture(index: WordIndex, words: Sequence[str], out: Path) -> None:
    """Write a picture of the words; of four, a b c d, with arrows a → b, c → d and dashed sides.

    raises  BadInput for fewer than two words, an unknown one, or another kind of file;
            MissingExtra without matplotlib
    """
    if len(words) < 2:
        raise BadInput(f"wanted two or more words for a picture; got {len(words)}")
    checked(out)
    from matplotlib import pyplot

    found = [index.vectors.find(word) for word in words]
    places = projected(index.vectors.embed(found))
    figure, axes = pyplot.subplots(figsize=(7, 5), dpi=150, layout="constrained")
    axes.scatter(places[:, 0], places[:, 1], s=36, color="#20639b", zorder=3)
    if len(words) == 4:
        for start, stop, style in ((0, 1, "-"), (2, 3, "-"), (0, 2, ":"), (1, 3, ":")):
            head = "-|>" if style == "-" else "-"
            arrow = {"arrowstyle": head, "linestyle": style, "color": "#ed553b", "lw": 1.6}
            axes.annotate("", places[stop], places[start], arrowprops=arrow)
    for one, place in zip(found, places, strict=True):
        axes.annotate(
            one.word, place, xytext=(6, 6), textcoords="offset points", fontsize=12, zorder=4
        )
    axes.margins(MARGIN)
    axes.set_title(f"{index.vectors.name}: {len(index.vectors)} words, two principal components")
    axes.set_xlabel("first component")
    axes.set_ylabel("second component")
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    with replacing(out.absolute()) as temporary:
        figure.savefig(temporary, format=out.suffix[1:])
    pyplot.close(figure)


def page(index: WordIndex, words: Sequence[str], out: Path, k: int) -> None:
    """Write an HTML page with the words and k neighbours of each; hover shows the scores."""
    import jinja2

    scores: dict[str, float] = {}
    asked = [index.vectors.find(word) for word in words]
    for one in asked:
        for hit in index.neighbors(one.word, k=k).hits:
            scores[hit.word] = max(hit.score, scores.get(hit.word, -1.0))
    shown = [*dict.fromkeys(one.word for one in asked)]
    shown += [word for word in scores if word not in shown]
    found = [index.vectors.find(word) for word in shown]
    places = projected(index.vectors.embed(found))
    low, high = places.min(axis=0), places.max(axis=0)
    placed = (places - low) / np.maximum(high - low, 1e-9)
    points = [
        {
            "word": word,
            "x": round(60 + 880 * float(x), 1),
            "y": round(40 + 620 * float(y), 1),
            "score": scores.get(word),
        }
        for word, (x, y) in zip(shown, placed, strict=True)
    ]
    environment = jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined)
    template = environment.from_string(TEMPLATE.read_text(encoding="utf-8"))
    text = template.render(points=points, title=", ".join(words), name=index.vectors.name)
    with replacing(out.absolute()) as temporary:
        temporary.write_text(text, "utf-8")
