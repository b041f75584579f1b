from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from storage.engine.database import Database, open_database
from storage.engine.site import Site
from tests.storage.raw import blank
from tests.support.clock import Watch


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
