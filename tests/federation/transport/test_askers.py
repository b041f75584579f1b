"""Documents are made for who asks, whatever they are and whoever that is (SECURITY 12, 78)."""

import re
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from itertools import product
from pathlib import Path

import orjson
import pytest
from aiohttp import web

from server.http.guard import Access, Route
from server.http.peer_access import ForPeers
from server.routes import ROUTES
from storage.engine.pagination import Page
from storage.engine.transaction import Reader, Writer
from storage.media import emojis
from storage.media.emojis import Emoji
from storage.people import actors
from storage.posts.visibility import Peer
from storage.queues import hosts
from storage.reading import timelines
from tests.federation.saying import hear
from tests.federation.world import ACTIVITY, Neighbour, Stranger, neighbour
from tests.support.clock import Watch
from tests.support.internet import Internet
from tests.support.servers import Person, Place, serving, settle

Answer = tuple[int, bytes, dict[str, str]]
ID = "{id:[0-9]{1,19}}"
WORDS = (b"Leeks", b"Secret")
KEPT_BY_NOBODY = "private, no-store"
BLOCKED = ("of a blocked server", "of a blocked server that nobody has met")

# What the documents of the table are: with keys, for everybody, of alice, for her followers.
OF_THE_TABLE = {
    "/actor": "keys",
    f"/actors/{ID}": "keys",
    f"/emojis/{ID}": "public",
    f"/actors/{ID}/outbox": "hers",
    f"/actors/{ID}/outbox/page/{{below:[0-9]{{1,19}}}}": "hers",
    f"/actors/{ID}/{{which:followers|following}}": "hers",
    f"/actors/{ID}/featured": "hers",
    f"/posts/{ID}": "hers",
    f"/posts/{ID}/replies": "hers",
    f"/activities/{ID}": "hers",
    f"/approvals/{ID}": "hers",
}


@dataclass
class World:
    """alice of ours, what she said, and all who may ask for it."""

    ours: Place
    alice: Person
    surfaces: dict[str, str]
    askers: dict[str, Stranger]
    thief: Stranger

    async def answer(self, who: str, path: str) -> Answer:
        if who == "nobody":
            async with self.ours.client.get(path, headers={"Accept": ACTIVITY}) as found:
                return found.status, await found.read(), dict(found.headers)
        if who == "a thief":
            return await self.thief.get(self.ours, path, key_id=self.askers["a follower"].key_id)
        return await self.askers[who].get(self.ours, path)


Opening = Callable[[bool], Awaitable[World]]


@pytest.fixture
async def opening(tmp_path: Path, watch: Watch) -> AsyncIterator[Opening]:
    """Make the world, with `authorised_fetch` or without."""
    async with AsyncExitStack() as stack:

        async def opened(authorised: bool) -> World:
            internet, there = Internet(), dict[str, Neighbour]()
            setting = {"authorised_fetch": "on" if authorised else "off"}
            ours = await stack.enter_async_context(
                serving(
                    tmp_path / setting["authorised_fetch"],
                    "ours.example",
                    internet,
                    watch,
                    **setting,
                )
            )
            for name in ("evil", "victim", "away"):
                there[name], server = await neighbour(internet, watch, f"{name}.example")
                stack.push_async_callback(server.close)
            return await peopled(ours, there)

        yield opened


async def peopled(ours: Place, there: dict[str, Neighbour]) -> World:
    alice, victim = await ours.person("alice"), there["victim"]
    askers = {
        "a follower": victim.person("vera"),
        "another of the follower’s server": victim.person("victor"),
        "a stranger": there["away"].person("stella"),
        "whom alice blocks": there["away"].person("walt"),
        "who is suspended": there["away"].person("erin"),
        "of a blocked server": there["evil"].person("mallory"),
        "of a blocked server that nobody has met": there["evil"].person("zoe"),
    }
    vera = askers["a follower"]
    assert await vera.tell(ours, vera.says("Follow", alice.actor.uri)) == 202
    await settle(ours)
    for name in ("whom alice blocks", "who is suspended", "of a blocked server"):
        await alice.find(f"@{askers[name].name}@{askers[name].at.host}")
    surfaces = await said_by(alice, vera)
    number = await alice.find("@walt@away.example")
    await alice.post(f"/api/v1/accounts/{number}/block")
    await ours.database.write(turn_out, askers["who is suspended"].uri)
    await ours.database.write(hosts.set_tier, "evil.example", "blocked")
    thief = Stranger(there["away"], "stella", there["away"].person("wendy").pair)
    return World(ours, alice, surfaces, askers, thief)


def turn_out(writer: Writer, uri: str) -> None:
    writer.execute("UPDATE actors SET moderation_state = 'suspended' WHERE uri = ?", uri)


def smile(writer: Writer) -> int:
    emojis.add(writer, Emoji(writer.new_id(), "smile", file="0" * 32 + ".png"))
    return int(writer.value("SELECT max(id) FROM emojis"))


def activity_about(reader: Reader, post: str) -> int:
    return int(reader.value("SELECT id FROM activities WHERE post = ?", int(post)))


async def said_by(alice: Person, vera: Stranger) -> dict[str, str]:
    """Path → what it is: all documents of the table, and the addresses that people read."""
    public = await alice.say("Leeks are in.")
    private = await alice.say("Secret leeks.", visibility="private")
    await alice.post(f"/api/v1/statuses/{public['id']}/pin")
    database, person = alice.place.database, f"/actors/{alice.id}"
    activities = [await database.read(activity_about, post["id"]) for post in (public, private)]
    filled = {
        f"/emojis/{ID}": f"/emojis/{await database.write(smile)}",
        f"/approvals/{ID}": await stamp(alice, vera, public["uri"]),
        f"/activities/{ID}": f"/activities/{activities[0]}",
        f"/actors/{ID}/outbox/page/{{below:[0-9]{{1,19}}}}": f"{person}/outbox/page/0",
        f"/actors/{ID}/{{which:followers|following}}": f"{person}/followers",
    }
    for path in OF_THE_TABLE:
        number = alice.id if path.startswith("/actors") else public["id"]
        filled.setdefault(path, path.replace(ID, number))
    return {filled[path]: kind for path, kind in OF_THE_TABLE.items()} | {
        f"{person}/following": "hers",
        f"/posts/{private['id']}": "secret",
        f"/posts/{private['id']}/replies": "secret",
        f"/activities/{activities[1]}": "secret",
        "/@alice": "keys",
        f"/@alice/{public['id']}": "hers",
        f"/@alice/{private['id']}": "secret",
    }


async def stamp(alice: Person, vera: Stranger, uri: str) -> str:
    """The path of alice's consent that vera quotes her."""
    note = vera.note("<p>Look</p>", quote=uri)
    await settle(alice.place)
    vera.at.asked.clear()
    await hear(alice.place, vera, vera.says("QuoteRequest", uri, instrument=note))
    (sent,) = vera.at.arrived
    return str(orjson.loads(sent.body)["result"]).removeprefix("http://ours.example")


def expected(who: str, kind: str, authorised: bool) -> int:
    """Said once more, and otherwise than the server says it."""
    if who in ("nobody", "a thief"):  # whose signature does not verify is nobody
        if kind == "keys":
            return 200
        return 401 if authorised else 404 if kind == "secret" else 200
    if who in ("who is suspended", *BLOCKED):
        return 404
    if who == "whom alice blocks":
        return 404 if kind in ("hers", "secret") else 200
    if kind == "secret":
        return 200 if "follower" in who else 404
    return 200


@pytest.mark.parametrize("authorised", [False, True])
async def test_documents_are_made_for_who_asks(opening: Opening, authorised: bool) -> None:
    world = await opening(authorised)
    cells = 0
    for who, (path, kind) in product(("nobody", "a thief", *world.askers), world.surfaces.items()):
        status, body, headers = await world.answer(who, path)
        assert status == expected(who, kind, authorised), (who, path, status)
        if status != 200:
            assert not any(word in body for word in WORDS), (who, path)
        for_all = who == "nobody" and status == 200 and not path.startswith("/@")
        kept = "max-age=180" if for_all else KEPT_BY_NOBODY
        assert headers["Cache-Control"] == kept, (who, path)
        assert {"Accept", "Signature"} <= set(headers["Vary"].split(", ")), (who, path)
        cells += 1
    print(f"{cells} cells: document x asker")


@pytest.mark.parametrize("who", ["whom alice blocks", "who is suspended", *BLOCKED])
async def test_refusal_looks_like_nothing(opening: Opening, who: str) -> None:
    """SECURITY 77: same bytes and headers as what is not there."""
    world = await opening(True)

    async def bare(path: str) -> Answer:
        status, body, headers = await world.answer(who, path)
        apart = ("Date", "X-Request-ID")
        return status, body, {name: v for name, v in headers.items() if name not in apart}

    for path, kind in world.surfaces.items():
        if kind in ("hers", "secret"):
            assert await bare(path) == await bare(re.sub("[0-9]{5,}", "1", path)), path


def test_table_has_no_document_that_this_sweep_does_not_know() -> None:
    there = [route for route in ROUTES if route.access is Access.PEER and route.method == "GET"]
    assert {route.path for route in there} == set(OF_THE_TABLE)
    assert all(isinstance(route.handler, ForPeers) for route in there)


def test_document_that_is_made_for_nobody_cannot_be_declared() -> None:
    async def handler(_: web.Request) -> web.Response:
        return web.Response()

    with pytest.raises(ValueError, match="made for somebody"):
        Route(method="GET", path="/new", handler=handler, access=Access.PEER)


async def test_blocked_server_is_not_asked_for_a_key(opening: Opening) -> None:
    world = await opening(False)
    mallory = world.askers["of a blocked server"]
    for name in BLOCKED:
        mallory.at.asked.clear()
        for path in world.surfaces:
            assert (await world.answer(name, path))[0] == 404
        assert mallory.at.asked == []


async def test_keys_of_askers_are_not_asked_for_keys(opening: Opening) -> None:
    """Else two servers that check each other's signatures would wait for each other."""
    world = await opening(True)
    stella = world.askers["a stranger"]
    for path in (f"/actors/{world.alice.id}", "/actor", "/@alice"):
        assert (await world.answer("a stranger", path))[0] == 200
    assert stella.at.times_asked("/users/stella") == 0
    await world.answer("a stranger", f"/actors/{world.alice.id}/outbox")
    assert stella.at.times_asked("/users/stella") == 1


@pytest.mark.parametrize("authorised", [False, True])
async def test_limits_are_said_to_be_ours(opening: Opening, authorised: bool) -> None:
    """SECURITY 92: never that the signature is bad, nor that there is nothing."""
    world = await opening(authorised)
    world.ours.database.readers._intake = 0  # as many wait as may
    for path, who in product(world.surfaces, ("a follower", "a stranger", "of a blocked server")):
        status, _, headers = await world.answer(who, path)
        assert (status, headers["Retry-After"]) == (503, "30"), (path, who)
        assert headers["Cache-Control"] == KEPT_BY_NOBODY


async def test_list_itself_is_read_as_the_asker_may_see_it(opening: Opening) -> None:
    world = await opening(False)

    def shown(reader: Reader, uri: str) -> int:
        known = actors.by_uri(reader, uri)
        assert known
        viewer = Peer(known.host, known.id)
        return len(timelines.outbox(reader, world.alice.actor.id, Page(20), viewer))

    for name, posts in (("a follower", 1), ("whom alice blocks", 0), ("of a blocked server", 0)):
        assert await world.ours.database.read(shown, world.askers[name].uri) == posts, name
