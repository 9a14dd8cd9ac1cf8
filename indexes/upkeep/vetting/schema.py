"""Whether a catalog has no more and no less than one that our migrations make."""

from __future__ import annotations

from sqlite_utils import Database

from retrieve.indexes.catalog.database import APPLICATION_ID, pragma
from retrieve.indexes.catalog.migrations import FORMAT
from retrieve.indexes.catalog.schema import expected, schema_of
from retrieve.indexes.upkeep.vetting.doubt import Unbelievable, clipped


def check_schema(db: Database) -> int:
    """The format of a catalog that has no more and no less than one of that format.

    raises  Unbelievable for any object that is missing, is another one or is not ours
    """
    if pragma(db, "application_id") != APPLICATION_ID:
        raise Unbelievable("its catalog is an SQLite file of another program")
    version = pragma(db, "user_version")
    if not 1 <= version <= FORMAT:
        raise Unbelievable(f"its catalog states the format {version}")
    encoding = db.execute("PRAGMA encoding").fetchone()[0]
    if encoding != "UTF-8":
        raise Unbelievable(f"the texts of its catalog are in {clipped(encoding)}")
    held, wanted = schema_of(db), expected(version)
    for kind, name in sorted(held.keys() - wanted.keys()):
        raise Unbelievable(f"its catalog has a {kind} {clipped(name)}, as no collection does")
    for kind, name in sorted(wanted.keys() - held.keys()):
        raise Unbelievable(f"its catalog lacks the {kind} {name}")
    for kind, name in sorted(wanted):
        if held[kind, name] != wanted[kind, name]:
            raise Unbelievable(f"the {kind} {name} of its catalog is not ours")
    return version
