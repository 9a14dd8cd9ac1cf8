"""The texts of a collection: their passages, the encoder behind their embeddings, their search.

The space of passages is made with the first text; from then on its encoder is fixed, and the
language by whose stems passages are cut that do not tell theirs.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from sqlite_utils import Database

from retrieve.errors import CollectionError
from retrieve.indexes.catalog.database import writing
from retrieve.indexes.catalog.filters import PASSAGES
from retrieve.indexes.catalog.migrations import create_words
from retrieve.indexes.catalog.passages import (
    CALLED,
    NewPassage,
    Passages,
    mark_of,
    put_stems,
    titles,
)
from retrieve.indexes.catalog.sums import WORDS
from retrieve.indexes.search.engine import Engine, Loaded
from retrieve.indexes.vectors import resumed
from retrieve.indexes.vectors.spaces import Space, VectorSpace
from retrieve.networks.own import checked_network, weights_of
from retrieve.text.spoken import language_of_query, languages_of
from retrieve.types import Embeddings, Passage

if TYPE_CHECKING:
    from retrieve.text.encoders.encode import TextEncoder

LANGUAGE = "es"
BLOCK = 128  # passages embedded at once, some seconds of a slow encoder
OF_AN_ENCODER = ("name", "dim", "covers", "embed")


@dataclass(frozen=True, slots=True, eq=False)
class Embedded:
    """Passages that the encoder covers, with their embeddings; numbers as in their content."""

    passages: list[tuple[int, Passage]]
    embeddings: Embeddings


@dataclass(frozen=True, slots=True, eq=False)
class Placed:
    """Passages and where they belong.

    path_id   the path that says them, None where the content itself does
    document  the title of their content
    """

    content_id: int
    path_id: int | None
    document: str
    embedded: Embedded


class Encoding:
    """What texts are embedded with, as it was asked for; opened once for all threads.

    encoder   name, file, or an encoder of one's own; None is what the collection was made with
    language  of texts that do not tell their own, ISO 639-1; None likewise
    """

    def __init__(
        self, encoder: str | TextEncoder | None = None, language: str | None = None
    ) -> None:
        self.name = encoder if isinstance(encoder, str) else None
        self.language = language
        self._opened = None if isinstance(encoder, str) else encoder
        if self._opened is not None:
            checked_network(self._opened, "an encoder", OF_AN_ENCODER)
        self._lock = threading.Lock()

    def use(self, encoder: TextEncoder) -> None:
        """Take an encoder that is open already, whatever the name."""
        self._opened = encoder

    def open(self, held: str | None) -> TextEncoder:
        """The encoder, which is that of the collection if nobody asked for another."""
        from retrieve.text.encoders.encode import DEFAULT, is_encoder, open_text_encoder

        with self._lock:
            if self._opened is None:
                if self.name is None and held is not None and not is_encoder(held):
                    raise CollectionError(
                        f"the passages were made with the encoder {held!r}, which is not one of "
                        "ours. Hand it over: retrieve.open_collection(…, encoder=…)"
                    )
                self._opened = open_text_encoder(self.name or held or DEFAULT)
            return self._opened

    def made_by(self, held: str | None, language: str) -> dict[str, str]:
        """What a catalog keeps of passages that are embedded so, with stems of a language."""
        encoder = self.open(held)
        name = self.name or encoder.name
        return {
            "encoder": str(Path(name).absolute()) if name.endswith(".safetensors") else name,
            "encoder_sha256": weights_of(encoder),
            "language": language,
        }

    def embedded(self, query: str, held: str | None) -> Embeddings | None:
        """(1, D) a query's embedding by that encoder; None if there is nothing in it to embed."""
        from retrieve.text.encoders.encode import embed_queries

        encoder = self.open(held)
        return embed_queries(encoder, [query]) if encoder.covers(query) else None


class Texts:
    """Passages of one collection, as one thread sees them."""

    def __init__(
        self,
        db: Database,
        folder: Path,
        encoding: Encoding | None = None,
        *,
        device: str = "cpu",
        loaded: Loaded | None = None,
    ) -> None:
        self._db = db
        self._folder = folder
        self._encoding = encoding or Encoding()
        self.vectors = VectorSpace(db, folder, PASSAGES)
        self.engine = Engine(db, folder, self.vectors, device=device, loaded=loaded)
        self.passages = Passages(db)

    @property
    def encoder(self) -> TextEncoder:
        """The encoder behind the passages' embeddings, opened at first use."""
        return self._encoding.open(self._held("encoder"))

    @property
    def language(self) -> str:
        """Whose stems are kept of passages that do not tell their own language, ISO 639-1."""
        return self._encoding.language or self._held("language") or LANGUAGE

    def use(self, encoder: TextEncoder) -> None:
        """Take an encoder that is open already, whatever the name."""
        self._encoding.use(encoder)

    def spoken(self, query: str) -> tuple[str, ...]:
        """The languages that passages are in, that of a query first."""
        held = self.passages.languages()
        return spoken(query, held, self.passages.count() if held else 0, self.language)

    def check(self) -> None:
        """Other encoders give vectors that cannot be compared with the stored ones.

        raises  CollectionError that names both; so for another language
        """
        space = self.vectors.space()
        if space is None:
            return
        check_made_by(self._folder, self.made_by(), space.made_by)

    def embed(
        self,
        texts: Sequence[Sequence[Passage]],
        on_progress: Callable[[int], object] | None = None,
    ) -> list[Embedded]:
        """The embeddings of the passages of some texts, one answer a text.

        Passages without anything to embed, as rows of dots, are left out.
        on_progress  called with how many are still to be embedded
        """
        if not any(texts):
            return [Embedded([], np.empty((0, 0), np.float32)) for _ in texts]
        covered = [
            [(n, one) for n, one in enumerate(text, 1) if self.encoder.covers(one.text)]
            for text in texts
        ]
        flat = [one.text for text in covered for _, one in text]
        every = np.empty((len(flat), self.encoder.dim), np.float32)
        for start in range(0, len(flat), BLOCK):
            if on_progress is not None:
                on_progress(len(flat) - start)
            every[start : start + BLOCK] = self.encoder.embed(flat[start : start + BLOCK])
        ends = np.cumsum([len(text) for text in covered])
        parts = np.split(every, ends[:-1])
        return [Embedded(text, part) for text, part in zip(covered, parts, strict=True)]

    def embedded(self, query: str) -> Embeddings | None:
        """(1, D) a query's embedding; None if there is nothing in it to embed."""
        return self._encoding.embedded(query, self._held("encoder"))

    def store(self, placed: Iterable[Placed]) -> int:
        """Store passages with their embeddings, and return how many; inside a transaction.

        raises  CollectionError if the collection's passages were made with another encoder
        """
        from retrieve.text.stemming import stems

        some = [one for one in placed if one.embedded.passages]
        if not some:
            return 0
        if self.vectors.space() is None:
            self.vectors.create(Space(PASSAGES, PASSAGES, self.made_by(), self.encoder.dim))
        self.check()
        own = self.language
        said = languages_of(
            [[passage.text for _, passage in one.embedded.passages] for one in some], own
        )
        rows = [one.embedded.embeddings for one in some]
        first = self.vectors.append(rows[0] if len(rows) == 1 else np.concatenate(rows))
        self.passages.add(
            first,
            (
                NewPassage(
                    one.content_id,
                    one.path_id,
                    number,
                    passage,
                    _title_stems(titles(one.document, passage.title), language, own),
                    stems(passage.text, language),
                )
                for one, languages in zip(some, said, strict=True)
                for (number, passage), language in zip(
                    one.embedded.passages, languages, strict=True
                )
            ),
        )
        return sum(len(one.embedded.passages) for one in some)

    def drop(self, path_id: int) -> None:
        """Remove what a path said of the content that it held; inside a transaction."""
        self._remove(self.passages.of_path(path_id))

    def drop_content(self, content_id: int) -> None:
        """Remove what a content said itself; inside a transaction."""
        self._remove(self.passages.of_content(content_id))

    def drop_pictured(self, content_id: int) -> None:
        """Remove what was read off the pictures of a content; inside a transaction."""
        self._remove(self.passages.pictured(content_id))

    def _remove(self, found: Sequence[tuple[int, int]]) -> None:
        if found:
            resumed.drop(self._folder)
            self.vectors.kill(row for _, row in found)
            self.passages.remove([id for id, _ in found])

    def path_says(self, path_id: int, passages: Sequence[Passage]) -> bool:
        """Whether a path says these passages already."""
        return self._holds(self.passages.of_path(path_id), passages)

    def content_says(self, content_id: int, passages: Sequence[Passage]) -> bool:
        """Whether a content says these passages already."""
        return self._holds(self.passages.of_content(content_id), passages)

    def _holds(self, found: Sequence[tuple[int, int]], passages: Sequence[Passage]) -> bool:
        """Whether these are stored, but for what the encoder does not cover."""
        stored = self.passages.said(id for id, _ in found)
        wanted = dict(enumerate(passages, 1))
        if stored == wanted:
            return True
        if any(wanted.get(number) != passage for number, passage in stored.items()):
            return False
        return not any(
            self.encoder.covers(passage.text)
            for number, passage in wanted.items()
            if number not in stored
        )

    def call(self, content_ids: Iterable[int]) -> None:
        """Enter texts under their titles, or the names that their files have now if they have
        none; inside a transaction.
        """
        own = self.language
        for content_id in content_ids:
            self.passages.call(
                content_id,
                lambda called, heading, language: _title_stems(
                    titles(called, heading), language or own, own
                ),
            )

    def renew_words(self) -> int:
        """Make the index of words anew if another version of the stems made it; returns how many
        passages. What dies meanwhile leaves the old one.
        """
        if self.has_current_words():
            return 0
        with writing(self._db):
            return 0 if self.has_current_words() else self.enter_words()  # or another was first

    def has_current_words(self) -> bool:
        """Whether the index of words holds the stems that a query is cut into."""
        from retrieve.text.stemming import VERSION

        return self.passages.version_of_words() == VERSION

    def enter_words(self) -> int:
        """Make the index of words anew; returns how many passages; inside a transaction."""
        from retrieve.text.stemming import VERSION, stems

        self._db.execute(f"DELETE FROM sums_{WORDS}")
        self._db.execute("DROP TABLE vocabulary")
        self._db.execute("DROP TABLE stems")
        create_words(self._db)
        entered, own = 0, self.language
        found = self._db.execute(
            f"SELECT content_id, passages.id, {CALLED}, passages.title, text FROM passages "
            "JOIN contents ON contents.id = content_id ORDER BY content_id, passages.id"
        )
        for _, rows in groupby(found, key=itemgetter(0)):
            some = list(rows)
            damaged = [not all(isinstance(one, str) for one in row[2:]) for row in some]
            texts = ["" if bad else row[4] for row, bad in zip(some, damaged, strict=True)]
            (languages,) = languages_of([texts], own)
            for (_, id, document, heading, text), bad, language in zip(
                some, damaged, languages, strict=True
            ):
                if bad:
                    document = heading = text = ""  # it is told by its own checksum
                said = _title_stems(titles(document, heading), language, own)
                put_stems(self._db, id, said, stems(text, language))
                entered += 1
        self.passages.set_version_of_words(VERSION)
        return entered

    def made_by(self) -> dict[str, str]:
        """What the catalog keeps: the encoder, the SHA-256 of its weights, the language."""
        return self._encoding.made_by(self._held("encoder"), self.language)

    def _held(self, what: str) -> str | None:
        space = self.vectors.space()
        return space.made_by[what] if space else None


def spoken(query: str, held: Mapping[str, int], passages: int, own: str) -> tuple[str, ...]:
    """The languages that passages are in, that of a query first.

    held  how many passages are in each language other than `own`
    """
    if not held:
        return (own,)
    every = {**held, own: max(passages - sum(held.values()), 0)}
    first = language_of_query(query, every)
    return (first, *(one for one in every if one != first))


def check_made_by(folder: Path, asked: Mapping[str, str], held: Mapping[str, str]) -> None:
    """Raises CollectionError if passages are held by another encoder, or another language's stems,
    than are asked for.
    """
    if all(asked[what] == held[what] for what in ("encoder_sha256", "language")):
        return
    raise CollectionError(
        f"{folder} holds passages of the encoder {held['encoder']} (weights "
        f"{held['encoder_sha256'][:8]}), words of the language {held['language']}; you asked "
        f"with {asked['encoder']} ({asked['encoder_sha256'][:8]}), {asked['language']}. Leave "
        f"--encoder and --language out to use what made it{_moving(held, asked)}, or choose "
        "another --collection"
    )


def _title_stems(title: str, language: str, own: str) -> list[str]:
    """The stems of a title, and the language where it is not that of the collection."""
    from retrieve.text.stemming import stems

    said = stems(title, language)
    return said if language == own else [*said, mark_of(language)]


def _moving(held: Mapping[str, str], asked: Mapping[str, str]) -> str:
    """How to move to another encoder, where nothing but that was asked for."""
    if held["language"] != asked["language"]:
        return ""
    return f", move it over with retrieve reembed --texts --encoder {asked['encoder']}"
