"""Networks that are not ours: of other programs, whose embeddings can be kept and compared but
not made here, and objects of the caller's own.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from retrieve.errors import BadInput, CollectionError

DEEPFACE = "deepface:"  # before the name that deepface gives to a network


def check_ours(network: str, collection: Path) -> str:
    """The name of a network that can be opened.

    raises  CollectionError for one of another program, with what can be done all the same
    """
    if network.startswith(DEEPFACE):
        raise CollectionError(
            f"{collection} holds embeddings of deepface ({network}), whose networks are not here "
            "to look at photos. Search it for stored faces with --face-id, or index the photos "
            "with an embedder of ours: retrieve index FOLDER --collection OTHER"
        )
    return network


def weights_of(network: object) -> str:
    """What tells a network from others of its name: the SHA-256 of its weights, or the version
    that the owner of a network of one's own gives it.

    raises  BadInput if it has neither
    """
    for what in ("weights_sha256", "version"):
        found = getattr(network, what, None)
        if isinstance(found, str) and found:
            return found if what == "weights_sha256" else f"version {found}"
    raise BadInput(
        f"a {type(network).__name__} of your own needs the attribute weights_sha256 or version, a "
        "text that changes with its weights: a collection is known by it"
    )


def checked_network(network: object, kind: str, wanted: Iterable[str]) -> None:
    """An object that is to stand for a detector, an embedder or an encoder has what they have.

    raises  BadInput that names what is missing
    """
    missing = [name for name in wanted if not hasattr(network, name)]
    if missing:
        raise BadInput(
            f"wanted the name of {kind} or an object with {', '.join(wanted)}; "
            f"{type(network).__name__} lacks {', '.join(missing)}"
        )
    weights_of(network)
