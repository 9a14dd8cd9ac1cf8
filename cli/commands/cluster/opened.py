"""A cluster that a command was given, and nothing else."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Literal

from retrieve.errors import BadInput

if TYPE_CHECKING:
    from retrieve.indexes.cluster.cluster import Cluster


def opened_cluster(folder: Path, engine: Literal["local", "ray"] | None) -> Cluster:
    """The cluster in a folder, open; raises BadInput for a collection."""
    from retrieve.indexes.cluster.cluster import open_cluster
    from retrieve.indexes.cluster.manifest import is_cluster

    if not is_cluster(folder) and (folder / "catalog.sqlite").is_file():
        raise BadInput(
            f"{folder} is a collection and no cluster. Make one of it with: retrieve cluster "
            f"create FOLDER --from {folder}"
        )
    return open_cluster(folder, engine=engine or "local")
