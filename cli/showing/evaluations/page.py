"""Tables and pictures as one page that needs no other file."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import TYPE_CHECKING

from retrieve.cache import replacing
from retrieve.cli.showing.evaluations import plots, tables
from retrieve.visible import visible

if TYPE_CHECKING:
    from retrieve.indexes.labelled.evaluating import Evaluation

TEMPLATE = Path(__file__).with_name("page.html")


def write_page(found: Evaluation, page: Path) -> None:
    """Write the page; there is no photo in it, and no name but the networks'."""
    from jinja2 import Environment, StrictUndefined

    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True)
    template = environment.from_string(TEMPLATE.read_text(encoding="utf-8"))
    pictures = [("ROC and scores", _data(plots.png(found, damaged=False)))]
    if found.robust:
        pictures.append(("what damage costs", _data(plots.png(found, damaged=True))))
    text = template.render(
        title=visible(found.embedder),
        heading=visible(tables.heading(found)),
        pictures=pictures,
        tables=[(one, set(one.right.split())) for one in tables.tables(found)],
    )
    with replacing(page.absolute()) as part:
        part.write_text(text, encoding="utf-8")


def _data(png: bytes) -> str:
    return "data:image/png;base64," + base64.b64encode(png).decode()
