"""What the README and the page of commands say of the command is so, and can be typed."""

from __future__ import annotations

import re
import shlex
import shutil
from pathlib import Path

import pytest
import warm

from docs.commands import PAGE, page
from retrieve.cli.app import Commands

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text("utf-8")
LETTER = (
    "Querida Rosario: el sábado nos casamos en la parroquia de San Gil de Zaragoza. Fue una boda "
    "alegre, aunque el río se desbordó y llovía a cántaros."
)


def _every():
    for name, command in Commands().items():
        below = getattr(command, "commands", None)
        if below is None:
            yield name, command
        else:
            yield from ((f"{name} {inner}", one) for inner, one in below.items())


EVERY = dict(_every())


def test_the_page_of_commands_is_current():
    """If not: python -m docs.commands"""
    assert page() == PAGE.read_text("utf-8")


@pytest.mark.parametrize("name", EVERY)
def test_every_command_has_an_example_and_json_and_stands_on_the_page(name):
    command = EVERY[name]
    assert f"Example: retrieve {name}" in command.help
    assert any("--json" in param.opts for param in command.params)
    assert f"### retrieve {name}\n" in PAGE.read_text("utf-8")


def test_no_help_names_a_type_of_python():
    made = page()
    for word in ("<bool>", "<int", "<float", "<str>", "<list", "<dir>", "<path>"):
        assert word not in made


def test_the_readme_is_read_by_somebody():
    lines = README.splitlines()
    assert len(lines) <= 150
    assert lines[0] == "# Retrieve"
    pictures = re.findall(r"!\[.*?\]\((.+?)\)", README)
    assert len(pictures) == 1
    order = ["![", "make demo", "$ retrieve search", "```python", "path ─photos→", "| model |"]
    order += ["| what | figure |", "consent", "## To change things"]
    places = [README.index(one) for one in order]
    assert places == sorted(places)


def test_every_target_of_make_that_the_readme_names_is_there():
    named = set(re.findall(r"\bmake (\w+)\b", README)) - {"its"}
    targets = re.findall(r"^(\w+):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE)
    assert named == {"demo", "install", "test", "bench"}
    assert named <= set(targets)


@pytest.fixture(scope="module")
def home(album, probe, tmp_path_factory):
    """A home with Pictures and Documents, and the folder of `make demo`, smaller."""
    folder = tmp_path_factory.mktemp("reader")
    shutil.copytree(album, folder / "Pictures")
    (folder / "Documents").mkdir()
    (folder / "Documents" / "carta.txt").write_text(LETTER, encoding="utf-8")
    (folder / "demo").mkdir()
    for name in ("ana.jpg", "party.jpg", "Pictures/ana.jpg", "demo/probe.jpg"):
        shutil.copy(probe, folder / name)
    return folder


def _commands():
    """What stands behind $ or at the start of an indented line, in order; a server, which ends
    when it is told to, is tried in tests/cli/web/.
    """
    found = re.findall(r"^    (?:\$ )?(retrieve (?!serve).+)$", README, re.MULTILINE)
    return [one.split("  #")[0].strip() for one in found]


def test_every_command_of_the_readme_runs(home, monkeypatch):
    """`make demo` indexes first; here the first collection is that of the reader's own photos."""
    monkeypatch.chdir(home)
    monkeypatch.setenv("RETRIEVE_COLLECTION", str(home / "collection"))
    commands = _commands()
    assert len(commands) >= 11
    own = [one for one in commands if "demo/" not in one and "analogy" not in one]
    of_demo = [one for one in commands if one not in own]
    assert own[0].startswith("retrieve index")
    for line in own:
        _, *arguments = [word.replace("~", str(home)) for word in shlex.split(line)]
        done = warm.retrieve(*arguments)
        assert done.stdout, line
    (home / "demo" / "collection").symlink_to(home / "collection")
    for line in of_demo:
        _, *arguments = shlex.split(line)
        assert warm.retrieve(*arguments).stdout, line


def test_options_that_the_pages_name_are_there():
    """Of every `retrieve …` in backticks on the pages for users."""
    known = {
        name: {one for param in command.params for one in (*param.opts, *param.secondary_opts)}
        for name, command in EVERY.items()
    }
    wrong = []
    for path in [ROOT / "README.md", *(ROOT / "docs").glob("*.md")]:
        for line in re.findall(r"`retrieve ([^`]+)`", path.read_text("utf-8")):
            words = line.split()
            name = " ".join(words[:2]) if " ".join(words[:2]) in known else words[0]
            options = {word.split("=")[0].rstrip(",.;:") for word in words if word[:2] == "--"}
            if name in known and options - known[name] - {"--help", "--"}:
                wrong.append(f"{path.name}: retrieve {line}")
    assert wrong == []
