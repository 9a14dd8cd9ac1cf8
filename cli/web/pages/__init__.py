"""A page a file, for people; `cli/web/__init__.py` says how one is added."""

PAGES: tuple[str, ...] = ("search", "login")  # modules of this room, each with a `router`
