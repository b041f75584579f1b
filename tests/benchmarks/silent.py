"""`python -m tests.benchmarks.silent`: what honest callers wait beside hosts that never answer.

Each scene has a server of its own, hosts that take every request and answer none, and somebody
honest whose waits are measured (SECURITY 89-94). Nothing is asserted; the aim stands in the table.
"""

import argparse
import asyncio
import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import timedelta
from io import BytesIO
from pathlib import Path
from subprocess import DEVNULL
from tempfile import TemporaryDirectory

from aiohttp import ClientSession, ClientTimeout, TCPConnector, web
from aiohttp.test_utils import TestServer
from PIL import Image

from federation.vocabulary.json_documents import dump
from server.app import FILE, site_of
from storage.engine.database import open_database
from storage.engine.transaction import Writer
from storage.queues import deliveries, hosts
from tests.benchmarks.load import Ask, Figure
from tests.benchmarks.village import Member, Now, move_in, signed_post
from tests.federation.world import AS, Document, Neighbour, Stranger
from tests.support.process import free_port, running
from tests.support.servers import settings_for

PATIENCE = 120.0
Wait = Callable[[], Awaitable[None]]


@dataclass
class World:
    """Every other server, on one port: neighbours by host, and whoever is not one is silent."""

    port: int = 0
    neighbours: dict[str, Neighbour] = field(default_factory=dict)
    hanging: set[str] = field(default_factory=set)  # hosts whose inboxes hang
    asked: int = 0
    ends: asyncio.Event = field(default_factory=asyncio.Event)

    def host(self, name: str) -> str:
        return f"{name}.localhost:{self.port}"

    def person(self, host: str, name: str = "vera") -> Stranger:
        full = self.host(host)
        if full not in self.neighbours:
            self.neighbours[full] = Neighbour(full, Now())
        return self.neighbours[full].person(name)

    async def handle(self, request: web.Request) -> web.StreamResponse:
        known = self.neighbours.get(request.host)
        if known is None or (request.method == "POST" and request.host in self.hanging):
            self.asked += 1
            await self.ends.wait()
            return web.Response(status=404)
        return await known.handle(request)


@asynccontextmanager
async def world() -> AsyncIterator[World]:
    made, app = World(), web.Application(client_max_size=1 << 22)
    app.router.add_route("*", "/{path:.*}", made.handle)
    server = TestServer(app, host="127.0.0.1")
    await server.start_server()
    made.port = int(server.port or 0)
    try:
        yield made
    finally:
        made.ends.set()
        await server.close()


@dataclass(frozen=True)
class Stage:
    """A running server, its first member, the world around it, and a client."""

    base: str
    me: Member
    world: World
    session: ClientSession

    async def tell(self, stranger: Stranger, document: Document, key_id: str = "") -> int:
        who = stranger if not key_id else replace(stranger, name=key_id)
        ask = signed_post(who, self.base, document)
        return await self.send(ask)

    async def send(self, ask: Ask) -> int:
        async with self.session.request(
            ask.method, ask.url, headers=ask.headers, data=ask.body
        ) as answer:
            await answer.read()
            return answer.status

    async def follow(self, stranger: Stranger) -> str:
        """Follow somebody, who agrees; the number they have here."""
        number = await self.number_of(stranger)
        await self.me.call(self.session, self.me.posts(f"/api/v1/accounts/{number}/follow"))
        asked: list[str] = []

        async def there() -> bool:
            said = [json.loads(one.body) for one in stranger.at.arrived]
            asked[:] = [one["id"] for one in said if one.get("object") == stranger.uri]
            return bool(asked)

        await until(there)
        await self.tell(stranger, stranger.says("Accept", asked[0]))
        return number

    async def number_of(self, stranger: Stranger) -> str:
        handle = f"@{stranger.name}@{stranger.at.host}"
        search = self.me.asks(f"/api/v2/search?q={handle}&resolve=true&type=accounts")
        found = await self.me.call(self.session, search)
        return str(found["accounts"][0]["id"])

    async def post(self, text: str) -> str:
        found = await self.me.call(self.session, self.me.says(text))
        return str(found["id"])


async def timed(what: str, times: int, once: Callable[[int], Awaitable[None]]) -> Figure:
    """One after the other, each until it is done."""
    waits, began = [], time.perf_counter()
    for number in range(times):
        start = time.perf_counter()
        async with asyncio.timeout(PATIENCE):
            await once(number)
        waits.append(time.perf_counter() - start)
    return Figure(what, times, time.perf_counter() - began, 0.0, tuple(waits))


async def until(done: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(PATIENCE):
        while not await done():
            await asyncio.sleep(0.02)


async def stop(*tasks: "asyncio.Task[object]") -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


# ---- the scenes ----


async def likes(stage: Stage) -> Figure:
    """An honest Like until it is counted, beside 120 notes that each name nine silent hosts."""
    vera = stage.world.person("near")
    loud = [stage.world.person("evil", f"mallory{one}") for one in range(4)]
    for one in loud:
        await stage.follow(one)
    post = await stage.post("Apples.")
    await stage.tell(vera, vera.says("Follow", stage.me.uri))
    for number in range(120):
        silent = [stage.world.host(f"s{(number * 9 + one) % 400}") for one in range(9)]
        mallory = loud[number % 4]
        tags = [{"type": "Mention", "href": f"http://{host}/u", "name": "@u"} for host in silent]
        note = mallory.note(inReplyTo=f"http://{silent[0]}/n", tag=tags, cc=[stage.me.uri])
        await stage.tell(mallory, mallory.says("Create", note))
    path = f"/api/v1/statuses/{post}"

    async def once(number: int) -> None:
        who = stage.world.person("near", f"fan{number}")
        assert await stage.tell(who, who.says("Like", f"{stage.base}/posts/{post}")) == 202

        async def counted() -> bool:
            shown = await stage.me.call(stage.session, stage.me.asks(path))
            return int(shown["favourites_count"]) > number

        await until(counted)

    return await timed("Like, 120 activities name silent hosts", 30, once)


async def _delivered(stage: Stage, what: str, vera: Stranger) -> Figure:
    async def once(number: int) -> None:
        before = len(vera.at.arrived)
        await stage.post(f"Pears, {number}.")

        async def came() -> bool:
            return len(vera.at.arrived) > before

        await until(came)

    return await timed(what, 30, once)


async def _befriend(stage: Stage, vera: Stranger) -> None:
    """She follows, and has answered us once."""
    assert await stage.tell(vera, vera.says("Follow", stage.me.uri)) == 202

    async def accepted() -> bool:
        return bool(vera.at.arrived)

    await until(accepted)


async def hanging_names(stage: Stage) -> Figure:
    """An honest delivery, beside 80 names of one domain that hang and keep signing."""
    vera = stage.world.person("near")
    await _befriend(stage, vera)
    crowd = [stage.world.person(f"n{number}.wild", "eve") for number in range(80)]
    for one in crowd:
        stage.world.hanging.add(one.at.host)
        assert await stage.tell(one, one.says("Follow", stage.me.uri)) == 202
    post = await stage.post("Apples.")

    async def keep_signing() -> None:
        while True:
            for one in crowd:
                await stage.tell(one, one.says("Like", f"{stage.base}/posts/{post}"))
                await asyncio.sleep(0.02)

    signing = asyncio.create_task(keep_signing())
    try:
        return await _delivered(stage, "delivery, 80 names hang and sign", vera)
    finally:
        await stop(signing)


async def dead_hosts(stage: Stage) -> Figure:
    """The 10,000 were put into the database before the server was started."""
    vera = stage.world.person("near")
    await _befriend(stage, vera)
    return await _delivered(stage, "delivery, 10,000 dead hosts", vera)


async def searches(stage: Stage) -> Figure:
    """A member looks for somebody new, beside 200 requests whose key hosts hang."""
    mallory = stage.world.person("evil", "mallory")
    like = mallory.says("Like", stage.me.uri)

    async def hang(number: int) -> None:
        silent = Neighbour(stage.world.host(f"k{number % 20}.keys{number % 5}"), Now())
        while True:
            who = Stranger(silent, f"u{number}", mallory.pair)
            await stage.send(signed_post(who, stage.base, like))
            await asyncio.sleep(0.05)

    hanging = [asyncio.create_task(hang(number)) for number in range(200)]
    await asyncio.sleep(1.0)

    async def once(number: int) -> None:
        await stage.number_of(stage.world.person("near", f"new{number}"))

    try:
        return await timed("search, 200 requests with hanging keys", 30, once)
    finally:
        await stop(*hanging)


async def pictures(stage: Stage) -> Figure:
    """Somebody else's pictures, beside a post with sixteen at as many hosts that hang."""
    vera, mallory = stage.world.person("near"), stage.world.person("evil", "mallory")
    image = picture()

    async def show(_: web.Request) -> web.Response:
        return web.Response(body=image, content_type="image/png")

    paths = [f"/pictures/{number}.png" for number in range(32)]
    vera.at.answers.update(dict.fromkeys(paths, show))
    good = [f"{vera.at.origin}{path}" for path in paths]
    bad = [f"http://{stage.world.host(f'pictures{number}')}/x.png" for number in range(16)]
    found: list[list[str]] = []
    for who, addresses in ((mallory, bad), (vera, good[:16]), (vera, good[16:])):
        await stage.follow(who)
        files = [{"type": "Document", "mediaType": "image/png", "url": one} for one in addresses]
        await stage.tell(who, who.says("Create", who.note(attachment=files)))
        found.append(await _shown(stage, len(found) + 1))
    asking = [asyncio.create_task(stage.send(Ask("GET", one))) for one in found[0]]
    await asyncio.sleep(0.5)
    honest = [*found[1], *found[2]]

    async def once(number: int) -> None:
        assert await stage.send(Ask("GET", honest[number])) == 200

    try:
        return await timed("others' pictures, 16 hang", len(honest), once)
    finally:
        await stop(*asking)


def picture() -> bytes:
    file = BytesIO()
    Image.new("RGB", (640, 480), "seagreen").save(file, "PNG")
    return file.getvalue()


async def _shown(stage: Stage, posts: int) -> list[str]:
    """Addresses of the pictures of the newest post, once so many are at home."""
    ask = stage.me.asks("/api/v1/timelines/home?limit=40")

    async def there() -> bool:
        home = await stage.me.call(stage.session, ask)
        return sum(bool(one["media_attachments"]) for one in home) >= posts

    await until(there)
    home = await stage.me.call(stage.session, ask)
    newest = next(one for one in home if one["media_attachments"])
    return [str(one["url"]) for one in newest["media_attachments"]]


async def strange_contexts(stage: Stage) -> Figure:
    """Whether we live, asked beside ten who send 131 kB with a context of their own (A1)."""
    mallory = stage.world.person("evil", "mallory")
    tags = [{"type": "Mention", "href": f"http://x.localhost/{one}"} for one in range(2400)]
    note = mallory.note(tag=tags)
    body = mallory.says("Create", note) | {"@context": [AS, {"name": "http://schema.org/name"}]}
    known = signed_post(mallory, stage.base, body)
    headers = dict(known.headers)
    headers["Signature"] = f'{headers["Signature"].rpartition(",signature=")[0]},signature="AAAA"'
    forged = Ask("POST", known.url, headers, dump(body))

    async def flood(ask: Ask) -> None:
        while True:
            await stage.send(ask)

    flooding = [asyncio.create_task(flood(forged if one % 2 else known)) for one in range(10)]
    await asyncio.sleep(0.5)

    async def once(_: int) -> None:
        assert await stage.send(Ask("GET", f"{stage.base}/health")) == 200
        await asyncio.sleep(0.02)

    try:
        return await timed("/health, ten of A1 (and 20 ms rest)", 100, once)
    finally:
        await stop(*flooding)


SCENES: dict[str, tuple[Callable[[Stage], Awaitable[Figure]], float]] = {
    "likes": (likes, 2.0),
    "hanging": (hanging_names, 2.0),
    "dead": (dead_hosts, 2.0),
    "search": (searches, 2.0),
    "pictures": (pictures, 2.0),
    "contexts": (strange_contexts, 0.12),
}


# ---- running them ----


def bury(writer: Writer, port: int, number: int) -> None:
    """Make so many hosts that failed for a week, each with something that is due now."""
    activity = int(writer.value("SELECT max(id) FROM activities"))
    for one in range(number):
        host = f"dead{one}.localhost:{port}"
        deliveries.enqueue(writer, activity, host, f"http://{host}/inbox", f"x:{one}")
        hosts.record_failure(writer, host, timedelta(0), "never answered")
        writer.execute("UPDATE hosts SET failed_days = 7 WHERE host = ?", host)


async def prepared(folder: Path, port: int, around: World, scene: str) -> Member:
    members = await move_in(folder, port, 2)
    if scene == "dead":
        settings = settings_for(folder, f"localhost:{port}")
        async with open_database(folder / FILE, site_of(settings)) as database:
            await database.write(bury, around.port, 10_000)
    return members[0]


async def play(name: str) -> Figure:
    scene, _ = SCENES[name]
    port = free_port()
    with TemporaryDirectory(prefix="kith-bench-") as folder:
        async with world() as around:
            me = await prepared(Path(folder), port, around, name)
            connector, patience = TCPConnector(limit=0), ClientTimeout(total=PATIENCE)
            with running(Path(folder), port, logs=DEVNULL):
                async with ClientSession(connector=connector, timeout=patience) as session:
                    figure = await scene(Stage(me.base, me, around, session))
                assert around.asked or name == "contexts", "nobody silent was asked"
                around.ends.set()
    return figure


async def main(names: list[str]) -> None:
    print(f"{'honest':42}{'n':>5}{'p50 s':>8}{'p99 s':>8}{'worst':>8}{'aim s':>8}", flush=True)
    for name in names:
        with suppress(asyncio.CancelledError):
            one = await play(name)
            waits = [one.wait(boost) / 1000 for boost in (0.5, 0.99, 1.0)]
            figures = "".join(f"{wait:8.3f}" for wait in waits)
            print(f"{one.what:42}{one.times:5}{figures}{SCENES[name][1]:8.2f}", flush=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.silent", description=__doc__)
    parser.add_argument("scenes", nargs="*", help=f"of {', '.join(SCENES)}; all by default")
    asyncio.run(main(parser.parse_args().scenes or [*SCENES]))
