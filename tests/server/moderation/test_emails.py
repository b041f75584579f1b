"""Letters of the office: to whom they go, in whose language, and what they never say."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from server.http.app_keys import OUTSIDE, SETTINGS
from server.moderation import account_decisions, emails
from server.moderation.account_decisions import COMMAND_LINE, Verdict
from server.moderation.emails import Email
from storage.engine.transaction import Reader, Writer
from storage.moderation import decisions
from storage.queues import jobs
from storage.queues.job_kinds import SendEmail
from tests.support.clock import Watch
from tests.support.internet import Internet
from tests.support.servers import Place, serving


@pytest.fixture
async def post(tmp_path: Path, watch: Watch) -> AsyncIterator[Place]:
    """A server whose mail server is away."""
    given = {
        "smtp_host": "127.0.0.1",
        "smtp_port": "1",
        "smtp_tls": "off",
        "title": "The Garden",
        "contact_email": "stewards@garden.example",
    }
    async with serving(tmp_path / "post", "post.example", Internet(), watch, **given) as place:
        yield place


async def letters(place: Place) -> list[Email]:
    """Those of the occasion that is due."""
    await emails.tell_next(place.database)

    def unit(reader: Reader) -> list[Email]:
        job = jobs.next_due(reader, SendEmail)
        assert job is not None
        return list(emails._compose(reader, job.payload, place.app[SETTINGS]))

    return await place.database.read(unit)


async def test_owner_is_told_in_their_language(post: Place) -> None:
    mallory = await post.person("mallory")

    def decide(writer: Writer) -> None:
        writer.execute("UPDATE accounts SET locale = 'de' WHERE actor = ?", mallory.actor.id)
        verdict = Verdict(action="freeze", text="Schlaf <b>drüber</b>.")
        account_decisions.decide(writer, COMMAND_LINE, mallory.actor.id, verdict)

    await post.database.write(decide)
    (letter,) = await letters(post)
    assert letter.to == "mallory@post.example"
    assert letter.subject == (
        "Dein Konto bei The Garden ist eingefroren: du kannst lesen, aber nichts tun"
    )
    assert "Schlaf <b>drüber</b>." in letter.text
    assert "stewards@garden.example" in letter.text


async def test_stewards_hear_that_something_was_told_and_neither_what_nor_by_whom(
    post: Place,
) -> None:
    await post.person("ada", role="admin")
    await post.person("stella", role="steward")
    frozen = await post.person("stan", role="steward")
    await post.database.write(decisions.freeze, frozen.actor.id, "Rest.")
    alice, mallory = await post.person("alice"), await post.person("mallory")
    await alice.post("/api/v1/reports", account_id=mallory.id, comment="He is rude.")
    found = await letters(post)
    assert [letter.to for letter in found] == ["ada@post.example", "stella@post.example"]
    for letter in found:
        assert "@mallory" in letter.text
        assert "/desk/reports/" in letter.text
        assert "rude" not in letter.text
        assert "alice" not in letter.text


async def test_mail_server_that_is_away_is_tried_a_few_times(post: Place, watch: Watch) -> None:
    mallory = await post.person("mallory")
    verdict = Verdict(action="warn", text="Please.")
    await post.database.write(account_decisions.decide, COMMAND_LINE, mallory.actor.id, verdict)
    given = (post.database, post.app[SETTINGS], post.app[OUTSIDE].clock)
    tries = 0
    while await emails.send_next(*given):
        tries += 1
        watch.advance(emails.PAUSE)
    assert tries == emails.ATTEMPTS


async def test_missing_mail_server_lets_nothing_wait(place: Place) -> None:
    mallory = await place.person("mallory")
    verdict = Verdict(action="warn", text="Please.")
    await place.database.write(account_decisions.decide, COMMAND_LINE, mallory.actor.id, verdict)
    given = (place.database, place.app[SETTINGS], place.app[OUTSIDE].clock)
    assert await emails.send_next(*given) is True
    assert await emails.send_next(*given) is False


async def test_member_who_wants_no_email_gets_none(post: Place) -> None:
    mallory = await post.person("mallory")
    verdict = Verdict(action="warn", text="Please.", email=False)
    await post.database.write(account_decisions.decide, COMMAND_LINE, mallory.actor.id, verdict)
    assert await post.database.read(jobs.next_due, SendEmail) is None
