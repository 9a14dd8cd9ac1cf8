"""Pickles of plain data, and of nothing else.

A pickle is a program for a small machine, and some of its instructions call any function
there is. Here the machine knows only those that make lists, tuples, dicts, texts, numbers,
booleans and None; at any other it stops. It is the one that the standard library has in
Python: the one in C reserves as much memory as ten bytes of a pickle tell it to.
"""

from __future__ import annotations

import mmap
import pickle
import pickletools
from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar, NoReturn

from retrieve.errors import BadInput

# 115,000 embeddings of 512 numbers. Numbers take 4 times as much in memory; what is made to
# fill it takes up to 25 times.
MAX_BYTES = 1 << 29
# Containers, and notes to come back to them, are what a byte of a pickle can fill most memory
# with. An entry of deepface's has ten of them and hundreds of bytes.
BYTES_A_CONTAINER = 8
FEW = 1000  # containers that any file may have

COUNTED = frozenset(
    (
        *(
            "MARK",
            "EMPTY_LIST",
            "LIST",
            "TUPLE",
            "TUPLE1",
            "TUPLE2",
            "TUPLE3",
            "EMPTY_DICT",
            "DICT",
        ),
        *("PUT", "BINPUT", "LONG_BINPUT", "MEMOIZE"),
    )
)
INSTRUCTIONS = COUNTED.union(
    ("PROTO", "FRAME", "STOP", "POP", "POP_MARK", "GET", "BINGET", "LONG_BINGET"),
    ("NONE", "NEWTRUE", "NEWFALSE", "INT", "LONG", "BININT", "BININT1", "BININT2", "LONG1"),
    ("FLOAT", "BINFLOAT", "UNICODE", "SHORT_BINUNICODE", "BINUNICODE"),
    ("APPEND", "APPENDS", "EMPTY_TUPLE", "SETITEM", "SETITEMS"),
)
_CODES = {opcode.name: ord(opcode.code) for opcode in pickletools.opcodes}
_NAMES = {code: name for name, code in _CODES.items()}

# What the machine raises for programs that make no sense.
_NONSENSE = (
    pickle.UnpicklingError,
    EOFError,
    LookupError,
    ValueError,
    TypeError,
    AttributeError,
    OverflowError,
    RecursionError,
)


def load(path: Path) -> Any:
    """What a pickle holds: lists, tuples, dicts, texts, numbers, booleans, None.

    raises  BadInput if it holds anything else or is damaged, or too large
    """
    try:
        size = path.stat().st_size
        if not 0 < size <= MAX_BYTES:
            raise BadInput(
                f"{path} has {size} bytes; pickles are read up to {MAX_BYTES >> 20} MiB. "
                "Index the folder of photos instead: retrieve index FOLDER"
            )
        # Mapped: an instruction that asks for more bytes than there are gets what there is.
        with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
            return _Plain(data, size).load()
    except OSError as error:
        raise BadInput(f"cannot read {path}: {(error.strerror or str(error)).lower()}") from error
    except MemoryError as error:
        raise BadInput(f"{path} needs more memory than there is") from error
    except _NONSENSE as error:
        raise BadInput(f"{path} is no pickle, or damaged: {error}") from error
    except _Refused as error:
        raise BadInput(f"{path} is refused: {error}") from error


class _Refused(Exception):
    """More than plain data."""


def _refuse(code: int) -> Callable[[Any], NoReturn]:
    name = _NAMES.get(code, f"number {code}")

    def instruction(machine: Any) -> NoReturn:
        raise _Refused(
            f"it holds more than lists, dicts, texts and numbers (instruction {name}), and to "
            "read that could run any program. Write it again with plain lists of numbers"
        )

    return instruction


class _Plain(pickle._Unpickler):
    """The machine without the instructions that reach out of plain data."""

    dispatch: ClassVar[dict[int, Callable[[Any], None]]] = {
        code: pickle._Unpickler.dispatch[code]
        if _NAMES.get(code) in INSTRUCTIONS
        else _refuse(code)
        for code in range(256)
    }

    def __init__(self, data: mmap.mmap, size: int) -> None:
        super().__init__(data)
        self._containers_left = FEW + size // BYTES_A_CONTAINER

    def count(self) -> None:
        self._containers_left -= 1
        if self._containers_left < 0:
            raise _Refused("it makes more lists and dicts than a file of its size should")

    def find_class(self, module: str, name: str) -> NoReturn:
        """Never reached: no instruction that the machine knows asks for it."""
        raise _Refused(f"it asks for {module}.{name}")

    def persistent_load(self, pid: Any) -> NoReturn:
        raise _Refused("it refers to something outside of it")


def _counted(instruction: Callable[[Any], None]) -> Callable[[Any], None]:
    def counted(machine: _Plain) -> None:
        machine.count()
        instruction(machine)

    return counted


for _name in COUNTED:
    _Plain.dispatch[_CODES[_name]] = _counted(_Plain.dispatch[_CODES[_name]])
