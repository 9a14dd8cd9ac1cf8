"""The exceptions of the toolkit, each a caller may handle differently.

RetrievalError
├── BadInput         what the caller gave cannot be used: a file, an option, an array
├── WeightsError     weights are absent, damaged or not the ones that were promised
├── CollectionError  wrong embedder, newer format, damage
└── MissingExtra     an optional dependency is not installed
"""

from __future__ import annotations


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
