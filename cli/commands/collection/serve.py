"""retrieve serve"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from retrieve.cli.exits import INTERRUPTED, BadUsage
from retrieve.cli.options import DEFAULT_COLLECTION, CollectionOption, EngineOption, JsonOption
from retrieve.cli.showing import render
from retrieve.extras import optional

if TYPE_CHECKING:
    from retrieve.cli.web.access import Access


def serve(
    collection: CollectionOption = DEFAULT_COLLECTION,
    port: Annotated[int, typer.Option(min=0, max=65535, help="0 takes one that is free.")] = 8321,
    read_only: Annotated[
        bool, typer.Option("--read-only", help="Refuse whatever would change the collection.")
    ] = False,
    open_page: Annotated[
        bool, typer.Option("--open", help="Open the first page in the browser.")
    ] = False,
    host: Annotated[
        str,
        typer.Option(
            metavar="ADDRESS",
            help="Where to listen. Any but this machine's own asks for --token-file or "
            "--password-file.",
        ),
    ] = "127.0.0.1",
    token_file: Annotated[
        Path | None,
        typer.Option(
            help="The first line of this file, 16 characters or more, is the token.",
            exists=True,
            dir_okay=False,
        ),
    ] = None,
    password_file: Annotated[
        Path | None,
        typer.Option(
            help="People enter with the first line of this file, 12 characters or more.",
            exists=True,
            dir_okay=False,
        ),
    ] = None,
    allow_host: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME", help="A name by which browsers may ask for it. Repeatable."),
    ] = None,
    tls_cert: Annotated[
        Path | None, typer.Option(help="Certificate of TLS, PEM.", exists=True, dir_okay=False)
    ] = None,
    tls_key: Annotated[
        Path | None, typer.Option(help="Its key, PEM.", exists=True, dir_okay=False)
    ] = None,
    engine: EngineOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show the collection in a browser, and give it to programs, until Ctrl-C.

    Only this machine reaches it, and only whoever has the link that is printed:
    it holds a token that is new at each start. Programs send the token as
    Authorization: Bearer (docs/api.md). With --host others may come in, with a
    token or a password from a file that its owner alone may read.

    Example: retrieve serve --open
    """
    with optional("retrieve serve"):
        from retrieve.cli.web import serving
        from retrieve.cli.web.app import create_app
        from retrieve.cli.web.security import named
    from retrieve.indexes.opening import open_collection

    local = serving.is_local(host)
    if not local and token_file is None and password_file is None:
        raise BadUsage(
            f"wanted --token-file or --password-file, for others may reach {host}; got neither"
        )
    if (tls_cert is None) is not (tls_key is None):
        raise BadUsage("wanted --tls-cert and --tls-key together; got one of them")
    names = [named(name) for name in allow_host or ()]
    if "" in names:
        raise BadUsage(
            f"wanted names of hosts, as photos.home, with --allow-host; got {allow_host}"
        )
    secured = serving.Secured(tls_cert, tls_key) if tls_cert and tls_key else None
    if not local and secured is None:
        render.warning(
            f"whoever is between a browser and {host} can read everything, the token too: give it "
            "--tls-cert and --tls-key, or let them come in through ssh -L"
        )
    with open_collection(collection, read_only=read_only, engine=engine) as opened:
        at = serving.listening(host, port)
        number = at.getsockname()[1]
        access = _access(token_file, password_file, f"retrieve-{number}")
        app = create_app(
            opened,
            access,
            read_only=read_only,
            hosts=(host, *names),
            numbers=not local,
        )
        config = serving.configured(app, secured)
        address = serving.address_of(host, number, secured)
        _tell(address, access, as_json=as_json, shows_token=token_file is None)
        if open_page:
            typer.launch(f"{address}/?token={access.once()}")
        try:
            serving.run(config, at)
        except KeyboardInterrupt:
            raise typer.Exit(INTERRUPTED) from None


def _access(token_file: Path | None, password_file: Path | None, cookie: str) -> Access:
    """What opens the door, from files or anew."""
    from retrieve.cli.web.access import (
        SHORTEST_PASSWORD,
        Access,
        new_token,
        secret_from,
        token_from,
    )

    token = token_from(token_file) if token_file else new_token()
    password = secret_from(password_file, "password", SHORTEST_PASSWORD) if password_file else None
    return Access(token, password, cookie=cookie)


def _tell(address: str, access: Access, *, as_json: bool, shows_token: bool) -> None:
    """The link, before anything is served: its port takes connections already."""
    if as_json:
        told = {"address": address, "token": access.token if shows_token else None}
        render.as_json(told)
    elif shows_token:
        render.line(f"{address}/?token={access.token}")
    else:
        render.line(address)
    render.flush()
    render.note("Ctrl-C ends it")
