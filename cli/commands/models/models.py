"""retrieve models"""

from __future__ import annotations

from retrieve.cli.options import JsonOption


def models(as_json: JsonOption = False) -> None:
    """List embedders with what they miss and cost, and all models with their licences.

    Face embedders that you trained stand below with the figures of their training; word vectors
    that you added are told by retrieve words list.

    Example: retrieve models --json
    """
    from retrieve.cli.showing import models as showing
    from retrieve.faces.detection.detector import SHIPPED
    from retrieve.faces.embedding.embed import DEFAULT_EMBEDDER
    from retrieve.faces.embedding.figures import measured
    from retrieve.faces.embedding.trained import file as trained
    from retrieve.networks import exports, weights
    from retrieve.pictures.embedding.classes import DATA
    from retrieve.text.listed import text_models

    shipped = [*exports.record(SHIPPED), *exports.record(DATA)]
    ships = {one.name: one.precision for one in shipped if one.precision != exports.GRAPH}
    present = {name: name in ships or weights.is_present(name) for name in weights.TABLE}
    own = [
        trained.about(trained.embedders_dir() / f"{name}{trained.SUFFIX}")
        for name in trained.names()
    ]
    showing.models(
        list(weights.TABLE.values()),
        present,
        ships,
        measured(),
        DEFAULT_EMBEDDER,
        own,
        text_models(),
        as_json=as_json,
    )
