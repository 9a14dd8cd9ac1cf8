"""A picture of the map that `retrieve map` draws of the album's faces."""

from __future__ import annotations

from pathlib import Path

from docs.draw import paper, people
from retrieve.cli.showing.maps.groups import ColourBy, grouped
from retrieve.cli.showing.maps.picture import write_picture
from retrieve.indexes.maps import Item
from retrieve.projection.methods import Method
from retrieve.projection.project import project

TITLES = {Method.PCA: "two principal components", Method.TSNE: "t-SNE"}


def by_pca(out: Path, album: people.Album | None = None) -> None:
    """The faces on their two principal components."""
    _map(out, album, Method.PCA)


def by_tsne(out: Path, album: people.Album | None = None) -> None:
    """The faces where t-SNE puts them."""
    _map(out, album, Method.TSNE)


def _map(out: Path, album: people.Album | None, method: Method) -> None:
    album = people.album() if album is None else album
    groups, group_of = grouped([Item(person=name) for name in album.names], ColourBy.PERSON)
    write_picture(
        out,
        project(album.embeddings, method, seed=1),
        groups,
        group_of,
        title=f"{len(album.names)} faces, {TITLES[method]}",
        pictures=list(album.crops),
    )
    paper.shrink(out)
