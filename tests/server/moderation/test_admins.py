"""What only admins may do: by their token's scope, and by who they are when they call."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from aiohttp import DummyCookieJar, web
from aiohttp.test_utils import TestClient, TestServer

from server.app import build_app
from server.cli.commands import run
from server.cli.control_socket import CommandFailed
from server.http import guard
from server.http.guard import Access, Route
from server.http.responses import answer
from server.routes import add_routes
from server.settings.outside import Outside
from storage.access import accounts, oauth
from storage.access.accounts import Role
from tests.support.clock import Watch
from tests.support.internet import Internet
from tests.support.servers import Person, Place, give_token, settings_for

HOST = "home.example"
PATH = "/api/v1/admin/rooms"


async def room(request: web.Request) -> web.Response:
    return answer({"by": guard.current_user(request).me.name})


ROOMS = [
    guard.get(PATH, room, Access.ADMIN, "admin:read", "admin:read:accounts"),
    guard.post(PATH, room, Access.ADMIN, "admin:write:accounts"),
]


@asynccontextmanager
async def with_rooms(folder: Path, watch: Watch) -> AsyncIterator[Place]:
    """A whole server with two routes more, for admins."""
    outside = Outside(clock=watch, resolver=Internet())
    app = build_app(settings_for(folder, HOST), outside, background=False)
    add_routes(app, ROOMS)
    server = TestServer(app, host="127.0.0.1")
    client = TestClient(server, cookie_jar=DummyCookieJar(), headers={"Host": HOST})
    async with client:
        yield Place(HOST, app, client)


async def bearing(place: Place, somebody: Person, scopes: str) -> Person:
    token = await place.database.write(give_token, somebody.actor.id, scopes)
    return Person(place, somebody.actor, token)


async def test_admins_door_opens_to_an_admins_token_of_an_admin(
    tmp_path: Path, watch: Watch
) -> None:
    async with with_rooms(tmp_path, watch) as place:
        marta = await place.person("marta", role="admin", scopes="admin:read")
        assert await marta.ask("GET", PATH) == (200, {"by": "marta"})
        assert await marta.ask("GET", f"{PATH}/") == (200, {"by": "marta"})
        outside = {"error": "This action is outside the authorized scopes"}
        assert await marta.ask("POST", PATH) == (403, outside)
        for scopes in ("read write follow push", "read", "write", "admin:write"):
            narrow = await bearing(place, marta, scopes)
            assert await narrow.ask("GET", PATH) == (403, outside), scopes
        both = await bearing(place, marta, "admin:read admin:write")
        assert await both.ask("POST", PATH) == (200, {"by": "marta"})
        async with place.client.get(PATH) as closed:
            assert closed.status == 401
        nobodys = await place.database.write(give_token, None, "admin:read admin:write")
        assert (await Person(place, marta.actor, nobodys).ask("GET", PATH))[0] == 422


@pytest.mark.parametrize("role", ["member", "steward"])
async def test_admin_token_is_no_use_to_anybody_else(
    tmp_path: Path, watch: Watch, role: Role
) -> None:
    async with with_rooms(tmp_path, watch) as place:
        bob = await place.person("bob", role=role, scopes="admin:read admin:write")
        for method in ("GET", "POST"):
            refused = (403, {"error": "This action is not allowed"})
            assert await bob.ask(method, PATH) == refused


async def test_former_admin_is_out_at_the_next_call(tmp_path: Path, watch: Watch) -> None:
    async with with_rooms(tmp_path, watch) as place:
        marta = await place.person("marta", role="admin", scopes="read admin:read")
        assert (await marta.ask("GET", PATH))[0] == 200
        await run(place.app, "account role", {"name": "marta", "role": "steward"})
        assert (await marta.ask("GET", PATH))[0] == 403
        assert (await marta.ask("GET", "/api/v1/preferences"))[0] == 200
        await run(place.app, "account role", {"name": "marta", "role": "admin"})
        assert (await marta.ask("GET", PATH))[0] == 200


@pytest.mark.parametrize(
    ("access", "scopes"),
    [
        (Access.MEMBER, ("admin:read",)),
        (Access.PUBLIC, ("read:accounts", "admin:read:accounts")),
        (Access.ADMIN, ("read",)),
        (Access.ADMIN, ("read:accounts", "admin:read:accounts")),
        (Access.ADMIN, ()),
    ],
)
def test_admin_routes_are_declared_whole(access: Access, scopes: tuple[str, ...]) -> None:
    with pytest.raises(ValueError, match="need each other"):
        Route(method="GET", path=PATH, handler=room, access=access, scopes=scopes)


async def test_script_gets_an_admins_token_for_an_admin_only(place: Place) -> None:
    bob, marta = await place.person("bob"), await place.person("marta", role="admin")
    for scopes in ("admin:read", "read admin:write"):
        with pytest.raises(CommandFailed, match="“bob” is none"):
            await run(place.app, "token create", {"name": "bob", "scopes": scopes})
        made = await run(place.app, "token create", {"name": "marta", "scopes": scopes})
        assert made["scope"] == scopes
    assert len(await place.database.read(oauth.tokens_of, bob.actor.id)) == 1
    assert len(await place.database.read(oauth.tokens_of, marta.actor.id)) == 3
    account = await place.database.read(accounts.by_actor, bob.actor.id)
    assert account
    assert account.role == "member"
