"""How a process joins the Ray cluster that RAY_ADDRESS names, and when it refuses to.

Whoever may speak to a Ray cluster can run what they like on all its machines, and by default
anybody who reaches its port may. So it is joined only if its head turns away who has no token.
Nothing is sent out of it: Ray's reports of usage are off here, and have to be off at the head.
"""

from __future__ import annotations

import importlib
import logging
import os
import signal
import socket
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from retrieve.errors import BadInput, CollectionError
from retrieve.extras import optional

NAMESPACE = "retrieve"  # of the names of our servers
REACH_S = 5.0  # that the head's port has to answer in
HOW = "docs/cluster.md says how one is set up"

_LOCK = threading.Lock()
_joined = 0  # engines of this process that use Ray; the last one leaves


def join() -> Any:
    """The module ray, connected; leave() once for each time.

    raises  MissingExtra without ray; BadInput without an address or a token, or if the head asks
            for none, or reports its usage; CollectionError if it cannot be reached
    """
    global _joined
    with _LOCK:
        ray = _module()
        if not ray.is_initialized():
            _connect(ray, _checked(ray))
            _joined = 1
        elif _joined:
            _joined += 1
        else:  # by the program that called us, which will leave it, too
            _check_token(ray)
        return ray


def address(ray: Any) -> str:
    """HOST:PORT of the head that this process is joined to."""
    return str(ray.get_runtime_context().gcs_address)


def leave(*, is_there: bool = True) -> None:
    """The connection ends with the last that uses it.

    is_there  False for a head that is gone: Ray would wait for it
    """
    global _joined
    with _LOCK:
        if not _joined:
            return
        _joined -= 1
        if not _joined and is_there:
            with _signals_as_they_were():
                importlib.import_module("ray").shutdown()


def _module() -> Any:
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    with optional("the engine ray"):
        return importlib.import_module("ray")


def _checked(ray: Any) -> str:
    """HOST:PORT of a head that may be joined; raises as join()."""
    given = os.environ.get("RAY_ADDRESS", "")
    if not given:
        raise BadInput(
            "the engine ray wants the address of a Ray cluster, HOST:PORT or auto, in RAY_ADDRESS; "
            f"it is not set. {HOW}"
        )
    if "://" in given:
        raise BadInput(
            f"wanted HOST:PORT or auto in RAY_ADDRESS; got {given}. Run this on one of the "
            "cluster's machines: it joins as a part of it, not as a client"
        )
    _check_token(ray)
    services = importlib.import_module("ray._private.services")
    try:
        address = str(services.canonicalize_bootstrap_address_or_die(given))
        host, _, port = address.rpartition(":")
        socket.create_connection((host.strip("[]"), int(port)), REACH_S).close()
    except (ConnectionError, OSError, ValueError) as error:
        raise CollectionError(
            f"no Ray cluster answers at RAY_ADDRESS={given} ({line(error)}). Start its head with: "
            "ray start --head"
        ) from error
    try:
        with _without_stderr():  # where Ray writes that it was refused
            _check_head(ray, address)
    except ray.exceptions.RpcError as error:
        raise CollectionError(
            f"what answers at {address} is no head that can be spoken to ({line(error)}). Is it "
            "another program, or is RAY_USE_TLS set on one side alone?"
        ) from error
    return address


def _check_token(ray: Any) -> None:
    """Raises BadInput unless this process shows a token, and asks for one."""
    raylet = importlib.import_module("ray._raylet")
    if not ray.is_initialized():  # what the environment says now, and not when ray was imported
        raylet.Config.initialize("")
        raylet.AuthenticationTokenLoader.instance().reset_cache()
    if raylet.get_authentication_mode() != raylet.AuthenticationMode.TOKEN:
        raise BadInput(
            "whoever reaches a Ray cluster without tokens can run anything on its machines: the "
            "engine ray is refused without RAY_AUTH_MODE=token, here and for every `ray start`. "
            f"{HOW}"
        )
    if not raylet.AuthenticationTokenLoader.instance().has_token(ignore_auth_mode=True):
        raise BadInput(
            "RAY_AUTH_MODE=token, but there is no token in RAY_AUTH_TOKEN, in the file that "
            "RAY_AUTH_TOKEN_PATH names, or in ~/.ray/auth_token: copy the head's there"
        )


def _check_head(ray: Any, address: str) -> None:
    """Raises BadInput unless the head refuses who shows no token, takes ours, and reports nothing.

    A connection is tried without a token: what a head says of itself would be no proof.
    """
    raylet = importlib.import_module("ray._raylet")
    refused = ray.exceptions.AuthenticationError
    mode = os.environ.get("RAY_AUTH_MODE")
    os.environ["RAY_AUTH_MODE"] = "disabled"
    raylet.Config.initialize("")
    try:
        raylet.GcsClient(address=address)
    except refused:
        pass
    else:
        raise BadInput(
            f"the Ray cluster at {address} lets in whoever comes without a token, to run anything "
            "on its machines: start its head and its nodes with RAY_AUTH_MODE=token"
        )
    finally:
        if mode is None:
            del os.environ["RAY_AUTH_MODE"]
        else:
            os.environ["RAY_AUTH_MODE"] = mode
        raylet.Config.initialize("")
    usage = importlib.import_module("ray._common.usage.usage_lib")
    try:
        about = usage.get_cluster_metadata(raylet.GcsClient(address=address))
    except refused as error:
        raise BadInput(
            f"the Ray cluster at {address} does not take this token: copy the head's "
            "(ray get-auth-token) to ~/.ray/auth_token"
        ) from error
    if "git_commit" in about:  # which is there only where usage is reported
        raise BadInput(
            f"the Ray cluster at {address} reports its usage to Ray's makers: start its head with "
            "ray start --head --disable-usage-stats"
        )


def _connect(ray: Any, address: str) -> None:
    from ray.job_config import JobConfig

    class _Job(JobConfig):
        """Without this Ray lets all nodes import what lies in the folder where the command runs:
        among somebody's files may be a json.py.
        """

        def _runtime_env_has_working_dir(self) -> bool:
            return True

    # It prints what became of machines to stdout, among answers; who asks is told by our errors.
    worker = importlib.import_module("ray._private.worker")
    vars(worker)["listen_error_messages"] = lambda *_: None
    try:
        with _signals_as_they_were():
            ray.init(
                address=address,
                namespace=NAMESPACE,
                job_config=_Job(),
                log_to_driver=False,
                configure_logging=False,
                logging_level=logging.FATAL,
            )
    except (ConnectionError, RuntimeError, ValueError, ray.exceptions.RayError) as error:
        raise CollectionError(
            f"the Ray cluster at {address} could not be joined from this machine: {line(error)}"
        ) from error


@contextmanager
def _without_stderr() -> Iterator[None]:
    sys.stderr.flush()
    kept = os.dup(2)
    nowhere = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, 2)
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nowhere)


@contextmanager
def _signals_as_they_were() -> Iterator[None]:
    """Ray takes SIGTERM for itself; what was said of it stays."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.getsignal(signal.SIGTERM)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before if before is not None else signal.SIG_DFL)


def line(error: BaseException) -> str:
    """What Ray says of an error, shortened to one line."""
    return " ".join(str(error).split())[:300] or type(error).__name__
