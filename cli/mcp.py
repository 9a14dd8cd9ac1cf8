"""A collection as tools of the Model Context Protocol: programs that speak it search and ask.

They see what the command line prints with `--json`. Nothing is changed unless that was allowed.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from importlib.metadata import version
from typing import TYPE_CHECKING, Any, ParamSpec

from retrieve.cli.choosing import named
from retrieve.cli.showing.facehits import probe_json, shards_json
from retrieve.cli.showing.people.identified import photo_json
from retrieve.cli.showing.people.listing import person_json
from retrieve.cli.showing.people.said import outcome_json
from retrieve.cli.showing.render import info_json
from retrieve.cli.showing.texthits import found_json
from retrieve.errors import BadInput, RetrievalError
from retrieve.extras import optional
from retrieve.indexes.catalog.filters import Filter
from retrieve.indexes.collection import Collection
from retrieve.indexes.people import statements

if TYPE_CHECKING:
    from mcp.server.mcpserver import MCPServer

INSTRUCTIONS = (
    "Photos and texts of the person who runs this, on their own machine. A score is a cosine, and "
    "a hit a lead, never a proof; who is unknown stays unknown. Ids of faces and persons are those "
    "that other tools take."
)
MOST = 100  # hits or people of an answer

Given = ParamSpec("Given")
Tool = Callable[Given, dict[str, Any]]


def server_of(collection: Collection, *, changes: bool = False) -> MCPServer:
    """A server with the tools of a collection.

    changes  there is a tool that names people, too
    raises   MissingExtra without the package
    """
    with optional("retrieve mcp"):
        from mcp.server.mcpserver import MCPServer

    made = MCPServer(
        "retrieve", instructions=INSTRUCTIONS, version=version("retrieve"), log_level="WARNING"
    )
    for tool in _tools(collection, changes=changes):
        made.tool()(_in_words(tool))
    return made


def _tools(collection: Collection, *, changes: bool) -> list[Callable[..., dict[str, Any]]]:
    """Functions whose names, parameters and docstrings programs are told."""

    def search(
        words: str = "",
        persons: list[str] | None = None,
        face_id: int | None = None,
        since: str | None = None,
        until: str | None = None,
        k: int = 10,
    ) -> dict[str, Any]:
        """Find passages and photos by words, photos of persons, or faces like a stored one.

        words: what is asked for, by word and by meaning; "in quotation marks" as it stands.
        persons: names, or #id; photos with all of them, or of which the words are said.
        face_id: faces that look like this one. since, until: dates, 2019 or 2019-07-09.
        """
        wanted = named(collection, Filter(since, until, persons=tuple(persons or ())))
        most = min(k, MOST)
        if face_id is not None:
            return probe_json(collection.search_stored(face_id, k=most, wanted=wanted))
        if words:
            hits = collection.search_texts(words, k=most, wanted=wanted)
            shards = collection.shards
            return shards_json(shards) | found_json(words, hits, collection.corrected(words))
        if wanted.persons:
            hits = collection.photos_of(wanted, k=most)
            told = found_json("", hits, None, of=", ".join(persons or ()))
            return shards_json(collection.shards) | told
        raise BadInput("wanted words, persons or face_id; got none of them")

    def identify(photo: str) -> dict[str, Any]:
        """Say whose each face in a photo is: a name, or unknown.

        photo: path of a file on this machine.
        """
        return photo_json(collection.identify(photo), explain=False)

    def people(unnamed: bool = False, most: int = 50) -> dict[str, Any]:
        """List who is in the photos: those with a name, then the others by number of faces.

        unnamed: only those whom nobody named yet.
        """
        if most < 1:
            raise BadInput(f"wanted most from 1 on; got {most}")
        found = collection.people.listing(unnamed=unnamed)
        shown = [person_json(one) for one in found[: min(most, MOST)]]
        return shards_json(collection.shards) | {"persons": shown, "of": len(found)}

    def info() -> dict[str, Any]:
        """Tell what the collection holds: counts of photos, faces, texts, and what made it."""
        return info_json(collection.info(), None)

    def name(name: str, face_ids: list[int]) -> dict[str, Any]:
        """Say what the person of some faces is called; all faces thought to be theirs come along.

        It can be taken back: retrieve undo.
        """
        with collection.people.saying(names=[name], faces=face_ids) as db:
            outcome = statements.say_name(db, name, face_ids)
        return outcome_json(outcome)

    return [search, identify, people, info, *([name] if changes else [])]


def _in_words(tool: Tool[Given]) -> Tool[Given]:
    """The tool, whose refusals are one sentence for whoever asked."""

    @wraps(tool)
    def told(*given: Given.args, **more: Given.kwargs) -> dict[str, Any]:
        from mcp.server.mcpserver.exceptions import ToolError

        try:
            return tool(*given, **more)
        except RetrievalError as error:
            raise ToolError(str(error)) from error

    return told
