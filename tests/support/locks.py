"""One at a time among processes: the tests run in several, and some install what they need."""

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from tempfile import gettempdir


@contextmanager
def alone(folder: Path) -> Iterator[None]:
    """Wait until nobody else of this machine's tests is busy with that folder."""
    name = sha256(str(folder.resolve()).encode()).hexdigest()[:16]
    with (Path(gettempdir()) / f"kith-tests-{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
