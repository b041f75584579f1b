from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from storage.engine.database import Database, open_database
from storage.engine.site import Here
from tests.storage.raw import blank
from tests.support.clock import Watch


@pytest.fixture
def watch() -> Watch:
    return Watch()


@pytest.fixture
def here() -> Here:
    return Here("home.example", "home.example")


@pytest.fixture
async def database(tmp_path: Path, here: Here, watch: Watch) -> AsyncIterator[Database]:
    (tmp_path / "db").write_bytes(blank())
    async with open_database(tmp_path / "db", here, watch) as opened:
        yield opened
