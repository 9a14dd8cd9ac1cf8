"""retrieve models"""

from __future__ import annotations

from retrieve.cli.options import JsonOption
from retrieve.cli.showing import render


def models(as_json: JsonOption = False) -> None:
    """List detectors and embedders: dimension, licence, training data, where they are.

    Example: retrieve models --json
    """
    from retrieve.faces.detection.detector import SHIPPED
    from retrieve.networks import exports, weights

    shipped = exports.record(SHIPPED)
    ships = {one.name: one.precision for one in shipped if one.precision != exports.GRAPH}
    present = {name: name in ships or weights.is_present(name) for name in weights.TABLE}
    render.models(list(weights.TABLE.values()), present, ships, as_json=as_json)
