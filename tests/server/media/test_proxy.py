"""Pictures of other servers, through us (SECURITY 37, 38, 40, 48, 60, 79)."""

import asyncio
import json
import os
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from yarl import URL

from federation.vocabulary import media_urls
from server.media.proxy import KEPT_FOR, PROXY, UNWANTED_FOR, Proxy
from tests.federation.saying import follow, hear
from tests.federation.world import Neighbour, Stranger, block_host, neighbour
from tests.server.api.test_media_attachments import opened
from tests.server.media.test_processing import corners, decoded, encoded, files_in
from tests.support.clock import Watch
from tests.support.internet import Internet
from tests.support.pictures import elsewhere, showing
from tests.support.servers import Person, Place, serving

PICTURE = encoded(corners(900, 600), "PNG")
SHAPE: dict[str, Any] = {
    "type": "Document",
    "mediaType": "image/png",
    "url": "http://other.example/files/a.png",
    "name": "Four corners",
    "blurhash": "LEHV6nWB2yk8pyo0adR*.7kCMdnj",
    "width": 900,
    "height": 600,
    "focalPoint": [0.25, -1],
}


@dataclass
class World:
    place: Place
    alice: Person
    other: Neighbour
    vera: Stranger

    @property
    def proxy(self) -> Proxy:
        return self.place.app[PROXY]

    def times_fetched(self) -> int:
        return sum(one.path.startswith("/files/") for one in self.other.asked)

    async def said(self, attachment: Any = SHAPE, **more: Any) -> Any:
        """A post by vera with this on it, as alice reads it."""
        said = self.vera.note(attachment=attachment, **more)
        assert (await hear(self.place, self.vera, self.vera.says("Create", said)))[0] == "done"
        newest = (await self.alice.home())[0]
        assert newest["uri"] == said["id"]
        return newest

    async def url(self, **more: Any) -> str:
        return str((await self.said(**more))["media_attachments"][0]["url"])


@pytest.fixture
async def world(tmp_path: Path, watch: Watch) -> AsyncIterator[World]:
    internet = Internet()
    async with AsyncExitStack() as stack:
        place = await stack.enter_async_context(
            serving(tmp_path / "home", "home.example", internet, watch)
        )
        other, server = await neighbour(internet, watch, "other.example")
        stack.push_async_callback(server.close)
        other.answers["/files/a.png"] = showing(PICTURE)
        alice, vera = await place.person("alice"), other.person("vera")
        await follow(alice, vera)
        yield World(place, alice, other, vera)


async def test_picture_is_not_fetched_before_somebody_looks(world: World) -> None:
    said = await world.said()
    assert world.times_fetched() == 0
    (shown,) = said["media_attachments"]
    assert shown["description"] == "Four corners" and shown["blurhash"] == SHAPE["blurhash"]
    assert shown["meta"]["focus"] == {"x": 0.25, "y": -1}
    assert shown["meta"]["original"]["size"] == "900x600"
    assert shown["remote_url"] == SHAPE["url"]
    for url, at_most in ((shown["preview_url"], 231_000), (shown["url"], 540_000)):
        assert URL(url).host == "home.example"
        status, data = await opened(world.place, url)
        size = decoded(data).size
        assert status == 200 and 100_000 < size[0] * size[1] <= at_most
    assert world.times_fetched() == 1, "both at once"
    await opened(world.place, shown["url"])
    assert world.times_fetched() == 1, "and kept"


async def test_picture_is_served_as_a_picture_and_nothing_else(world: World) -> None:
    url = URL(await world.url())
    async with world.place.client.get(url.raw_path_qs, headers={"Accept": "text/html"}) as answer:
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.headers["Content-Security-Policy"] == "sandbox; default-src 'none'"
        assert answer.content_type == "image/png"
        assert answer.headers["Content-Disposition"].startswith("inline; filename=")


async def test_simultaneous_lookers_wait_for_one_fetch(world: World) -> None:
    url = await world.url()
    answers = await asyncio.gather(*(opened(world.place, url) for _ in range(12)))
    assert {status for status, _ in answers} == {200}
    assert world.times_fetched() == 1


@pytest.mark.parametrize(
    ("data", "called"),
    [
        (b"<svg xmlns='http://www.w3.org/2000/svg'><script>1</script></svg>", "image/svg+xml"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "image/png"),
        (b"<!doctype html><script>alert(1)</script>", "image/png"),
        (b"%PDF-1.7\n", "image/png"),
        (b"wOF2" + bytes(50), "image/png"),
        (b"<?xml version='1.0'?><a/>", "image/gif"),
        (PICTURE[:200], "image/png"),
        (b"", "image/png"),
    ],
)
async def test_file_that_is_no_picture_is_not_shown(world: World, data: bytes, called: str) -> None:
    world.other.answers["/files/a.png"] = showing(data, called)
    assert (await opened(world.place, await world.url()))[0] == 404
    assert files_in(world.proxy.folder) == []


async def test_metadata_beside_the_pixels_is_gone(world: World) -> None:
    from PIL.PngImagePlugin import PngInfo

    about = PngInfo()
    about.add_text("Comment", "where-she-lives")
    data = encoded(corners(), "PNG", pnginfo=about)
    assert b"where-she-lives" in data
    world.other.answers["/files/a.png"] = showing(data)
    status, served = await opened(world.place, await world.url())
    assert status == 200 and b"where-she-lives" not in served


async def test_picture_is_not_read_beyond_the_limit(world: World) -> None:
    sent = 0

    async def endless(request: web.Request) -> web.StreamResponse:
        nonlocal sent
        response = web.StreamResponse()
        response.content_type = "image/png"
        await response.prepare(request)
        try:
            while sent < 64 * 1024 * 1024:
                await response.write(bytes(1 << 16))
                sent += 1 << 16
        except ConnectionError:
            pass
        return response

    world.other.answers["/files/a.png"] = endless
    assert (await opened(world.place, await world.url()))[0] == 404
    assert sent < 32 * 1024 * 1024


async def test_redirects_go_where_the_door_lets_them(world: World) -> None:
    world.other.answers["/files/b.png"] = elsewhere("http://other.example/files/a.png")
    url = await world.url(attachment={**SHAPE, "url": "http://other.example/files/b.png"})
    assert (await opened(world.place, url))[0] == 200
    inside = ("http://169.254.169.254/latest", "http://10.0.0.1/a.png", "http://home.example/x")
    for number, target in enumerate(inside):
        path = f"/files/evil{number}.png"
        world.other.answers[path] = elsewhere(target)
        url = await world.url(attachment={**SHAPE, "url": f"http://other.example{path}"})
        assert (await opened(world.place, url))[0] == 404, target


@pytest.mark.parametrize(
    "address", ["http://169.254.169.254/a.png", "http://[::1]:1/a.png", "http://home.example/a.png"]
)
async def test_pictures_do_not_lie_inside_the_database(world: World, address: str) -> None:
    url = await world.url(attachment={**SHAPE, "url": address})
    status, _ = await opened(world.place, url)
    assert status in (404, 503)
    assert files_in(world.proxy.folder) == []


async def test_fetch_needs_our_seal(world: World) -> None:
    url = URL(await world.url())
    site = world.place.database.site
    for other in (
        url.without_query_params("seal"),
        url.update_query(seal="0" * 32),
        url.update_query(
            seal=URL(media_urls.proxy_address(site, "small", 1, "http://x/")).query["seal"]
        ),
        url.with_path(url.path.replace("original", "small")).with_query(url.query),
        url.with_path("/media/proxy/avatar/1").with_query(url.query),
        url.with_path("/media/proxy/unknown/1").with_query(url.query),
        url.with_path("/media/proxy/original/1").with_query(url.query),
    ):
        assert (await opened(world.place, str(other)))[0] == 404, other
    assert world.times_fetched() == 0


async def test_servers_do_not_show_each_other_round_and_round(world: World) -> None:
    url = URL(await world.url())
    for headers in ({"User-Agent": "Kith/1.0 (+https://x.example/)"}, {"Via": "1.1 x.example"}):
        async with world.place.client.get(url.raw_path_qs, headers=headers) as answer:
            assert answer.status == 404
    assert world.times_fetched() == 0


async def test_picture_for_few_opens_for_those_few(world: World) -> None:
    bob = await world.place.person("bob")
    private = {"to": [f"{world.vera.uri}/followers"], "cc": []}
    direct = {"to": [world.alice.actor.uri], "cc": []}
    for audience in (private, direct):
        url = URL(await world.url(**audience))
        assert url.query["me"] == world.alice.id
        assert (await opened(world.place, str(url)))[0] == 200
        for other in (
            url.with_query(None),
            url.update_query(me=bob.id),
            url.without_query_params("me").without_query_params("until"),
        ):
            assert (await opened(world.place, str(other)))[0] == 404
        async with world.place.client.get(url.raw_path_qs) as answer:
            assert answer.headers["Cache-Control"].startswith("private")
    number = await world.alice.find("@vera@other.example")
    private_url = await world.url(**private)
    await world.alice.post(f"/api/v1/accounts/{number}/unfollow")
    assert (await opened(world.place, private_url))[0] == 404


async def test_blocked_host_shows_no_picture(world: World) -> None:
    url = await world.url()
    assert (await opened(world.place, url))[0] == 200
    limits = (
        lambda writer: block_host(writer, "other.example"),
        lambda writer: writer.execute("UPDATE hosts SET tier = NULL, reject_media = 1"),
    )
    for limit in limits:
        await world.place.database.write(limit)
        assert (await opened(world.place, url))[0] == 404
    await world.place.database.write(lambda w: w.execute("UPDATE hosts SET reject_media = 0"))
    assert (await opened(world.place, url))[0] == 200


async def test_picture_on_a_blocked_host_is_not_shown_for_others(world: World) -> None:
    url = await world.url(attachment={**SHAPE, "url": "http://cdn.evil.example/a.png"})
    await world.place.database.write(block_host, "evil.example")
    assert (await opened(world.place, url))[0] == 404


async def test_failed_fetch_is_not_repeated_for_a_while(world: World, watch: Watch) -> None:
    world.other.answers["/files/a.png"] = showing(b"", status=410)
    url = await world.url()
    for _ in range(3):
        assert (await opened(world.place, url))[0] == 404
    assert world.times_fetched() == 1
    world.other.answers["/files/a.png"] = showing(PICTURE)
    watch.advance(UNWANTED_FOR + timedelta(seconds=1))
    assert (await opened(world.place, url))[0] == 200


async def test_cache_loses_what_is_old_and_what_is_too_much(
    world: World, tmp_path: Path, watch: Watch
) -> None:
    await opened(world.place, await world.url())
    kept = files_in(world.proxy.folder)
    for path in kept:
        os.utime(path, (watch.now.timestamp(),) * 2)
    assert len(kept) == 2 and await world.proxy.clear() == 0
    sizes = sorted(path.stat().st_size for path in kept)
    small = Proxy(
        world.proxy.folder.root, 1 << 24, watch, watch.monotonic, most_kept=sum(sizes) - 1
    )
    assert await small.clear() == 1
    watch.advance(KEPT_FOR + timedelta(seconds=1))
    assert await world.proxy.clear() == 1
    assert files_in(world.proxy.folder) == []


async def test_faces_of_others_come_through_us(world: World) -> None:
    world.other.answers["/files/face.png"] = showing(PICTURE)
    picture = {"type": "Image", "url": "http://other.example/files/face.png"}
    changed = world.vera.document(icon=picture, image=picture)
    assert (await hear(world.place, world.vera, world.vera.says("Update", changed)))[0] == "done"
    number = await world.alice.find("@vera@other.example")
    account = await world.alice.get(f"/api/v1/accounts/{number}")
    for name, size in (("avatar", (400, 400)), ("header", (1500, 500))):
        assert URL(account[name]).host == "home.example"
        status, data = await opened(world.place, account[name])
        assert (status, decoded(data).size) == (200, size)
    assert world.times_fetched() == 2


async def test_films_of_others_are_told_with_their_address(world: World) -> None:
    film = {**SHAPE, "mediaType": "video/mp4", "url": "http://other.example/files/a.mp4"}
    (shown,) = (await world.said(attachment=[film]))["media_attachments"]
    assert (shown["type"], shown["url"]) == ("unknown", film["url"])
    assert shown["preview_url"] is None


async def test_fetches_beyond_sixteen_are_refused(world: World) -> None:
    many = [{**SHAPE, "url": f"http://other.example/files/{at}.png"} for at in range(40)]
    assert len((await world.said(attachment=many))["media_attachments"]) == 16


async def test_edit_elsewhere_changes_what_hangs_here(world: World, watch: Watch) -> None:
    said = world.vera.note(attachment=[SHAPE])
    await hear(world.place, world.vera, world.vera.says("Create", said))
    watch.advance(timedelta(minutes=1))
    changed = {
        **said,
        "attachment": [{**SHAPE, "name": "Corners"}, {**SHAPE, "url": SHAPE["url"] + "?2"}],
    }
    changed["updated"] = watch().isoformat()
    assert (await hear(world.place, world.vera, world.vera.says("Update", changed)))[0] == "done"
    (shown, second) = (await world.alice.home())[0]["media_attachments"]
    assert (shown["description"], second["remote_url"]) == ("Corners", f"{SHAPE['url']}?2")
    await hear(world.place, world.vera, world.vera.says("Delete", said["id"]))
    left = await world.place.database.read(lambda r: r.value("SELECT count(*) FROM media"))
    assert left == 0


async def test_file_of_ours_is_hung_on_a_post_by_nobody_elsewhere(world: World) -> None:
    """A document that names one of our files gets our address, never our row."""
    shape = {**SHAPE, "id": 1, "url": "http://home.example/media/private/" + "0" * 32 + ".png"}
    (shown,) = (await world.said(attachment=[shape]))["media_attachments"]
    assert "/media/proxy/" in shown["url"]
    assert json.dumps(shown).count("seal=") == 2
    assert (await opened(world.place, shown["url"]))[0] == 404
