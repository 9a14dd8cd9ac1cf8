"""Passages in the collection's SQLite file, and the index of their words.

The words are kept as stems in an FTS5 table whose rowid is the passage's id; SQLite keeps it
in the same transactions as everything else. A passage is of a content; where only a path
says it (a file's name, a file beside it) it is of that path, and goes with it.
"""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any, TypeGuard

import numpy as np
from numpy.typing import NDArray
from sqlite_utils import Database

from retrieve.errors import CollectionError
from retrieve.indexes.catalog.database import among
from retrieve.indexes.catalog.filters import PASSAGES
from retrieve.indexes.catalog.paths import path_of
from retrieve.indexes.catalog.sums import WORDS, sign_words, torn
from retrieve.text.spoken import TOLD
from retrieve.types import OCR, Passage, Written

TITLE_WEIGHT, BODY_WEIGHT = 1.0, 1.0  # of a match in BM25
K1, B = 1.2, 0.75  # of BM25 as FTS5 has it
RARITY_OF_COMMON = 1e-6  # of a stem in half of the passages or more, as FTS5 has it
POSTINGS = 40_000  # places of stems that are looked at for candidates: 20 CPU ms
DEEPER = 3  # times as many candidates where not all stems chose them
WIDER = 8
MOST_NAMES = 8  # of the files of one text that stand for its title
# The title of a content, or what its files are called where it states none: those that are there.
CALLED = (
    "coalesce(nullif(contents.title, ''), (SELECT group_concat(names, ', ') FROM "
    "(SELECT DISTINCT names FROM paths WHERE paths.content_id = contents.id AND names <> '' "
    f"AND (NOT gone OR NOT contents.live) ORDER BY paths.id LIMIT {MOST_NAMES})), '')"
)
# Before the code of a passage's language, at the end of its title's stems: no stem begins so.
MARK = "\ue000"
NOTHING: Mapping[str, str] = MappingProxyType({})
NO_PASSAGE = 0  # in place of the id of a photo's passage where nothing is said; ids count from 1
FEW = 1000  # passages that are all scored where a search may find no others


@dataclass(frozen=True, slots=True)
class StoredPassage:
    """One passage as a hit needs it.

    row         of its embedding, in the generation that is current
    number      in its content, 1 for the first
    kind        of its content: photo or text
    document    the title that its content states; what its files are called without one
    path        the first living file that holds it
    """

    id: int
    row: int
    content_id: int
    number: int
    passage: Passage
    kind: str
    document: str
    path: Path
    taken_at: str | None

    @property
    def titles(self) -> str:
        """What it stands under: the content's title and its own heading."""
        return titles(self.document, self.passage.title)


@dataclass(frozen=True, slots=True)
class Weights:
    """What BM25 goes by beside the passage itself.

    of    what each stem weighs that is asked for
    mean  stems that a passage has, those of its titles too
    same  stems of other languages → the one that is asked for of the same word: they count as it
    """

    of: Mapping[str, float]
    mean: float
    same: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class NewPassage:
    """A passage to be stored, with the stems of its titles and of its text.

    path_id  the path that says it, None where the content itself does
    """

    content_id: int
    path_id: int | None
    number: int
    passage: Passage
    title_stems: Sequence[str]
    stems: Sequence[str]


class Passages:
    """What a collection knows of passages; not for use by several threads."""

    def __init__(self, db: Database) -> None:
        self._db = db

    def add(self, first_row: int, new: Iterable[NewPassage]) -> None:
        """Store passages whose embeddings lie in consecutive rows; inside a transaction."""
        for row, one in enumerate(new, first_row):
            said = one.passage
            cursor = self._db.execute(
                "INSERT INTO passages (row, content_id, path_id, number, kind, title, text, "
                "page, line, record, time_s, written) "
                "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                [
                    row,
                    one.content_id,
                    one.path_id,
                    one.number,
                    said.kind,
                    said.title,
                    said.text,
                    said.page,
                    said.line,
                    said.record,
                    said.time_s,
                    written_column(said.written),
                ],
            )
            put_stems(self._db, cursor.lastrowid, one.title_stems, one.stems)

    def remove(self, ids: Sequence[int]) -> None:
        """Delete passages; their rows are to be killed too. Inside a transaction."""
        for words in ("stems WHERE rowid", f"sums_{WORDS} WHERE id"):
            self._db.conn.executemany(f"DELETE FROM {words} = ?", ([id] for id in ids))
        self._db.conn.executemany("DELETE FROM passages WHERE id = ?", ([id] for id in ids))

    def of_path(self, path_id: int) -> list[tuple[int, int]]:
        """Ids and rows of what one path says of its content."""
        query = "SELECT id, row FROM passages WHERE path_id = ?"
        return self._db.execute(query, [path_id]).fetchall()

    def of_content(self, content_id: int) -> list[tuple[int, int]]:
        """Ids and rows of what a content says itself, but for what was read off its pictures."""
        query = (
            "SELECT id, row FROM passages WHERE content_id = ? AND path_id IS NULL AND kind <> ?"
        )
        return self._db.execute(query, [content_id, OCR]).fetchall()

    def pictured(self, content_id: int) -> list[tuple[int, int]]:
        """Ids and rows of what was read off the pictures of a content."""
        query = "SELECT id, row FROM passages WHERE content_id = ? AND kind = ?"
        return self._db.execute(query, [content_id, OCR]).fetchall()

    def called(self, content_id: int) -> str:
        """What passages of a content stand under: its title, or what its files are called."""
        query = f"SELECT {CALLED} FROM contents WHERE id = ?"
        return str(self._db.execute(query, [content_id]).fetchone()[0])

    def said(self, ids: Iterable[int]) -> dict[int, Passage]:
        """What passages with these ids say, by their numbers in what says them."""
        query = (
            "SELECT number, text, title, kind, page, line, record, time_s, written FROM passages"
        )
        found = among(self._db, f"{query} WHERE id", ids)
        return {number: _passage(*said) for number, *said in found}

    def call(self, content_id: int, stems_of: Callable[[str, str, str], Sequence[str]]) -> None:
        """Enter a text under its title, or the names that its files have now if it has none.

        stems_of  the stems of a title and a heading in a language, "" for the collection's
        """
        found = self._db.execute(
            f"SELECT {CALLED}, passages.id, passages.title, stems.title, body FROM contents "
            "JOIN passages ON content_id = contents.id JOIN stems ON stems.rowid = passages.id "
            "WHERE contents.id = ? AND contents.kind = 'text'",
            [content_id],
        ).fetchall()
        for called, id, heading, entered, body in found:
            language = language_in(entered.split())
            if entered != (words := " ".join(stems_of(called, heading, language))):
                self._db.execute("UPDATE stems SET title = ? WHERE rowid = ?", [words, id])
                sign_words(self._db, id, words, body)

    def get(self, ids: Iterable[int]) -> dict[int, StoredPassage]:
        """The passages with these ids, by id; those of contents that no file holds are left out."""
        return {one.id: one for one in self._stored("passages.id", ids)}

    def at(self, rows: Iterable[int]) -> dict[int, StoredPassage]:
        """The passages whose embeddings lie in these rows, by row; dead rows have none.

        What was in files that were replaced is left out: no path can be shown for it.
        """
        return {one.row: one for one in self._stored("passages.row", rows)}

    def _stored(self, column: str, values: Iterable[int]) -> Iterator[StoredPassage]:
        query = (
            f"SELECT passages.id, row, passages.content_id, number, contents.kind, {CALLED}, "
            "taken_at, coalesce((SELECT path FROM paths WHERE paths.id = passages.path_id), "
            "(SELECT path FROM paths WHERE paths.content_id = contents.id "
            " ORDER BY gone, paths.id LIMIT 1)), text, passages.title, passages.kind, page, line, "
            "record, time_s, written FROM passages "
            "JOIN contents ON contents.id = passages.content_id "
            f"WHERE {column}"
        )
        paths: dict[bytes | str, Path] = {}
        for row in among(self._db, query, values):
            id, at, content_id, number, kind, document, taken_at, path, *said = row
            if path is None:
                continue
            yield StoredPassage(
                id=id,
                row=at,
                content_id=content_id,
                number=number,
                passage=_passage(*said),
                kind=kind,
                document=document,
                path=paths.get(path) or paths.setdefault(path, path_of(path)),
                taken_at=taken_at,
            )

    def texts_at(self, rows: Iterable[int]) -> dict[int, str]:
        """The texts whose embeddings lie in these rows, by row, of every passage that is kept."""
        return dict(among(self._db, "SELECT row, text FROM passages WHERE row", rows))

    # The index of words

    def version_of_words(self) -> int:
        """Of the stems in it; 0 of those from before that was kept."""
        row = self._db.execute("SELECT version FROM words").fetchone()
        return int(row[0]) if row and isinstance(row[0], int) else 0

    def set_version_of_words(self, version: int) -> None:
        """State which stems are in it; inside a transaction."""
        self._db.execute("INSERT OR REPLACE INTO words VALUES (1, ?)", [version])

    def languages(self) -> dict[str, int]:
        """The languages of passages that are not in that of the collection, and how many are."""
        query = "SELECT term, doc FROM vocabulary WHERE term >= ? AND term < ?"
        found = self._db.execute(query, [MARK, chr(ord(MARK) + 1)])
        return {term.removeprefix(MARK): many for term, many in found if term[1:] in TOLD}

    def language_of(self, ids: Iterable[int]) -> dict[int, str]:
        """The languages of some passages, by id, of those that are in another."""
        found = among(self._db, "SELECT rowid, title FROM stems WHERE rowid", ids)
        told = ((id, language_in(title.split())) for id, title in found if title)
        return {id: language for id, language in told if language}

    def matches(
        self,
        stems: Sequence[str],
        most: int,
        *,
        keep: NDArray[np.bool_] | None = None,
        same: Mapping[str, str] = NOTHING,
    ) -> list[tuple[int, float]]:
        """Rows of the passages that hold one of the stems or more, best first, and their BM25.

        most  rows at most
        keep  (rows,) which may be found, all when None
        same  as of bm25()

        Where the stems have more than POSTINGS places, the commonest do not choose candidates.
        """
        if not stems:
            return []
        weights = self.weights(stems, same)
        if is_few(keep):
            return self.best(weights, self.ids_of(keep), most)
        choosing, every = choosers(self.frequencies([*stems, *same]), [*stems, *same])
        return self.best(
            weights, self.candidates(choosing, most if every else DEEPER * most, keep), most
        )

    def best(self, weights: Weights, ids: Sequence[int], most: int) -> list[tuple[int, float]]:
        """Rows of the best of some passages, and their BM25."""
        scores = self.scored(weights, ids)
        best = sorted(scores.items(), key=lambda one: (-one[1], one[0]))[:most]
        row_of = self.rows(id for id, _ in best)
        return [(row_of[id], score) for id, score in best if id in row_of]

    def ids_of(self, keep: NDArray[np.bool_]) -> list[int]:
        """The passages that may be found."""
        found = among(
            self._db, "SELECT id, row FROM passages WHERE row", np.flatnonzero(keep).tolist()
        )
        return [id for id, _ in found]

    def holding(self, stems: Mapping[str, Sequence[str]]) -> list[int]:
        """Rows of the passages that hold all of some stems; of every passage for none.

        stems  each with others that may stand in its place
        """
        if not stems:
            return [row for (row,) in self._db.execute("SELECT row FROM passages")]
        found = self._db.execute(
            "SELECT row FROM stems JOIN passages ON passages.id = stems.rowid WHERE stems MATCH ?",
            [" AND ".join(f"({_any_of([stem, *others])})" for stem, others in stems.items())],
        )
        return [row for (row,) in found]

    def stems_with(self, beginning: str) -> dict[str, int]:
        """Stems of letters that begin so, and how many passages hold each."""
        query = "SELECT term, doc FROM vocabulary WHERE term >= ? AND term < ?"
        end = beginning[:-1] + chr(ord(beginning[-1]) + 1)
        found = self._db.execute(query, [beginning, end])
        return {term: many for term, many in found if term.isalpha()}

    def saying(self, stem: str, patterns: Sequence[str] = ()) -> Iterator[str]:
        """Texts of the passages that hold a stem, with their headings.

        patterns  of SQL's LIKE, of which the text matches one; none: any text
        """
        return (text for _, text in self.said_at(stem, patterns))

    def said_at(self, stem: str, patterns: Sequence[str] = ()) -> Iterator[tuple[int, str]]:
        """The rows of the passages of saying(), and what they say."""
        return ((row, text) for row, text in self._saying(stem, patterns) if isinstance(text, str))

    def _saying(self, stem: str, patterns: Sequence[str]) -> Iterator[tuple[int, str]]:
        said = "passages.title || ' ' || text"
        like = " OR ".join([f"{said} LIKE ?"] * len(patterns)) or "1"
        return self._db.execute(
            f"SELECT passages.row, {said} FROM stems JOIN passages ON passages.id = stems.rowid "
            f"WHERE stems MATCH ? AND ({like})",
            [_any_of([stem]), *patterns],
        )

    def rarity(self, stem: str) -> float:
        """What a stem weighs in BM25."""
        return rarity(self.totals()[0], self.frequencies([stem]).get(stem, 0))

    def candidates(
        self, stems: Sequence[str], most: int, keep: NDArray[np.bool_] | None
    ) -> list[int]:
        """Ids of the best passages by the stems, as SQLite scores them."""
        if not stems:
            return []
        n = most if keep is None else most * len(keep) // np.count_nonzero(keep) + most
        while True:
            # With a limit SQLite sorts as much as it needs: a fifth of the time.
            part = self._db.execute(
                f"SELECT rowid FROM stems WHERE stems MATCH ? "
                f"ORDER BY bm25(stems, {TITLE_WEIGHT}, {BODY_WEIGHT}) LIMIT ?",
                [_any_of(stems), int(n)],
            ).fetchall()
            found = [id for (id,) in part]
            if keep is not None:
                row_of = self.rows(found)
                found = [id for id in found if id in row_of and _keeps(keep, row_of[id])]
            if len(found) >= most or len(part) < n:
                return found[:most]
            n *= WIDER

    def bm25(
        self, stems: Sequence[str], ids: Sequence[int], same: Mapping[str, str] = NOTHING
    ) -> dict[int, float]:
        """BM25 of the stems in some passages, by id; those without any of them are left out.

        same  stems of other languages → the one of `stems` that is of the same word: they count
              as it

        As SQLite's bm25() has it, which takes half a millisecond for each passage it is asked for.
        """
        return self.scored(self.weights(stems, same), ids)

    def weights(self, stems: Sequence[str], same: Mapping[str, str] = NOTHING) -> Weights:
        """What stems weigh here; same as of bm25()."""
        return weights_of(stems, same, self.totals(), self.frequencies([*stems, *same]))

    def scored(self, weights: Weights, ids: Iterable[int]) -> dict[int, float]:
        """As bm25(), by weights that are given."""
        if not weights.of:
            return {}
        found: dict[int, float] = {}
        same, mean = weights.same, weights.mean
        query = "SELECT rowid, title, body FROM stems WHERE rowid"
        for id, title, body in among(self._db, query, ids):
            titled, words = title.split(), body.split()
            if same:
                titled, words = ([same.get(one, one) for one in part] for part in (titled, words))
            norm = K1 * (1 - B + B * (len(titled) + len(words)) / mean)
            score = 0.0
            for stem, weight in weights.of.items():
                often = TITLE_WEIGHT * titled.count(stem) + BODY_WEIGHT * words.count(stem)
                score += weight * often * (K1 + 1) / (often + norm)
            if score:
                found[id] = score
        return found

    def mean_stems(self) -> float:
        """Of a passage's text, on average; at least 1."""
        passages, _, stems = self.totals()
        return max(1.0, stems / passages) if passages else 1.0

    def totals(self) -> tuple[int, int, int]:
        """How many passages there are, and stems in their titles and in their texts.

        FTS5 keeps them for its BM25, in the record 1 of its data, as SQLite's variable-length
        integers (fts5_index.c, FTS5_AVERAGES_ROWID).
        """
        row = self._db.execute("SELECT block FROM stems_data WHERE id = 1").fetchone()
        if row and not isinstance(row[0], bytes):
            raise CollectionError(
                "the index of words is damaged. To make it again: retrieve repair"
            )
        numbers = [*(_varints(row[0]) if row else []), 0, 0, 0]
        return numbers[0], numbers[1], numbers[2]

    def frequencies(self, stems: Iterable[str]) -> dict[str, int]:
        """In how many passages each stem is; those that are in none are left out."""
        return dict(among(self._db, "SELECT term, doc FROM vocabulary WHERE term", stems))

    def count(self) -> int:
        """How many passages there are."""
        return int(self._db.execute("SELECT count(*) FROM passages").fetchone()[0])

    def rows(self, ids: Iterable[int]) -> dict[int, int]:
        """Where the embeddings of some passages lie, by id."""
        return dict(among(self._db, "SELECT id, row FROM passages WHERE id", ids))


def written_column(lines: Sequence[Written]) -> str | None:
    """The lines of a passage as the catalog keeps them."""
    if not lines:
        return None
    kept = [[line.start, *line.box, line.confidence] for line in lines]
    return json.dumps(kept, separators=(",", ":"))


def _passage(*columns: Any) -> Passage:
    """Of its columns, the last of which is that of its lines."""
    *said, written = columns
    if written is None:
        return Passage(*said)
    try:
        lines = tuple(
            Written(int(start), (x1, y1, x2, y2), float(confidence))
            for start, x1, y1, x2, y2, confidence in json.loads(written)
        )
    except (ValueError, TypeError) as error:
        raise torn(PASSAGES) from error
    return replace(Passage(*said), written=lines)


def titles(document: str, heading: str) -> str:
    """The titles that a passage stands under, the same one once."""
    return " ".join(dict.fromkeys(part for part in (document, heading) if part))


def mark_of(language: str) -> str:
    """What stands behind the title of a passage in another language than the collection's."""
    return MARK + language


def language_in(title_stems: Sequence[str]) -> str:
    """The language that the stems of a title tell at their end; "" for the collection's."""
    last = title_stems[-1] if title_stems else ""
    return last.removeprefix(MARK) if last.startswith(MARK) else ""


def put_stems(
    db: Database, id: int | None, title_stems: Sequence[str], stems: Sequence[str]
) -> None:
    """Enter a passage into the index of words."""
    title, body = " ".join(title_stems), " ".join(stems)
    db.execute("INSERT INTO stems (rowid, title, body) VALUES (?, ?, ?)", [id, title, body])
    sign_words(db, id, title, body)


def weights_of(
    stems: Iterable[str],
    same: Mapping[str, str],
    totals: tuple[int, int, int],
    frequencies: Mapping[str, int],
) -> Weights:
    """What stems weigh among so many passages, with so many stems in their titles and texts; none
    where there is no passage.
    """
    passages, title_stems, body_stems = totals
    if not passages:
        return Weights({}, 1.0, same)
    holders = Counter(frequencies)
    for other, stem in same.items():
        holders[stem] += holders[other]
    of = {stem: rarity(passages, min(holders[stem], passages)) for stem in dict.fromkeys(stems)}
    return Weights(of, (title_stems + body_stems) / passages or 1.0, same)


def choosers(frequencies: Mapping[str, int], stems: Iterable[str]) -> tuple[list[str], bool]:
    """Of some stems those that choose candidates, and whether all of them do."""
    rare = _rarest(frequencies)
    return rare, len(rare) == len(set(stems))


def _rarest(holders: Mapping[str, int]) -> list[str]:
    """The rarest of some stems, the first in any case, up to POSTINGS places in all."""
    chosen: list[str] = []
    places = 0
    for stem, many in sorted(holders.items(), key=lambda one: one[1]):
        places += many
        if chosen and places > POSTINGS:
            break
        chosen.append(stem)
    return chosen


def rarity(passages: int, holders: int) -> float:
    """What a stem weighs that is in so many passages."""
    weight = math.log((passages - holders + 0.5) / (holders + 0.5))
    return weight if weight > 0 else RARITY_OF_COMMON


def _any_of(stems: Sequence[str]) -> str:
    """In the language of FTS5's queries."""
    return " OR ".join(f'"{stem}"' for stem in dict.fromkeys(stems))


def _varints(data: bytes) -> list[int]:
    """Of up to eight bytes each, seven bits a byte, the highest first."""
    numbers, number = [], 0
    for byte in data:
        number = number << 7 | byte & 0x7F
        if not byte & 0x80:
            numbers.append(number)
            number = 0
    return numbers


def is_few(keep: NDArray[np.bool_] | None) -> TypeGuard[NDArray[np.bool_]]:
    """Whether so few passages may be found that all of them are scored."""
    return keep is not None and int(np.count_nonzero(keep)) <= FEW


def _keeps(keep: NDArray[np.bool_], row: int) -> bool:
    return row < len(keep) and bool(keep[row])  # another process may have added some since
