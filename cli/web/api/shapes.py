"""The objects of the API, as its OpenAPI document describes them.

They are made by what makes the command line's `--json` (cli/showing/); a test compares both, and
these shapes with what is answered.
"""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict, Field

Box = list[float]


class Shape(BaseModel):
    """An object with just these fields."""

    model_config = ConfigDict(extra="forbid")


class Problem(Shape):
    """Why a request was refused: the sentence that the command line says."""

    status: int = Field(examples=[404])
    error: str = Field(examples=["there is no stored face with the id 7"])


class AnsweredShards(Shape):
    """How many shards of a cluster answered, and of how many; a collection has none."""

    answered: int
    of: int


class OfShards(Shape):
    """An answer; of a cluster with how many of its shards it is from."""

    shards: AnsweredShards | None = None


class Passed(OfShards):
    """What a hit has to reach: among how many strangers, and how often their best does."""

    threshold: float | None = None
    among: float | None = None
    strangers: float | None = None


class FaceHit(Shape):
    """A stored face as the answer to a face."""

    rank: int
    path: str
    gone: bool
    itself: bool
    face: int
    box: Box
    score: float
    probability: float | None
    quality: float
    taken_at: str | None
    face_id: int
    person: str | None


class FaceOfProbe(Shape):
    """One face of the photo that was asked for, with its hits."""

    face: int
    box: Box
    quality: float
    hits: list[FaceHit]


class PictureHitShape(Shape):
    """A stored photo that looks like the one that was asked for."""

    rank: int
    path: str
    gone: bool
    itself: bool
    height: int
    width: int
    score: float
    probability: float | None
    taken_at: str | None
    photo_id: int


class Looks(Passed):
    """What looks like a photo as a whole."""

    hits: list[PictureHitShape]


class LabelShape(Shape):
    """What a photo shows, as a network sees it."""

    label: str
    probability: float


class PassageHit(Shape):
    """A passage, or a photo of which it is said; `face` where a face was asked for, too."""

    rank: int
    path: str
    gone: bool
    kind: str
    said_in: str
    document: str
    title: str
    text: str
    place: dict[str, float]
    marks: list[list[int]]
    box: Box | None
    confidence: float | None
    score: float
    bm25: float
    cosine: float
    taken_at: str | None
    persons: list[str]
    passage_id: int
    group: int
    near: bool
    labels: list[LabelShape]
    face: dict[str, Any] | None = None


class FoundFaces(Passed):
    """What a photo, or a stored face, found."""

    probe: str
    faces: list[FaceOfProbe]
    looks: Looks | None = None
    next: str | None


class FoundPassages(OfShards):
    """What words found, alone or with a photo."""

    query: str
    corrected: str | None
    probes: list[dict[str, Any]] | None = None
    photos_with_the_face: int | None = None
    of: str | None = None
    hits: list[PassageHit]
    next: str | None


class PhotoShape(Shape):
    """A stored photo."""

    photo_id: int
    path: str
    gone: bool
    height: int
    width: int
    taken_at: str | None


class FaceShape(OfShards):
    """A stored face."""

    face_id: int
    photo_id: int
    path: str
    gone: bool
    face: int
    box: Box
    quality: float
    taken_at: str | None
    person_id: int | None
    person: str | None


class SaidShape(Shape):
    """A passage of a text, or of what is said of a photo."""

    passage_id: int
    said_in: str
    title: str
    text: str
    place: dict[str, float]


class WholePhoto(PhotoShape, OfShards):
    """A stored photo with all that is known of it; `place` in degrees north and east."""

    paths: list[str]
    place: list[float] | None
    faces: list[FaceShape]
    labels: list[LabelShape]
    passages: list[SaidShape]


class Photos(OfShards):
    """A part of the photos."""

    photos: list[PhotoShape]
    next: str | None


class PersonShape(OfShards):
    """Somebody, named or not."""

    person_id: int
    name: str | None
    faces: int
    photos: int
    first: str | None
    last: str | None


class Persons(OfShards):
    """A part of the persons."""

    persons: list[PersonShape]
    next: str | None


class MemberShape(Shape):
    """A face of a person; `by` says who thinks so: human, group or attached."""

    face_id: int
    path: str
    face: int
    box: Box
    quality: float
    by: str


class Members(OfShards):
    """A part of a person's faces, the best first."""

    faces: list[MemberShape]
    next: str | None


class SideShape(Shape):
    """One of two persons who may be one."""

    person_id: int
    person: str | None
    faces: int
    face_id: int
    path: str
    face: int
    taken_at: str | None


class QuestionShape(Shape):
    """Whether two persons are one, and how many faces a yes settles."""

    one: SideShape
    other: SideShape
    score: float
    probability: float | None
    settles: int


class Questions(OfShards):
    """What is worth asking, what settles most first."""

    questions: list[QuestionShape]


class Ref(Shape):
    """A face as statements name it, so that it outlasts a new detector."""

    photo_sha256: str
    box: Box


class StatementShape(Shape):
    """Something that was said of faces."""

    id: int
    said_at: str
    kind: str
    said: str
    person_id: int | None
    other_id: int | None
    person: str | None
    faces: list[Ref]
    others: list[Ref]
    undoes: int | None
    source: str
    taken_back: bool
    holds: bool


class Statements(OfShards):
    """A part of what was said, the newest first."""

    statements: list[StatementShape]
    next: str | None


class Outcome(Shape):
    """What became of something that was said."""

    lines: list[int]
    person_id: int | None
    name: str | None
    faces: int
    along: int
    notes: list[str]
    called_before: list[str]


class TakenBackLine(Shape):
    """A statement that was taken back."""

    taken_back: int
    said: str


class TakenBack(Shape):
    """All that were."""

    taken_back: list[TakenBackLine]


class TextShape(Shape):
    """A stored text."""

    text_id: int
    path: str
    gone: bool
    title: str
    written_at: str | None
    passages: int


class Texts(OfShards):
    """A part of the texts."""

    texts: list[TextShape]
    next: str | None


class WholeText(OfShards):
    """A text with a part of its passages."""

    text_id: int
    path: str
    gone: bool
    title: str
    written_at: str | None
    passages: list[SaidShape]
    next: str | None


class SkippedFile(Shape):
    """A file that could not be used."""

    path: str
    reason: str


class SkippedFiles(OfShards):
    """A part of them, by path."""

    skipped: list[SkippedFile]
    next: str | None


class DetectedFace(Shape):
    """A face in a photo."""

    box: Box
    landmarks: list[list[float]]
    score: float
    quality: float


class Detected(Shape):
    """The faces in a photo."""

    path: None
    faces: list[DetectedFace]


class EmbeddedFace(DetectedFace):
    """A face with its embedding, of length 1."""

    embedding: list[float]


class Embedded(Shape):
    """The faces in a photo with their embeddings."""

    embedder: str
    dim: int
    faces: list[EmbeddedFace]


class Identified(Passed):
    """Who is in a photo."""

    path: None
    faces: list[dict[str, Any]]


class Verified(Shape):
    """Whether two photos show one person."""

    verdict: str
    why: str | None
    score: float | None
    probability: float | None
    false_match_rate: float | None
    same_from: float | None
    faces: list[int] | None
    pairs: list[dict[str, Any]]
