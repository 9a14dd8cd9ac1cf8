"""One question at a time: are these two one person? Answers are those of `retrieve review`.

What was skipped and what can be taken back is remembered for each page that was opened, as the
command remembers it until it ends.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, field
from functools import partial
from secrets import token_urlsafe

from fastapi import APIRouter, Request
from fastapi.responses import Response
from sqlite_utils import Database

from retrieve.cli.web.errors import Refused
from retrieve.cli.web.here import Here, HereNow
from retrieve.cli.web.pages.search import names_of
from retrieve.cli.web.rendering import render
from retrieve.errors import BadInput
from retrieve.indexes.collection import Collection
from retrieve.indexes.people import review
from retrieve.indexes.people.review import Pair, Question
from retrieve.indexes.people.statements import Said

KEPT = 32  # reviews that are remembered

router = APIRouter()


@dataclass(eq=False)
class Round:
    """A review: pairs that are not to be asked now, what was answered, and what is asked."""

    skipped: set[Pair] = field(default_factory=set)
    given: list[tuple[Question, Said | None]] = field(default_factory=list)
    asked: Question | None = None


@router.get("/review")
async def begin(request: Request, here: HereNow) -> Response:
    """The first question."""
    key = token_urlsafe(12)
    rounds = _rounds(request)
    rounds[key] = Round()
    while len(rounds) > KEPT:
        rounds.popitem(last=False)
    return await _next(request, here, key, "review.html")


@router.post("/review/{key}")
async def answer(request: Request, here: HereNow, key: str) -> Response:
    """Yes, no, skip, ignore, undo, or a name; then the next question."""
    one = _rounds(request).get(key)
    if one is None:
        raise Refused(410, "this review is not remembered any more: open the page again")
    async with request.form() as form:
        said, name, pair = (str(form.get(field, "")) for field in ("said", "name", "pair"))
    reason = ""
    if said == "undo" and not one.given:
        reason = "nothing was answered yet"
    elif said != "undo" and (one.asked is None or pair != _text(one.asked.pair)):
        reason = "that question is not asked any more"  # answered twice, or elsewhere
    else:
        try:
            await _answer(here, one, said, name.strip())
        except BadInput as error:
            reason = str(error)
    return await _next(request, here, key, "_question.html", reason)


async def _answer(here: Here, one: Round, said: str, name: str) -> None:
    if said == "undo":
        before, done = one.given[-1]
        if done is None:
            one.skipped.discard(before.pair)
        else:
            take_back = partial(review.take_back, question=before, said=done)
            await here.say(take_back, persons=before.pair, lines=done.lines)
        one.given.pop()
        return
    question = one.asked
    assert question is not None
    if said == "skip":
        one.skipped.add(question.pair)
        one.given.append((question, None))
        return
    if said not in ("yes", "no", "ignore", "name") or (said == "name" and not name):
        raise BadInput(f"wanted yes, no, skip, ignore, undo or a name; got {name or said!r}")

    def change(db: Database) -> Said:
        if said == "no":
            return review.not_same(db, question)
        if said == "ignore":
            return review.ignore(db, question)
        return review.same(db, question, name if said == "name" else None)

    names = [name] if said == "name" else ()
    one.given.append((question, await here.say(change, persons=question.pair, names=names)))


async def _next(
    request: Request, here: Here, key: str, template: str, reason: str = ""
) -> Response:
    one = _rounds(request)[key]

    def look(collection: Collection) -> tuple[list[Question], list[str]]:
        found = collection.people.questions(most=2, skipped=one.skipped)
        return found, names_of(here, collection)

    found, names = await here.view(look)
    one.asked = found[0] if found else None
    return render(
        request,
        template,
        question=one.asked,
        then=found[1] if len(found) > 1 else None,
        key=key,
        pair="" if one.asked is None else _text(one.asked.pair),
        answered=len(one.given),
        reason=reason,
        names=names,
    )


def _text(pair: Pair) -> str:
    return "-".join(map(str, pair))


def _rounds(request: Request) -> OrderedDict[str, Round]:
    state = request.app.state
    if not hasattr(state, "rounds"):
        state.rounds = OrderedDict()
    kept: OrderedDict[str, Round] = state.rounds
    return kept
