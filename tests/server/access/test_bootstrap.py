"""A steward's yes: the letter that brings it, and who waits for one until then."""

import asyncio
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from pathlib import Path
from typing import Any

import pytest

from server.access.signup import SignupParams, sign_up
from server.cli.commands import run
from server.cli.control_socket import CommandFailed
from storage.access import accounts
from storage.people import actors
from storage.people.actors import Actor
from tests.server.access.test_passwords import SOON, MailServer, writing
from tests.support.clock import Watch
from tests.support.servers import PASSWORD, Place


async def waiting(place: Place, locale: str = "en") -> Actor:
    """Bep, who has asked to join."""
    params = SignupParams(
        name="bep_k",
        email="bep@post.example",
        password=PASSWORD,
        reason="Leeks.",
        mode="approval",
        locale=locale,
    )
    return await sign_up(place.database, params)


async def states_of(place: Place, bep: Actor) -> tuple[str, str]:
    """States of the account, and of the actor."""
    account = await place.database.read(accounts.by_actor, bep.id)
    actor = await place.database.read(actors.by_id, bep.id)
    assert account
    assert actor
    return account.state, actor.effective_state


async def message(mail_server: MailServer) -> EmailMessage:
    to, data = await asyncio.wait_for(mail_server.emails.get(), SOON)
    assert "<bep@post.example>" in to
    found = message_from_bytes(data, policy=default)
    assert isinstance(found, EmailMessage)
    return found


@pytest.mark.parametrize(
    ("locale", "subject", "says"),
    [
        ("en", "Welcome to The Garden", "the answer is yes. It is good to have you"),
        ("de", "Willkommen bei The Garden", "die Antwort ist Ja. Schön, dass du da"),
        ("fr", "Welcome to The Garden", "Hello bep_k,"),
    ],
)
async def test_approval_comes_by_email_in_ones_own_language(
    tmp_path: Path, watch: Watch, locale: str, subject: str, says: str
) -> None:
    async with writing(tmp_path, watch, title="The Garden") as (place, mail_server):
        mail_server.open.set()
        await waiting(place, locale)
        answer = await run(place.app, "account approve", {"name": "bep_k"})
        assert answer == {"name": "bep_k", "state": "active", "letter": "sent"}
        got = await message(mail_server)
        assert got["Subject"] == subject
        text = got.get_content()
        assert says in text
        assert "bep_k" in text
        assert "http://home.example/login" in text.split()
        assert mail_server.emails.empty()


async def test_missing_mail_server_means_a_word_that_no_email_goes(place: Place) -> None:
    await waiting(place)
    answer = await run(place.app, "account approve", {"name": "bep_k"})
    assert answer["letter"] == "none: no mail server is set"


async def test_approval_holds_when_its_email_is_not_taken(tmp_path: Path, watch: Watch) -> None:
    async with writing(tmp_path, watch, smtp_port="1") as (place, _):
        bep = await waiting(place)
        answer = await run(place.app, "account approve", {"name": "bep_k"})
        assert answer["letter"] == "none was taken: see the log"
        assert await states_of(place, bep) == ("active", "active")


async def test_pending_account_is_not_let_in_by_being_frozen_for_a_while(place: Place) -> None:
    """Disabling and enabling of somebody who waits is no yes."""
    bep = await waiting(place)
    await run(place.app, "account disable", {"name": "bep_k"})
    with pytest.raises(CommandFailed, match="not waiting"):
        await run(place.app, "account approve", {"name": "bep_k"})
    answer = await run(place.app, "account enable", {"name": "bep_k"})
    assert answer == {"name": "bep_k", "state": "pending"}
    assert await states_of(place, bep) == ("pending", "pending")
    await run(place.app, "account approve", {"name": "bep_k"})
    await run(place.app, "account disable", {"name": "bep_k"})
    answer = await run(place.app, "account enable", {"name": "bep_k"})
    assert answer == {"name": "bep_k", "state": "active"}
    assert await states_of(place, bep) == ("active", "active")


async def test_pending_account_is_not_there_whatever_the_way_to_ask(place: Place) -> None:
    alice, bep = await place.person("alice"), await waiting(place)
    server = await place.database.read(actors.application)
    missing: list[tuple[str, dict[str, Any]]] = [
        ("/api/v1/accounts/lookup", {"acct": "bep_k"}),
        *((f"/api/v1/accounts/{bep.id}{below}", {}) for below in ("", "/statuses", "/followers")),
    ]
    for path, query in missing:
        assert await alice.ask("GET", path, params=query) == (404, {"error": "Record not found"})
    numbers = [("id[]", str(one)) for one in (bep.id, alice.id, server.id)]
    found = await alice.call("GET", "/api/v1/accounts", params=numbers)
    assert [one["id"] for one in found] == [alice.id]
    assert await alice.get("/api/v1/accounts/search", q="bep") == []
    assert (await alice.get("/api/v2/search", q="bep"))["accounts"] == []
    await run(place.app, "account approve", {"name": "bep_k"})
    found = await alice.call("GET", "/api/v1/accounts", params=numbers)
    assert [one["id"] for one in found] == [str(bep.id), alice.id]
