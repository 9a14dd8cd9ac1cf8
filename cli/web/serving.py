"""Where the server listens, and uvicorn, which runs until it is told to end."""

from __future__ import annotations

import socket
from contextlib import closing
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path

import uvicorn
from fastapi import FastAPI

from retrieve.errors import BadInput

PORT = 8321
LOCAL = "127.0.0.1"
WAITING = 128  # connections that the system keeps until they are taken
PATIENCE_S = 5  # for answers that are under way at the end


@dataclass(frozen=True, slots=True)
class Secured:
    """The two files of TLS, PEM."""

    certificate: Path
    key: Path


def is_local(host: str) -> bool:
    """Whether only this machine reaches it."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def listening(host: str, port: int) -> socket.socket:
    """A socket that takes connections; raises BadInput where there can be none.

    port  0 takes one that is free
    """
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        family, kind, protocol, _, address = found[0]
        made = socket.socket(family, kind, protocol)
        try:
            made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            made.bind(address)
            made.listen(WAITING)
        except BaseException:
            made.close()
            raise
    except OSError as error:
        raise BadInput(
            f"cannot listen at {host}, port {port}: {(error.strerror or str(error)).lower()}. "
            "Choose others with --host and --port"
        ) from error
    return made


def address_of(host: str, port: int, secured: Secured | None) -> str:
    """As a browser is given it, without a path."""
    shown = f"[{host}]" if ":" in host else host
    return f"{'https' if secured else 'http'}://{shown}:{port}"


def configured(app: FastAPI, secured: Secured | None) -> uvicorn.Config:
    """How it is served; raises BadInput for a certificate or key that cannot be used."""
    config = uvicorn.Config(
        app,
        log_level="warning",
        access_log=False,  # it would keep what was searched for
        proxy_headers=False,
        ws="none",
        server_header=False,
        timeout_graceful_shutdown=PATIENCE_S,
        ssl_certfile=secured.certificate if secured else None,
        ssl_keyfile=secured.key if secured else None,
    )
    try:
        config.load()
    except OSError as error:  # ssl.SSLError too
        files = f"{secured.certificate} and {secured.key}" if secured else "no files"
        raise BadInput(f"wanted a certificate and its key, PEM; got {files}: {error}") from error
    return config


def run(config: uvicorn.Config, at: socket.socket) -> None:
    """Serve until SIGINT or SIGTERM, which goes on up when all is answered."""
    with closing(at):
        uvicorn.Server(config).run(sockets=[at])
