"""Pictures at hosts that accept and never answer hold up no others (SECURITY 89, 90, 92)."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from aiohttp import web

from federation.transport.places import Places
from server.media.proxy import OF_ONE_DOMAIN, PROXY, SILENT_AFTER, SILENT_FOR, UNWANTED_FOR, Proxy
from tests.federation.saying import follow
from tests.federation.world import neighbour
from tests.server.api.test_media_attachments import opened
from tests.server.media.test_proxy import PICTURE, SHAPE, World
from tests.support.clock import Watch
from tests.support.internet import Internet
from tests.support.pictures import showing
from tests.support.servers import serving

MANY = 16


@dataclass
class Quiet:
    """Hosts that accept, and answer when they are told to."""

    speak: asyncio.Event = field(default_factory=asyncio.Event)
    asked: list[str] = field(default_factory=list)
    under_way: int = 0
    most: int = 0

    async def answer(self, request: web.Request) -> web.Response:
        self.asked.append(f"{request.host}{request.path}")
        self.under_way += 1
        self.most = max(self.most, self.under_way)
        try:
            await self.speak.wait()
        finally:
            self.under_way -= 1
        return web.Response(body=PICTURE, content_type="image/png")


@dataclass
class Silence:
    """A world with such hosts, whose pictures hang on a post that alice reads."""

    world: World
    quiet: Quiet
    watch: Watch

    @property
    def proxy(self) -> Proxy:
        return self.world.proxy

    async def gallery(self, *hosts: str) -> list[str]:
        """The addresses of sixteen pictures there."""
        shapes = [
            {**SHAPE, "url": f"http://{hosts[at % len(hosts)]}/files/{at}.png"}
            for at in range(MANY)
        ]
        said = await self.world.said(attachment=shapes)
        return [one["url"] for one in said["media_attachments"]]

    def looked_at(self, urls: list[str]) -> list[asyncio.Task[tuple[int, bytes]]]:
        return [asyncio.create_task(opened(self.world.place, url)) for url in urls]

    async def waiting(self, *, asked: int, queued: int) -> None:
        """Wait until so many are asked for, and so many wait."""
        async with asyncio.timeout(20):
            while (self.quiet.under_way, self.proxy.places.in_queue) != (asked, queued):
                await asyncio.sleep(0.01)


@pytest.fixture
async def silence(tmp_path: Path, watch: Watch) -> AsyncIterator[Silence]:
    internet, quiet = Internet(), Quiet()
    async with AsyncExitStack() as stack:
        place = await stack.enter_async_context(
            serving(tmp_path / "home", "home.example", internet, watch)
        )
        other, server = await neighbour(internet, watch, "other.example")
        stack.push_async_callback(server.close)
        app = web.Application()
        app.router.add_get("/{path:.*}", quiet.answer)
        names = [f"a{at}.quiet.example" for at in range(MANY)]
        names += ["quiet.example", *(f"quiet{at}.example" for at in range(MANY))]
        await stack.enter_async_context(internet.serving(app, *names))
        stack.callback(quiet.speak.set)
        alice, vera = await place.person("alice"), other.person("vera")
        await follow(alice, vera)
        yield Silence(World(place, alice, other, vera), quiet, watch)


ONE_HOST = ("quiet.example",)
ONE_DOMAIN = tuple(f"a{at}.quiet.example" for at in range(MANY))
MANY_DOMAINS = tuple(f"quiet{at}.example" for at in range(MANY))


@pytest.mark.parametrize(
    ("hosts", "at_once"),
    [(ONE_HOST, OF_ONE_DOMAIN), (ONE_DOMAIN, OF_ONE_DOMAIN), (MANY_DOMAINS, MANY)],
)
async def test_pictures_of_others_go_past_those_of_silent_hosts(
    silence: Silence, hosts: tuple[str, ...], at_once: int
) -> None:
    quiet, world = silence.quiet, silence.world
    urls = await silence.gallery(*hosts)
    tasks = silence.looked_at(urls)
    await silence.waiting(asked=at_once, queued=MANY - at_once)
    world.other.answers["/files/a.png"] = showing(PICTURE)
    assert (await opened(world.place, await world.url()))[0] == 200
    assert not any(task.done() for task in tasks)
    quiet.speak.set()
    assert {status for status, _ in await asyncio.gather(*tasks)} == {200}, "a gallery is shown"
    assert (quiet.most, len(quiet.asked)) == (at_once, MANY)
    assert (silence.proxy.places.in_use, silence.proxy.folder.places.in_use) == (0, 0)


async def test_picture_being_fetched_does_not_hold_the_worker(silence: Silence) -> None:
    tasks = silence.looked_at(await silence.gallery(*MANY_DOMAINS))
    await silence.waiting(asked=MANY, queued=0)
    assert silence.proxy.folder.places.in_use == 0
    silence.quiet.speak.set()
    await asyncio.gather(*tasks)


async def test_silent_host_is_left_alone_for_a_while(silence: Silence) -> None:
    """The other fourteen do not wait for it each in turn; nothing is held against them."""
    quiet = silence.quiet
    silence.proxy.first_byte = 0.05
    urls = await silence.gallery(*ONE_HOST)
    answers = await asyncio.gather(*silence.looked_at(urls))
    assert [status for status, _ in answers] == [503] * MANY
    asked = len(quiet.asked)
    assert SILENT_AFTER <= asked < SILENT_AFTER + OF_ONE_DOMAIN, "one may begin between the two"
    quiet.speak.set()
    silence.proxy.first_byte = 10
    assert (await opened(silence.world.place, urls[-1]))[0] == 503, "for a minute"
    async with silence.world.place.client.get(urls[-1].removeprefix("http://home.example")) as said:
        assert int(said.headers["Retry-After"]) <= SILENT_FOR.total_seconds() + 1
    assert len(quiet.asked) == asked
    silence.watch.advance(SILENT_FOR)
    statuses = [(await opened(silence.world.place, url))[0] for url in urls]
    assert sorted(statuses) == [200] * (MANY - asked) + [503] * asked
    silence.watch.advance(UNWANTED_FOR)
    statuses = [(await opened(silence.world.place, url))[0] for url in urls]
    assert statuses == [200] * MANY


async def test_host_that_is_silent_once_is_asked_again(silence: Silence) -> None:
    first, *others = await silence.gallery(*ONE_HOST)
    silence.proxy.first_byte = 0.05
    assert (await opened(silence.world.place, first))[0] == 503
    silence.quiet.speak.set()
    silence.proxy.first_byte = 10
    for url in others:
        assert (await opened(silence.world.place, url))[0] == 200


async def test_silent_hosts_are_remembered_up_to_a_limit(
    silence: Silence, monkeypatch: pytest.MonkeyPatch
) -> None:
    """SECURITY 48."""
    monkeypatch.setattr("federation.transport.silence.MOST_REMEMBERED", 3)
    silence.proxy.first_byte = 0.05
    await asyncio.gather(*silence.looked_at(await silence.gallery(*MANY_DOMAINS)))
    assert len(silence.proxy.silent) == 3


async def test_full_queue_is_not_held_against_a_picture(silence: Silence) -> None:
    proxy, place = silence.proxy, silence.world.place
    proxy.places = Places("pictures", 8, 2, waiting=4)  # one of a domain waits
    urls = await silence.gallery(*ONE_HOST)
    tasks = silence.looked_at(urls[:3])
    await silence.waiting(asked=2, queued=1)
    async with place.client.get(urls[3].removeprefix("http://home.example")) as refused:
        assert (refused.status, refused.headers["Retry-After"]) == (503, "30")
        assert "Many pictures" in await refused.text()
    silence.quiet.speak.set()
    await asyncio.gather(*tasks)
    assert (await opened(place, urls[3]))[0] == 200


async def test_busy_worker_is_not_held_against_a_picture(silence: Silence) -> None:
    silence.quiet.speak.set()
    folder, place = silence.proxy.folder, silence.world.place
    (url, *_) = await silence.gallery(*ONE_HOST)
    free = folder.places
    folder.places = Places("images", 0, 0)
    assert (await opened(place, url))[0] == 503
    folder.places = free
    assert (await opened(place, url))[0] == 200


async def test_lookers_at_one_picture_count_once(silence: Silence) -> None:
    (url, *_) = await silence.gallery(*ONE_HOST)
    tasks = silence.looked_at([url] * 40)
    await silence.waiting(asked=1, queued=0)
    silence.quiet.speak.set()
    assert {status for status, _ in await asyncio.gather(*tasks)} == {200}
    assert silence.world.place.app[PROXY].places.refused == 0
