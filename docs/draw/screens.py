"""What commands of ours print, as pictures of a terminal: their own output, faces and all.

A command runs with its output in a pipe, told to draw as for iTerm2, whose protocol carries the
faces as they are stored. Rich makes an SVG of the text, and each face is set where it was drawn.
"""

from __future__ import annotations

import io
import json
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from functools import cache, partial
from pathlib import Path

from rich.console import Console
from rich.terminal_theme import DEFAULT_TERMINAL_THEME, SVG_EXPORT_THEME, TerminalTheme
from rich.text import Text

from docs.draw.people import SEED
from retrieve.cache import replacing
from retrieve.sample_data.album import write_album, write_probe
from retrieve.sample_data.people import cast

THEMES = {"light": DEFAULT_TERMINAL_THEME, "dark": SVG_EXPORT_THEME}
COLUMN, LINE = 12.2, 24.4  # of a character, in Rich's SVG
MARGIN = 16
RETRIEVE = "import sys; sys.argv[0] = 'retrieve'; from retrieve.cli.app import main; main()"
FIRST = 0xE000  # characters that no text holds: each stands for a face
# A face, of any rows and columns, with what goes to its beginning and back.
_DRAWN = re.compile(
    r"\x1bD\x1b\[A\x1b7\x1b\[(\d+)A\x1b\[(\d+)D\x1b\]1337;File=[^:]*:([^\x07]*)\x07\x1b8"
)
FORM = """<svg class="rich-terminal" viewBox="0 0 {terminal_width} {terminal_height}" \
xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink">
<style>
.{unique_id}-matrix {{ font-family: ui-monospace, "DejaVu Sans Mono", Menlo, Consolas, monospace;
font-size: {char_height}px; line-height: {line_height}px; }}
{styles}
</style>
<defs>{lines}</defs>
<rect width="100%" height="100%" rx="8" fill="BACKGROUND" stroke="#8886"/>
<g transform="translate(16, 12)">
{backgrounds}
<g class="{unique_id}-matrix">
{matrix}
</g>
FACES
</g>
</svg>
"""


def search(out: Path, *, theme: str) -> None:
    """The first screen of the README: somebody who was drawn, found in an album."""
    _write(out, _found(), 100, theme)


def help_(out: Path, *, columns: int, theme: str) -> None:
    """What `retrieve --help` prints."""
    _write(out, run(["--help"], Path.cwd(), columns), columns, theme)


@cache
def _found() -> str:
    """A search in an album whose best hit has a name, as it is printed."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_album(folder / "album", people=4, photos=16, seed=SEED)
        write_probe(folder / "photo.jpg", seed=SEED)
        run(["index", "album"], folder)
        _, printed = run(["search", "photo.jpg", "-k", "1", "--json"], folder).split("\n", 1)
        (best,) = json.loads(printed)["faces"][0]["hits"]
        run(["name", cast(1, SEED)[0].name, "--face-id", str(best["face_id"])], folder)
        return run(["search", "photo.jpg", "-k", "3"], folder)


def run(arguments: Sequence[str], folder: Path, columns: int = 100) -> str:
    """A command and what it prints on a terminal with all colours, so many columns wide."""
    environment = {
        "RETRIEVE_COLLECTION": str(folder / "collection"),
        "RETRIEVE_IMAGES": "iterm",
        "COLUMNS": str(columns),
        "TERMINAL_WIDTH": str(columns),  # Typer's
        "FORCE_COLOR": "1",
        "COLORTERM": "truecolor",
        "TERM": "xterm-256color",
    }
    done = subprocess.run(
        [sys.executable, "-c", RETRIEVE, *arguments],
        cwd=folder,
        env=os.environ | environment,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise RuntimeError(f"retrieve {' '.join(arguments)}: {done.stderr}")
    return f"\x1b[2m$\x1b[0m \x1b[1mretrieve {' '.join(arguments)}\x1b[0m\n{done.stdout}"


def _write(out: Path, printed: str, columns: int, theme: str) -> None:
    with replacing(out.absolute()) as part:
        part.write_text(svg(printed, columns, THEMES[theme]), "utf-8")


def svg(printed: str, columns: int, theme: TerminalTheme) -> str:
    """Text with colours and faces of a terminal → a picture that needs no other file."""
    faces: list[tuple[int, int, str]] = []  # rows and columns of each, and its JPEG in base64

    def kept(match: re.Match[str]) -> str:
        faces.append((int(match[1]) + 1, int(match[2]), match[3]))
        return chr(FIRST + len(faces) - 1)

    marked = _DRAWN.sub(kept, printed)
    lines = [line.rstrip() for line in marked.rstrip("\n").split("\n")]
    console = Console(record=True, width=columns + 1, file=io.StringIO(), force_terminal=True)
    placed = []
    for number, line in enumerate(lines):
        text = Text.from_ansi(line)
        for at, letter in reversed(list(enumerate(text.plain))):
            if FIRST <= ord(letter) < FIRST + len(faces):
                rows, wide, jpeg = faces[ord(letter) - FIRST]
                placed.append((at - wide, number - rows + 1, wide, rows, jpeg))
                text = Text.assemble(text[:at], text[at + 1 :])
        console.print(text, soft_wrap=True)
    height = len(lines) * LINE + 2 * MARGIN
    background = "#{:02x}{:02x}{:02x}".format(*theme.background_color)
    made = console.export_svg(theme=theme, code_format=FORM, unique_id="t", title="")
    made = re.sub(
        r'viewBox="[^"]*"', f'viewBox="0 0 {columns * COLUMN + 2 * MARGIN:.0f} {height:.0f}"', made
    )
    images = "\n".join(
        f'<image x="{x * COLUMN:.1f}" y="{y * LINE + 1.5:.1f}" width="{wide * COLUMN:.1f}" '
        f'height="{rows * LINE - 6:.1f}" preserveAspectRatio="xMinYMin" '
        f'href="data:image/jpeg;base64,{jpeg}"/>'
        for x, y, wide, rows, jpeg in placed
    )
    return made.replace("BACKGROUND", background).replace("FACES", images)


KEPT: dict[str, Callable[[Path], None]] = {
    f"screen-search-{theme}": partial(search, theme=theme) for theme in THEMES
}
# Those of the help are for looking at it, and are not kept.
SCREENS = KEPT | {
    f"screen-help-{columns}-{theme}": partial(help_, columns=columns, theme=theme)
    for columns in (60, 100)
    for theme in THEMES
}
