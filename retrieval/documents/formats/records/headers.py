"""Whether the first row of a table names its columns, or is a record like those below it.

A record that is taken for names is lost, names that are taken for a record are one more hit:
in doubt it is a record.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from retrieve.documents.formats.records.columns import TEXT_NAMES, TITLE_NAMES
from retrieve.text.tokens import plain

_NAME_CHARACTERS = 40  # of a column's name, at most
_TYPED_FROM = 0.8  # share of a column's cells that are numbers, dates or addresses
_LONGER = 3  # times as long as its name are the cells of a column of texts
_VALUE = re.compile(
    r"[-+(]?[$€£]?\s?\d[\d\s.,:/()'-]*[%€$£]?(?:[T ]\d\S*)?|\S+@\S+\.\w+|https?://\S+|true|false",
    re.IGNORECASE,
)
_IDENTIFIER = re.compile(r"[a-zà-ÿ][a-zà-ÿ0-9]*(?:[_.-][a-zà-ÿ0-9]+)*")
_KNOWN = frozenset(
    (
        *TEXT_NAMES,
        *TITLE_NAMES,
        *"""
        id codigo code clave key numero number num nº n° ref referencia reference isbn dni nif cif
        nombre nombres name apellido apellidos surname firstname lastname autor autora author
        persona person cliente customer proveedor titular usuario user remitente destinatario
        fecha date dia day hora time ano year mes month desde hasta
        concepto importe amount saldo balance debe haber precio price total cantidad quantity
        nota notas note notes observaciones comentario comentarios comment comments descripcion
        description resumen summary detalle detalles asunto subject mensaje message pregunta
        question respuesta answer
        direccion address calle street ciudad city localidad municipio provincia pais country
        lugar place telefono phone movil mobile correo email mail web url enlace link
        categoria category tipo type genero estado status etiqueta etiquetas label tags tema
        archivo fichero file filename ruta path idioma language lang
        """.split(),  # noqa: SIM905
    )
)


def header(row: Sequence[str], below: Sequence[Sequence[str]]) -> list[str] | None:
    """The names of the columns, if the row holds names.

    below  the rows that follow, as many as are looked at
    """
    names = [cell.strip() for cell in row]
    if len(set(names)) < len(names) or not all(map(_is_name, filter(None, names))):
        return None
    filled = [(at, name) for at, name in enumerate(names) if name]
    if not filled or any(_returns(name, at, below) for at, name in filled):
        return None
    if any(_simple(name) in _KNOWN for _, name in filled):
        return names
    if any(
        _is_told(name, [line[at].strip() for line in below if at < len(line)])
        for at, name in filled
    ):
        return names
    cells = [cell.strip() for line in below for cell in line if cell.strip()]
    if all(_IDENTIFIER.fullmatch(name) for _, name in filled):
        return names if cells and not all(map(_IDENTIFIER.fullmatch, cells)) else None
    if all(name.isupper() for _, name in filled):
        return names if cells and not all(cell.isupper() for cell in cells) else None
    return None


def _simple(name: str) -> str:
    return plain(name.casefold()).strip(" :*#")


def _is_name(cell: str) -> bool:
    if len(cell) > _NAME_CHARACTERS or cell.endswith((".", "!", "?")):
        return False
    return not _VALUE.fullmatch(cell)


def _returns(name: str, at: int, below: Sequence[Sequence[str]]) -> bool:
    return any(at < len(line) and line[at].strip() == name for line in below)


def _is_told(name: str, cells: Sequence[str]) -> bool:
    """Whether the cells below are values, or texts much longer than a name of one word."""
    filled = [cell for cell in cells if cell]
    if not filled:
        return False
    if sum(_VALUE.fullmatch(cell) is not None for cell in filled) >= _TYPED_FROM * len(filled):
        return True
    usual = sum(map(len, filled)) / len(filled)
    return " " not in name and usual >= _LONGER * max(len(name), 5)
