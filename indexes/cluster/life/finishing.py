"""What a coordinator that died has left in the middle, brought to its end by the next one."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from retrieve.errors import CollectionError
from retrieve.indexes.cluster.indexing import committing, work
from retrieve.indexes.cluster.life import compacting
from retrieve.indexes.cluster.life.begun import COMPACTING, FORGETTING, REPLACING, all_begun
from retrieve.indexes.cluster.life.copies import replacing
from retrieve.indexes.cluster.life.forgetting import forget
from retrieve.indexes.cluster.people import numbering, writing

if TYPE_CHECKING:
    from retrieve.indexes.cluster.asking import Asking


def finish(cluster: Asking) -> None:
    """End everything that was begun; call at the beginning of coordinating().

    What takes a shard that cannot be reached stays begun, which is a warning.
    """
    manifest = cluster.manifest
    work.remove(manifest.folder)  # in which paths stand
    for one in all_begun(manifest, REPLACING):
        _try(partial(replacing.finish, manifest, one))
    if committing.is_begun(manifest):
        cluster.forget_servers()  # it writes to shards itself
        _try(partial(committing.finish, manifest, numbering.adopt))
    if all_begun(manifest, writing.WHAT):
        _try(partial(writing.finish, cluster))
    if all_begun(manifest, COMPACTING):
        _try(partial(compacting.go_on, cluster))
    for one in all_begun(manifest, FORGETTING):
        _try(partial(forget.go_on, cluster, one))


def _try(work: Callable[[], object]) -> None:
    try:
        work()
    except CollectionError as error:
        warnings.warn(f"what was begun is not at its end yet: {error}", stacklevel=6)
