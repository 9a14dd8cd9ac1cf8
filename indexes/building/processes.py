"""Processes that are started afresh, know nothing of the program that starts them, and import
once for all of them.

multiprocessing's own would import the caller's `__main__` in every process, so that a script
without a guard, or one that is read from stdin, would begin again in each.
"""

from __future__ import annotations

import io
import pickle
import threading
from multiprocessing import popen_forkserver, spawn
from multiprocessing.context import ForkServerContext, ForkServerProcess
from types import FunctionType
from typing import Any

_launching = threading.Lock()


class _Popen(popen_forkserver.Popen):
    def _launch(self, process_obj: Any) -> None:
        whole, mine = spawn.get_preparation_data, threading.get_ident()

        def without_main(name: str) -> dict[str, Any]:
            data: dict[str, Any] = whole(name)
            if threading.get_ident() != mine:  # a process of somebody else's
                return data
            return {key: value for key, value in data.items() if not key.startswith("init_main")}

        with _launching:
            spawn.get_preparation_data = without_main
            try:
                super()._launch(process_obj)  # type: ignore[misc]
            finally:
                spawn.get_preparation_data = whole


class _Process(ForkServerProcess):
    @staticmethod
    def _Popen(process_obj: Any) -> Any:  # noqa: N802  the name is multiprocessing's
        return _Popen(process_obj)


class Context(ForkServerContext):
    """Not fork, which copies locks that threads hold; a server imports once for all workers.

    preload  modules that it imports
    """

    Process = _Process

    def __init__(self, *preload: str) -> None:
        super().__init__()
        self.set_forkserver_preload(list(preload))


class _Pickler(pickle.Pickler):
    def reducer_override(self, obj: Any) -> Any:
        if isinstance(obj, type | FunctionType) and obj.__module__ == "__main__":
            raise pickle.PicklingError(f"{obj.__qualname__} is known to the script alone")
        return NotImplemented


def can_travel(network: object) -> bool:
    """Whether such a process can be given an object of the caller's own: it can be pickled and
    made again, and nothing of it is defined in the program's own script, which the process does
    not see.
    """
    pickled = io.BytesIO()
    try:
        _Pickler(pickled).dump(network)
        pickle.loads(pickled.getvalue())
    except Exception:  # whatever the owner's own way of pickling raises
        return False
    return True
