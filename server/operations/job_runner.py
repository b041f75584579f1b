"""Work that is done without being asked: jobs that run until there is none, then wait for more."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass

from aiohttp import web

from storage.engine.changes import Changes
from storage.engine.database import Database
from storage.queues import jobs as planned
from storage.queues.job_kinds import Payload

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


JOBS = web.AppKey("jobs", Sequence[Job])


async def attempt(
    database: Database, kind: type[Payload], run_once: Callable[[], Awaitable[bool]]
) -> bool:
    """Do the planned job of a kind that is due for longest; return whether there was one.

    When it fails, those behind it go on, and what always fails is parked (SECURITY 49).
    """
    job = await database.read(planned.next_due, kind)
    if job is None:
        return False
    try:
        return await run_once()
    except Exception as error:
        parked = await database.write_always(planned.retry_or_park, job, repr(error)[:500])
        then = "is parked" if parked else "is tried again later"
        log.exception("the job “%s” of “%s” failed and %s", kind.kind, job.subject, then)
    return True


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
            listening.enter_context(changes.listen(subject, lambda _: wake.set()))
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
