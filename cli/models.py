"""retrieve models"""

from __future__ import annotations

from cli import render
from cli.options import JsonOption


def models(as_json: JsonOption = False) -> None:
    """List detectors and embedders: dimension, licence, training data, where they are.

    Example: retrieve models --json
    """
    from retrieval import weights

    present = {name: weights.is_present(name) for name in weights.TABLE}
    render.models(list(weights.TABLE.values()), present, as_json=as_json)
