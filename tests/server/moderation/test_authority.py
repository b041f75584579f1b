"""Sweeps over the route table: office is for those who have it; freezing holds (67, 85)."""

from server.http.guard import OWN_AFFAIRS, Access
from server.routes import ROUTES
from storage.moderation import decisions
from tests.server.moderation.test_dashboard import browser
from tests.server.test_route_table import address, bearing, status_of
from tests.support.servers import ALL, Place

OFFICE = f"{ALL} admin:read admin:write"


async def test_admin_acts_are_refused_to_everybody_else(place: Place) -> None:
    cells = 0
    for role in ("member", "steward"):
        somebody = await place.person(role, role=role, scopes=OFFICE)
        for route in ROUTES:
            if route.access is Access.ADMIN:
                status = await status_of(place, route, headers=bearing(somebody.token))
                assert status == 403, (role, route.method, route.path, status)
                cells += 1
    print(f"{cells} cells: role x an admin's door")
    assert cells > 80


async def test_steward_acts_are_refused_to_members(place: Place) -> None:
    await place.person("bob")
    visitor = await browser(place, "bob")
    tried = 0
    for route in ROUTES:
        if route.access is Access.STEWARD:
            status, _, _ = await visitor.ask(route.method, address(route))
            assert status == 403, (route.method, route.path, status)
            tried += 1
    assert tried >= 5


async def test_frozen_moderator_reads_and_does_nothing_that_others_notice(place: Place) -> None:
    alice = await place.person("alice", scopes="read write follow push profile")
    visitor = await browser(place, "alice")
    await place.database.write(decisions.freeze, alice.actor.id, "Rest.")
    cells = 0
    for route in ROUTES:
        free = route.method == "GET" or route.path.startswith(OWN_AFFAIRS)
        if route.access is Access.MEMBER:
            async with place.client.request(
                route.method, address(route), headers=bearing(alice.token)
            ) as answer:
                frozen = answer.status == 403 and "frozen" in await answer.text()
        elif route.access is Access.LOGGED_IN and route.path != "/logout":
            status, text, _ = await visitor.ask(route.method, address(route))
            frozen = status == 403 and "frozen" in text
        else:
            continue
        assert frozen is not free, (route.method, route.path)
        cells += 1
    print(f"{cells} doors tried by somebody frozen")
    assert cells > 80


async def test_role_of_who_is_frozen_rests(place: Place) -> None:
    """They read what members read, and neither desk nor log nor what an admin's token opens."""
    cells = 0
    bob, carol = await place.person("bob"), await place.person("carol")
    for role in ("steward", "admin"):
        somebody = await place.person(role, role=role, scopes=OFFICE)
        visitor = await browser(place, role)
        await visitor.get("/desk")
        await place.database.write(decisions.freeze, somebody.actor.id, "Rest.")
        for route in ROUTES:
            if route.access is Access.STEWARD:
                status, text, _ = await visitor.ask(route.method, address(route))
            elif route.access is Access.ADMIN and role == "admin":
                async with place.client.request(
                    route.method, address(route), headers=bearing(somebody.token)
                ) as answer:
                    status, text = answer.status, await answer.text()
            else:
                continue
            assert (status, "your office rests" in text) == (403, True), (route.method, route.path)
            cells += 1
        await somebody.get("/api/v1/timelines/home")
        await bob.post("/api/v1/reports", account_id=carol.id)
        assert ("admin.report", "bob") not in await somebody.notified()
    print(f"{cells} doors of an office tried by somebody frozen")
    assert cells > 45
