"""retrieve review"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from retrieve.cli.options import DEFAULT_COLLECTION, CollectionOption, ImagesOption, JsonOption
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
    from retrieve.indexes.people import review as asked

    with open_collection(collection) as opened:
        if as_json:
            for question in asked.questions(opened.opened, most=most):
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
    from retrieve.indexes.people import review as asked

    skipped: set[tuple[int, int]] = set()
    given: list[tuple[Question, Said]] = []
    while found := asked.questions(opened.opened, most=1, skipped=skipped):
        (question,) = found
        asking.question(question, opened.catalog.picture, pictures)
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
    from retrieve.indexes.catalog.database import writing
    from retrieve.indexes.people import review as asked

    if answer == "u" and not given:
        render.note("nothing was answered yet")
        return
    try:
        with writing(opened.db):
            if answer == "u":
                asked.take_back(opened.db, *given.pop())
                return
            if answer == "n":
                outcome = asked.not_same(opened.db, question)
            elif answer == "i":
                outcome = asked.ignore(opened.db, question)
            else:
                name = None if answer == "y" else answer
                outcome = asked.same(opened.db, question, name)
    except BadInput as error:  # of what was typed: asked again
        render.note(str(error))
        return
    given.append((question, outcome))
    said.outcome(outcome)
