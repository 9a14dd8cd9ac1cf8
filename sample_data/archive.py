"""The archive of an invented village, laid out as a folder of texts to index and search.

It lies beside this file in `texts`; its README says what it holds.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from retrieve.sample_data.papers import docx, odt, pdf

TEXTS = Path(__file__).with_name("texts")
ABOUT = "README.md"  # speaks of the archive and is no part of it

# Kept as plain text here, given out as an office would have them: suffix, title, writer.
LAID_OUT: dict[str, tuple[str, str, Callable[[str, list[str]], bytes]]] = {
    "derecho/pleito-del-agua.txt": (".pdf", "El pleito del agua", pdf),
    "cartas/2003-enero-correo.txt": (".docx", "Correo de Lucía a su abuela", docx),
    "diarios/cuaderno-ines-1979.txt": (".odt", "Cuaderno de Inés, 1979", odt),
}


def members() -> list[str]:
    """The archive's files, below its folder, in order."""
    paths = (path for path in TEXTS.rglob("*") if path.is_file())
    return sorted(name for path in paths if (name := path.relative_to(TEXTS).as_posix()) != ABOUT)


def write_texts(folder: Path) -> list[Path]:
    """Write the archive into a folder; returns its files. What lies there by these names goes.

    Three texts become a PDF, a DOCX and an ODT document; the others are copied byte by byte.
    """
    written = []
    for name in members():
        content = (TEXTS / name).read_bytes()
        path = folder / name
        if name in LAID_OUT:
            suffix, title, writer = LAID_OUT[name]
            path = path.with_suffix(suffix)
            paragraphs = [one for one in content.decode().split("\n\n") if one.strip()]
            content = writer(title, [" ".join(one.split()) for one in paragraphs])
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        written.append(path)
    return written
