"""What runs in the processes that are started for tasks.

It imports little, so that a process is there at once; a task brings what it needs with it.
"""

from __future__ import annotations

import pickle
from contextlib import suppress
from multiprocessing import spawn
from multiprocessing.connection import Connection
from typing import Any

from retrieve.errors import RetrievalError, unforeseen
from retrieve.indexes.cluster.engines.engine import FAILED

_importing = False  # the script of the program that started this process


def packed(task: Any, args: tuple[Any, ...]) -> tuple[dict[str, Any] | None, bytes]:
    """What is sent for a task: how the script of this program is imported, and the task, pickled.

    A process does not import it, and does not begin again where nothing keeps it from that, unless
    something that the script defines is to be used there.
    """
    pickled = pickle.dumps((task, args))
    if b"__main__" not in pickled:
        return None, pickled
    script = spawn.get_preparation_data("task")
    del script["authkey"]  # which is for nobody, and is not to be sent
    return script, pickled


def is_importing() -> bool:
    """Whether this process is importing that script, whose tasks are begun by another."""
    return _importing


def work(descriptor: int) -> None:
    """Tasks come in by a socket, what became of them goes out by it, until nobody can ask."""
    program = Connection(descriptor)
    while True:
        try:
            script, pickled = program.recv()
        except (EOFError, OSError, KeyboardInterrupt):
            return
        try:
            if script is not None:
                _import(script)
            task, args = pickle.loads(pickled)
            told = task(*args), ""
        except RetrievalError as error:
            told = None, str(error)
        except KeyboardInterrupt:
            return
        except Exception as error:
            told = None, unforeseen(error, FAILED)
        with suppress(BrokenPipeError):
            program.send(told)


def _import(script: dict[str, Any]) -> None:
    global _importing
    _importing = True
    try:
        spawn.prepare(script)
    finally:
        _importing = False
