"""The operations that are stopped at every point: what stands before, and what is done."""

from __future__ import annotations

import hashlib
import os
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from xml.etree import ElementTree

import drawn
import numpy as np
import pretend
from crash_state import damage, findings, misfound, read_state

from retrieve.errors import BadInput, CollectionError
from retrieve.evaluation.strangers import Curve
from retrieve.faces import calibration
from retrieve.indexes.catalog.database import writing
from retrieve.indexes.catalog.persons import add_person, drop_empty, person_id
from retrieve.indexes.collection import Collection, open_collection
from retrieve.indexes.exchange import sidecars
from retrieve.indexes.exchange.exports import export
from retrieve.indexes.exchange.sidecars import export_sidecars
from retrieve.indexes.people import statements
from retrieve.indexes.search import ann, fastscan
from retrieve.indexes.upkeep.backup import backup
from retrieve.indexes.upkeep.compact import compact
from retrieve.indexes.upkeep.forget import forget
from retrieve.indexes.upkeep.restore import restore
from retrieve.text.stemming import stems

PATIENCE_S = 0.2  # with readers: there are none
LETTERS = list("bcdfgjklmpqrtvwxz")
NAMED_PHOTOS = 6
FORMAT_1 = Path(__file__).parents[1] / "fixtures" / "format-1"


@dataclass(frozen=True, slots=True)
class Operation:
    """A change of a collection.

    prepare  (photos, collection) makes what stands before: files, and a collection or none
    run      (photos, collection) does it, from opening to closing
    finish   what a user does after a crash; None is to run it again
    absent   (photos) byte sequences that may be in no file when it is finished
    set_up   for the whole process
    exact    a run goes only through states of the uninterrupted one
    threads  change files too, so that the number of calls is not the same each time
    outside  writes into the folder elsewhere/ beside the collection, which is empty before
    """

    prepare: Callable[[Path, Path], None]
    run: Callable[[Path, Path], None]
    finish: Callable[[Path, Path], None] | None = None
    absent: Callable[[Path], list[bytes]] | None = None
    set_up: Callable[[], None] | None = None
    exact: bool = True
    threads: bool = False
    outside: bool = False


def _index(photos: Path, collection: Path) -> None:
    with open_collection(collection, create=True) as opened:
        opened.index([photos])


def _first_photos(photos: Path, _: Path) -> None:
    photos.mkdir()
    for i in range(11):
        (photos / f"{i:02}.jpg").write_text(" ".join(f"face{i}-{j}" for j in range(i % 4)))
    (photos / "bad.jpg").write_text("bad")


def _changed_photos(photos: Path, collection: Path) -> None:
    """A collection, and files that are new, moved, doubled, changed, gone and back."""
    _first_photos(photos, collection)
    (photos / "away.jpg").write_text("away")
    _index(photos, collection)
    (photos / "away.jpg").rename(photos.parent / "away.jpg")
    _index(photos, collection)
    (photos.parent / "away.jpg").rename(photos / "away.jpg")
    (photos / "01.jpg").rename(photos / "moved.jpg")
    shutil.copy(photos / "02.jpg", photos / "double.jpg")
    (photos / "03.jpg").write_text("other content")
    (photos / "05.jpg").unlink()
    (photos / "bad.jpg").write_text("mended")
    for i in range(6):
        (photos / f"new{i}.jpg").write_text(f"new{i} with{i}")
    (photos / "new-bad.jpg").write_text("bad")


def _two_folders(photos: Path, collection: Path) -> None:
    for name in ("first", "second"):
        (photos / name).mkdir(parents=True)
        _add(photos / name, range(3))
    _index(photos, collection)
    for start, name in ((3, "first"), (9, "second")):
        _add(photos / name, range(start, start + 6))


def _index_at_any_price(photos: Path, collection: Path) -> None:
    """Try again in the same process, with other batches than those that were refused."""
    with open_collection(collection) as opened:
        try:
            opened.index([photos / "first", photos / "second"])
        except CollectionError:
            opened.index([photos / "second", photos / "first"])


def _many_photos(photos: Path, collection: Path) -> None:
    """A collection with an index, and as many new photos as make it fall behind twice."""
    photos.mkdir()
    _add(photos, range(10))
    _index(photos, collection)
    _add(photos, range(10, 26))


def _add(photos: Path, numbers: range) -> None:
    for i in numbers:
        (photos / f"{i:02}.jpg").write_text(f"face{i} other{i}")


def prose(name: str, words: int = 30) -> str:
    """Sentences of words that no other name's text has, of 14 letters each."""
    rng = np.random.default_rng(list(name.encode()))
    made = ["".join(rng.choice(LETTERS, 14)) for _ in range(words)]
    return " ".join(word + "." * (i % 10 == 9) for i, word in enumerate(made, 1))


def _write(folder: Path, **texts: str) -> None:
    for name, text in texts.items():
        (folder / f"{name}.md").write_text(text)


def _describe(photo: Path, caption: str) -> None:
    photo.with_suffix(".txt").write_text(prose(caption, 6))


def _first_texts(photos: Path, _: Path) -> None:
    """Texts of one passage and of two, one without any, and photos with captions beside them."""
    photos.mkdir()
    for i in range(6):
        _write(photos, **{f"note{i}": f"# {prose(f'head{i}', 2)}\n\n{prose(f'text{i}')}"})
    (photos / "bad.txt").write_bytes(b"")
    _write(photos, long=f"{prose('one', 80)}\n\n{prose('two', 80)}")
    _add(photos, range(4))
    for i in range(3):
        _describe(photos / f"{i:02}.jpg", f"caption{i}")


def _changed_texts(photos: Path, collection: Path) -> None:
    """Texts that are new, moved, doubled, changed, gone, back and mended; so captions."""
    _first_texts(photos, collection)
    _write(photos, away=prose("away"))
    _index(photos, collection)
    (photos / "away.md").rename(photos.parent / "away.md")
    _index(photos, collection)
    (photos.parent / "away.md").rename(photos / "away.md")
    (photos / "note0.md").rename(photos / "moved.md")
    shutil.copy(photos / "note1.md", photos / "double.md")
    _write(photos, note2=prose("changed"))
    (photos / "note3.md").unlink()
    (photos / "bad.txt").write_text(prose("mended"))
    (photos / "worse.txt").write_bytes(b"")
    _write(photos, new0=prose("new0"), new1=f"# {prose('new1', 2)}\n\n{prose('new2')}")
    _describe(photos / "00.jpg", "changed caption")
    (photos / "01.txt").unlink()
    for end in ("jpg", "txt"):  # what it is called says something as well
        (photos / f"02.{end}").rename(photos / f"Fiesta.{end}")
    _describe(photos / "03.jpg", "new caption")
    (photos / "04.jpg").write_text("face4")
    _describe(photos / "04.jpg", "caption of a new one")


def _index_early() -> None:
    """An index is wanted above 16 rows, the fewest that FAISS can be trained with."""
    ann.EXACT_BYTES = fastscan.FEWEST_ROWS * pretend.Embedder.dim * 4


def _format_1(_: Path, collection: Path) -> None:
    """The kept collection of format 1, its faces made pretend ones."""
    shutil.copytree(FORMAT_1, collection)
    collection.chmod(0o700)
    for path in collection.iterdir():
        path.chmod(0o600)
    conn = sqlite3.connect(collection / "catalog.sqlite", isolation_level=None)
    ids = [id for (id,) in conn.execute("SELECT id FROM faces ORDER BY id")]
    words = [f"face{id}" for id in ids]
    conn.executemany(
        "UPDATE crops SET jpeg = ? WHERE face_id = ?",
        [(pretend.picture(word), id) for word, id in zip(words, ids, strict=True)],
    )
    conn.execute(
        "UPDATE spaces SET detector = 'pretend', detector_sha256 = '00', "
        "embedder = 'pretend', embedder_sha256 = '00', dim = ?",
        [pretend.Embedder.dim],
    )
    conn.close()
    stored = np.concatenate([pretend.embedding(word) for word in words])
    (collection / "faces.f32").write_bytes(stored.astype("<f4").tobytes())


def _open(_: Path, collection: Path) -> None:
    open_collection(collection).close()


def _things_to_forget(photos: Path, collection: Path) -> None:
    for name, words in (("kept", "face"), ("forgotten", "secret")):
        folder = photos / name
        folder.mkdir(parents=True)
        for i in range(12):
            (folder / f"{i:02}.jpg").write_text(f"{words}{i} {words}-again{i}")
        for i in range(3):
            _write(folder, **{f"note{i}": f"# {prose(words, 2)}\n\n{prose(f'{words}{i}')}"})
            _describe(folder / f"{i:02}.jpg", f"{words} caption {i}")
    _index(photos, collection)
    # One of the named faces of a person whom nobody forgets lies in what is forgotten.
    _name(collection, {"Kept": ["face1", "face2", "secret1"], "secretary": ["secret2", "secret3"]})


def _name(collection: Path, names: dict[str, list[str]]) -> None:
    """Say the names of faces by their words."""
    with open_collection(collection) as opened, writing(opened.db):
        for name, words in names.items():
            statements.say_name(opened.db, name, [_face(opened, word) for word in words])


def _face(opened: Collection, word: str) -> int:
    query = "SELECT face_id FROM crops WHERE jpeg = ? ORDER BY face_id LIMIT 1"
    (id,) = opened.db.execute(query, [pretend.picture(word)]).fetchone()
    return int(id)


def _to_be_said(photos: Path, collection: Path) -> None:
    """A collection in which a clustering found two groups."""
    photos.mkdir()
    _add(photos, range(6))
    _index(photos, collection)
    with open_collection(collection) as opened, writing(opened.db):
        _group(opened)


def _group(opened: Collection) -> None:
    """All faces of a kind are one group, but those that were said to be somebody's."""
    for kind in ("face", "other"):
        person = add_person(opened.db)
        for i in range(6):
            opened.db.execute(
                "UPDATE faces SET person_id = ?, by = 'group' "
                "WHERE id = ? AND by IS NOT 'human' AND NOT not_a_face",
                [person, _face(opened, f"{kind}{i}")],
            )
    statements.apply(opened.db)


SAID = (  # each adds one line
    lambda db, face: statements.say_name(db, "Ana", [face("face1")]),
    lambda db, face: statements.say_name(db, "Luis", [face("other2")]),
    lambda db, face: statements.split(db, person_id(db, "Ana"), [face("face4")]),
    lambda db, face: statements.say_same(db, person_id(db, "Ana"), person_id(db, "Luis")),
    lambda db, face: statements.undo(db),
    lambda db, face: statements.say_not_a_face(db, [face("other0")]),
    lambda db, face: statements.say_ignore(db, person_ids=[person_id(db, "Luis")]),
    lambda db, face: statements.undo(db, 3),
    lambda db, face: statements.rename(db, person_id(db, "Luis"), "Lluís"),
)


def _say(_: Path, collection: Path) -> None:
    """Say what was not said yet, one transaction each, and group in between."""
    with open_collection(collection) as opened:
        (done,) = opened.db.execute("SELECT count(*) FROM statements").fetchone()
        for i, say in enumerate(SAID[done:], done):
            with writing(opened.db):
                say(opened.db, partial(_face, opened))
                if i == 4:
                    _group(opened)


def _strangers_are_told() -> None:
    """It was measured how strangers score, so faces are grouped: of equal words is one person."""
    told = calibration.Calibration(
        "pretend", "00", "pretend", 9.0, -5.0, {"0.1": 0.5}, "0.1", 9, 9, "",
        Curve([1.0, 0.01], [-0.3, 0.7], 0.01, 0.0, 1e-4, 1e5),
    )  # fmt: skip
    calibration.find = lambda *_: told  # type: ignore[assignment]


def _add_people(photos: Path, numbers: range) -> None:
    """Three people who stand in several photos, and a stranger in each."""
    for i in numbers:
        (photos / f"{i:02}.jpg").write_text(f"{('ana', 'eva', 'luis')[i % 3]} stranger{i}")


def _to_be_grouped(photos: Path, collection: Path) -> None:
    """Faces that were grouped, of which something was said, and that are all nobody's since."""
    photos.mkdir()
    _add_people(photos, range(8))
    _index(photos, collection)
    _name(collection, {"Ana": ["ana"], "Eva": ["stranger3"]})
    with open_collection(collection) as opened, writing(opened.db):
        one, other = (person_of(opened, word) for word in ("eva", "luis"))
        statements.say_not_same(opened.db, one, other)
        opened.db.execute("UPDATE faces SET person_id = NULL, by = NULL WHERE by IS NOT 'human'")
        drop_empty(opened.db)


def person_of(opened: Collection, word: str) -> int:
    """Whose the first face of a word is."""
    query = "SELECT person_id FROM faces WHERE id = ?"
    (id,) = opened.db.execute(query, [_face(opened, word)]).fetchone()
    return int(id)


def _group_anew(_: Path, collection: Path) -> None:
    with open_collection(collection) as opened:
        opened.group()


def _to_be_attached(photos: Path, collection: Path) -> None:
    """People who are known, one by name, and new photos of them and of others."""
    photos.mkdir()
    _add_people(photos, range(6))
    _index(photos, collection)
    _name(collection, {"Ana": ["ana"]})
    _add_people(photos, range(6, 15))


def _drawn_on(photos: Path, collection: Path) -> None:
    """Photos beside which other programs named faces: known ones, new ones, one renamed since."""
    photos.mkdir()
    _add_people(photos, range(4))
    _draw(photos / "00.jpg", "Ana")
    _index(photos, collection)
    _name(collection, {"Eva": ["eva"]})
    _add_people(photos, range(4, 9))
    for i, name in enumerate(("Anita", "Eva", "Luis", "Ana", "Eva", "Nobody")):
        _draw(photos / f"{i:02}.jpg", name)


def _draw(photo: Path, name: str) -> None:
    """Name the first face, which pretend.py places in the upper left corner of 20 by 10 pixels."""
    face = (name, (0.5 / 20, 0.5 / 10, 1 / 20, 1 / 10))
    photo.with_suffix(".jpg.xmp").write_bytes(drawn.packet(drawn.mwg(face, size=(20, 10))))


def _named_elsewhere(photos: Path, collection: Path) -> None:
    photos.mkdir()
    _add_people(photos, range(NAMED_PHOTOS))
    _index(photos, collection)
    strangers = [f"stranger{i}" for i in range(NAMED_PHOTOS)]
    _name(collection, {"Ana": ["ana"], "Eva": ["eva", *strangers[4:]], "Luis": strangers[:4]})
    (photos.parent / "disk" / "elsewhere").mkdir()


def _photos_are_upright() -> None:
    """Pretended photos are texts, in which no EXIF tells how they are turned."""
    sidecars.orientation_of = lambda _: 1  # type: ignore[assignment]


def _export_sidecars(_: Path, collection: Path) -> None:
    with open_collection(collection) as opened:
        export_sidecars(opened, collection.parent / "elsewhere")


def _export_sidecars_again(photos: Path, collection: Path) -> None:
    """Of what a crash left each file is whole; what is missing comes, and then nothing changes."""
    folder = collection.parent / "elsewhere"
    for path in folder.glob("*.xmp"):
        ElementTree.parse(path)
    _export_sidecars(photos, collection)
    with open_collection(collection) as opened:
        opened.begin(photos=False)
        done = export_sidecars(opened, folder)
    files = len(list(folder.glob("*.xmp")))
    assert files == NAMED_PHOTOS
    assert (done.files, done.changed, done.unchanged) == (0, 0, files), done


def _forget_somebody(_: Path, collection: Path) -> None:
    with open_collection(collection) as opened:
        forget(opened, persons=["secretary"], patience_s=PATIENCE_S)


def _forget_somebody_left(photos: Path, collection: Path) -> None:
    with open_collection(collection) as opened:
        with suppress(BadInput):  # nobody is called so any more
            forget(opened, persons=["secretary"], patience_s=PATIENCE_S)
        opened.index([photos])


def _secretary(_: Path) -> list[bytes]:
    words = ("secret2", "secret3")
    return [b"secretary", *(pretend.embedding(word).astype("<f4").tobytes() for word in words)]


def _forget(photos: Path, collection: Path) -> None:
    with open_collection(collection) as opened:
        forget(opened, folders=[photos / "forgotten"], patience_s=PATIENCE_S)


def _forget_what_is_left(photos: Path, collection: Path) -> None:
    """What was committed and not completed is completed by the next writer."""
    with open_collection(collection) as opened:
        with suppress(BadInput):  # nothing of it is left
            forget(opened, folders=[photos / "forgotten"], patience_s=PATIENCE_S)
        opened.index([photos / "kept"])


def _secrets(photos: Path) -> list[bytes]:
    """Of what is forgotten all paths and checksums, crops, texts and embeddings, of faces and of
    whole photos.
    """
    folder = photos / "forgotten"
    contents = [path.read_bytes() for path in sorted(folder.iterdir()) if path.suffix != ".txt"]
    words = [word for path in folder.glob("*.jpg") for word in path.read_text().split()]
    words += [path.read_text().strip() or "nothing" for path in folder.glob("*.jpg")]
    said = [prose(f"secret{i}") for i in range(3)]
    said += [prose(f"secret caption {i}", 6) for i in range(3)]
    return [
        b"secret",  # in each crop
        os.fsencode(folder),
        *(hashlib.sha256(content).hexdigest().encode() for content in contents),
        *(pretend.embedding(word).astype("<f4").tobytes() for word in words),
        *_said([*said, prose("secret", 2)]),
    ]


def _said(texts: list[str]) -> list[bytes]:
    """Of some texts their embeddings, and of some of their words what no other text has.

    FTS5 keeps of a word only what the one before it in the alphabet has not in common.
    """
    words = [word for text in texts for word in [*stems(text)[:3], *stems(text)[-1:]]]
    return [
        *(row.astype("<f4").tobytes() for row in pretend.TextEncoder().embed(texts)),
        *(word[5:].encode() for word in words),
    ]


def _dead_rows(photos: Path, collection: Path) -> None:
    """A collection of which half is forgotten, and a photo, a text and captions were replaced."""
    _things_to_forget(photos, collection)
    _forget(photos, collection)
    (photos / "kept" / "00.jpg").write_text("replaced")
    _write(photos / "kept", note0=prose("replaced"))
    _describe(photos / "kept" / "01.jpg", "replaced caption")
    (photos / "kept" / "02.txt").unlink()
    _index(photos / "kept", collection)


def _secrets_and_replaced(photos: Path) -> list[bytes]:
    captions = [prose(f"face caption {i}", 6) for i in (1, 2)]
    return _secrets(photos) + _said([prose("face0"), *captions])


def _compact(_: Path, collection: Path) -> None:
    with open_collection(collection) as opened:
        compact(opened, patience_s=PATIENCE_S)


def _to_be_moved(photos: Path, collection: Path) -> None:
    """A collection with an index, dead rows, a photo without a face and two that are gone."""
    _things_to_forget(photos, collection)
    _forget(photos, collection)
    (photos / "kept" / "none.jpg").write_text("")
    _index(photos / "kept", collection)
    (photos / "kept" / "03.jpg").unlink()
    (photos / "kept" / "04.jpg").write_text("replaced")


def _move(_: Path, collection: Path) -> None:
    with open_collection(collection) as opened:
        opened.reembed(embedder=pretend.OtherEmbedder.name)


def _old_vectors(photos: Path) -> list[bytes]:
    words = [word for i in range(12) for word in (f"face{i}", f"face-again{i}")]
    return _secrets(photos) + [pretend.embedding(word).astype("<f4").tobytes() for word in words]


def _backed_up(photos: Path, _: Path) -> None:
    collection = photos.parent / "elsewhere"
    _first_texts(photos, collection)
    _index(photos, collection)
    with open_collection(collection) as opened:
        backup(opened, photos.parent / "backup")


def _elsewhere(photos: Path, collection: Path) -> None:
    """A collection, and a folder beside which nothing of it lies, on the disk that is struck."""
    _first_texts(photos, collection)
    _index(photos, collection)
    (photos.parent / "disk" / "elsewhere").mkdir()


def _back_up(_: Path, collection: Path) -> None:
    with open_collection(collection) as opened:
        backup(opened, collection.parent / "elsewhere" / "b.tar", force=True)


def _export(_: Path, collection: Path) -> None:
    with open_collection(collection) as opened:
        export(opened, collection.parent / "elsewhere" / "faces.jsonl")


def _write_next(_: Path, collection: Path) -> None:
    """Any command that writes sweeps what another one left, wherever that is."""
    with open_collection(collection) as opened:
        opened.begin(photos=False)


def _restore(photos: Path, collection: Path) -> None:
    restore(photos.parent / "backup", collection)


def _restore_what_is_not_there(photos: Path, collection: Path) -> None:
    if (collection / "catalog.sqlite").exists():
        _write_next(photos, collection)  # which sweeps what the restore left beside it
    else:
        _restore(photos, collection)


def rehearse(folder: Path) -> None:
    """Index and look at everything once, so that forks of this process need not begin with
    importing what that takes and reading its tables: it was most of what a trial took.
    """
    folder.mkdir()
    photos, collection = folder / "photos", folder / "collection"
    _changed_texts(photos, collection)
    _index(photos, collection)
    state = read_state(collection)
    wrong = damage(collection) + misfound(collection, state) + findings(collection)
    assert not wrong, wrong
    shutil.rmtree(folder)


OPERATIONS = {
    "fresh": Operation(_first_photos, _index),
    "grow": Operation(_changed_photos, _index),
    "retry": Operation(_two_folders, _index_at_any_price, exact=False),
    "texts": Operation(_changed_texts, _index),
    "indexed": Operation(_many_photos, _index, set_up=_index_early, threads=True),
    "migrate": Operation(_format_1, _open),
    "restore": Operation(_backed_up, _restore, _restore_what_is_not_there),
    "backup": Operation(_elsewhere, _back_up, _write_next),
    "export": Operation(_elsewhere, _export, _write_next),
    "forget": Operation(
        _things_to_forget, _forget, _forget_what_is_left, _secrets, set_up=_index_early
    ),
    "forget-person": Operation(
        _things_to_forget, _forget_somebody, _forget_somebody_left, _secretary, set_up=_index_early
    ),
    "say": Operation(_to_be_said, _say),
    "group": Operation(_to_be_grouped, _group_anew, set_up=_strangers_are_told),
    "attach": Operation(_to_be_attached, _index, set_up=_strangers_are_told),
    "regions": Operation(_drawn_on, _index, set_up=_strangers_are_told),
    "sidecars": Operation(
        _named_elsewhere,
        _export_sidecars,
        _export_sidecars_again,
        set_up=_photos_are_upright,
        outside=True,
    ),
    "reembed": Operation(_to_be_moved, _move, absent=_old_vectors, set_up=_index_early),
    "compact": Operation(_dead_rows, _compact, absent=_secrets_and_replaced, set_up=_index_early),
}
