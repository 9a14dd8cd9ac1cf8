"""How far all tasks of a run are, on whatever machines."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

from retrieve.indexes.building.build import OnProgress, Progress
from retrieve.indexes.cluster.indexing import work

LOOK_S = 0.5


class Watching:
    """Looks now and then at what the tasks say; a context manager.

    of  files that there are in all
    """

    def __init__(
        self, on_progress: OnProgress | None, on_words: Callable[[int, int], None] | None
    ) -> None:
        self._on_progress, self._on_words = on_progress, on_words
        self._steps: dict[Path, Progress] = {}
        self._words: dict[Path, tuple[int, int]] = {}
        self._watched: Sequence[Path] = ()
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._look_on, daemon=True)
        self.of = 0

    def __enter__(self) -> Self:
        if self._on_progress is not None or self._on_words is not None:
            self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Look once more, and end."""
        self._ended.set()
        if self._thread.ident is not None:
            self._thread.join()
            self.look()

    def watch(self, told: Sequence[Path]) -> None:
        """Look at these from now on, beside what was said before."""
        self._watched = [*self._watched, *told]

    def look(self) -> None:
        """Sum up what the tasks have said, and tell it."""
        for path in self._watched:
            with suppress(OSError, ValueError):  # it is being replaced
                said = work.told(path)
                if "step" in said:
                    self._steps[path] = Progress(**said["step"])
                if "words" in said:
                    self._words[path] = (said["words"][0], said["words"][1])
        steps, words = list(self._steps.values()), list(self._words.values())
        if words and self._on_words is not None:
            self._on_words(sum(done for done, _ in words), sum(of for _, of in words))
        elif steps and self._on_progress is not None:
            files = sum(one.files for one in steps)
            self._on_progress(
                Progress(
                    files,
                    max(self.of, files),
                    sum(one.new for one in steps),
                    sum(one.faces for one in steps),
                    sum(one.passages for one in steps),
                    sum(one.waiting for one in steps),
                )
            )

    def _look_on(self) -> None:
        while not self._ended.wait(LOOK_S):
            self.look()
