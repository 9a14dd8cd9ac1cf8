"""Every picture of the documentation: name → what draws it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from docs.draw import (
    detection,
    embedding,
    encoder,
    faces,
    field,
    found,
    gates,
    grouping,
    looking,
    protocol,
    robustness,
    triplets,
    words,
)

PICTURES: dict[str, Callable[[Path], None]] = {
    "detection-pyramid": detection.pyramid,
    "detection-stages": detection.stages,
    "field-faces": field.fields,
    "field-growth": field.growth,
    "embedding-scale": embedding.scale,
    "embedding-histogram": embedding.histogram,
    "embedding-errors": embedding.errors,
    "search-hits": found.hits,
    "people-groups": grouping.passes,
    "triplet-zones": triplets.zones,
    "robustness-examples": robustness.examples,
    "robustness-curves": robustness.curves,
    "robustness-protocol": protocol.robust,
    "looking-alone": looking.alone,
    "looking-together": looking.together,
    "looking-masks": looking.masks,
    "words-analogies": words.analogies,
    "gates-heat": gates.heat,
    "gates-surprise": gates.surprise,
    "encoder-weights": encoder.weights,
    "map-faces-pca": faces.by_pca,
    "map-faces-tsne": faces.by_tsne,
    "map-words": words.kinds,
}
