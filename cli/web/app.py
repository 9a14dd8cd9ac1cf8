"""The application: what every request passes, the API, the pages and the static files."""

from __future__ import annotations

from collections.abc import Iterable
from importlib import import_module
from importlib.metadata import version
from pathlib import Path
from threading import Thread

from fastapi import FastAPI
from starlette.middleware import Middleware
from starlette.staticfiles import StaticFiles

from retrieve.cli.web import api, errors, pages
from retrieve.cli.web.access import Access
from retrieve.cli.web.headers import Headed
from retrieve.cli.web.here import Here
from retrieve.cli.web.rendering import compile_first
from retrieve.cli.web.security import OURSELVES, Bodies, Door, Hosts, Sites
from retrieve.indexes.collection import Collection

STATIC = Path(__file__).with_name("static")
ROOT = "/api/v1"


def create_app(
    collection: Collection,
    access: Access,
    *,
    read_only: bool = False,
    hosts: Iterable[str] = (),
    numbers: bool = False,
) -> FastAPI:
    """What uvicorn serves.

    collection  is served, and stays the caller's to close
    access      who may come in
    read_only   refuse what would change the collection
    hosts       names of this server beside those of this machine alone
    numbers     it may be asked for by any address in numbers
    """
    here = Here(collection, read_only=read_only)

    app = FastAPI(
        title="Retrieve",
        version=version("retrieve"),
        description=api.__doc__ or "",
        openapi_url=f"{ROOT}/openapi.json",
        docs_url=None,  # their scripts lie on other hosts
        redoc_url=None,
        default_response_class=errors.Json,
        middleware=[
            Middleware(Headed),
            Middleware(Hosts, allowed=(*OURSELVES, *hosts), numbers=numbers),
            Middleware(Sites),
            Middleware(Door, access=access),
            Middleware(Bodies),
        ],
    )
    app.state.here, app.state.access = here, access
    errors.install(app)
    # While the server begins to listen and a browser is opened.
    Thread(target=compile_first, daemon=True).start()
    app.mount("/static", StaticFiles(directory=STATIC))
    # Pages first: FastAPI builds what lies before a route when that is first asked for, and the
    # API takes .1 CPU s.
    for name in pages.PAGES:
        router = import_module(f"{pages.__name__}.{name}").router
        app.include_router(router, include_in_schema=False)
    for name in api.RESOURCES:
        app.include_router(import_module(f"{api.__name__}.{name}").router, prefix=ROOT)
    return app
