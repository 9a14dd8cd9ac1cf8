"""What a search may be asked for, in JSON or in a form with a photo."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator
from starlette.datastructures import FormData, UploadFile

from retrieve.cli.web.filters import LONGEST
from retrieve.cli.web.security import LARGEST_BODY
from retrieve.errors import BadInput
from retrieve.indexes.catalog.filters import Filter, Near
from retrieve.indexes.queries.asked import LARGEST_ID
from retrieve.indexes.queries.modes import Mode

LONGEST_QUERY = 2000  # characters
MOST = 200  # hits of a part
SEVERAL = ("folders", "persons")  # fields of a form that may stand there more than once

Name = Annotated[str, Field(max_length=LONGEST)]


class Asked(BaseModel):
    """What is searched for: words, a photo (as a file of a form), both, a stored face, a stored
    photo, or persons.

    Everything else chooses among what is stored, or says how much is shown.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    query: str = Field(default="", max_length=LONGEST_QUERY, examples=["una boda en Zaragoza"])
    face_id: int | None = Field(default=None, ge=1, le=LARGEST_ID)
    photo_id: int | None = Field(
        default=None, ge=1, le=LARGEST_ID, description="Photos that look like this stored one."
    )
    face: int | None = Field(default=None, ge=1, le=1000, description="Only this of the photo.")
    k: int = Field(default=10, ge=1, le=MOST, description="Hits of a part, of each face.")
    since: str | None = Field(default=None, max_length=30, examples=["2019"])
    until: str | None = Field(default=None, max_length=30)
    folders: list[Name] = Field(default=[], max_length=50)
    persons: list[Name] = Field(default=[], max_length=50, description="Names, or #id.")
    near: list[float] | None = Field(
        default=None, min_length=3, max_length=3, description="Degrees north and east, kilometres."
    )
    min_quality: float = Field(default=0.0, ge=0, le=1)
    threshold: float | None = Field(default=None, ge=-1, le=1)
    strangers: float | None = Field(default=None, gt=0, lt=1)
    mode: Mode = Mode.HYBRID
    exact: bool = False
    exact_words: bool = False
    grouped: bool = Field(default=False, description="Of each document only the best passage.")
    looks: bool = Field(default=False, description="Photos that look alike as a whole, no faces.")
    cursor: str | None = Field(default=None, max_length=LARGEST_BODY)

    @field_validator("near", mode="before")
    @classmethod
    def _split(cls, given: Any) -> Any:
        """In a form it is one text, as on the command line."""
        return given.split(",") if isinstance(given, str) else given

    @property
    def wanted(self) -> Filter:
        """Its conditions; raises BadInput for a date or place that is none."""
        return Filter(
            self.since,
            self.until,
            tuple(map(Path, self.folders)),
            tuple(self.persons),
            self.min_quality,
            None if self.near is None else Near(*_place(self.near)),
        )


def _place(near: list[float]) -> tuple[float, float, float]:
    checked = Filter(near=tuple(near)).near  # type: ignore[arg-type]  # what people write
    assert checked is not None
    return checked.latitude, checked.longitude, checked.km


def asked_in_json(content: bytes) -> Asked:
    """Raises RequestValidationError for what is not in the form of Asked."""
    try:
        return Asked.model_validate(json.loads(content))
    except ValidationError as error:
        raise RequestValidationError(error.errors()) from error
    except (ValueError, RecursionError) as error:
        raise BadInput(f"wanted JSON: {error}") from error


def asked_in_form(form: FormData) -> Asked:
    """The same of a form's fields; a file is none of them."""
    given: dict[str, Any] = {}
    for name, value in form.multi_items():
        if isinstance(value, UploadFile):
            continue
        if name in SEVERAL:
            given.setdefault(name, []).append(value)
        else:
            given[name] = value
    try:
        return Asked.model_validate(given)
    except ValidationError as error:
        raise RequestValidationError(error.errors()) from error
