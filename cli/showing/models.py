"""Which networks there are: embedders by what they miss, weights with their licences."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING

from rich.text import Text

from retrieve.cli.showing import render
from retrieve.cli.showing.terminal.rows import Column, Rows
from retrieve.faces.embedding.sums import PLUS
from retrieve.shares import percent

if TYPE_CHECKING:
    from retrieve.faces.embedding.figures import Figures
    from retrieve.faces.embedding.trained.file import About
    from retrieve.networks.weights import Weights
    from retrieve.text.listed import TextModel

RATES = ("0.0002", "1e-05")


def models(
    rows: Sequence[Weights],
    present: dict[str, bool],
    ships: dict[str, str],
    embedders: Sequence[Figures],
    default: str,
    own: Sequence[About],
    texts: Sequence[TextModel],
    *,
    as_json: bool,
) -> None:
    """Embedders with what they are worth, then the table of weights, then the models of texts.

    present    whether the network can be run without a download
    ships      name → precision in which it is part of the package
    embedders  best first; default is one of them
    own        embedders that were trained here
    """
    if as_json:
        for one in embedders:
            render.as_json({"kind": "embedder", "default": one.name == default} | asdict(one))
        for row in rows:
            fields = {name: getattr(row, name) for name in row.__slots__}
            here = {"present": present[row.name], "ships": ships.get(row.name)}
            render.as_json({"kind": "weights"} | fields | {"source": str(row.source)} | here)
        for trained in own:
            render.as_json({"kind": "trained embedder"} | render.fields_of(trained))
        for text in texts:
            render.as_json({"kind": "text model"} | render.fields_of(text))
        return
    render.show(_embedders(rows, embedders, default))
    if embedders:
        render.line(
            "missed: of the pairs of one person, at a false-match rate of 2 in 10,000 and of 1 in "
            "100,000, on 1,490 news photos of 550 people. LFW: accuracy, view 2, measured on a "
            f"prototype. ms: CPU time of a face on one thread, {embedders[0].processor}"
        )
    render.line("")
    table = Rows(
        [
            Column("weights"),
            Column("MB", right=True),
            Column("licence"),
            Column("training data", folds=True),
            Column("here"),
            Column("SHA-256"),
        ]
    )
    for row in rows:
        table.add(
            Text(row.name, "bold"),
            f"{row.size_bytes / 1e6:.1f}",
            row.licence,
            row.training_data,
            "yes" if present[row.name] else "no",
            row.sha256[:12] if row.sha256 else "unpublished",
        )
    render.show(table)
    for row in rows:
        if row.name in ships:
            where = f"ships in {ships[row.name]}, made from"
        else:
            where = "in" if present[row.name] else "comes from"
        render.line(f"{row.name}: {row.what}; {where} {row.source}")
    if own:
        render.line("")
        render.table(
            ("trained embedder", "network", "better than before", "licence"),
            [(one.name, _network(one), "yes" if one.better else "no", one.licence) for one in own],
        )
    render.line("")
    render.table(
        ("text model", "what it is", "licence", "MB", "here"),
        [
            (
                one.name,
                one.what,
                one.licence,
                f"{one.size_bytes / 1e6:.1f}",
                "ships" if one.ships else "trained",
            )
            for one in texts
        ],
        right="MB",
    )
    render.line("what each was made from: --json, and the model cards beside the files")


def _network(one: About) -> str:
    return f"{one.network} on {one.on}" if one.on else one.network


def _embedders(rows: Sequence[Weights], embedders: Sequence[Figures], default: str) -> Rows:
    known = {row.name: row for row in rows}
    numbers = ("D", "ms", "missed 2e-4", "1e-5", "LFW", "MB")
    table = Rows(
        [
            Column("embedder", folds=True),
            *(Column(name, right=True) for name in numbers),
            Column("licence", folds=True),
        ]
    )
    for one in embedders:
        parts = [known[name] for name in one.name.split(PLUS)]
        name = one.name.replace(PLUS, PLUS + "\n") + (" (default)" if one.name == default else "")
        table.add(
            Text(name, "bold"),
            str(one.dim),
            f"{one.cpu_ms:.1f}",
            *(percent(one.fnmr[rate]) for rate in RATES),
            "" if one.lfw is None else percent(one.lfw, 2),
            f"{sum(row.size_bytes for row in parts) / 1e6:.1f}",
            ", ".join(dict.fromkeys(row.licence for row in parts)),
        )
    return table
