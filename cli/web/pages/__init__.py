"""A page a file, for people; `cli/web/__init__.py` says how one is added.

asked.py, sent.py and tiles.py are what pages are made of.
"""

# Modules of this room, each with a `router`.
PAGES = (
    *("search", "photo", "people", "review", "saying", "timeline", "maps", "collection"),
    "login",
)
