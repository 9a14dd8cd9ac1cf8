"""A head of a Ray cluster that is gone is told of before Ray ends the process."""

from __future__ import annotations

import socket
import time
from types import SimpleNamespace

import pytest

from retrieve.errors import CollectionError
from retrieve.indexes.cluster.engines import heads


def _head(port, cores):
    return heads.Head(SimpleNamespace(cluster_resources=cores), f"127.0.0.1:{port}")


def test_a_head_that_answers_says_how_many_cores_there_are():
    with socket.create_server(("127.0.0.1", 0)) as there:
        head = _head(there.getsockname()[1], lambda: {"CPU": 3.0})
        assert not head.is_gone
        assert head.cores() == 3
        head.check()
        head.end()


def test_a_head_that_is_gone_is_one_line(monkeypatch):
    monkeypatch.setattr(heads, "GONE_S", 0.05)
    with socket.create_server(("127.0.0.1", 0)) as there:
        port = there.getsockname()[1]

    def away():
        raise RuntimeError("GCS is away")

    head = _head(port, away)
    head.check()
    until = time.monotonic() + 60
    while not head.is_gone:
        assert time.monotonic() < until
        time.sleep(0.01)
    with pytest.raises(CollectionError, match=f"127.0.0.1:{port} does not answer any more"):
        head.check()
    head.end()
