"""Lock on a data folder: it says that one process owns it."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from storage.engine.errors import Locked


@contextmanager
def hold(folder: Path) -> Iterator[None]:
    """Hold the folder's lock. Raises Locked when another process has it."""
    descriptor = os.open(folder / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise Locked(f"Another Kith process is using {folder}.") from None
        with suppress(OSError):  # for people only; on a full disk the database says what is wrong
            os.ftruncate(descriptor, 0)
            os.write(descriptor, str(os.getpid()).encode())
        yield
    finally:
        os.close(descriptor)
