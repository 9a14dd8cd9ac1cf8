"""The pages of `retrieve serve` in Chromium, with the album of `make demo`.

They are drawn by name: python -m docs.draw pages-search. It takes what `make test-web` installs.
"""

from __future__ import annotations

import io
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from threading import Thread
from typing import Any

from PIL import Image

from docs.draw.people import SEED
from retrieve.cache import replacing
from retrieve.sample_data.album import write_album, write_probe
from retrieve.sample_data.archive import write_texts

PEOPLE, PHOTOS = 8, 40  # as `make demo` draws them
DESK, PHONE = {"width": 1000, "height": 620}, {"width": 390, "height": 620}
COLOURS = 160  # of the picture that is kept
NAMES = ("Noelia", "Javier", "Carmen", "Tomás")


@contextmanager
def _served(folder: Path) -> Iterator[str]:
    """A link to a server with the album, of which four people have names."""
    import uvicorn

    from retrieve.cli.web import serving
    from retrieve.cli.web.access import Access, new_token
    from retrieve.cli.web.app import create_app
    from retrieve.indexes.catalog.database import writing
    from retrieve.indexes.collection import open_collection
    from retrieve.indexes.people import listing, statements

    write_album(folder / "album", people=PEOPLE, photos=PHOTOS, seed=SEED)
    write_probe(folder / "probe.jpg", seed=SEED)
    write_texts(folder / "texts")
    with open_collection(folder / "collection", create=True) as collection:
        collection.index([folder / "album", folder / "texts"])
        everyone = listing.people(collection.db)
        with writing(collection.db):
            for name, one in zip(NAMES, everyone, strict=False):
                statements.rename(collection.db, one.person.id, name)
        token = new_token()
        at = serving.listening(serving.LOCAL, 0)
        app = create_app(collection, Access(token))
        server = uvicorn.Server(uvicorn.Config(app, log_level="error", lifespan="off"))
        thread = Thread(target=server.run, kwargs={"sockets": [at]})
        thread.start()
        try:
            address = serving.address_of(serving.LOCAL, at.getsockname()[1], None)
            yield f"{address}/?token={token}"
        finally:
            server.should_exit = True
            thread.join()
            at.close()


def _search(page: Any, folder: Path) -> None:
    page.set_input_files("#photo", folder / "probe.jpg")
    page.wait_for_selector(".tile rect")


def _photo(page: Any, _: Path) -> None:
    page.goto("/photos/4")


def _audit(page: Any, _: Path) -> None:
    page.goto("/people/1?view=audit")
    for key in ("ArrowDown", "x", "ArrowRight", "ArrowRight", "Shift+X"):
        page.keyboard.press(key)


def _review(page: Any, _: Path) -> None:
    page.goto("/review")


def _draw(act: Callable[[Any, Path], None], settings: dict[str, Any], out: Path) -> None:
    from playwright.sync_api import sync_playwright

    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    with tempfile.TemporaryDirectory() as where, sync_playwright() as run:
        folder = Path(where)
        browser = run.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        with _served(folder) as link:
            context = browser.new_context(base_url=link, **settings)
            page = context.new_page()
            page.goto(link)
            act(page, folder)
            page.wait_for_timeout(2500)  # pictures come one after the other
            shot = Image.open(io.BytesIO(page.screenshot()))
            context.close()
        browser.close()
    with replacing(out) as file:
        shot.convert("RGB").quantize(COLOURS).save(file, "PNG", optimize=True)


PAGES: dict[str, Callable[[Path], None]] = {
    "pages-search": partial(_draw, _search, {"viewport": DESK, "color_scheme": "dark"}),
    "pages-photo": partial(_draw, _photo, {"viewport": DESK}),
    "pages-audit": partial(_draw, _audit, {"viewport": DESK}),
    "pages-review": partial(_draw, _review, {"viewport": PHONE, "locale": "es-ES"}),
}
