"""A collection that `retrieve serve` has open, asked over HTTP with the names of the facade.

    from retrieve.client import Client

    with Client("http://127.0.0.1:8321", token="…") as collection:
        for hit in collection.search_texts("una boda en Zaragoza"):
            print(hit["path"], hit["text"])

What is answered are the objects of `--json`, as docs/api.md has them: dicts, lists, numbers.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from retrieve.errors import BadInput, CollectionError, RetrievalError
from retrieve.extras import optional

if TYPE_CHECKING:
    import httpx2

    Sent = str | Path | bytes

ROOT = "/api/v1"
TIMEOUT_S = 120.0  # a first search for a photo opens the networks
STALE, NO_ANSWER = 409, 500
Fields = dict[str, Any]


class Stale(CollectionError):
    """Who is who has changed since it was read, so that nothing was said: read it again."""


class Client:
    """A collection that is served; a context manager.

    address  as `retrieve serve` prints it; a link with `?token=` tells the token, too
    token    what it prints behind that
    raises   BadInput without a token
    """

    def __init__(self, address: str, *, token: str | None = None, **settings: Any) -> None:
        """settings: further ones of httpx2.Client: verify, timeout, transport, …"""
        with optional("retrieve.client"):
            import httpx2

        url = httpx2.URL(address)
        token = token or url.params.get("token")
        if not token:
            raise BadInput("wanted the token that `retrieve serve` has printed; got none")
        self._http = httpx2.Client(
            base_url=str(url.copy_with(query=None, path="/")),
            headers={"authorization": f"Bearer {token}"},
            # No proxy of the environment: photos go to that address and nowhere else.
            **({"timeout": TIMEOUT_S, "trust_env": False} | settings),
        )
        self.generation: str | None = None  # of what was read last of what answers with an ETag

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """End its connections."""
        self._http.close()

    # Searches

    def search_texts(self, query: str, *, k: int = 10, **wanted: Any) -> list[Fields]:
        """The stored passages and photos that a query asks for, best first.

        wanted  further fields of a search: since, until, folders, persons, near, mode, …
        """
        return list(self._search(query=query, k=k, **wanted)["hits"])

    def search_faces(self, photo: Sent, *, k: int = 10, **wanted: Any) -> Fields:
        """The stored faces most like those in a photo, by face, and photos that look like it.

        photo  path or bytes of a file, which is sent
        """
        return self._search(photo, k=k, **wanted)

    def search_pictures(self, photo: Sent, *, k: int = 10, **wanted: Any) -> list[Fields]:
        """The stored photos that look like a photo as a whole, whoever is on it."""
        return list(self._search(photo, k=k, looks=True, **wanted)["looks"]["hits"])

    def search_both(self, photo: Sent, query: str, *, k: int = 10, **wanted: Any) -> list[Fields]:
        """Photos with a face like one in a photo of which a query is said, too."""
        return list(self._search(photo, query=query, k=k, **wanted)["hits"])

    def search_stored(self, face_id: int, *, k: int = 10, **wanted: Any) -> Fields:
        """The stored faces most like a stored one."""
        return self._search(face_id=face_id, k=k, **wanted)

    def search_stored_picture(self, photo_id: int, *, k: int = 10, **wanted: Any) -> list[Fields]:
        """The stored photos that look like a stored one."""
        return list(self._search(photo_id=photo_id, k=k, **wanted)["looks"]["hits"])

    def photos_of(self, *persons: str, k: int = 10, **wanted: Any) -> list[Fields]:
        """Photos of persons, by name or #id, the newest first."""
        return list(self._search(persons=list(persons), k=k, **wanted)["hits"])

    def more(self, found: Mapping[str, Any]) -> Fields | None:
        """The next part of a search, or None at its end."""
        return None if found.get("next") is None else self._search(cursor=found["next"])

    # Networks

    def identify(self, photo: Sent, **settings: Any) -> list[Fields]:
        """Whose each face of a photo is."""
        return list(self._sent("/identify", {"photo": photo}, settings)["faces"])

    def verify(self, a: Sent, b: Sent, **settings: Any) -> Fields:
        """Whether two photos show one person."""
        return self._sent("/verify", {"a": a, "b": b}, settings)

    def detect(self, photo: Sent) -> list[Fields]:
        """The faces in a photo."""
        return list(self._sent("/detect", {"photo": photo}, {})["faces"])

    def embed_faces(self, photo: Sent) -> list[list[float]]:
        """One unit vector for each face in a photo."""
        return [face["embedding"] for face in self._sent("/embed", {"photo": photo}, {})["faces"]]

    # What there is

    def info(self) -> Fields:
        """What the collection holds and what made it."""
        return self._read("/collection")

    def skipped(self) -> Iterator[Fields]:
        """Files that are there and could not be used, with their reasons."""
        return self._every("/collection/skipped", "skipped")

    def photos(self, **wanted: Any) -> Iterator[Fields]:
        """Photos that satisfy conditions, the newest first; asked for as they are taken."""
        return self._every("/photos", "photos", **wanted)

    def photo(self, photo_id: int) -> Fields:
        """A photo with its faces, labels and all that is said of it."""
        return self._read(f"/photos/{photo_id}")

    def face(self, face_id: int) -> Fields:
        """A stored face."""
        return self._read(f"/faces/{face_id}")

    def picture(self, face_id: int) -> bytes:
        """A stored face as a small JPEG."""
        return self._asked("GET", f"/faces/{face_id}/image").content

    def texts(self) -> Iterator[Fields]:
        """The texts that are stored, the newest first."""
        return self._every("/texts", "texts")

    def people(self, **which: Any) -> Iterator[Fields]:
        """Who is in the photos, named or not."""
        return self._every("/persons", "persons", **which)

    def faces_of(self, person_id: int) -> Iterator[Fields]:
        """All faces of a person, the best first."""
        return self._every(f"/persons/{person_id}/faces", "faces")

    def history(self, **which: Any) -> Iterator[Fields]:
        """What was said of faces, the newest first."""
        return self._every("/statements", "statements", **which)

    def say(self, kind: str, *, unless_changed: bool = False, **said: Any) -> Fields:
        """Say something of faces, or take it back; what is returned is on the server's disk.

        kind            name, whose, same, not-same, split, not-a-face, ignore, undo
        said            face_ids, person_id, other_id, name, new, ids, as docs/api.md has them
        unless_changed  only if who is who is what this client has read last, or said itself since;
                        else raises Stale, and BadInput where it has read nothing yet
        """
        headers = {}
        if unless_changed:
            if self.generation is None:
                raise BadInput("wanted something read before what is said unless it has changed")
            headers["if-match"] = self.generation
        told = self._asked("POST", "/statements", json={"kind": kind, **said}, headers=headers)
        if unless_changed:
            self.generation = told.headers["etag"]
        found: Fields = told.json()
        return found

    # How it is asked

    def _search(self, photo: Sent | None = None, **asked: Any) -> Fields:
        given = {name: value for name, value in asked.items() if value is not None}
        if photo is None:
            found: Fields = self._asked("POST", "/search", json=given).json()
            return found
        if "near" in given:
            given["near"] = ",".join(map(str, given["near"]))
        return self._sent("/search", {"photo": photo}, {}, data=given)

    def _sent(
        self,
        path: str,
        photos: Mapping[str, Sent],
        settings: Mapping[str, Any],
        data: Mapping[str, Any] | None = None,
    ) -> Fields:
        files = {name: ("photo", _content(photo)) for name, photo in photos.items()}
        found: Fields = self._asked(
            "POST", path, files=files, params=dict(settings), data=dict(data or {})
        ).json()
        return found

    def _read(self, path: str, **asked: Any) -> Fields:
        answer = self._asked("GET", path, params=asked)
        self.generation = answer.headers.get("etag")
        found: Fields = answer.json()
        return found

    def _every(self, path: str, name: str, **asked: Any) -> Iterator[Fields]:
        more: Fields = {}
        while True:
            part = self._read(path, **asked, **more)
            yield from part[name]
            if part["next"] is None:
                return
            more = {"cursor": part["next"]}

    def _asked(self, method: str, path: str, **given: Any) -> httpx2.Response:
        import httpx2

        try:
            answer = self._http.request(method, ROOT + path, **given)
        except httpx2.TransportError as error:
            raise RetrievalError(
                f"no answer from {self._http.base_url}: {error}. Is it running: retrieve serve"
            ) from error
        if answer.is_success:
            return answer
        raise _error(answer.status_code, _sentence(answer))


def _content(photo: Sent) -> bytes:
    if isinstance(photo, bytes):
        return photo
    try:
        return Path(photo).expanduser().read_bytes()
    except OSError as error:
        raise BadInput(f"cannot read {photo}: {error.strerror}") from error


def _sentence(answer: httpx2.Response) -> str:
    try:
        return str(answer.json()["error"])
    except (ValueError, KeyError, TypeError):
        return f"{answer.url} answers with {answer.status_code}"


def _error(status: int, sentence: str) -> RetrievalError:
    """The exception that the same would raise without a server."""
    if status == STALE:
        return Stale(sentence) if "changed since" in sentence else CollectionError(sentence)
    return BadInput(sentence) if status < NO_ANSWER else RetrievalError(sentence)
