"""Networks of other programs: their embeddings can be kept and compared, not made here."""

from __future__ import annotations

from pathlib import Path

from retrieve.errors import CollectionError

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
