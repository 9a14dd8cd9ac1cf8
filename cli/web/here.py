"""The collection as handlers use it: what may be asked at once, and by how many threads.

A collection has a connection to its catalog for each thread (indexes/opened.py), so as many threads
search as make it faster. What decodes photos has threads of its own, for one photo is decoded after
the other and words should not wait for them; and one thread writes, for SQLite has one writer.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Sequence
from secrets import token_urlsafe
from threading import Lock
from typing import Annotated, TypeVar, cast

from anyio import CapacityLimiter, to_thread
from fastapi import Depends, Request
from sqlite_utils import Database

from retrieve.cli.web.errors import Refused
from retrieve.cli.web.parts import answered
from retrieve.errors import CollectionError
from retrieve.indexes.collection import Collection
from retrieve.indexes.info import Generation
from retrieve.types import Shards

UPLOADS = 4  # requests that bring photos at once: each is in memory
SEARCHES = 32  # for a photo, that are kept for their next parts
READERS = 4  # threads that search and list: two cores do no more at once
PHOTOS = 2  # that hand photos to the process that decodes them, and detect

Result = TypeVar("Result")


class Here:
    """What every handler is given.

    collection  that is served
    read_only   refuse what would change it
    """

    def __init__(self, collection: Collection, *, read_only: bool = False) -> None:
        self.collection = collection
        self.read_only = read_only or collection.read_only
        self._readers = CapacityLimiter(READERS)
        self._photos = CapacityLimiter(PHOTOS)
        self._writer = CapacityLimiter(1)
        self.uploading = CapacityLimiter(UPLOADS)
        self._file = _file_of(collection)
        self._found: OrderedDict[str, object] = OrderedDict()
        self._made: dict[object, tuple[Generation, object]] = {}
        self._making: dict[object, Lock] = {}
        self._sound: set[object] = set()

    async def read(self, look: Callable[[Collection], Result]) -> Result:
        """What `look` returns, in a thread that has the collection open."""
        self.check_there()
        return await self._in_thread(look, self._readers)

    async def view(self, look: Callable[[Collection], Result]) -> Result:
        """The same of one view of the catalog, whatever is committed meanwhile: for several
        queries that belong together, and no search, which has views of its own.
        """

        def within(collection: Collection) -> Result:
            with collection.reading():
                return look(collection)

        return await self.read(within)

    async def photo(self, look: Callable[[Collection], Result]) -> Result:
        """The same of what decodes a photo or runs a network."""
        self.check_there()
        return await self._in_thread(look, self._photos)

    async def write(self, change: Callable[[Collection], Result]) -> Result:
        """What `change` returns, while nobody else says anything of faces; what it says by
        people.saying() is on the disk when this returns, all of it or nothing.

        raises  Refused where the server is read only
        """
        self.check_writable()
        self.check_there()

        def within(collection: Collection) -> Result:
            with collection.people.alone():
                return change(collection)

        return await self._in_thread(within, self._writer)

    async def say(
        self,
        change: Callable[[Database], Result],
        *,
        persons: Sequence[int] = (),
        names: Sequence[str] = (),
        faces: Sequence[int] = (),
        lines: Sequence[int | None] = (),
    ) -> Result:
        """The same of what says something of those, in their catalog (WhosWho.saying)."""

        def within(collection: Collection) -> Result:
            saying = collection.people.saying(
                persons=persons, names=names, faces=faces, lines=lines
            )
            with saying as db:
                return change(db)

        return await self.write(within)

    async def _in_thread(
        self, look: Callable[[Collection], Result], limiter: CapacityLimiter
    ) -> Result:
        """What `look` returns, in a thread; which shards answered is kept for the answer."""

        told: list[Shards | None] = []

        def within(collection: Collection) -> Result:
            collection.ask_anew()
            try:
                return look(collection)
            finally:
                told.append(collection.fewest_shards)

        try:
            return await to_thread.run_sync(within, self.collection, limiter=limiter)
        finally:
            for shards in told:
                answered.note(shards)

    def keep(self, found: object) -> str:
        """Keep what a search has found; returns the key that found() takes."""
        key = token_urlsafe(12)
        self._found[key] = found
        while len(self._found) > SEARCHES:
            self._found.popitem(last=False)
        return key

    def found(self, key: str) -> object | None:
        """It, if it is kept still."""
        return self._found.get(key)

    def kept(self, collection: Collection, what: object, make: Callable[[], Result]) -> Result:
        """Something that follows from the catalog, made again when it has changed."""
        with self._making.setdefault(what, Lock()):  # or all who wait for it would make it, too
            now = collection.generation()
            then, made = self._made.get(what, (None, None))
            if then != now:
                made = make()
                self._made[what] = now, made
        return cast(Result, made)

    def once(self, what: object, check: Callable[[], None]) -> None:
        """Check what a disk may have damaged before the server was started; not again when it was
        sound.
        """
        with self._making.setdefault(what, Lock()):
            if what not in self._sound:
                check()
                self._sound.add(what)

    def check_writable(self) -> None:
        """Raises Refused where the server is read only."""
        if self.read_only:
            raise Refused(
                403,
                "this server only reads: to change what it serves, start it without --read-only",
            )

    def check_there(self) -> None:
        """Raises CollectionError where the collection was deleted, or another one lies there: what
        is open still would be read on, and what is written be lost.
        """
        if _file_of(self.collection) != self._file:
            raise CollectionError(
                f"{self.collection.path} is not the collection any more that this server has "
                "opened: end it and start it again"
            )


def _file_of(collection: Collection) -> tuple[int, int] | None:
    """Which file the catalog is; None if there is none."""
    try:
        found = collection.file.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino


def here_now(request: Request) -> Here:
    """The one of the application."""
    found: Here = request.app.state.here
    return found


HereNow = Annotated[Here, Depends(here_now)]
