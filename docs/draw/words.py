"""Pictures of word vectors: analogies as parallelograms, and a map of kinds of words."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from docs.draw import paper
from retrieve.cli.showing.maps.groups import COLOURS, Group
from retrieve.cli.showing.maps.picture import label, write_picture
from retrieve.indexes.maps import points_of_words
from retrieve.indexes.words.stores import WordIndex, open_words
from retrieve.projection.methods import Method
from retrieve.projection.project import project

PANELS = {
    "gender": "hombre mujer rey reina padre madre hermano hermana actor actriz",
    "number": "casa casas libro libros niño niños mujer mujeres camino caminos",
    "verbs": "cantar cantando llorar llorando pensar pensando escribir escribiendo reír riendo",
}
KINDS = {
    "animals": "perro gato caballo vaca oveja gallina león tigre lobo zorro pájaro águila",
    "food": "pan queso leche carne arroz manzana naranja tomate aceite vino azúcar sopa",
    "places": "madrid parís londres roma españa francia italia portugal europa américa",
    "professions": "médico abogado maestro carpintero soldado sacerdote escritor pintor cocinero",
    "body": "mano brazo pierna cabeza ojo nariz boca oreja corazón espalda rodilla",
    "feelings": "alegría tristeza miedo ira amor odio envidia vergüenza esperanza orgullo",
    "time": "lunes martes domingo enero abril agosto mañana tarde noche invierno verano",
    "verbs": "correr saltar caminar dormir comer beber hablar escuchar escribir leer",
}


def analogies(out: Path, index: WordIndex | None = None) -> None:
    """Pairs of words on two principal components: the arrows of a relation run alike."""
    index = open_words() if index is None else index
    figure, axes = paper.sheet(9.5, 3.6, 1, len(PANELS))
    drawn = []
    for one, (name, text) in zip(np.atleast_1d(axes), PANELS.items(), strict=True):
        words = text.split()
        vectors = index.vectors.embed([index.vectors.find(word) for word in words])
        projection = project(vectors)
        places = projection.places
        for i in range(0, len(words), 2):
            arrow = {"arrowstyle": "-|>", "color": paper.ORANGE, "lw": 1.3}
            one.annotate("", places[i + 1], places[i], arrowprops=arrow)
        one.scatter(*places.T, s=12, color=paper.BLUE, zorder=3)
        one.margins(0.2)
        one.set_xticks([])
        one.set_yticks([])
        drawn.append((one, places, words))
        offsets = vectors[1::2] - vectors[::2]
        one.set_title(f"{name}: the arrows' mean cosine is {_agreement(offsets):.2f}", fontsize=9)
        x, y = projection.explained or (0, 0)
        one.set_xlabel(f"the axes hold {x:.0%} and {y:.0%} of the variance", fontsize=8)
    for one, places, words in drawn:
        label(one, places, words, size=8)
    paper.write(figure, out)


def kinds(out: Path, index: WordIndex | None = None, method: Method = Method.TSNE) -> None:
    """Words of several kinds where t-SNE puts them, coloured by kind: it was not told them."""
    index = open_words() if index is None else index
    words, group_of = [], []
    for number, text in enumerate(KINDS.values()):
        words += text.split()
        group_of += [number] * len(text.split())
    points = points_of_words(index, words, most=len(words))
    groups = [
        Group(name, COLOURS[number], group_of.count(number)) for number, name in enumerate(KINDS)
    ]
    write_picture(
        out,
        project(points.embeddings, method, seed=1),
        groups,
        group_of,
        title=f"{len(words)} words, t-SNE",
        labels=[item.text for item in points.items],
    )
    paper.shrink(out)


def _agreement(offsets: np.ndarray) -> float:
    """Mean cosine of each two of the offsets."""
    unit = offsets / np.linalg.norm(offsets, axis=1, keepdims=True)
    scores: Sequence[float] = (unit @ unit.T)[np.triu_indices(len(unit), 1)]
    return float(np.mean(scores))
