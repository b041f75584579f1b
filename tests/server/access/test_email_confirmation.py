"""Whose an address is: the letter that asks, its link, and what nobody learns (SECURITY 71)."""

import asyncio
import re
from collections.abc import AsyncIterator
from datetime import timedelta
from email import message_from_bytes
from email.policy import default
from pathlib import Path
from typing import Any

import pytest

from server.access import email_confirmation
from server.cli.commands import run
from server.http.app_keys import OUTSIDE, SETTINGS
from server.mail import smtp
from server.moderation import account_decisions, emails
from server.moderation.account_decisions import COMMAND_LINE, Verdict
from server.refusals import CannotDecide
from storage.access import accounts, confirmations, signup_blocks
from storage.access.accounts import Account
from storage.engine import ids
from storage.lifecycle import retention
from storage.people import actors, blocks
from tests.server.access.test_oauth import Browser, register
from tests.server.access.test_passwords import SOON, MailServer, writing
from tests.server.access.test_signup import OWN, posted, sign_up, state_of, tried
from tests.support.clock import Watch
from tests.support.servers import Place

Post = tuple[Place, MailServer]
LINK = re.compile(r"http://home\.example(/confirm\?token=\S+)")


@pytest.fixture
async def post(tmp_path: Path, watch: Watch) -> AsyncIterator[Post]:
    """A server that takes in anybody and sends letters, and its mail server."""
    async with writing(tmp_path / "home", watch, registrations="open") as (place, mail_server):
        mail_server.open.set()
        yield place, mail_server


async def arrived(mail_server: MailServer) -> tuple[str, str]:
    """The next letter: to whom, and what it says."""
    to, data = await asyncio.wait_for(mail_server.emails.get(), SOON)
    text = message_from_bytes(data, policy=default).get_content()
    return re.findall("<(.*)>", to)[0], text


async def send(place: Place) -> bool:
    """Write the letters of one occasion, if one is due."""
    given = (place.database, place.app[SETTINGS], place.app[OUTSIDE].clock)
    return await emails.send_next(*given)


async def written(post: Post) -> tuple[str, str]:
    """The letter of the occasion that is due."""
    place, mail_server = post
    assert await send(place)
    return await arrived(mail_server)


async def answered(place: Place, text: str) -> tuple[int, Browser]:
    """Open the link of a letter, and say yes."""
    (link,), browser = LINK.findall(text), Browser(place)
    assert await browser.ask("GET", link) == 200
    return await browser.ask("POST", "/confirm", browser.values("/confirm")), browser


async def account_of(place: Place, name: str) -> Account:
    actor = await place.database.read(actors.by_handle, name)
    assert actor is not None
    account = await place.database.read(accounts.by_actor, actor.id)
    assert account is not None
    return account


async def test_signup_is_complete_once_the_link_is_opened_and_answered(post: Post) -> None:
    place, _ = post
    status, browser = await sign_up(place)
    assert (status, "bep@post.example" in browser.text) == (200, True)
    assert await browser.ask("GET", "/settings") == 303
    assert await browser.log_in("bep_k") == 422
    assert "First open the link" in browser.text
    to, text = await written(post)
    assert to == "bep@post.example"
    (link,) = LINK.findall(text)
    assert await browser.ask("GET", link) == 200
    assert await state_of(place, "bep_k") == "pending"  # a reader of letters opens links, too
    status, browser = await answered(place, text)
    assert (status, "Welcome to" in browser.text) == (200, True)
    assert await browser.ask("GET", "/settings") == 303  # nobody is logged in by a link
    assert await browser.log_in("bep@post.example") == 303
    assert await Browser(place).ask("GET", link) == 410


async def test_approval_by_a_steward_is_asked_for_afterwards(tmp_path: Path, watch: Watch) -> None:
    async with writing(tmp_path / "home", watch, registrations="approval") as post:
        place, mail_server = post
        mail_server.open.set()
        await place.person("stella", role="steward")
        stella = Browser(place)
        assert await stella.log_in("stella") == 303
        await sign_up(place)
        assert await stella.ask("GET", "/desk") == 200
        assert "Nobody waits for an answer." in stella.text
        _, text = await written(post)
        status, browser = await answered(place, text)
        assert (status, "with the stewards" in browser.text) == (200, True)
        to, text = await written(post)
        assert (to, "@bep_k" in text) == ("stella@post.example", True)
        await stella.ask("GET", "/desk")
        assert "Nobody waits for an answer." not in stella.text
        assert "bep_k" in stella.text and "bep@post.example" in stella.text
        assert await browser.log_in("bep_k") == 422
        assert "waiting for a steward" in browser.text


async def test_answer_is_the_same_whoever_has_the_address_and_its_owner_hears_of_it(
    post: Post,
) -> None:
    """Answers by page and by client, at once and at every attempt to log in."""
    place, _ = post
    await place.person("ines")
    app = await register(place, "read write")
    _, own = await app.token(grant_type="client_credentials", scope="read write")
    headers = {"Authorization": f"Bearer {own['access_token']}"}
    seen = list[tuple[int, str]]()
    for number, email in enumerate(("INES@post.example", "nobody@post.example")):
        name = f"bep_{number}"
        seen += await tried(place, name, email)
        form: dict[str, Any] = {
            "username": f"jun_{number}",
            "email": email,
            "password": OWN,
            "agreement": True,
        }
        seen.append((await posted(place, form, headers), ""))
    half = len(seen) // 2
    assert seen[:half] == seen[half:]
    emails = [await written(post) for _ in range(4)]
    assert [to for to, _ in emails] == ["ines@post.example"] * 2 + ["nobody@post.example"] * 2
    assert all("@ines@home.example" in text and not LINK.search(text) for _, text in emails[:2])
    assert await Browser(place).log_in("ines@post.example") == 303


async def test_address_that_nobody_confirmed_is_kept_from_nobody(post: Post) -> None:
    place, _ = post
    await sign_up(place, username="mallory")
    await sign_up(place, username="bep_k")
    (_, hers), (_, his) = await written(post), await written(post)
    assert (await answered(place, his))[0] == 200
    assert (await account_of(place, "bep_k")).email == "bep@post.example"
    (link,) = LINK.findall(hers)
    token = link.partition("=")[2]
    assert await place.database.write(email_confirmation.confirm, token) is None
    assert await state_of(place, "mallory") == "pending"


async def test_token_is_good_for_nothing_until_then(post: Post) -> None:
    place, _ = post
    app = await register(place, "read write")
    _, own = await app.token(grant_type="client_credentials", scope="read write")
    headers = {"Authorization": f"Bearer {own['access_token']}"}
    form = {"username": "bep_k", "email": "bep@post.example", "password": OWN, "agreement": True}
    async with place.client.post("/api/v1/accounts", json=form, headers=headers) as answer:
        made = await answer.json()
    bearer = {"Authorization": f"Bearer {made['access_token']}"}
    async with place.client.get("/api/v1/preferences", headers=bearer) as answer:
        assert answer.status == 403
        assert "missing a confirmed e-mail address" in (await answer.json())["error"]
    ada = await place.person("ada", role="admin", scopes="admin:read")
    (shown,) = await ada.get("/api/v1/admin/accounts", username="bep_k")
    assert (shown["email"], shown["confirmed"]) == ("bep@post.example", False)
    assert (await answered(place, (await written(post))[1]))[0] == 200
    async with place.client.get("/api/v1/preferences", headers=bearer) as answer:
        assert answer.status == 200
    (shown,) = await ada.get("/api/v1/admin/accounts", username="bep_k")
    assert (shown["email"], shown["confirmed"]) == ("bep@post.example", True)


async def test_second_email_goes_to_who_knows_the_password_and_not_at_once(
    post: Post, watch: Watch
) -> None:
    place, mail_server = post
    await sign_up(place)
    _, first = await written(post)
    browser = Browser(place)
    await browser.log_in("bep_k")
    assert not await send(place)
    watch.advance(email_confirmation.PAUSE)
    await browser.log_in("bep_k", "not the password")
    assert not await send(place)
    await browser.log_in("bep_k")
    _, second = await written(post)
    assert await Browser(place).ask("GET", LINK.findall(first)[0]) == 410
    assert (await answered(place, second))[0] == 200
    assert mail_server.emails.empty()


async def test_unconfirmed_account_is_forgotten_after_three_days_and_its_name_is_free(
    post: Post, watch: Watch
) -> None:
    place, _ = post
    await sign_up(place)
    _, text = await written(post)
    watch.advance(confirmations.LASTS - timedelta(seconds=1))
    await place.database.write(retention.forget)
    assert await state_of(place, "bep_k") == "pending"
    watch.advance(timedelta(seconds=1))
    assert await Browser(place).ask("GET", LINK.findall(text)[0]) == 410
    assert await place.database.write(retention.forget) > 0
    assert await state_of(place, "bep_k") is None
    assert await place.database.read(actors.by_handle, "bep_k") is None
    assert (await sign_up(place))[0] == 200


async def test_moderator_may_vouch_for_an_address(post: Post) -> None:
    place, _ = post
    await sign_up(place)
    await run(place.app, "account approve", {"name": "bep_k"})
    account = await account_of(place, "bep_k")
    assert (account.email, account.state) == ("bep@post.example", "active")
    assert not account.unconfirmed
    assert await Browser(place).log_in("bep@post.example") == 303


async def test_steward_may_help_where_no_email_arrives(post: Post) -> None:
    place, _ = post
    await place.person("stella", role="steward")
    stella = Browser(place)
    await stella.log_in("stella")
    await sign_up(place, reason="")
    await written(post)
    await stella.ask("GET", "/desk")
    assert "Who has not opened our letter yet" in stella.text
    assert "bep@post.example" in stella.text and "unconfirmed" not in stella.text
    form = stella.values("/desk/newcomers") | {"do": "welcome"}
    assert await stella.ask("POST", "/desk/newcomers", form) == 303
    to, text = await written(post)
    assert (to, "The stewards let you in." in text) == ("bep@post.example", True)
    assert await Browser(place).log_in("bep_k") == 303


async def test_link_lets_nobody_in_who_was_turned_away(post: Post) -> None:
    place, _ = post
    await sign_up(place)
    _, text = await written(post)
    await run(place.app, "account disable", {"name": "bep_k"})
    token = LINK.findall(text)[0].partition("=")[2]
    assert await place.database.write(email_confirmation.confirm, token) is None
    assert await state_of(place, "bep_k") == "disabled"


async def test_link_is_kept_as_its_hash_only(post: Post) -> None:
    """SECURITY 66."""
    place, _ = post
    await sign_up(place)
    _, text = await written(post)
    token = LINK.findall(text)[0].partition("=")[2]
    held = b"".join(path.read_bytes() for path in place.app_folder.glob("kith.sqlite3*"))
    assert token.encode() not in held
    assert await place.database.read(confirmations.by_secret, token)
    assert not await place.database.read(confirmations.by_secret, ids.secret())


# ---- what must not come of it ----


async def test_emails_to_one_mailbox_are_few_however_it_is_written(
    post: Post, watch: Watch
) -> None:
    """SECURITY 72: neither by logging in again and again, nor by many names."""
    place, mail_server = post
    await place.person("ines")
    for number in range(8):
        await sign_up(place, username=f"bep_{number}", email=f"I.nes+{number}@post.example")
    while await send(place):
        pass
    assert mail_server.emails.qsize() == email_confirmation.MOST_A_DAY
    await sign_up(place, username="jun", email="jun@post.example")
    for _ in range(10):
        while await send(place):
            pass
        watch.advance(email_confirmation.PAUSE)
        await Browser(place).log_in("jun")
    assert mail_server.emails.qsize() == email_confirmation.MOST_A_DAY + email_confirmation.MOST
    watch.advance(confirmations.DAY)
    await Browser(place).log_in("bep_7")
    assert await send(place)
    assert mail_server.emails.qsize() == email_confirmation.MOST_A_DAY + email_confirmation.MOST + 1


@pytest.mark.parametrize(
    "email",
    [
        "=?utf-8?q?=0d=0aSubject=3aX=0d=0a=0d=0aPay_me?=@evil.example",
        "=?utf-8?q?x=0d=0aBcc=3a_y=40evil.example?=@evil.example",
        "u@[.|",
        "u@[127.0.0.1]",
        "u@127.0.0.1",
        "u@-x.example",
        "u@x..example",
        "ü@post.example",
        "u@post.exämple",
    ],
)
async def test_emails_go_to_plain_addresses_only(post: Post, email: str) -> None:
    """SECURITY 56: the library decodes what is encoded, with its line breaks."""
    place, mail_server = post
    status, browser = await sign_up(place, email=email)
    assert (status, "looks like" in browser.text) == (422, True)
    assert not await send(place)
    if "=?" in email or "[." in email:  # of somebody who came here before
        settings, clock = place.app[SETTINGS], place.app[OUTSIDE].clock
        assert not await smtp.send(settings, clock, email, "Hello", "Text")
    assert mail_server.emails.empty()


async def test_stewards_prohibition_meanwhile_is_heeded(post: Post) -> None:
    place, mail_server = post
    for name in ("bep_k", "jun"):
        await sign_up(place, username=name, email=f"{name}@post.example")
    tokens = [LINK.findall((await written(post))[1])[0].partition("=")[2] for _ in range(2)]
    await place.database.write(lambda w: signup_blocks.block_name(w, "jun", exact=True))
    assert await place.database.write(email_confirmation.confirm, tokens[1]) is None
    await place.database.write(lambda w: signup_blocks.block_email(w, domain="post.example"))
    assert await place.database.write(email_confirmation.confirm, tokens[0]) is None
    await sign_up(place, username="ada", email="ada@other.example")
    await place.database.write(lambda w: signup_blocks.block_email(w, domain="other.example"))
    assert await send(place)
    assert mail_server.emails.empty()


async def test_unconfirmed_account_is_unknown_to_other_servers_and_can_be_forgotten(
    post: Post, watch: Watch
) -> None:
    """Whatever is said about them by URI; nothing that names them stops what is forgotten."""
    place, _ = post
    await sign_up(place)
    bep = (await account_of(place, "bep_k")).actor
    for find in (actors.by_uri, actors.our_number, actors.effective_state_of):
        assert await place.database.read(find, f"http://home.example/actors/{bep}") is None
    uris = [f"http://home.example/actors/{bep}"]
    assert await place.database.read(actors.ids_by_uri, uris) == {}
    ines = await place.person("ines")
    await place.database.write(lambda w: blocks.add(w, "u:1", ines.actor.id, bep))
    watch.advance(confirmations.LASTS)
    assert await place.database.write(retention.forget) > 0
    assert await place.database.write(retention.forget) == 0
    left = await place.database.read(actors.by_id, bep)
    assert left is not None
    assert left.effective_state == "deleted"
    assert await place.database.read(accounts.by_actor, bep) is None


async def test_decisions_are_not_about_who_is_not_in(post: Post) -> None:
    place, _ = post
    await sign_up(place)
    bep = (await account_of(place, "bep_k")).actor
    await run(place.app, "account disable", {"name": "bep_k"})
    verdict = Verdict(action="silence", text="")
    with pytest.raises(CannotDecide):
        await place.database.write(account_decisions.decide, COMMAND_LINE, bep, verdict)
    await place.database.write(account_decisions.enable, COMMAND_LINE, bep)
    assert await state_of(place, "bep_k") == "pending"
    await place.database.write(account_decisions.reject, COMMAND_LINE, bep)
    assert await state_of(place, "bep_k") is None


async def test_invitation_that_nobody_came_by_is_good_again(tmp_path: Path, watch: Watch) -> None:
    async with writing(tmp_path / "home", watch, registrations="invitation") as post:
        place, mail_server = post
        mail_server.open.set()
        code = (await run(place.app, "invite", {"uses": 1, "days": 7}))["code"]
        assert (await sign_up(place, invite_code=code))[0] == 200
        assert (await sign_up(place, invite_code=code, username="jun"))[0] == 422
        watch.advance(confirmations.LASTS)
        await place.database.write(retention.forget)
        assert (await sign_up(place, invite_code=code, username="jun"))[0] == 200
