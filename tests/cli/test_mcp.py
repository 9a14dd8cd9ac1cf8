"""retrieve mcp: the tools that programs are given, asked as they ask."""

from __future__ import annotations

import json

import anyio
import pytest
import small
from mcp import Client, StdioServerParameters

from retrieve.cli.mcp import server_of
from retrieve.indexes.catalog.database import writing
from retrieve.indexes.people import statements


@pytest.fixture
def made(tmp_path):
    with small.opened(tmp_path / "collection") as collection:
        small.add(collection, "/a/beach.jpg", "ana eva", taken_at="2019-07-09")
        small.add(collection, "/a/party.jpg", "ana", taken_at="2021")
        with writing(collection.db):
            statements.say_name(collection.db, "Ana", [1, 3])
        yield collection


def ask(collection, tool, *, changes=False, **given):
    async def asked():
        async with Client(server_of(collection, changes=changes)) as client:
            return await client.call_tool(tool, given)

    answer = anyio.run(asked)
    text = answer.content[0].text
    return answer.is_error, text if answer.is_error else json.loads(text)


def tools(collection, **settings):
    return {tool.name for tool in anyio.run(server_of(collection, **settings).list_tools)}


def test_programs_change_nothing_unless_they_may(made):
    assert tools(made) == {"search", "identify", "people", "info"}
    assert tools(made, changes=True) - tools(made) == {"name"}


def test_a_search_answers_with_the_objects_of_the_command(made):
    _, found = ask(made, "search", persons=["Ana"], since="2020")
    assert [hit["path"] for hit in found["hits"]] == ["/a/party.jpg"]
    _, people = ask(made, "people")
    assert [(one["name"], one["faces"]) for one in people["persons"]] == [("Ana", 2)]


def test_what_is_refused_is_the_sentence_of_the_command_line(made):
    failed, said = ask(made, "search", persons=["Blas"])
    assert failed
    assert "nobody is called 'Blas'; there are: Ana" in said
    failed, said = ask(made, "search")
    assert failed
    assert "wanted words, persons or face_id" in said
    for tool, given in (("people", {"most": -1}), ("search", {"words": "x", "k": 0})):
        failed, said = ask(made, tool, **given)
        assert failed
        assert "from 1 on" in said


def test_a_name_is_said_and_can_be_taken_back(made):
    _, said = ask(made, "name", changes=True, name="Eva", face_ids=[2])
    assert said["name"] == "Eva"
    with writing(made.db):
        assert statements.undo(made.db).name == "Eva"


def test_the_command_speaks_it_on_stdin_and_stdout(made):
    import sys

    command = ["-m", "retrieve.cli", "mcp", "--collection", str(made.path)]

    async def asked():
        server = StdioServerParameters(command=sys.executable, args=command)
        async with Client(server) as client:
            return await client.call_tool("people", {})

    assert json.loads(anyio.run(asked).content[0].text)["of"] == 1
