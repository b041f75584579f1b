"""Sweeps generated from the route table (SECURITY 39, 67, 69, 72, 74, 76)."""

import re
from io import BytesIO
from itertools import product
from typing import Any

import pytest

from server.access import scopes
from server.http.guard import API, PAGES, Access, Route
from server.routes import ROUTES
from storage.access import accounts
from storage.people import actors
from tests.server.api.test_media_attachments import sent
from tests.support.servers import Person, Place, give_token

BY_NAME = {f"{route.method} {route.path}": route for route in ROUTES}
SINGLE_SCOPES = sorted(scopes.without_admins(scopes.KNOWN))

# Whoever adds to this list opens a door to everybody.
OPEN_TO_EVERYBODY = """
GET /
GET /.well-known/change-password
GET /.well-known/host-meta
GET /.well-known/nodeinfo
GET /.well-known/oauth-authorization-server
GET /.well-known/webfinger
GET /@{name}
GET /@{name}/{id:[0-9]{1,18}}
GET /about
GET /activities/{id:[0-9]{1,19}}
GET /actor
GET /actors/{id:[0-9]{1,19}}
GET /actors/{id:[0-9]{1,19}}/featured
GET /actors/{id:[0-9]{1,19}}/outbox
GET /actors/{id:[0-9]{1,19}}/outbox/page/{below:[0-9]{1,19}}
GET /actors/{id:[0-9]{1,19}}/{which:followers|following}
GET /api/v1/accounts
GET /api/v1/accounts/lookup
GET /api/v1/accounts/{id}
GET /api/v1/accounts/{id}/endorsements
GET /api/v1/accounts/{id}/featured_tags
GET /api/v1/accounts/{id}/followers
GET /api/v1/accounts/{id}/following
GET /api/v1/accounts/{id}/statuses
GET /api/v1/custom_emojis
GET /api/v1/directory
GET /api/v1/instance
GET /api/v1/instance/extended_description
GET /api/v1/instance/rules
GET /api/v1/instance/translation_languages
GET /api/v1/polls/{id}
GET /api/v1/statuses
GET /api/v1/statuses/{id}
GET /api/v1/statuses/{id}/context
GET /api/v1/statuses/{id}/favourited_by
GET /api/v1/statuses/{id}/history
GET /api/v1/statuses/{id}/reblogged_by
GET /api/v1/tags/{name}
GET /api/v1/timelines/public
GET /api/v1/timelines/tag/{hashtag}
GET /api/v1/trends
GET /api/v1/trends/links
GET /api/v1/trends/statuses
GET /api/v1/trends/tags
GET /api/v2/instance
GET /api/v2/search
GET /approvals/{id:[0-9]{1,19}}
GET /confirm
GET /emojis/{id:[0-9]{1,19}}
GET /favicon.ico
GET /health
GET /login
GET /login/passkey
GET /login/second
GET /media/private/{name}
GET /media/proxy/{kind:[a-z]+}/{id:[0-9]{1,19}}
GET /media/{name}
GET /nodeinfo/{version:2\\.[01]}
GET /oauth/authorize
GET /posts/{id:[0-9]{1,19}}
GET /posts/{id:[0-9]{1,19}}/replies
GET /reset
GET /reset/new
GET /robots.txt
GET /signup
GET /static/{path:.+}
GET /tags/{name}
POST /actor/inbox
POST /actors/{id:[0-9]{1,19}}/inbox
POST /api/v1/apps
POST /confirm
POST /inbox
POST /login
POST /login/passkey
POST /login/second
POST /oauth/revoke
POST /oauth/token
POST /reset
POST /reset/new
POST /signup
""".split("\n")[1:-1]


def address(route: Route) -> str:
    """An address of the route, about nothing that there is."""
    filled = re.sub(r"\{version:[^}]*\}", "2.0", route.path)
    filled = re.sub(r"\{(\w+):followers\|following\}", "followers", filled)
    filled = re.sub(r"\{(id|below)(:\[0-9\]\{1,1[89]\})?\}", "999", filled)
    return re.sub(r"\{(\w+)(:[^{}]*(\{[^}]*\})?[^{}]*)?\}", "nothing", filled)


async def status_of(place: Place, route: Route, **given: object) -> int:
    async with place.client.request(
        route.method,
        address(route),
        allow_redirects=False,
        **given,  # type: ignore[arg-type]
    ) as answer:
        await answer.read()
        return answer.status


def bearing(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def test_list_of_open_doors_is_the_one_we_know() -> None:
    closed = (Access.APP, Access.MEMBER, Access.ADMIN, Access.LOGGED_IN, Access.STEWARD)
    there = sorted(name for name, route in BY_NAME.items() if route.access not in closed)
    assert there == sorted(OPEN_TO_EVERYBODY)


async def test_handlers_outside_of_the_table_cannot_be_called(place: Place) -> None:
    known = {(route.method, route.path) for route in ROUTES}
    known |= {(method, f"{path}/") for method, path in known}
    for route in place.app.router.routes():
        if route.method == "HEAD":
            continue
        where = route.resource.canonical if route.resource else ""
        declared = {
            (method, re.sub(r":[^{}]*(\{[^}]*\})?[^{}]*\}", "}", path)) for method, path in known
        }
        assert (route.method, where) in declared, where


async def test_closed_doors_stay_closed_without_a_token(place: Place) -> None:
    cells = 0
    for route in ROUTES:
        if route.access in {Access.APP, Access.MEMBER, Access.ADMIN}:
            assert await status_of(place, route) == 401, route.path
            cells += 1
        if route.access in {Access.LOGGED_IN, Access.STEWARD}:
            assert await status_of(place, route) in {303, 403}, route.path
            cells += 1
    print(f"{cells} closed doors tried")


async def test_wrong_token_opens_nothing(place: Place) -> None:
    for route in ROUTES:
        if route.access in API:
            assert await status_of(place, route, headers=bearing("wrong")) == 401, route.path


def opens(scope: str, needed: str) -> bool:
    """What clients expect, said once more and otherwise than the server says it."""
    verb, _, kind = needed.partition(":")
    return scope in {needed, verb} or (scope == "follow" and kind in {"follows", "blocks", "mutes"})


async def test_scopes_open_their_own_doors_and_no_others(place: Place) -> None:
    alice = await place.person("alice")
    tokens = {
        scope: await place.database.write(give_token, alice.actor.id, scope)
        for scope in SINGLE_SCOPES
    }
    guarded = [route for route in ROUTES if route.access in API and route.scopes]
    for route, (scope, token) in product(guarded, tokens.items()):
        async with place.client.request(
            route.method, address(route), headers=bearing(token)
        ) as answer:
            said = await answer.text()
            refused = answer.status == 403 and "outside the authorized scopes" in said
        allowed = any(opens(scope, needed) for needed in route.scopes)
        assert refused is not allowed, (route.path, scope, answer.status)
    print(f"{len(guarded) * len(tokens)} cells: route x scope")


async def test_app_without_a_member_is_nobody(place: Place) -> None:
    token = await place.database.write(give_token, None, "read write follow push profile")
    for route in ROUTES:
        if route.access in {Access.MEMBER, Access.ADMIN}:
            assert await status_of(place, route, headers=bearing(token)) == 422, route.path


@pytest.mark.parametrize("state", ["pending", "disabled", "suspended"])
async def test_unwelcome_account_has_nobodys_rights(place: Place, state: Any) -> None:
    alice = await place.person("alice")
    if state == "suspended":
        await place.database.write(actors.set_moderation_state, alice.actor.id, "suspended")
    else:
        await place.database.write(accounts.set_state, alice.actor.id, state)
    tried = 0
    for route in ROUTES:
        if route.access in API:
            status = await status_of(place, route, headers=bearing(alice.token))
            assert status == 403, (route.path, status)
            tried += 1
    print(f"{tried} doors tried by somebody {state}")


async def test_body_that_is_too_large_is_refused_before_it_is_read(place: Place) -> None:
    alice = await place.person("alice")
    tried = 0
    for route in ROUTES:
        if route.method not in {"POST", "PATCH", "PUT", "DELETE"}:
            continue
        headers = {**bearing(alice.token), "Content-Length": str(route.body + 1)}
        async with place.client.request(
            route.method, address(route), headers=headers, data=BytesIO(b"x" * (route.body + 1))
        ) as answer:
            assert answer.status == 413, (route.path, answer.status)
        tried += 1
    print(f"{tried} routes take no more than they say")


def test_doors_are_all_counted() -> None:
    assert [name for name, route in BY_NAME.items() if not route.limits] == []


def test_forms_of_pages_are_held_against_forgery() -> None:
    forms = [route for route in ROUTES if route.access in PAGES and route.method != "GET"]
    assert [route.path for route in forms if not route.csrf] == []


HOSTILE = (
    b"",
    b"{",
    b"[]",
    b"null",
    b'{"status": {"a": [1, null]}, "id": ["x"], "home": 7, "notifications": []}',
    b'{"status": "\\u0000", "in_reply_to_id": "99999999999999999999999", "duration": "soon"}',
    b'{"q": 7, "limit": "-9223372036854775809", "redirect_uris": {"a": 1}}',
)


async def test_requests_of_any_kind_make_no_500(place: Place) -> None:
    alice = await place.person("alice")
    cells = 0
    for route in ROUTES:
        for body in HOSTILE:
            for kind in (
                "application/json",
                "application/x-www-form-urlencoded",
                "multipart/form-data",
            ):
                headers = {**bearing(alice.token), "Content-Type": kind}
                given = (
                    {"headers": headers, "data": body}
                    if route.method != "GET"
                    else {"headers": headers}
                )
                assert await status_of(place, route, **given) < 500, (route.path, body, kind)
                cells += 1
        for query in (
            "?limit=-1",
            "?max_id=x&min_id=99999999999999999999",
            "?id[]=1&id[]=%00&q=%00",
        ):
            async with place.client.request(
                route.method,
                address(route) + query,
                headers=bearing(alice.token),
                allow_redirects=False,
            ) as answer:
                assert answer.status < 500, (route.path, query)
            cells += 1
    print(f"{cells} hostile requests")


async def test_sites_elsewhere_may_read_the_api_and_its_errors(place: Place) -> None:
    for route in ROUTES:
        if not route.path.startswith("/api/"):
            continue
        async with place.client.request(route.method, address(route)) as answer:
            assert answer.headers["Access-Control-Allow-Origin"] == "*"
            assert "Link" in answer.headers["Access-Control-Expose-Headers"]
            assert answer.content_type == "application/json"
        params = {"Access-Control-Request-Headers": "authorization, idempotency-key"}
        async with place.client.options(address(route), headers=params) as answer:
            assert answer.status == 204
            assert "idempotency-key" in answer.headers["Access-Control-Allow-Headers"]


async def test_head_is_answered_wherever_get_is(place: Place) -> None:
    """Head comes alone: the next answer on the same connection is read as what it is."""
    cells = 0
    for route in ROUTES:
        if route.method != "GET":
            continue
        async with place.client.head(address(route), allow_redirects=False) as answer:
            assert answer.status == await status_of(place, route), route.path
        cells += 1
    print(f"{cells} addresses asked for their head")


async def test_unknown_address_of_the_api_answers_in_json(place: Place) -> None:
    async with place.client.options("/api/v1/nothing") as answer:
        assert answer.status == 204
    async with place.client.get("/api/v1/nothing") as answer:
        assert answer.status == 404
        assert set(await answer.json()) == {"error"}


async def test_things_of_another_are_not_there(place: Place) -> None:
    """IDOR (SECURITY 73): every number of one member's own things, tried by another."""
    alice, bob = await place.person("alice"), await place.person("bob")
    own = await owned_by(alice, bob)
    cells = 0
    for method, path in own:
        status, body = await bob.ask(method, path)
        assert (status, body) == (404, {"error": "Record not found"}), (method, path, status)
        cells += 1
    print(f"{cells} things of another tried")


# What can be tried with a post.
ACTS = (
    ("GET", ""),
    ("GET", "/context"),
    ("GET", "/source"),
    ("GET", "/history"),
    ("PUT", ""),
    ("PUT", "/interaction_policy"),
    ("POST", "/pin"),
    ("POST", "/unpin"),
    ("GET", "/favourited_by"),
    ("GET", "/reblogged_by"),
    ("DELETE", ""),
    ("POST", "/favourite"),
    ("POST", "/unfavourite"),
    ("POST", "/reblog"),
    ("POST", "/unreblog"),
    ("POST", "/bookmark"),
    ("POST", "/unbookmark"),
)


async def owned_by(alice: Person, bob: Person) -> list[tuple[str, str]]:
    """Addresses of what only alice may touch."""
    public = await alice.say("Mine, for all to read.")
    secret = await alice.say("Mine alone.", visibility="direct")
    params = {"options": ["One", "Two"], "expires_in": 3600}
    asked = await alice.say("Which?", visibility="direct", poll=params)
    picture = (await sent(alice))["id"]
    favourited = await bob.post(f"/api/v1/statuses/{public['id']}/favourite")
    (told,) = [
        one for one in await alice.get("/api/v1/notifications") if one["type"] == "favourite"
    ]
    assert favourited["favourited"]
    return [
        *((method, f"/api/v1/media/{picture}") for method in ("GET", "PUT", "DELETE")),
        ("DELETE", f"/api/v1/statuses/{public['id']}"),
        ("PUT", f"/api/v1/statuses/{public['id']}"),
        ("PUT", f"/api/v1/statuses/{public['id']}/interaction_policy"),
        ("GET", f"/api/v1/notifications/{told['id']}"),
        ("POST", f"/api/v1/notifications/{told['id']}/dismiss"),
        ("POST", f"/api/v1/follow_requests/{alice.id}/authorize"),
        ("POST", f"/api/v1/follow_requests/{alice.id}/reject"),
        ("GET", f"/api/v1/polls/{asked['id']}"),
        ("POST", f"/api/v1/polls/{asked['id']}/votes"),
        *((method, f"/api/v1/statuses/{secret['id']}{act}") for method, act in ACTS),
    ]


async def test_answers_to_a_token_are_cached_by_nobody(place: Place) -> None:
    """Caches between keep no answer to a token, nor the refusal of one (SECURITY 77)."""
    alice = await place.person("alice")
    tried = 0
    for route in ROUTES:
        if route.access in API and route.method == "GET":
            for given in (alice.token, "wrong"):
                async with place.client.get(
                    address(route), headers=bearing(given), allow_redirects=False
                ) as answer:
                    told = (answer.headers.get("Cache-Control"), answer.headers["Vary"])
                assert told[0] == "private, no-store", (route.path, answer.status)
                assert "Authorization" in told[1], route.path
                tried += 1
    path = f"/api/v1/accounts/{alice.id}?access_token={alice.token}"
    async with place.client.get(path) as answer:
        assert answer.headers["Cache-Control"] == "private, no-store"
    print(f"{tried} answers to a token")
    assert tried > 100
