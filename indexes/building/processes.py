"""Processes that are started afresh, know nothing of the program that starts them, and import
once for all of them.

multiprocessing's own would import the caller's `__main__` in every process, so that a script
without a guard, or one that is read from stdin, would begin again in each.
"""

from __future__ import annotations

import pickle
import threading
from multiprocessing import popen_forkserver, spawn
from multiprocessing.context import ForkServerContext, ForkServerProcess
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


def can_travel(work: object) -> bool:
    """Whether such a process can be given the work: it can be pickled, and nothing of it is
    defined in the program's own script, which the process does not see.
    """
    try:
        return b"__main__" not in pickle.dumps(work)
    except (pickle.PicklingError, AttributeError, TypeError):
        return False
