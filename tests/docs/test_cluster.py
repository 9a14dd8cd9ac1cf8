"""What docs/cluster.md lets people type is a command, with options that it has."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from retrieve.cli.app import Commands

PAGE = (Path(__file__).parents[2] / "docs/cluster.md").read_text("utf-8")
LINES = sorted(set(re.findall(r"^ {4,}(?:\$ )?(retrieve [^#\n]+)", PAGE, re.MULTILINE)))


def test_the_page_has_commands_to_type():
    assert len(LINES) > 15


@pytest.mark.parametrize("line", LINES)
def test_a_line_of_the_page_of_clusters_can_be_typed(line):
    words = shlex.split(line)[1:]
    command = Commands()[words.pop(0)]
    while below := getattr(command, "commands", None):
        command = below[words.pop(0)]
    known = {option for param in command.params for option in param.opts + param.secondary_opts}
    assert {word for word in words if word.startswith("-")} <= known


def test_the_sections_stand_in_the_order_of_who_sets_one_up():
    sections = re.findall(r"^## (.+)$", PAGE, re.MULTILINE)
    assert sections[:3] == ["On one machine", "On several machines", "Making one, indexing into it"]
    assert sections[-4:] == ["The plan", "Security", "Limits", "Figures"]
