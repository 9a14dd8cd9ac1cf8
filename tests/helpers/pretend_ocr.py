"""Words in pictures, pretended: what stands in their files."""

from __future__ import annotations

import hashlib
from typing import ClassVar

from retrieve.documents.versions import OCR
from retrieve.errors import BadInput
from retrieve.indexes.building.workers import Stopped, attempted
from retrieve.indexes.recognising.reading import Found
from retrieve.types import Passage, Written


class Reading:
    """Reads in a photo what its file says, on a page its number."""

    read: ClassVar[list] = []
    pages: ClassVar[tuple[int, ...]] = ()
    fails: ClassVar[dict[str, str]] = {}

    def open(self):
        def work(task):
            self.read.append((task.path.name, task.pages))
            if why := self.fails.get(task.path.name):
                raise BadInput(why)
            sha256 = hashlib.sha256(task.path.read_bytes()).hexdigest()
            if not task.is_photo and task.pages is None:
                return Found(sha256, pages=self.pages)
            said = [(None, task.path.read_text())] if task.is_photo else []
            said += [(page, f"hoja {page}") for page in task.pages or ()]
            line = (Written(0, (1, 2, 30, 4), 0.97),)
            passages = [Passage(text, kind=OCR, page=page, written=line) for page, text in said]
            return Found(sha256, tuple(one for one in passages if one.text))

        return work


def here(open_work, paths, *, workers, time_limit_s):
    work = open_work()
    for key, task in paths:
        outcome = attempted(work, task)
        yield key, Stopped(outcome) if outcome == "stopped" else outcome
