"""Numbered migrations, append only; each in a transaction, after an automatic copy."""

import logging
import sqlite3
from pathlib import Path

from storage.engine.errors import Damaged, NewerSchema

log = logging.getLogger(__name__)

MIGRATIONS = Path(__file__).parents[1] / "migrations"


def scripts() -> dict[int, Path]:
    return {int(path.name[:4]): path for path in sorted(MIGRATIONS.glob("*.sql"))}


def migrate(connection: sqlite3.Connection, path: Path) -> None:
    """Apply, in order, every file above the version that the database says it has."""
    known = scripts()
    (current,) = connection.execute("PRAGMA user_version").fetchone()
    if current > max(known):
        raise NewerSchema(
            f"The database is at version {current}; this program knows up to {max(known)}. "
            "Start the newer program, or restore the copy made before the upgrade."
        )
    if 0 < current < max(known):
        copy_before(connection, path, current)
    for number, script in known.items():
        if number > current:
            _apply(connection, number, script.read_text())


def copy_before(connection: sqlite3.Connection, path: Path, version: int) -> Path:
    """Keep the database as it is: the way back from a migration (there is no way down)."""
    copy = path.with_name(f"{path.name}.before-{version}")
    copy.unlink(missing_ok=True)
    connection.execute("VACUUM INTO ?", (str(copy),))
    copy.chmod(0o600)
    log.info("kept a copy of the database as %s", copy.name)
    return copy


def check(connection: sqlite3.Connection) -> None:
    """Refuse to write to a file that SQLite finds damaged."""
    (found,) = connection.execute("PRAGMA quick_check(1)").fetchone()
    if found != "ok":
        raise Damaged(f"The database is damaged ({found}).")


def _apply(connection: sqlite3.Connection, number: int, script: str) -> None:
    try:
        connection.executescript(
            f"BEGIN IMMEDIATE;\n{script}\nPRAGMA user_version = {number};\nCOMMIT;"
        )
    except sqlite3.Error:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise
