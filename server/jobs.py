"""What happens without being asked: jobs that run until there is no work, then wait for more."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass

from storage.changes import Changes

log = logging.getLogger(__name__)

REST = 1.0
LONGEST_REST = 60.0


@dataclass(frozen=True, slots=True)
class Job:
    """`run_once` says whether there was work; it is tried on every wake-up and after a pause.

    `pause` in seconds; `wakes_on` are subjects of changes.
    """

    name: str
    run_once: Callable[[], Awaitable[bool]]
    wakes_on: tuple[str, ...] = ()
    pause: float = 15.0
    workers: int = 1


async def run(jobs: Sequence[Job], changes: Changes) -> None:
    """Keep all of them running until cancelled."""
    async with asyncio.TaskGroup() as group:
        for job in jobs:
            for number in range(job.workers):
                group.create_task(_keep_running(job, changes), name=f"{job.name} {number}")


async def _keep_running(job: Job, changes: Changes) -> None:
    wake = asyncio.Event()
    rest = REST
    with ExitStack() as listening:
        for subject in job.wakes_on:
            listening.enter_context(changes.heard_by(subject, lambda _: wake.set()))
        while True:
            wake.clear()  # before looking, or what arrives meanwhile would be missed
            try:
                while await job.run_once():
                    pass
                rest = REST
            except Exception:
                log.exception("the job “%s” failed and rests for %.0f s", job.name, rest)
                await asyncio.sleep(rest)
                rest = min(rest * 2, LONGEST_REST)
                continue
            with suppress(TimeoutError):
                async with asyncio.timeout(job.pause):
                    await wake.wait()
