"""A program that asks the application of retrieve serve, without a server."""

from __future__ import annotations

from starlette.testclient import TestClient

from retrieve.cli.web.access import Access
from retrieve.cli.web.app import create_app

TOKEN = "a-token-of-these-tests"
ADDRESS = "http://localhost:8321"


def client_of(collection, *, token=TOKEN, access=None, raise_server_exceptions=True, **settings):
    """A program that asks an application of its own."""
    app = create_app(collection, access or Access(TOKEN), **settings)
    headers = {"authorization": f"Bearer {token}"} if token else {}
    return TestClient(
        app,
        base_url=ADDRESS,
        headers=headers,
        follow_redirects=False,
        raise_server_exceptions=raise_server_exceptions,
    )
