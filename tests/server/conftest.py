from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.support.clock import Watch
from tests.support.internet import Internet
from tests.support.servers import Place, serving


@pytest.fixture
async def place(tmp_path: Path, watch: Watch) -> AsyncIterator[Place]:
    """One server, home.example."""
    async with serving(tmp_path / "home", "home.example", Internet(), watch) as made:
        yield made
