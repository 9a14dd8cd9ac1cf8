"""The `retrieve` command, and python -m retrieve.cli.

Ctrl-C while Python imports what the command needs ends it without a word: an exception there would
be a traceback, or an ImportError out of C code.
"""

from __future__ import annotations

import os
import signal
from types import FrameType

INTERRUPTED = 130  # as exits.INTERRUPTED, which is not imported yet


def _end(_: int, __: FrameType | None) -> None:
    os._exit(INTERRUPTED)


def main() -> None:
    """Run the command line, after what it imports."""
    if signal.getsignal(signal.SIGINT) == signal.default_int_handler:  # not ignored, as by nohup
        signal.signal(signal.SIGINT, _end)
    from retrieve.cli.app import main as run

    run()


if __name__ == "__main__":
    main()
