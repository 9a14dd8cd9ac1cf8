"""Reading pages in a process of its own, which a page may kill: only that page is lost.

PDFium takes gigabytes for a page of a few kilobytes that was made to hurt, and ends its process
when it gets no more. So it runs in a fork of this process, with a limit of memory and, for each
page, of time; when that dies, another one goes on after the page.
"""

from __future__ import annotations

import ctypes
import faulthandler
import json
import os
import resource
import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import Any, NoReturn

from retrieve.errors import BadInput

MEMORY_BYTES = 1 << 30  # for one document, beside what this process has taken already
PAGE_S = 20.0  # of one page, on a processor
MAX_DEATHS = 5  # of the readers of a document; each may take that memory and time before
_PR_SET_PDEATHSIG = 1
_CLOCK = signal.ITIMER_PROF
_EXPIRED = "it takes too long"
_KILLED = "it takes too much memory, or ends its reader"


@dataclass(frozen=True, slots=True)
class Opened:
    """What is known of a document before its pages; `remark` says how it was damaged."""

    pages: int
    title: str
    created: str
    remark: str


@dataclass(frozen=True, slots=True)
class Read:
    """One page: lines of each column, characters drawn and not understood; or why it is lost."""

    columns: list[list[str]]
    seen: int = 0
    unmapped: int = 0
    lost: str = ""


def read(content: bytes, most_pages: int) -> Iterator[Opened | Read]:
    """The document, then each of its pages in order.

    most_pages  a document with more is refused
    raises      BadInput if it cannot be opened
    """
    import pypdfium2.raw  # noqa: F401  here, so that no fork has to load it

    opened: Opened | None = None
    number = deaths = 0
    while opened is None or number < opened.pages:
        reader = Fork(partial(_say_all, content, number, most_pages))
        try:
            for message in reader.messages():
                if "bad" in message:
                    raise BadInput(message["bad"])
                if "opened" not in message:
                    yield Read(**message)
                    number += 1
                elif opened is None:
                    opened = Opened(**message["opened"])
                    yield opened
        finally:
            death = reader.end()
        if opened is None:
            raise BadInput(f"damaged: {death or 'its reader ended'}")
        if number < opened.pages:
            yield Read([], lost=death or _KILLED)
            number += 1
            deaths += 1
        if deaths == MAX_DEATHS:
            for _ in range(number, opened.pages):
                yield Read([], lost="not looked at after the others")
            return


Say = Callable[[dict[str, Any]], None]
Allow = Callable[[], None]


class Fork:
    """A fork of this process that reads a document, and says what it finds.

    work  gets what sends a message, and what gives the page that comes now its time
    """

    def __init__(self, work: Callable[[Say, Allow], None]) -> None:
        self._left_s = signal.getitimer(_CLOCK)[0]  # of this process, 0 without a limit
        here, there = os.pipe()
        parent = os.getpid()
        sys.stdout.flush()
        self._process = os.fork()
        if not self._process:
            os.close(here)
            _work(work, there, parent, self._left_s)
        os.close(there)
        self._pipe = os.fdopen(here, "rb")

    def messages(self) -> Iterator[dict[str, Any]]:
        for line in self._pipe:
            if line.endswith(b"\n"):
                yield json.loads(line)

    def end(self) -> str:
        """Wait for its end; why it ended, "" if it was done.

        What it took counts as time of this process, which may have a limit.
        """
        self._pipe.close()
        with suppress(ProcessLookupError):
            if not _is_over(self._process):
                os.kill(self._process, signal.SIGKILL)
        _, status, usage = os.wait4(self._process, 0)
        left, _ = signal.getitimer(_CLOCK)
        if left and self._left_s:
            used = usage.ru_utime + usage.ru_stime
            signal.setitimer(_CLOCK, max(left - used, 1e-4))
        code = os.waitstatus_to_exitcode(status)
        if not code:
            return ""
        return _EXPIRED if -code == signal.SIGPROF else _KILLED


def _is_over(process: int) -> bool:
    """Whether a child has ended or is about to, since its end of the pipe is closed."""
    end = time.monotonic() + 1.0
    while time.monotonic() < end:
        if os.waitid(os.P_PID, process, os.WEXITED | os.WNOHANG | os.WNOWAIT):
            return True
        time.sleep(0.001)
    return False


def _work(work: Callable[[Say, Allow], None], there: int, parent: int, left_s: float) -> NoReturn:
    """In the fork: read, say what was read, and end without any clean-up of the parent's."""
    code = 1
    try:
        _limit(parent)
        with os.fdopen(there, "wb") as pipe:

            def say(message: dict[str, Any]) -> None:
                pipe.write(json.dumps(message).encode() + b"\n")
                pipe.flush()

            def allow() -> None:
                left = left_s - time.process_time() if left_s else PAGE_S
                signal.setitimer(_CLOCK, max(1e-4, min(PAGE_S, left)))

            work(say, allow)
        code = 0
    finally:
        os._exit(code)


def _say_all(content: bytes, first: int, most_pages: int, say: Say, allow: Allow) -> None:
    from retrieve.documents.formats.pdf.mending import opened

    allow()
    try:
        document, remark = opened(content)
        if not 0 < document.pages <= most_pages:
            raise BadInput(
                f"a PDF of 1 to {most_pages} pages is wanted, this one has {document.pages}"
            )
        stated = {"title": document.stated("Title"), "created": document.stated("CreationDate")}
        say({"opened": {"pages": document.pages, "remark": remark, **stated}})
    except BadInput as error:
        say({"bad": str(error)})
        return
    except Exception as error:  # the file's: it is told with the name of the error
        say({"bad": f"damaged: {type(error).__name__} ({error})"})
        return
    for number in range(first, document.pages):
        allow()
        try:
            page = document.page(number)
        except Exception as error:  # the page's: it is told with the name of the error
            say({"columns": [], "lost": type(error).__name__})
            continue
        if page is None:
            say({"columns": [], "lost": "it cannot be opened"})
        else:
            say({"columns": page.columns, "seen": page.seen, "unmapped": page.unmapped})


def _limit(parent: int) -> None:
    """Bounds of a fork: it ends with its parent, by the signals it gets, and takes so much."""
    faulthandler.disable()  # a death here is an answer
    for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGPROF, signal.SIGPIPE):
        signal.signal(number, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent stops it
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:
            os._exit(1)
        with open("/proc/self/statm", encoding="ascii") as file:  # noqa: PTH123
            taken = int(file.read().split()[0]) * resource.getpagesize()
        soft, hard = resource.getrlimit(resource.RLIMIT_AS)
        wanted = taken + MEMORY_BYTES
        if soft == resource.RLIM_INFINITY or soft > wanted:
            resource.setrlimit(resource.RLIMIT_AS, (wanted, hard))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    devnull = os.open(os.devnull, os.O_WRONLY)
    os.dup2(devnull, 2)  # C code's last words are not for people
