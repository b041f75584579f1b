"""Kinds of work for later: each is read as it was written, and each has somebody who does it."""

from pathlib import Path

import pytest

from federation.resolve import featured_posts
from server import schedule
from storage.engine.ids import ActorId
from storage.queues import jobs
from storage.queues.job_kinds import (
    KINDS,
    CarryOutImport,
    EndSuspension,
    EraseActor,
    FetchFeatured,
    FindConversations,
    IndexPosts,
    MakeArchive,
    Payload,
    SendEmail,
    TellModerators,
)
from tests.storage.raw import memory, writer_on

ONE_OF_EACH: tuple[Payload, ...] = (
    SendEmail("report", 5),
    SendEmail("undone", 6, "suspend"),
    TellModerators(5),
    EraseActor(7),
    EndSuspension(8),
    CarryOutImport(9),
    MakeArchive(ActorId(10), 11),
    FetchFeatured("https://away.example/users/vera"),
    IndexPosts(),
    IndexPosts(below=12),
    FindConversations(below=13),
)


@pytest.mark.parametrize("payload", ONE_OF_EACH, ids=lambda one: f"{type(one).__name__}")
def test_planned_job_is_what_is_due(payload: Payload) -> None:
    writer = writer_on(memory())
    jobs.plan(writer, payload)
    job = jobs.next_due(writer, type(payload))
    assert job is not None
    assert job.payload == payload
    assert jobs.cancel(writer, payload)
    assert jobs.next_due(writer, type(payload)) is None


def test_job_kinds_have_a_name_and_somebody_who_does_them() -> None:
    assert {type(one) for one in ONE_OF_EACH} == set(KINDS)
    assert len({kind.kind for kind in KINDS}) == len(KINDS)
    doing = (schedule.__file__, featured_posts.__file__)
    done = "".join(Path(path).read_text() for path in doing)
    assert [kind.__name__ for kind in KINDS if kind.__name__ not in done] == []


def test_unreadable_job_is_said_by_whoever_tries_it() -> None:
    writer = writer_on(memory())
    writer.execute("INSERT INTO jobs (id, kind, subject, due) VALUES (1, 'erase', 'nobody', 0)")
    job = jobs.next_due(writer, EraseActor)
    assert job is not None
    with pytest.raises(ValueError, match="nobody"):
        job.payload.actor  # noqa: B018 - to read it is what fails
