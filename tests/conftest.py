from collections import Counter
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from storage.engine.database import Database, open_database
from storage.engine.site import Site
from tests import quick
from tests.storage.raw import blank
from tests.support.clock import Watch


@pytest.fixture(autouse=True, scope="session")
def _unhurried() -> Iterator[None]:
    """A busy machine is no fault of what is tested: who tests the patience gives its own."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("server.media.store.PATIENCE", 900.0)
        yield


@pytest.fixture
def watch() -> Watch:
    return Watch()


@pytest.fixture
def site() -> Site:
    return Site("home.example", "home.example")


@pytest.fixture
async def database(tmp_path: Path, site: Site, watch: Watch) -> AsyncIterator[Database]:
    (tmp_path / "db").write_bytes(blank())
    async with open_database(tmp_path / "db", site, watch) as opened:
        yield opened


_SECONDS: Counter[str] = Counter()


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Time of each file; of a run on many cores this comes together in its first process."""
    _SECONDS[report.nodeid.partition("::")[0]] += report.duration  # type: ignore[assignment]


def pytest_sessionfinish(session: pytest.Session) -> None:
    if not hasattr(session.config, "workerinput") and _SECONDS:
        quick.remember({name: round(seconds, 1) for name, seconds in _SECONDS.items()})
