"""Forgetting: rows, embeddings, crops and paths, and every trace of them in our files.

Rows are deleted and embeddings marked dead in one transaction; then the embeddings are
overwritten, the index's file is unlinked and the catalog's traces removed
(indexes/search/traces.py). A process that dies in between leaves that to the next writer.
Photographs themselves are never touched; one that is indexed again is stored again.

Files are overwritten as far as a program can see: what a file system keeps of them (snapshots,
a copy-on-write or a flash disk's spare blocks) and backups are out of reach.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from sqlite_utils import Database

from retrieve.indexes.catalog.database import VARIABLES, reading, writing
from retrieve.indexes.catalog.paths import path_of
from retrieve.indexes.catalog.persons import stands_in
from retrieve.indexes.people import statements
from retrieve.indexes.search import traces
from retrieve.indexes.upkeep import deletion, proof
from retrieve.indexes.upkeep.deletion import Doomed
from retrieve.indexes.upkeep.proof import Proof

if TYPE_CHECKING:
    from retrieve.indexes.collection import Collection


@dataclass(frozen=True, slots=True)
class Mention:
    """A forgotten name in what a file of somebody's own says, which stays.

    kind  of the passage, as in retrieve.types.Passage: caption, keywords, name or text
    path  of the photo or text; a caption may stand in a file beside it
    """

    name: str
    kind: str
    path: Path
    text: str


@dataclass(frozen=True, slots=True)
class Forgotten:
    """What was forgotten, or would be.

    photos  with what files held before they were replaced; so for texts
    paths   all that hold or held them, of skipped files too
    copies  those of the paths that nobody named
    names   of persons of whom no face is left
    statements
            lines of what people said that are no more
    proof   that nothing of it is in any file; None where it was not asked for
    said    where files that stay say the names themselves; looked for with the proof
    """

    photos: int
    texts: int
    replaced: int
    faces: int
    passages: int
    paths: list[Path]
    copies: list[Path]
    names: list[str]
    statements: int = 0
    proof: Proof | None = None
    said: Sequence[Mention] = ()


def would_forget(
    collection: Collection,
    *,
    paths: Sequence[Path] = (),
    folders: Sequence[Path] = (),
    persons: Sequence[str] = (),
) -> Forgotten:
    """What forget() would forget now; changes nothing."""
    with reading(collection.db):
        chosen = deletion.chosen(collection.db, paths=paths, folders=folders, persons=persons)
    return told(chosen)


def forget(
    collection: Collection,
    *,
    paths: Sequence[Path] = (),
    folders: Sequence[Path] = (),
    persons: Sequence[str] = (),
    replaced: bool = False,
    verify: bool = False,
    patience_s: float = traces.PATIENCE_S,
) -> Forgotten:
    """Forget photos and texts by their paths or folders, and faces by the names of persons.

    paths       of photos and texts, which go with all paths that hold them, and of skipped files
    folders     all paths below them
    persons     whose faces and names go, with what was said of them; the photos stay, with their
                other faces
    replaced    what files held before they were replaced goes even if no path does
    verify      read all files of the collection afterwards, for what must not be there; that
                starts a process: in a script, under if __name__ == "__main__"
    patience_s  how long to wait for readers to end
    raises      BadInput for what is not stored, with nothing changed; CollectionError if the
                forgetting could not be completed: the next writer does that
    """
    db, folder = collection.db, collection.path
    traces.finish(db, folder)
    with writing(db):
        doomed = deletion.chosen(
            db, paths=paths, folders=folders, persons=persons, replaced=replaced
        )
        evidence = proof.collect(collection, doomed) if verify else None
        deletion.remove(collection, doomed)
        statements.apply(db)
    traces.finish_or_raise(db, folder, patience_s=patience_s)
    if doomed.faces:
        collection.engine.build()
    if doomed.passages:
        collection.texts.engine.build()
    if doomed.pictures:
        collection.pictures.engine.build()
    if evidence is None:
        return told(doomed)
    with reading(db):
        said = list(mentions(db, doomed.names))
    return told(doomed, proof.prove(collection, evidence), said)


def mentions(db: Database, names: Sequence[str]) -> Iterator[Mention]:
    """Where passages that stay say one of the names, by passage."""
    if not names:
        return
    cursor = db.execute(
        "SELECT kind, title, text, (SELECT path FROM paths WHERE CASE WHEN path_id IS NULL THEN "
        "paths.content_id = passages.content_id ELSE paths.id = path_id END "
        "ORDER BY gone, paths.id LIMIT 1) FROM passages ORDER BY passages.id"
    )
    while rows := cursor.fetchmany(VARIABLES):
        for kind, title, text, path in rows:
            for name in names:
                if path is not None and stands_in(name, f"{title} {text}"):
                    yield Mention(name, kind, path_of(path), text)


def told(doomed: Doomed, proof: Proof | None = None, said: Sequence[Mention] = ()) -> Forgotten:
    """What is deleted, as it is told."""
    return Forgotten(
        photos=len(doomed.contents) - doomed.texts,
        texts=doomed.texts,
        replaced=doomed.unheld,
        faces=len(doomed.faces),
        passages=len(doomed.passages),
        paths=[path_of(path) for _, path in doomed.paths],
        copies=[path_of(path) for path in doomed.copies],
        names=doomed.names,
        statements=len(doomed.said.gone),
        proof=proof,
        said=said,
    )
