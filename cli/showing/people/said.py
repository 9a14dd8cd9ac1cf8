"""What became of something that was said of faces, and everything that was said."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from retrieve.cli.showing import render

if TYPE_CHECKING:
    from retrieve.indexes.people.log import Statement
    from retrieve.indexes.people.statements import Said

Told = Sequence[tuple["Statement", bool, bool]]


def count(faces: int) -> str:
    """1 face, 2 faces."""
    return f"{faces} face{'' if faces == 1 else 's'}"


def outcome(said: Said, *, as_json: bool = False, was: Sequence[str] = ()) -> None:
    """Whose the faces are now and how many came along; on stderr what does not hold any more.

    was  what the faces were called before
    """
    before = _before(said, was)
    if as_json:
        render.as_json(outcome_json(said, was))
        return
    if said.person_id is not None:
        came = f", of which {said.along} came along" if said.along else ""
        who = said.name if said.name is not None else f"#{said.person_id}"
        render.line(f"{who}: {count(said.faces)}{came}")
    if before:
        render.note(f"called {', '.join(before)} until now")
    remarks(said)


def outcome_json(said: Said, was: Sequence[str] = ()) -> dict[str, Any]:
    """The same as fields."""
    fields: dict[str, Any] = render.fields_of(said)
    return fields | {"called_before": _before(said, was)}


def _before(said: Said, was: Sequence[str]) -> list[str]:
    return [name for name in was if name != said.name]


def remarks(said: Said) -> None:
    """What does not hold any more, and how all of it is taken back."""
    for note in said.notes:
        render.note(note)
    if said.lines and (said.along or said.notes):
        back = " ".join(str(id) for id in reversed(said.lines))
        render.note(f"to take it back: retrieve undo {back}")


def history_lines(told: Told, words: Sequence[str]) -> None:
    """One line each: its number, when, what was said, and whether that holds still."""
    for (line, counts, holds), said in zip(told, words, strict=True):
        state = "" if counts and holds else " (taken back)" if not counts else " (not any more)"
        file = ", says a file" if line.source == "region" else ""
        when = line.said_at[:16].replace("T", " ")
        render.line(f"{line.id:>5}  {when}  {said}{file}{state}")


def history_json(told: Told, words: Sequence[str]) -> None:
    """One object a line."""
    for one, said in zip(told, words, strict=True):
        render.as_json(statement_json(*one, said))


def statement_json(line: Statement, counts: bool, holds: bool, said: str) -> dict[str, Any]:
    """The fields of something that was said.

    counts, holds  whether it was not taken back, and is so still
    said           it in words
    """
    return {
        "id": line.id,
        "said_at": line.said_at,
        "kind": line.kind,
        "said": said,
        "person_id": line.person_id,
        "other_id": line.other_id,
        "person": line.name,
        "faces": [_ref(*one) for one in ((ref.sha256, ref.box) for ref in line.faces)],
        "others": [_ref(*one) for one in ((ref.sha256, ref.box) for ref in line.others)],
        "undoes": line.undoes,
        "source": line.source,
        "taken_back": not counts,
        "holds": counts and holds,
    }


def _ref(sha256: str, box: Sequence[float]) -> dict[str, object]:
    return {"photo_sha256": sha256, "box": [round(corner, 2) for corner in box]}
