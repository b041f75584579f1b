"""Who cannot sign up, or come near: names, addresses, providers, networks (SECURITY 85)."""

from pathlib import Path
from typing import Any

import pytest

from storage.access import accounts, signup_blocks
from storage.access.signup_blocks import NetworkBlock, Severity
from storage.engine.transaction import Writer
from tests.support.clock import Watch
from tests.support.internet import Internet
from tests.support.servers import ALL, PASSWORD, Person, Place, give_token, serving

ADMIN = "/api/v1/admin"


@pytest.fixture
async def ada(place: Place) -> Person:
    return await place.person("ada", role="admin", scopes=f"{ALL} admin:read admin:write")


async def sign_up(place: Place, name: str, email: str) -> tuple[int, Any]:
    token = await place.database.write(give_token, None, ALL)
    given = {
        "username": name,
        "email": email,
        "password": PASSWORD,
        "agreement": "true",
        "reason": "To garden.",
    }
    headers = {"Authorization": f"Bearer {token}"}
    async with place.client.post("/api/v1/accounts", json=given, headers=headers) as answer:
        return answer.status, await answer.json()


async def test_provider_and_what_is_below_it(place: Place, ada: Person) -> None:
    made = await ada.post(f"{ADMIN}/email_domain_blocks", domain="Throwaway.example")
    for email in ("a@throwaway.example", "a@mx.THROWAWAY.example"):
        status, body = await sign_up(place, "bep", email)
        assert status == 422
        assert body["details"]["email"][0]["error"] == "ERR_BLOCKED"
    status, _ = await ada.ask(
        "POST", f"{ADMIN}/email_domain_blocks", json={"domain": "throwaway.example"}
    )
    assert status == 422
    assert [one["id"] for one in await ada.get(f"{ADMIN}/email_domain_blocks")] == [made["id"]]
    assert await ada.get(f"{ADMIN}/canonical_email_blocks") == []
    await ada.call("DELETE", f"{ADMIN}/email_domain_blocks/{made['id']}")
    assert (await sign_up(place, "bep", "a@throwaway.example"))[0] == 200


async def test_blocked_address_is_known_however_it_is_written(place: Place, ada: Person) -> None:
    made = await ada.post(f"{ADMIN}/canonical_email_blocks", email="be.p@post.example")
    status, body = await sign_up(place, "bep", "B.E.P+garden@post.example")
    assert (status, body["details"]["email"][0]["error"]) == (422, "ERR_BLOCKED")
    hash_ = made["canonical_email_hash"]
    status, _ = await ada.ask(
        "POST", f"{ADMIN}/canonical_email_blocks", json={"canonical_email_hash": hash_}
    )
    assert status == 422
    assert await ada.post(f"{ADMIN}/canonical_email_blocks/test", email="bep@post.example") == [
        made
    ]


async def test_name_and_what_holds_it(place: Place) -> None:
    await place.database.write(_block_names)
    for name, expected in (("spam", 422), ("s_p_a_m", 422), ("spammer7", 422), ("ham", 422)):
        status, body = await sign_up(place, name, f"{name}@post.example")
        assert status == expected, name
        assert body["details"]["username"][0]["error"] == "ERR_BLOCKED"
    assert (await sign_up(place, "hamlet", "hamlet@post.example"))[0] == 200


def _block_names(writer: Writer) -> None:
    signup_blocks.block_name(writer, "Spam", exact=False)
    signup_blocks.block_name(writer, "ham", exact=True)


async def keep_out(place: Place, severity: Severity, network: str = "127.0.0.0/8") -> None:
    def unit(writer: Writer) -> None:
        block = NetworkBlock(writer.new_id(), network, severity, "", writer.now, None)
        signup_blocks.put_network(writer, block)

    await place.database.write(unit)


async def test_network_that_is_looked_at_first(tmp_path: Path, watch: Watch) -> None:
    async with serving(
        tmp_path / "open", "open.example", Internet(), watch, registrations="open"
    ) as place:
        assert await state_of(place, "ana") == "active"
        await keep_out(place, "sign_up_requires_approval")
        assert await state_of(place, "bep") == "pending"


async def state_of(place: Place, name: str) -> str:
    """State of an account that is made now."""
    assert (await sign_up(place, name, f"{name}@post.example"))[0] == 200
    account = await place.database.read(accounts.by_login, name)
    assert account is not None
    return account.state


async def test_network_from_which_nobody_signs_up(place: Place, ada: Person) -> None:
    await keep_out(place, "sign_up_block")
    assert (await sign_up(place, "bep", "bep@post.example"))[0] == 403
    await ada.get("/api/v1/timelines/home")


async def test_network_that_is_kept_out_altogether(place: Place, ada: Person) -> None:
    await ada.get("/api/v1/timelines/home")
    await keep_out(place, "no_access", "192.0.2.0/24")
    await ada.get("/api/v1/timelines/home")
    await keep_out(place, "no_access")
    for path in ("/api/v1/timelines/home", "/", "/inbox", "/api/v2/instance"):
        method = "POST" if path == "/inbox" else "GET"
        async with place.client.request(method, path) as answer:
            assert answer.status == 403, path


async def test_networks_are_listed_changed_and_let_in(place: Place, ada: Person) -> None:
    path = f"{ADMIN}/ip_blocks"
    made = await ada.post(path, ip="192.0.2.77/24", severity="sign_up_block", expires_in=60)
    assert (made["ip"], made["severity"]) == ("192.0.2.0/24", "sign_up_block")
    assert made["expires_at"] == "2026-11-24T08:01:00.000Z"
    for wrong in (
        {"ip": "127.0.0.1", "severity": "no_access"},
        {"ip": "home", "severity": "no_access"},
        {"ip": "192.0.2.0/24", "severity": "no_access"},
        {"ip": "198.51.100.1", "severity": "hate"},
    ):
        status, _ = await ada.ask("POST", path, json=wrong)
        assert status == 422, wrong
    changed = await ada.call("PUT", f"{path}/{made['id']}", json={"comment": "Bots."})
    assert changed == made | {"comment": "Bots."}
    assert await ada.get(path) == [changed]
    await ada.call("DELETE", f"{path}/{made['id']}")
    assert await ada.get(path) == []
