"""A page a file, for people; `cli/web/__init__.py` says how one is added."""

# Modules of this room, each with a `router`.
PAGES = (
    *("search", "photo", "people", "review", "saying", "timeline", "maps", "collection"),
    *("duplicates", "login"),
)
