"""The course in Spanish: its commands, run in the order of its pages, say what the pages show."""

from __future__ import annotations

import math
import re
import shlex
from pathlib import Path

import pytest
import warm

from retrieve.sample_data.album import write_probe

ES = Path(__file__).parents[2] / "docs" / "es"
TOLERANCE = 0.02  # of a number, and a hundredth of it: processors differ in the last digits
DRAWN = {  # what the fixtures below stand for
    "python -m retrieve.sample_data curso/album --people 3 --photos 12 --probe curso/probe.jpg",
    "python -m retrieve.sample_data curso/otros --people 1 --photos 1 --seed 5 "
    "--probe curso/desconocida.jpg",
}


def _pages() -> list[Path]:
    """In the order of the stations."""
    index = (ES / "README.md").read_text("utf-8")
    return [ES / "README.md", *(ES / name for name in re.findall(r"\d\. \[.+?\]\((.+?)\)", index))]


def _blocks(page: Path) -> list[tuple[str, list[str]]]:
    """Commands, and the lines that each is shown to say."""
    found: list[tuple[str, list[str]]] = []
    for block in re.findall(r"```console\n(.*?)```", page.read_text("utf-8"), re.DOTALL):
        for line in block.splitlines():
            if line.startswith("$ "):
                found.append((line[2:], []))
            else:
                found[-1][1].append(line)
    return found


def _same(shown: str, said: str) -> bool:
    """Whether two lines agree, but for blanks and the last digits of numbers."""
    one, other = shown.split(), said.split()
    return len(one) == len(other) and all(map(_close, one, other))


def _close(one: str, other: str) -> bool:
    if one == other:
        return True
    numbers = [re.findall(r"-?\d+\.\d+", word) for word in (one, other)]
    around = [re.sub(r"-?\d+\.\d+", "#", word) for word in (one, other)]
    return around[0] == around[1] and all(
        math.isclose(float(a), float(b), rel_tol=0.01, abs_tol=TOLERANCE)
        for a, b in zip(*numbers, strict=True)
    )


@pytest.fixture
def course(album, probe, tmp_path, monkeypatch):
    """The folder in which the course begins."""
    (tmp_path / "curso").mkdir()
    (tmp_path / "curso/album").symlink_to(album)
    (tmp_path / "curso/probe.jpg").write_bytes(probe.read_bytes())
    write_probe(tmp_path / "curso/desconocida.jpg", seed=5)
    monkeypatch.chdir(tmp_path)


def test_the_pages_are_the_stations():
    assert {page.name for page in _pages()} == {page.name for page in ES.glob("*.md")}


def test_what_the_pages_show_is_what_the_commands_say(course):
    drawn = set()
    for page in _pages():
        for command, shown in _blocks(page):
            if command.startswith("python"):
                drawn.add(command)
                continue
            name, *arguments = shlex.split(command)
            assert name == "retrieve"
            done = warm.retrieve(*arguments, COLUMNS=100)
            said = (done.stdout + done.stderr).splitlines()
            for line in shown:
                assert any(_same(line, one) for one in said), f"{page.name}: {line!r}: {said}"
    assert drawn == DRAWN


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("1  0.9879  a", "1 0.9881   a", True),
        ("1  0.9879  a", "1 0.9581   a", False),
        ("1  0.9879  a", "2 0.9879   a", False),
        ("reina 0.76", "rey 0.76", False),
    ],
)
def test_lines_are_compared_as_they_are_said_to_be(one, other, same):
    assert _same(one, other) is same
