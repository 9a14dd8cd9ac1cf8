"""A ZIP container from a stranger: its files by name, each unpacked within limits."""

from __future__ import annotations

import posixpath
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from typing import IO

from retrieve.errors import BadInput

# Of one file, unpacked: the XML of a novel of 5 MiB has some 60. More is a bomb.
MAX_PART_BYTES = 128 << 20
MAX_UNPACKED_BYTES = 512 << 20  # of all that is read from one container
MAX_PARTS = 100_000  # a book of a thousand chapters with pictures has some thousands
_ENCRYPTED_FLAG = 1  # of a ZIP entry
_LOCKED = "encrypted: it opens only with a password"


class Container:
    """The files of a ZIP container; capitals and backslashes in their names do not count.

    content  the bytes of the container
    raises   BadInput if it cannot be read as one, or lists more than MAX_PARTS files
    """

    def __init__(self, content: bytes) -> None:
        try:
            self._archive = zipfile.ZipFile(BytesIO(content))
        except (
            zipfile.BadZipFile,
            OSError,
            ValueError,
            EOFError,
            NotImplementedError,
            LookupError,
        ) as error:
            raise BadInput("damaged: its ZIP container cannot be read") from error
        entries = self._archive.infolist()
        if len(entries) > MAX_PARTS:
            raise BadInput(f"its ZIP container lists more than {MAX_PARTS} files")
        # The last of two of one name counts, as with other readers.
        self._entries = {_key(entry.filename): entry for entry in entries}
        self._left = MAX_UNPACKED_BYTES

    def __contains__(self, name: str) -> bool:
        return _key(name) in self._entries

    @property
    def names(self) -> list[str]:
        """Of all files, with slashes, in the order of the container."""
        return [_slashed(entry.filename) for entry in self._entries.values()]

    def read(self, name: str) -> bytes | None:
        """One file, unpacked; None if the container holds no such one.

        raises  BadInput if it is encrypted, damaged or unpacks to more than MAX_PART_BYTES,
                or all that was read to more than MAX_UNPACKED_BYTES
        """
        entry = self._entries.get(_key(name))
        if entry is None:
            return None
        name = _slashed(entry.filename)
        if entry.file_size > MAX_PART_BYTES:  # zipfile unpacks no more than this says
            raise BadInput(f"{name} unpacks to more than {MAX_PART_BYTES >> 20} MiB")
        self._left -= entry.file_size
        if self._left < 0:
            raise BadInput(f"it unpacks to more than {MAX_UNPACKED_BYTES >> 20} MiB")
        with self._unpacking(name, entry):
            return self._archive.read(entry)

    @contextmanager
    def opened(self, name: str) -> Iterator[IO[bytes]]:
        """One file to be read as a stream, for what is read in part: nothing bounds its length.

        raises  BadInput if it is not there, encrypted or damaged
        """
        entry = self._entries.get(_key(name))
        if entry is None:
            raise BadInput(f"damaged: it has no {name}")
        with self._unpacking(name, entry), self._archive.open(entry) as stream:
            yield stream

    @contextmanager
    def _unpacking(self, name: str, entry: zipfile.ZipInfo) -> Iterator[None]:
        if entry.flag_bits & _ENCRYPTED_FLAG:
            raise BadInput(_LOCKED)
        try:
            yield
        except (
            zipfile.BadZipFile,
            zlib.error,
            EOFError,
            OSError,
            ValueError,
            LookupError,
            RuntimeError,
            NotImplementedError,
        ) as error:
            raise BadInput(f"damaged: {name} cannot be unpacked") from error
        except Exception as error:
            # LZMA and Zstandard have errors of their own, in modules that may be absent.
            if type(error).__name__ in ("LZMAError", "ZstdError"):
                raise BadInput(f"damaged: {name} cannot be unpacked") from error
            raise


def joined(base: str, target: str) -> str:
    """The name of a file that another one, `base`, calls `target`."""
    if target.startswith("/"):
        return posixpath.normpath(target).lstrip("/")
    return posixpath.normpath(posixpath.join(posixpath.dirname(base), target)).lstrip("/")


def _slashed(name: str) -> str:
    return name.replace("\\", "/").lstrip("/")


def _key(name: str) -> str:
    return _slashed(name).lower()
