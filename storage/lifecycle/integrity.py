"""Is a database file sound? For backups, restoring and the doctor; opens it for reading only."""

import sqlite3
from dataclasses import dataclass
from pathlib import Path

from storage.engine.schema import scripts

BUSY = 30.0  # seconds


@dataclass(frozen=True, slots=True)
class Findings:
    """Findings of SQLite about a file; `problems` is empty where all is well."""

    version: int
    newest_version: int
    problems: tuple[str, ...]


def examine(path: Path, *, as_copied: bool = False) -> Findings:
    """Read the whole file: integrity, foreign keys, schema version.

    `as_copied`: the file alone, whatever lies beside it that SQLite would take for its log.
    """
    how = "mode=ro&immutable=1" if as_copied else "mode=ro"
    try:
        connection = sqlite3.connect(f"{path.resolve().as_uri()}?{how}", uri=True, timeout=BUSY)
    except sqlite3.Error as error:
        return Findings(0, max(scripts()), (str(error),))
    try:
        return _examine(connection)
    except sqlite3.Error as error:
        return Findings(0, max(scripts()), (str(error),))
    finally:
        connection.close()


def _examine(connection: sqlite3.Connection) -> Findings:
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    problems = [
        str(row[0]) for row in connection.execute("PRAGMA integrity_check(20)") if row[0] != "ok"
    ]
    broken = connection.execute("PRAGMA foreign_key_check").fetchmany(20)
    problems += [f"{row[0]} row {row[1]} points to nothing in {row[2]}" for row in broken]
    if version > max(scripts()):
        problems.append(f"it was written by a newer version of this program ({version})")
    return Findings(version, max(scripts()), tuple(problems))
