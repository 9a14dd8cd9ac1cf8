"""retrieve forget"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from retrieve.cli import choosing, completing
from retrieve.cli.exits import ERROR, BadUsage
from retrieve.cli.options import (
    DEFAULT_COLLECTION,
    CollectionOption,
    EngineOption,
    JsonOption,
)
from retrieve.cli.showing import render, reports
from retrieve.errors import BadInput

if TYPE_CHECKING:
    from retrieve.indexes.collection import Collection


def forget(
    paths: Annotated[
        list[Path] | None,
        typer.Argument(
            metavar="PATH...", help="Photos and texts to forget, wherever copies of them are."
        ),
    ] = None,
    person: Annotated[
        list[str] | None,
        typer.Option(
            metavar="PERSON",
            help="Forget this person, by name or #id: faces, name, what was said. Repeatable.",
            autocompletion=completing.persons,
        ),
    ] = None,
    all_of: Annotated[
        list[Path] | None,
        typer.Option(metavar="FOLDER", help="Forget everything below this folder. Repeatable."),
    ] = None,
    collection: CollectionOption = DEFAULT_COLLECTION,
    verify: Annotated[
        bool,
        typer.Option("--verify", help="Read all files of the collection for what must be gone."),
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show what would be forgotten; change nothing.")
    ] = False,
    engine: EngineOption = None,
    as_json: JsonOption = False,
) -> None:
    """Forget photos, texts or persons, and overwrite all that is kept of them.

    Your own files are never touched. A photo or text is known by its content,
    so every path that holds it is forgotten with it; if its file stays where it
    is, the next `retrieve index` of its folder stores it again. Backups and
    exports are files of yours: they stay. So do captions: with --verify it is told
    which of them say the name of a person who was forgotten.

    Example: retrieve forget ~/Pictures/ana.jpg --verify
    """
    from retrieve.indexes import keeping
    from retrieve.indexes.opening import open_collection

    paths, folders, persons = paths or [], all_of or [], person or []
    if as_json and not (yes or dry_run):
        raise BadUsage("with --json nobody is asked: add --yes to forget, or --dry-run to look")
    if not (paths or folders or persons):
        raise BadUsage("wanted PATH, --person PERSON or --all-of FOLDER; got none of them")
    with open_collection(collection, engine=engine) as opened:
        persons = [_meant(opened, name) for name in persons]
        if dry_run or not yes:
            plan = keeping.would_forget(opened, paths=paths, folders=folders, persons=persons)
            if as_json and dry_run:
                render.as_json({"done": False} | render.fields_of(plan))
            else:
                reports.forgotten(plan, done=False)
        if dry_run:
            return
        if not yes:
            _ask()
        done = keeping.forget(opened, paths=paths, folders=folders, persons=persons, verify=verify)
    if as_json:
        render.as_json({"done": True} | render.fields_of(done))
    else:
        reports.after_forgetting(done, was_told=not yes)
    if done.proof is not None and done.proof.traces:
        raise typer.Exit(ERROR)


def _meant(opened: Collection, name: str) -> str:
    """The one who is meant where several have that name; else the name, which forgetting knows."""
    from retrieve.indexes.catalog.persons import SharedName

    try:
        opened.person_id(name)
    except SharedName as shared:
        return f"#{choosing.which(shared)}"
    except BadInput:
        pass
    return name


def _ask() -> None:
    if not sys.stdin.isatty():
        raise BadInput("nobody is there to be asked: add --yes to forget, or --dry-run to look")
    typer.confirm("Forget this?", abort=True, err=True)
