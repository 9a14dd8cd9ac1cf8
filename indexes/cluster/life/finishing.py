"""What a coordinator that died has left in the middle, brought to its end by the next one."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING

from retrieve.errors import CollectionError
from retrieve.indexes.cluster.life.begun import FORGETTING, REPLACING, all_begun
from retrieve.indexes.cluster.life.copies import replacing
from retrieve.indexes.cluster.life.forgetting import forget
from retrieve.indexes.cluster.people import writing as people

if TYPE_CHECKING:
    from retrieve.indexes.cluster.asking import Asking


def finish(cluster: Asking) -> None:
    """End everything that was begun; call at the beginning of coordinating().

    What takes a shard that cannot be reached stays begun, which is a warning.
    """
    try:
        people.finish(cluster)
    except CollectionError as error:
        warnings.warn(str(error), stacklevel=5)
    for one in all_begun(cluster.manifest, REPLACING):
        try:
            replacing.finish(cluster.manifest, one)
        except CollectionError as error:
            warnings.warn(str(error), stacklevel=5)
    for one in all_begun(cluster.manifest, FORGETTING):
        try:
            forget.go_on(cluster, one)
        except CollectionError as error:
            warnings.warn(str(error), stacklevel=5)
