"""retrieve review"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from retrieve.cli.options import (
    DEFAULT_COLLECTION,
    CollectionOption,
    EngineOption,
    ImagesOption,
    JsonOption,
)
from retrieve.cli.showing import render
from retrieve.cli.showing.people import asking, said
from retrieve.cli.showing.terminal.screen import Images
from retrieve.errors import BadInput

if TYPE_CHECKING:
    from retrieve.cli.showing.terminal.pictures import Pictures
    from retrieve.indexes.collection import Collection
    from retrieve.indexes.people.review import Question
    from retrieve.indexes.people.statements import Said

LISTED = 100
LETTERS = {"yes": "y", "no": "n", "skip": "s", "ignore": "i", "undo": "u", "quit": "q"}


def review(
    collection: CollectionOption = DEFAULT_COLLECTION,
    engine: EngineOption = None,
    most: Annotated[
        int, typer.Option("-k", min=1, metavar="N", help="How many questions --json lists.")
    ] = LISTED,
    images: ImagesOption = Images.AUTO,
    as_json: JsonOption = False,
) -> None:
    """Answer which people are one, what settles most faces first.

    To each question y (one person), n (two), s (skip it for now), i (never ask about
    whoever has no name), u (take the last answer back), q (end), or a name: they are
    one, and called so. Answers hold at once; a later run goes on where this one ended.

    Example: retrieve review
    """
    from retrieve.indexes.opening import open_collection

    with open_collection(collection, engine=engine) as opened:
        if as_json:
            for question in opened.people.questions(most=most):
                asking.question_json(question)
            return
        if not _is_on_terminal():
            raise BadInput(
                "review asks on a terminal, and there is none; for programs: retrieve review --json"
            )
        _ask(opened, render.pictures(images))


def _is_on_terminal() -> bool:
    return sys.stdin.isatty()


def _ask(opened: Collection, pictures: Pictures | None) -> None:
    skipped: set[tuple[int, int]] = set()
    given: list[tuple[Question, Said]] = []
    while found := opened.people.questions(most=1, skipped=skipped):
        (question,) = found
        asking.question(question, opened.people.picture, pictures)
        typed = typer.prompt("one person? y/n/s/i/u/q or a name", prompt_suffix=" ").strip()
        small = typed.lower()
        answer = small if len(small) == 1 else LETTERS.get(small, typed)
        if answer == "q":
            return
        if answer == "s":
            skipped.add(question.pair)
        else:
            _answered(opened, question, answer, given)
    render.note("nothing to ask (any more): after new photos, retrieve group")


def _answered(
    opened: Collection, question: Question, answer: str, given: list[tuple[Question, Said]]
) -> None:
    from retrieve.indexes.people import review as asked

    if answer == "u" and not given:
        render.note("nothing was answered yet")
        return
    try:
        if answer == "u":
            back, done = given.pop()
            with opened.people.saying(persons=back.pair, lines=done.lines) as db:
                asked.take_back(db, back, done)
            return
        name = answer if answer not in ("y", "n", "i") else None
        with opened.people.saying(persons=question.pair, names=[name] if name else ()) as db:
            if answer == "n":
                outcome = asked.not_same(db, question)
            elif answer == "i":
                outcome = asked.ignore(db, question)
            else:
                outcome = asked.same(db, question, name)
    except BadInput as error:  # of what was typed: asked again
        render.note(str(error))
        return
    given.append((question, outcome))
    said.outcome(outcome)
