"""retrieve mcp"""

from __future__ import annotations

from typing import Annotated, Any

import typer

from retrieve.cli.options import DEFAULT_COLLECTION, CollectionOption, EngineOption, JsonOption
from retrieve.cli.showing import render


def mcp(
    collection: CollectionOption = DEFAULT_COLLECTION,
    changes: Annotated[
        bool,
        typer.Option("--allow-changes", help="Let programs name people, too; undo takes it back."),
    ] = False,
    engine: EngineOption = None,
    as_json: JsonOption = False,
) -> None:
    """Give the collection to programs that speak the Model Context Protocol, on stdin and stdout.

    They can search, identify and list people; nothing is changed, and nothing is
    sent by this program: what it answers goes to the program that started it.
    With --json the tools are listed.

    Example: retrieve mcp
    """
    import anyio

    from retrieve.cli.mcp import server_of
    from retrieve.indexes.opening import open_collection

    with open_collection(collection, read_only=not changes, engine=engine) as opened:
        server = server_of(opened, changes=changes)
        if as_json:
            for tool in anyio.run(server.list_tools):
                render.as_json(_fields(tool))
            return
        server.run("stdio")


def _fields(tool: Any) -> dict[str, Any]:
    return {"name": tool.name, "description": tool.description, "input": tool.input_schema}
