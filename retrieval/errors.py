"""The exceptions of the toolkit, each a caller may handle differently.

RetrievalError
├── BadInput         what the caller gave cannot be used: a file, an option, an array
├── WeightsError     weights are absent, damaged or not the ones that were promised
├── CollectionError  wrong embedder, newer format, damage
└── MissingExtra     an optional dependency is not installed
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

LONGEST = 160  # characters of somebody else's message
UNFORESEEN = "its reader failed: "  # begins the reason of a file whose reader raised anything else


class RetrievalError(Exception):
    """Anything the toolkit refuses to do, in one line for people.

    try:
        retrieve.compare("a.jpg", "b.jpg")
    except retrieve.RetrievalError as error:
        print(error)
    """


class BadInput(RetrievalError):
    """What the caller gave cannot be used: `retrieve.detect("letter.txt")` raises it."""


class WeightsError(RetrievalError):
    """Weights are absent, damaged or not the ones that were promised: a word-vector file that was
    cut short is one for `retrieve.load_words("mine")`.
    """


class CollectionError(RetrievalError):
    """A collection on disk cannot be used as asked: `retrieve.open_collection("nowhere")`."""


class MissingExtra(RetrievalError):
    """An optional dependency is not installed; the message prints the install line, as of
    `retrieve.open_collection("c", embedder="facenet-vggface2")` without torch.
    """


def unforeseen(error: BaseException, begins: str = UNFORESEEN) -> str:
    """What was raised and nobody foresaw, in words: class and message.

    begins  who raised it: the reader of a stranger's file
    """
    kind = type(error)
    name = kind.__qualname__
    if kind.__module__ != "builtins":
        name = f"{kind.__module__}.{name}"
    try:
        text = " ".join(str(error).split()).rstrip(".")
    except Exception:  # of its own way of being shown
        text = ""
    if len(text) > LONGEST:
        text = f"{text[: LONGEST - 1]}…"
    return f"{begins}{name} ({text})" if text else f"{begins}{name}"


@contextmanager
def foreseen(kind: type[BadInput] = BadInput) -> Iterator[None]:
    """Lets whoever reads one stranger's file meet BadInput alone, whatever the reader raises."""
    try:
        yield
    except RetrievalError:
        raise
    except MemoryError as error:
        raise kind("decoding needs more memory than there is") from error
    except Exception as error:
        raise kind(unforeseen(error)) from error
