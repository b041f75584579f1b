"""Lists never ask the database once for each row: generated over the route table."""

import re
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from server.http.guard import API, Route
from server.routes import ROUTES
from storage.engine.connection import Connection
from tests.support.clock import Watch
from tests.support.crowd import crowd
from tests.support.internet import Internet
from tests.support.servers import ALL, Person, Place, serving

FEW, MANY = 1, 40

# What an address needs beside its path, and which number stands for `{id}`.
QUERIES = {
    "/api/v1/accounts": "id[]={people}",
    "/api/v1/accounts/relationships": "id[]={people}",
    "/api/v1/accounts/familiar_followers": "id[]={friend}",
    "/api/v1/accounts/lookup": "acct=friend",
    "/api/v1/accounts/search": "q=person",
    "/api/v1/statuses": "id[]={posts}",
    "/api/v2/search": "q=lantern",
    "/api/v1/domain_blocks/preview": "domain=away.example",
    "/api/v2/suggestions": "limit=80",
    "/api/v1/suggestions": "limit=80",
}
NUMBERS = {
    "/api/v1/accounts/{id}": "me",
    "/api/v1/accounts/{id}/statuses": "me",
    "/api/v1/accounts/{id}/lists": "friend",
    "/api/v1/accounts/{id}/followers": "me",
    "/api/v1/accounts/{id}/following": "me",
    "/api/v1/accounts/{id}/featured_tags": "me",
    "/api/v1/accounts/{id}/endorsements": "me",
    "/api/v1/statuses/{id}/favourited_by": "liked",
    "/api/v1/statuses/{id}/reblogged_by": "liked",
    "/api/v1/statuses/": "root",
    "/api/v1/lists/": "list",
    "/api/v1/timelines/list/": "list",
    "/api/v1/scheduled_statuses/": "scheduled",
    "/api/v2/filters/keywords/": "none",
    "/api/v2/filters/statuses/": "none",
    "/api/v2/filters/": "filter",
}
# More addresses of the same routes, which answer by other statements.
BESIDE = (
    "/api/v1/accounts/{me}/statuses?pinned=true&limit=40",
    "/api/v1/accounts/{me}/statuses?exclude_replies=true&limit=40",
    "/api/v1/timelines/public?local=true&limit=40",
    "/api/v1/directory?local=true&order=new&limit=80",
    "/api/v2/search?q=lantern&type=statuses&limit=40",
    "/api/v2/search?q=lantern+in:library&type=statuses&limit=40",
    "/api/v2/search?q=person&type=accounts&limit=40",
    "/api/v2/search?q=tag&type=hashtags&limit=40",
    "/api/v1/lists/{list}/accounts?limit=0",
)


@dataclass
class Counted:
    """A server whose readers' statements are written down."""

    place: Place
    me: Person
    numbers: Mapping[str, Any]
    statements: list[str] = field(default_factory=list)

    async def listen(self) -> None:
        idle = self.place.database.readers._idle
        connections: list[Connection] = [idle.get_nowait() for _ in range(idle.qsize())]
        for connection in connections:
            await connection.run(lambda raw: raw.set_trace_callback(self.statements.append))
            idle.put_nowait(connection)

    async def ask(self, address: str) -> tuple[int, int]:
        """(rows in the answer, statements that were asked), with nothing kept from before."""
        kept = self.place.database._moment.cache
        kept._young.clear()
        kept._old.clear()
        self.statements.clear()
        status, body = await self.me.ask("GET", address)
        assert status in (200, 404), (address, status, body)
        asked = [one for one in self.statements if re.match(r"\s*(SELECT|WITH)\b", one)]
        return rows(body), len(asked)


def rows(body: Any) -> int:
    """Number of rows of a list, or of all lists in an object."""
    if isinstance(body, list):
        inner = (
            [rows(one["accounts"]) for one in body if list(one) == ["id", "accounts"]]
            if body and isinstance(body[0], dict)
            else []
        )
        return sum(inner) or len(body)
    if isinstance(body, dict) and "content" not in body:
        return sum(len(value) for value in body.values() if isinstance(value, list))
    return 0


@pytest.fixture
async def worlds(tmp_path: Path, watch: Watch) -> AsyncIterator[tuple[Counted, Counted]]:
    """The same, once with one of everything and once with forty."""
    async with AsyncExitStack() as stack:
        made = []
        for many in (FEW, MANY):
            place = await stack.enter_async_context(
                serving(tmp_path / str(many), f"of{many}.example", Internet(), watch)
            )
            me = await place.person("alice", role="admin", scopes=f"{ALL} admin:read admin:write")
            numbers: dict[str, Any] = dict(await place.database.write(crowd, me.actor, many))
            numbers["people"] = "&id[]=".join(
                map(str, await ids(place, "actors", "name LIKE 'person%'"))
            )
            newest = await ids(place, "posts", "uri LIKE '%'")
            # With the one that others quote: it would be read beside the list otherwise.
            asked = dict.fromkeys([numbers["root"], *newest])
            numbers["posts"] = "&id[]=".join(map(str, [*asked][:20]))
            counted = Counted(place, me, numbers)
            await counted.listen()
            made.append(counted)
        yield made[0], made[1]


async def ids(place: Place, table: str, where: str) -> list[int]:
    sql = f"SELECT id FROM {table} WHERE {where} ORDER BY id DESC LIMIT 20"
    found = await place.database.read(lambda reader: reader.rows(sql))
    return [row[0] for row in found]


def address(route: Route, numbers: Mapping[str, Any]) -> str:
    which = NUMBERS.get(route.path) or next(
        (
            name
            for start, name in NUMBERS.items()
            if start.endswith("/") and route.path.startswith(start)
        ),
        "friend",
    )
    path = re.sub(r"\{id\}", str(numbers.get(which, 1)), route.path)
    path = re.sub(r"\{(name|hashtag)\}", "lantern", path)
    query = QUERIES.get(route.path, "limit=40").format(**numbers)
    return f"{path}?{query}"


READABLE = [
    route
    for route in ROUTES
    if route.method == "GET" and route.access in API and route.path.startswith("/api/")
]
# Lists of what a crowd has nothing to do with, and what is no list.
STILL = """
/api/v1/accounts/lookup
/api/v1/accounts/verify_credentials
/api/v1/accounts/{id}
/api/v1/admin/accounts/{id}
/api/v1/admin/canonical_email_blocks/{id}
/api/v1/admin/domain_allows
/api/v1/admin/domain_allows/{id}
/api/v1/admin/domain_blocks/{id}
/api/v1/admin/email_domain_blocks/{id}
/api/v1/admin/ip_blocks/{id}
/api/v1/admin/reports/{id}
/api/v1/announcements
/api/v1/apps/verify_credentials
/api/v1/domain_blocks/preview
/api/v1/instance
/api/v1/instance/extended_description
/api/v1/instance/rules
/api/v1/instance/translation_languages
/api/v1/lists/{id}
/api/v1/markers
/api/v1/media/{id}
/api/v1/notifications/unread_count
/api/v1/notifications/{id}
/api/v1/filters/{id}
/api/v1/polls/{id}
/api/v1/preferences
/api/v1/scheduled_statuses/{id}
/api/v1/statuses/{id}
/api/v1/statuses/{id}/source
/api/v1/tags/{name}
/api/v1/trends
/api/v1/trends/links
/api/v1/trends/statuses
/api/v1/trends/tags
/api/v2/filters/keywords/{id}
/api/v2/filters/statuses/{id}
/api/v2/instance
""".split()


async def test_list_of_forty_asks_no_more_than_a_list_of_one(
    worlds: tuple[Counted, Counted],
) -> None:
    few, many = worlds
    grown, dear = set(), {}
    asked = [
        (route.path, address(route, few.numbers), address(route, many.numbers))
        for route in READABLE
    ]
    asked += [(path, path.format(**few.numbers), path.format(**many.numbers)) for path in BESIDE]
    for name, small, large in asked:
        one, forty = await few.ask(small), await many.ask(large)
        if forty[0] > one[0]:
            grown.add(name)
        if forty[1] != one[1]:
            dear[name] = (one, forty)
    print(f"{len(grown)} lists, each with {FEW} and with {MANY} rows; {len(asked)} addresses")
    assert dear == {}
    assert {name for name, _, _ in asked} - grown == set(STILL)


async def test_count_would_notice(worlds: tuple[Counted, Counted]) -> None:
    few, many = worlds
    path = "/api/v1/timelines/home"
    (one, statements), (forty, same) = await few.ask(path), await many.ask(f"{path}?limit=40")
    assert (one, forty) == (FEW, MANY)
    assert statements == same > 3
