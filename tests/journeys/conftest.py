from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from tests.support.clock import Watch
from tests.support.internet import Internet
from tests.support.servers import Place, serving


@pytest.fixture
def internet() -> Internet:
    return Internet()


@pytest.fixture
async def places(
    tmp_path: Path, internet: Internet, watch: Watch
) -> AsyncIterator[tuple[Place, Place]]:
    """Two servers: home.example and away.example."""
    async with AsyncExitStack() as stack:
        made = [
            await stack.enter_async_context(
                serving(tmp_path / name, f"{name}.example", internet, watch)
            )
            for name in ("home", "away")
        ]
        yield made[0], made[1]
