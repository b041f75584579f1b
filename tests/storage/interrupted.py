"""Migrates, and is killed at the nth thing made: `python -m tests.storage.interrupted FILE N`."""

import os
import signal
import sqlite3
import sys
from pathlib import Path

from storage.engine.connection import WRITING, connect
from storage.engine.schema import migrate

MAKING = {sqlite3.SQLITE_CREATE_TABLE, sqlite3.SQLITE_CREATE_INDEX}


def main(path: Path, left: int) -> None:
    connection = connect(path, WRITING)

    def ask(action: int, *_: object) -> int:
        nonlocal left
        left -= action in MAKING
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        return sqlite3.SQLITE_OK

    connection.set_authorizer(ask)
    migrate(connection, path)


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
