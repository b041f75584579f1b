"""What happens by itself goes on, whatever one round of it does."""

import asyncio

import pytest

from server import jobs
from server.jobs import Job
from storage.changes import Change, Changes


async def test_a_job_wakes_up_and_survives_a_failure(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(jobs, "REST", 0)
    changes = Changes()
    looks, idle = 0, asyncio.Event()

    async def run_once() -> bool:
        nonlocal looks
        looks += 1
        if looks == 1:
            raise ValueError("broken")
        idle.set()
        return False

    running = asyncio.create_task(jobs.run([Job("look", run_once, ("news",), pause=60)], changes))
    async with asyncio.timeout(10):
        await idle.wait()
        idle.clear()
        changes.tell(Change("news"))
        await idle.wait()
    running.cancel()
    await asyncio.wait([running])
    assert looks == 3
    assert "“look” failed" in caplog.text
