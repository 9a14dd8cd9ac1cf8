"""The collection for programs: search, photos, faces, persons, statements, texts, and networks.

Every object is what the command line prints with `--json`. Lists are given in parts: `next` is the
cursor of the next one, null at the end. An error is `{"status": 404, "error": "one sentence"}`.
Photos and faces are named by their ids, never by a path. `Authorization: Bearer TOKEN` opens it.
"""

# Modules of this room, each with a `router`.
RESOURCES = (
    *("search", "photos", "faces", "persons", "statements", "texts", "collection"),
    "networks",
)
