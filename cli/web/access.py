"""Who may come in: whoever has the token of this start, or of a file, or knows the password.

A page opened with `?token=` gets a cookie and an address without it, so that no history, bookmark
or picture of the screen gives it away (as Jupyter and marimo do). Programs send it in a header.
"""

from __future__ import annotations

import hmac
import os
import secrets
import stat
from hashlib import sha256
from pathlib import Path

from retrieve.errors import BadInput

TOKEN_BYTES = 32
SHORTEST_TOKEN = 16  # characters of one from a file
SHORTEST_PASSWORD = 12
LONGEST_FILE = 10_000  # characters that are read


class Access:
    """What opens the door.

    token     of this start, or of a file; programs send it as `Authorization: Bearer`
    password  of people, who type it on a page; None where only the token opens
    cookie    the name of the browser's: cookies of one host are shared by all its ports
    session   the cookie's value, which opens nothing else. It follows from token and password, so
              that a browser stays inside where both come from files
    """

    def __init__(
        self, token: str, password: str | None = None, *, cookie: str = "retrieve"
    ) -> None:
        self.token, self.password, self.cookie = token, password, cookie
        key = f"{token}\n{password or ''}".encode()
        self.session = hmac.new(key, b"session", sha256).hexdigest()
        self._once: set[str] = set()

    def once(self) -> str:
        """A token that opens one page, once: for a browser's command line, which others see."""
        token = new_token()
        self._once.add(token)
        return token

    def opens_page(self, token: str) -> bool:
        """Whether an address with it may be followed."""
        if token in self._once:
            self._once.remove(token)
            return True
        return self.is_token(token)

    def is_token(self, given: str) -> bool:
        """Of a program."""
        return _same(given, self.token)

    def is_password(self, given: str) -> bool:
        """Of a person."""
        return self.password is not None and _same(given, self.password)

    def is_session(self, given: str) -> bool:
        """Of a browser."""
        return _same(given, self.session)


def new_token() -> str:
    """One that nobody guesses, as it stands in an address."""
    return secrets.token_urlsafe(TOKEN_BYTES)


def secret_from(file: Path, what: str, shortest: int) -> str:
    """The first line of a file that its owner alone may read.

    what    it is, in the message
    raises  BadInput for a file that cannot be read, that others may read, or a secret too short
    """
    try:
        with file.open(encoding="utf-8") as opened:
            mode = stat.S_IMODE(os.fstat(opened.fileno()).st_mode)
            lines = opened.read(LONGEST_FILE).splitlines()
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is no UTF-8 text"
        raise BadInput(f"cannot read the {what} in {file}: {reason}") from error
    if mode & 0o077:
        raise BadInput(
            f"others may read the {what} in {file} (mode {mode:o}); close it: chmod 600 '{file}'"
        )
    secret = lines[0].strip() if lines else ""
    if len(secret) < shortest or not secret.isprintable():
        raise BadInput(
            f"wanted a {what} of {shortest} characters or more in the first line of {file}; "
            f"got {len(secret)}"
        )
    return secret


def token_from(file: Path) -> str:
    """secret_from() of a token, which has to stand in a header and in an address."""
    token = secret_from(file, "token", SHORTEST_TOKEN)
    if not token.isascii() or " " in token:
        raise BadInput(
            f"wanted a token of ASCII letters, digits and signs without spaces in {file}; got "
            "others. One is made by: openssl rand -hex 32"
        )
    return token


def _same(given: str, held: str) -> bool:
    """In a time that tells nothing of where they differ."""
    return hmac.compare_digest(given.encode("utf-8", "surrogateescape"), held.encode())
