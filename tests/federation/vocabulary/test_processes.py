"""Processes beside the server: how they begin and end."""

import asyncio
import os
import signal
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
import uvloop

from federation.vocabulary import processes
from federation.vocabulary.processes import Child

FOREVER = (sys.executable, "-c", "import time; time.sleep(600)")
ECHO = (sys.executable, "-c", "import sys; sys.stdout.write(sys.stdin.read()); sys.exit(7)")


def open_files() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


async def test_process_is_given_and_says_everything_and_its_status_is_known() -> None:
    child = await processes.start(*ECHO)
    try:
        child.stdin.write(b"x" * 1_000_000)
        child.stdin.close()
        assert await child.stdout.read() == b"x" * 1_000_000
        assert await child.stderr.read() == b""
        assert await child.wait() == 7
    finally:
        await child.end()
    assert child.has_ended


async def test_process_that_runs_on_is_ended_and_leaves_no_pipe_behind() -> None:
    before = open_files()
    child = await processes.start(*FOREVER)
    await child.end()
    assert await child.wait() == -signal.SIGKILL
    await asyncio.sleep(0)
    assert open_files() == before


async def test_process_that_cannot_be_started_says_so_and_leaves_nothing(tmp_path: Path) -> None:
    before = open_files()
    with pytest.raises(OSError, match="No such file"):
        await processes.start(str(tmp_path / "nothing"))
    assert open_files() == before


async def _by_asyncio() -> None:
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", "pass")
    await process.wait()


async def _by_us() -> None:
    child: Child = await processes.start(sys.executable, "-c", "pass")
    await child.wait()
    await child.end()


@pytest.mark.parametrize(("way", "copies"), [(_by_us, False), (_by_asyncio, True)])
def test_server_is_not_copied_for_a_process(
    way: Callable[[], Awaitable[None]], copies: bool
) -> None:
    """SECURITY 93, in the loop that serves; the other way shows that a copy would be seen."""
    seen: list[bool] = []
    os.register_at_fork(before=lambda: seen.append(True))

    async def do() -> None:
        await way()

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(do())
    assert bool(seen) is copies
