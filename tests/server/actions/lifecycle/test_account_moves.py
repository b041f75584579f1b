"""The page for moving and leaving: what it takes, what it refuses, and what it says."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from storage.access import accounts
from tests.support.clock import Watch
from tests.support.internet import Internet
from tests.support.servers import PASSWORD, Place, serving, settle
from tests.support.tabs import Tab

Two = tuple[Place, Place]
PAGE = "/settings/leaving"


@pytest.fixture
async def two(tmp_path: Path, watch: Watch) -> AsyncIterator[Two]:
    internet = Internet()
    async with AsyncExitStack() as stack:
        home, away = [
            await stack.enter_async_context(
                serving(tmp_path / name, f"{name}.example", internet, watch)
            )
            for name in ("home", "away")
        ]
        yield home, away


async def test_move_by_the_pages_of_both_servers(two: Two) -> None:
    home, away = two
    old, new = await home.person("alice"), await away.person("alicia")
    site, there = await Tab.of(old), await Tab.of(new)
    await site.open(PAGE)
    status, text = await site.sent(f"{PAGE}/move", handle=new.handle, password=PASSWORD)
    assert (status, "does not name this account yet" in text) == (422, True)
    await there.open(PAGE)
    assert await there.send(f"{PAGE}/alias", handle="@alice@home.example") == 303
    assert "@alice@home.example" in await there.open(PAGE)
    assert await site.send(f"{PAGE}/move", handle=new.handle, password="wrong") == 422
    assert await site.send(f"{PAGE}/move", handle=new.handle, password=PASSWORD) == 303
    assert "Your page leads to" in await site.open(PAGE)
    account = await old.get("/api/v1/accounts/lookup", acct="alice")
    assert account["moved"]["acct"] == "alicia@away.example"
    assert await site.send(f"{PAGE}/back") == 303
    assert "moved" not in await old.get("/api/v1/accounts/lookup", acct="alice")
    assert await there.send(f"{PAGE}/unalias", uri=old.actor.uri) == 303
    assert "@alice@home.example" not in await there.open(PAGE)


@pytest.mark.parametrize(
    ("handle", "sentence"),
    [
        ("!!!", "That is no handle."),
        ("nonsense", "We could not find"),
        ("@nobody@away.example", "We could not find"),
        ("@alice@home.example", "That is this account."),
        ("", "That is no handle."),
    ],
)
async def test_wrong_handle_gets_a_sentence(two: Two, handle: str, sentence: str) -> None:
    tab = await Tab.of(await two[0].person("alice"))
    await tab.open(PAGE)
    for act, more in (("alias", {}), ("move", {"password": PASSWORD})):
        status, text = await tab.sent(f"{PAGE}/{act}", handle=handle, **more)
        assert (status, sentence in text) == (422, True), act


async def test_leaving_needs_the_name_and_the_password(two: Two) -> None:
    home, away = two
    await home.person("ada", role="admin")
    alice, rose = await home.person("alice"), await away.person("rose")
    await rose.follow(alice)
    await settle(home, away)
    await alice.say("Still here.")
    await settle(home, away)
    assert len(await rose.home()) == 1
    tab = await Tab.of(alice)
    await tab.open(PAGE)
    for name, password in (("", PASSWORD), ("bob", PASSWORD), ("alice", ""), ("alice", "wrong")):
        assert await tab.send(f"{PAGE}/delete", name=name, password=password) == 422
    status, text = await tab.sent(f"{PAGE}/delete", name="@Alice", password=PASSWORD)
    assert (status, "Your account is gone" in text) == (200, True)
    assert (await alice.ask("GET", "/api/v1/timelines/home"))[0] == 401
    async with home.client.get(PAGE, headers=tab.cookie, allow_redirects=False) as answer:
        assert answer.status == 303
    async with home.client.get("/@alice", headers={"Accept": "text/html"}) as answer:
        assert answer.status == 410
    await settle(home, away)
    assert await rose.home() == []


async def test_last_admin_stays(two: Two) -> None:
    home, _ = two
    ada = await home.person("ada", role="admin")
    tab = await Tab.of(ada)
    await tab.open(PAGE)
    status, text = await tab.sent(f"{PAGE}/delete", name="ada", password=PASSWORD)
    assert (status, "only admin here" in text) == (422, True)
    await home.person("marta", role="admin")
    assert await tab.send(f"{PAGE}/delete", name="ada", password=PASSWORD) == 200
    found = await home.database.read(accounts.by_actor, ada.actor.id)
    assert found and found.state == "deleted" and "@invalid" in found.email
