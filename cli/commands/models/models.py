"""retrieve models"""

from __future__ import annotations

from retrieve.cli.options import JsonOption
from retrieve.cli.showing import models as showing


def models(as_json: JsonOption = False) -> None:
    """List embedders with what they miss and cost, and all weights with their licences.

    Example: retrieve models --json
    """
    from retrieve.faces.detection.detector import SHIPPED
    from retrieve.faces.embedding.embed import DEFAULT_EMBEDDER
    from retrieve.faces.embedding.figures import measured
    from retrieve.networks import exports, weights

    shipped = exports.record(SHIPPED)
    ships = {one.name: one.precision for one in shipped if one.precision != exports.GRAPH}
    present = {name: name in ships or weights.is_present(name) for name in weights.TABLE}
    showing.models(
        list(weights.TABLE.values()), present, ships, measured(), DEFAULT_EMBEDDER, as_json=as_json
    )
