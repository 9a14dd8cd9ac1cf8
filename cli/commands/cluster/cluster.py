"""retrieve cluster"""

from __future__ import annotations

import typer

from retrieve.cli.commands.cluster import create, join, stop
from retrieve.cli.commands.cluster import moving as of_folders
from retrieve.cli.commands.cluster import plan as of_plans
from retrieve.cli.commands.cluster import replicas as of_replicas
from retrieve.cli.helped import Group
from retrieve.cli.hyphens import Words

app = typer.Typer(
    cls=Group,
    help="One collection in many shards, at which several machines work.",
    no_args_is_help=True,
)

app.command(cls=Words)(create.create)
app.command(cls=Words)(join.join)
app.command(cls=Words)(stop.stop)
app.command(cls=Words)(of_plans.plan)
app.command(cls=Words)(of_replicas.replicas)
app.command(cls=Words)(of_folders.move)
app.command(cls=Words)(of_folders.rebalance)


@app.callback()
def _cluster() -> None:
    pass
