"""The conditions that choose among what is stored, as one parameter of every command that
takes them.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Annotated, Any, get_type_hints

import typer

from retrieve.cli import completing
from retrieve.cli.exits import BadUsage
from retrieve.errors import BadInput

PARAMETER = "wanted"  # of a command: what becomes the options


def _conditions(
    since: Annotated[
        str | None,
        typer.Option(
            metavar="DATE",
            help="Only what was taken or written then or later: 2019, 2019-07-09.",
        ),
    ] = None,
    until: Annotated[
        str | None,
        typer.Option(
            metavar="DATE",
            help="Only what was taken or written then or earlier, that time included.",
        ),
    ] = None,
    folder: Annotated[
        list[Path] | None,
        typer.Option(metavar="FOLDER", help="Only photos and texts below this folder. Repeatable."),
    ] = None,
    person: Annotated[
        list[str] | None,
        typer.Option(
            metavar="PERSON",
            help="Only faces of this person, by name or #id, and photos with them. Repeatable.",
            autocompletion=completing.persons,
        ),
    ] = None,
    near: Annotated[
        str | None,
        typer.Option(
            metavar="LAT,LON,KM", help="Only photos taken within KM kilometres of that place."
        ),
    ] = None,
    min_quality: Annotated[
        float,
        typer.Option(min=0, max=1, help="Leave out stored faces whose quality is lower, 0 to 1."),
    ] = 0.0,
) -> Any:
    """The Filter of those options; raises BadUsage for a date or place that is none."""
    from retrieve.indexes.catalog.filters import Filter, near_from

    try:
        return Filter(
            since,
            until,
            tuple(folder or ()),
            tuple(person or ()),
            min_quality,
            near_from(near) if near else None,
        )
    except BadInput as error:
        raise BadUsage(str(error)) from error


def with_conditions(command: Callable[..., None]) -> Callable[..., None]:
    """The command with --since, --until, --folder, --person, --near and --min-quality in the
    place of its parameter `wanted`, a Filter.
    """
    options = inspect.signature(_conditions, eval_str=True).parameters
    hints = {name: kind for name, kind in command.__annotations__.items() if name != PARAMETER}
    resolved = get_type_hints(_hinted(hints), command.__globals__, include_extras=True)
    parameters = []
    for name, one in inspect.signature(command).parameters.items():
        if name == PARAMETER:
            parameters += [option.replace(kind=option.KEYWORD_ONLY) for option in options.values()]
        else:
            parameters.append(one.replace(annotation=resolved[name], kind=one.KEYWORD_ONLY))

    @wraps(command)
    def wrapped(**given: Any) -> None:
        conditions = {name: given.pop(name) for name in options}
        command(**given, **{PARAMETER: _conditions(**conditions)})

    shape = inspect.Signature(parameters, return_annotation=None)
    wrapped.__signature__ = shape  # type: ignore[attr-defined]
    wrapped.__annotations__ = {one.name: one.annotation for one in parameters}
    return wrapped


def _hinted(hints: dict[str, Any]) -> Callable[..., None]:
    def holder() -> None: ...

    holder.__annotations__ = hints
    return holder
