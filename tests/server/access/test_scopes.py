"""What a token may do is never more than its app, its member and its kind may (SECURITY 67)."""

from itertools import product
from typing import Any

import pytest

from server.access import scopes
from tests.server.access.test_oauth import register, visitor
from tests.support.servers import Place, give_token

FOLLOW = {"follows", "blocks", "mutes"}


def may(granted: str, needed: str) -> bool:
    """What clients expect, said once more and otherwise than the server says it."""
    if needed.startswith("admin:"):
        return granted in {needed, ":".join(needed.split(":")[:2])}
    verb, _, kind = needed.partition(":")
    return granted == needed or (
        bool(kind) and (granted == verb or (granted == "follow" and kind in FOLLOW))
    )


def test_scope_covers_itself_and_what_lies_below_it_only() -> None:
    cells = 0
    for granted, needed in product(scopes.SUPPORTED, repeat=2):
        assert scopes.within([needed], [granted]) is may(granted, needed), (granted, needed)
        cells += 1
    print(f"{cells} cells: granted x needed")


@pytest.mark.parametrize(
    ("registered", "wanted"),
    [
        ("read", "write"),
        ("read:statuses", "read"),
        ("read:statuses", "read:accounts"),
        ("read write", "follow"),
        ("follow", "write:statuses"),
        ("write", "admin:write"),
        ("read", "read:nothing"),
    ],
)
async def test_token_has_no_more_than_its_app_registered_for(
    place: Place, registered: str, wanted: str
) -> None:
    app, browser = await register(place, registered), await visitor(place)
    status, body = await app.token(grant_type="client_credentials", scope=wanted)
    assert (status, body["error"]) == (400, "invalid_scope")
    path = f"/oauth/authorize?response_type=code&client_id={app.client_id}&scope={wanted}"
    assert await browser.ask("GET", f"{path}&redirect_uri=lantern://callback") == 302
    assert "error=invalid_scope" in browser.headers["Location"]


@pytest.mark.parametrize("wrong", ["everything", "read:nothing", "admin:read:nothing", "READ"])
async def test_app_cannot_register_for_what_is_not_there(place: Place, wrong: str) -> None:
    params = {"client_name": "Lantern", "redirect_uris": "lantern://callback", "scopes": wrong}
    async with place.client.post("/api/v1/apps", json=params) as answer:
        assert answer.status == 422


async def test_app_by_itself_does_no_admins_work(place: Place) -> None:
    app = await register(place, "read write admin:read admin:write")
    for wanted in ("admin:read", "read admin:write"):
        status, body = await app.token(grant_type="client_credentials", scope=wanted)
        assert (status, body["error"]) == (400, "invalid_scope")


WISH: dict[str, Any] = {
    "username": "bep_k",
    "email": "bep@post.example",
    "password": "a short sentence to remember",
    "agreement": True,
    "reason": "Leeks.",
}


async def sign_up(place: Place, token: str) -> tuple[int, dict[str, Any]]:
    headers = {"Authorization": f"Bearer {token}"}
    async with place.client.post("/api/v1/accounts", json=WISH, headers=headers) as answer:
        return answer.status, await answer.json()


async def test_newcomers_token_is_no_admins(place: Place) -> None:
    """Newcomers get none even by an app that has such a token from elsewhere."""
    token = await place.database.write(give_token, None, "read write admin:write")
    status, made = await sign_up(place, token)
    assert (status, made["scope"]) == (200, "read write")


async def test_members_token_signs_nobody_up(place: Place) -> None:
    marta = await place.person("marta", role="admin", scopes="read write admin:write")
    status, body = await sign_up(place, marta.token)
    assert (status, body) == (403, {"error": "This action is not allowed"})
