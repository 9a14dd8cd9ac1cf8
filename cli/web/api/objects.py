"""Photos, faces and texts that were browsed, as fields; hits are made by cli/showing/."""

from __future__ import annotations

from typing import Any

from retrieve.cli.showing.facehits import numbers
from retrieve.cli.showing.render import is_gone, shown
from retrieve.cli.showing.texthits import labels_json, place_json
from retrieve.indexes.browsing import SeenFace, SeenPhoto, SeenText
from retrieve.indexes.catalog.passages import StoredPassage
from retrieve.types import PictureHit


def photo_json(photo: PictureHit) -> dict[str, Any]:
    """The fields of a photo in a list."""
    return {
        "photo_id": photo.photo_id,
        "path": shown(photo.path),
        "gone": is_gone(photo.path),
        "height": photo.size[0],
        "width": photo.size[1],
        "taken_at": photo.taken_at,
    }


def whole_photo_json(seen: SeenPhoto) -> dict[str, Any]:
    """The fields of a photo by itself."""
    return {
        **photo_json(seen.photo),
        "paths": [shown(path) for path in seen.paths],
        "place": None if seen.place is None else list(seen.place),
        "faces": [face_json(one) for one in seen.faces],
        "labels": labels_json(seen.labels),
        "passages": [passage_json(one) for one in seen.passages],
    }


def face_json(seen: SeenFace) -> dict[str, Any]:
    """The fields of a stored face."""
    face = seen.face
    return {
        "face_id": face.id,
        "photo_id": seen.photo_id,
        "path": shown(face.path),
        "gone": is_gone(face.path),
        "face": face.number,
        "box": numbers(face.face.box),
        "quality": round(face.quality, 4),
        "taken_at": face.taken_at,
        "person_id": seen.person_id,
        "person": face.person,
    }


def text_json(seen: SeenText) -> dict[str, Any]:
    """The fields of a text in a list."""
    return {
        "text_id": seen.id,
        "path": shown(seen.path),
        "gone": is_gone(seen.path),
        "title": seen.title,
        "written_at": seen.written_at,
        "passages": seen.passages,
    }


def passage_json(one: StoredPassage) -> dict[str, Any]:
    """The fields of a passage by itself."""
    return {
        "passage_id": one.id,
        "said_in": one.passage.kind,
        "title": one.passage.title,
        "text": one.passage.text,
        "place": place_json(one.passage),
    }
