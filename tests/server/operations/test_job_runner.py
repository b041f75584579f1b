"""What happens by itself goes on, whatever one round of it does."""

import asyncio
from datetime import timedelta

import pytest

from server import schedule
from server.actions.lifecycle import data_export
from server.cli.commands import run
from server.http.app_keys import SETTINGS
from server.operations import doctor, job_runner
from server.operations.job_runner import Job
from storage.engine.changes import Change, Changes
from storage.engine.transaction import Reader, Writer
from storage.queues import jobs as planned
from storage.queues.job_kinds import MakeArchive
from tests.support.clock import Watch
from tests.support.servers import Place


async def test_job_wakes_up_and_survives_a_failure(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(job_runner, "REST", 0)
    changes = Changes()
    looks, idle = 0, asyncio.Event()

    async def run_once() -> bool:
        nonlocal looks
        looks += 1
        if looks == 1:
            raise ValueError("broken")
        idle.set()
        return False

    running = asyncio.create_task(
        job_runner.run([Job("look", run_once, ("news",), pause=60)], changes)
    )
    async with asyncio.timeout(10):
        await idle.wait()
        idle.clear()
        changes.tell(Change("news"))
        await idle.wait()
    running.cancel()
    await asyncio.wait([running])
    assert looks == 3
    assert "“look” failed" in caplog.text


async def test_failing_job_is_parked_and_those_behind_it_are_done(
    place: Place, watch: Watch
) -> None:
    """SECURITY 49, for archives, and so for all work that is planned."""
    (make,) = [job for job in schedule.of(place.app) if job.name == "make archives"]
    alice = await place.person("alice")

    async def work() -> None:
        async with asyncio.timeout(10):
            while await make.run_once():
                pass

    def kept(reader: Reader) -> list[tuple[str, int, bool]]:
        rows = reader.rows(
            "SELECT state, attempts, reason IS NOT NULL FROM jobs WHERE kind = ?", MakeArchive.kind
        )
        return [(state, attempts, bool(told)) for state, attempts, told in rows]

    await place.database.write(_spoil)
    watch.advance(timedelta(seconds=1))
    await place.database.write(data_export.ask, alice.actor.id)
    await work()
    assert await place.database.read(kept) == [("due", 1, True)]
    for pause in planned.PAUSES:
        watch.advance(pause)
        await work()
    assert await place.database.read(kept) == [("parked", 4, True)]
    (shown,) = (await run(place.app, "queue list", {}))["work"]
    assert (shown["kind"], shown["subject"]) == (MakeArchive.kind, "no number")
    assert "ValueError" in shown["reason"]
    looked_over = await doctor.examine(place.database, place.app[SETTINGS], watch())
    (found,) = [one for one in looked_over if one.what == "work given up"]
    assert (found.good, found.says) == (False, "1 (see `kith queue list`)")
    assert await run(place.app, "queue retry", {"host": "away.example"}) == {"tried_again": 0}
    assert await run(place.app, "queue retry", {}) == {"tried_again": 1}
    assert await place.database.read(kept) == [("due", 0, True)]


def _spoil(writer: Writer) -> None:
    """Write a job as no program of ours writes it."""
    writer.execute(
        "INSERT INTO jobs (id, kind, subject, detail, due) VALUES (1, ?, 'no number', '{}', 0)",
        MakeArchive.kind,
    )
