"""Custom emoji: made here, said here, and said by others."""

import json
from base64 import b64encode
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from yarl import URL

from server.cli import commands
from server.cli.control_socket import CommandFailed
from server.media.store import MEDIA, remove_strays
from tests.federation.saying import follow, hear
from tests.federation.world import Neighbour, Stranger, block_host, neighbour
from tests.server.api.test_media_attachments import opened
from tests.server.media.test_processing import corners, decoded, encoded, files_in
from tests.support.clock import Watch
from tests.support.internet import Internet
from tests.support.pictures import showing
from tests.support.servers import Person, Place, serving, settle

PICTURE = encoded(corners(80, 80), "PNG")
FRAMES = [Image.new("RGB", (50, 50), (value, 0, 0)) for value in (0, 120, 240)]
MOVING = encoded(FRAMES[0], "GIF", save_all=True, append_images=FRAMES[1:], duration=80)


@dataclass
class World:
    place: Place
    alice: Person
    other: Neighbour
    vera: Stranger


@pytest.fixture
async def world(tmp_path: Path, watch: Watch) -> AsyncIterator[World]:
    internet = Internet()
    async with AsyncExitStack() as stack:
        place = await stack.enter_async_context(
            serving(tmp_path / "home", "home.example", internet, watch)
        )
        other, server = await neighbour(internet, watch, "other.example")
        stack.push_async_callback(server.close)
        other.answers["/files/blob.png"] = showing(PICTURE)
        yield World(place, await place.person("alice"), other, other.person("vera"))


async def add(place: Place, name: str, data: bytes = PICTURE, **more: str) -> Any:
    given = {"name": name, "picture": b64encode(data).decode(), **more}
    return await commands.run(place.app, "emoji add", given)


def tag(name: Any = ":blob:", **more: Any) -> dict[str, Any]:
    icon = {"type": "Image", "mediaType": "image/png", "url": "http://other.example/files/blob.png"}
    return {"type": "Emoji", "name": name, "icon": icon} | more


# ---- ours ----


async def test_emoji_is_added_offered_and_removed(place: Place) -> None:
    assert await add(place, "leek", category="Garden") == {"name": "leek", "category": "Garden"}
    async with place.client.get("/api/v1/custom_emojis") as answer:
        (shown,) = await answer.json()
    assert {name: shown[name] for name in ("shortcode", "category", "visible_in_picker")} == {
        "shortcode": "leek",
        "category": "Garden",
        "visible_in_picker": True,
    }
    for name in ("url", "static_url"):
        status, data = await opened(place, shown[name])
        assert (status, decoded(data).size) == (200, (80, 80))
    await remove_strays(place.app[MEDIA], place.database, datetime.max.replace(tzinfo=UTC))
    assert len(files_in(place.app[MEDIA])) == 2
    with pytest.raises(CommandFailed, match="already"):
        await add(place, "leek")
    assert len(files_in(place.app[MEDIA])) == 2
    listed = await commands.run(place.app, "emoji list", {})
    assert listed == [{"name": "leek", "category": "Garden"}]
    await commands.run(place.app, "emoji remove", {"name": ":leek:"})
    assert files_in(place.app[MEDIA]) == []
    assert await commands.run(place.app, "emoji list", {}) == []
    with pytest.raises(CommandFailed, match="no emoji"):
        await commands.run(place.app, "emoji remove", {"name": "leek"})


async def test_moving_emoji_has_a_still_one(place: Place) -> None:
    await add(place, "wave", MOVING)
    async with place.client.get("/api/v1/custom_emojis") as answer:
        (shown,) = await answer.json()
    _, moving = await opened(place, shown["url"])
    _, still = await opened(place, shown["static_url"])
    assert (moving[:4], still[:4]) == (b"GIF8", b"\x89PNG")


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("a b", PICTURE),
        ("x" * 65, PICTURE),
        ("<b>", PICTURE),
        ("", PICTURE),
        ("ok", b"<svg/>"),
        ("ok", bytes(256 * 1024 + 1)),
    ],
)
async def test_emoji_that_cannot_be_one_is_refused(place: Place, name: str, data: bytes) -> None:
    with pytest.raises(CommandFailed):
        await add(place, name, data)
    assert files_in(place.app[MEDIA]) == []


def shortcodes(entity: Any) -> list[str]:
    return [one["shortcode"] for one in entity["emojis"]]


async def test_emoji_is_shown_by_whoever_says_it(place: Place) -> None:
    alice = await place.person("alice")
    for name in ("leek", "kale"):
        await add(place, name)
    await alice.call(
        "PATCH", "/api/v1/accounts/update_credentials", json={"display_name": "A :kale:"}
    )
    said = await alice.say("Soup :leek: and :nothing: at 12:kale:30", spoiler_text=":kale: soup")
    assert shortcodes(said) == ["kale", "leek"]
    assert shortcodes(said["account"]) == ["kale"]
    asked = await alice.say("Which?", poll={"options": [":leek:", "none"], "expires_in": 3600})
    assert shortcodes(asked["poll"]) == ["leek"]
    assert ":leek:" in said["content"] and "<img" not in said["content"]


async def test_earlier_posts_change_with_the_emoji(place: Place) -> None:
    """Kept bytes are made anew when an emoji comes or goes."""
    alice = await place.person("alice")
    said = await alice.say("Soup :leek:", spoiler_text="")
    path = f"/api/v1/statuses/{said['id']}"
    assert shortcodes(await alice.get(path)) == []
    await add(place, "leek")
    assert shortcodes(await alice.get(path)) == ["leek"]
    await commands.run(place.app, "emoji remove", {"name": "leek"})
    assert shortcodes(await alice.get(path)) == []


async def test_emoji_is_explained_to_others(world: World) -> None:
    await add(world.place, "leek")
    await follow_back(world)
    await world.alice.say("Soup :leek:")
    changed = {"display_name": ":leek: Alice"}
    await world.alice.call("PATCH", "/api/v1/accounts/update_credentials", json=changed)
    await settle(world.place)
    documents = [json.loads(sent.body)["object"] for sent in world.other.arrived[-2:]]
    for document in documents:
        (said,) = [one for one in document["tag"] if one["type"] == "Emoji"]
        assert said["name"] == ":leek:"
        assert (await opened(world.place, said["icon"]["url"]))[0] == 200
        async with world.place.client.get(URL(said["id"]).path) as answer:
            found = await answer.json()
        assert {name: found[name] for name in said} == said


async def follow_back(world: World) -> None:
    what = world.vera.says("Follow", world.alice.actor.uri)
    assert await world.vera.tell(world.place, what) == 202
    await settle(world.place)


# ---- theirs ----


async def test_posts_of_others_are_shown_with_their_emoji(world: World) -> None:
    await add(world.place, "leek")
    await follow(world.alice, world.vera)
    said = world.vera.note("<p>:blob: and :leek:</p>", tag=[tag()], summary="")
    await hear(world.place, world.vera, world.vera.says("Create", said))
    (shown,) = (await world.alice.home())[0]["emojis"]
    assert shown["shortcode"] == "blob", "ours are not theirs"
    for name in ("url", "static_url"):
        assert URL(shown[name]).host == "home.example"
        assert (await opened(world.place, shown[name]))[0] == 200
    changed = world.vera.document(name="Vera :blob:", tag=[tag()])
    await hear(world.place, world.vera, world.vera.says("Update", changed))
    number = await world.alice.find("@vera@other.example")
    assert shortcodes(await world.alice.get(f"/api/v1/accounts/{number}")) == ["blob"]
    asked = world.vera.note(
        type="Question", oneOf=[{"type": "Note", "name": ":blob:"}, {"name": "no"}], tag=tag()
    )
    await hear(world.place, world.vera, world.vera.says("Create", asked))
    assert shortcodes((await world.alice.home())[0]["poll"]) == ["blob"]


async def stored(world: World) -> list[tuple[str, str]]:
    return [
        (str(row[0]), str(row[1]))
        for row in await world.place.database.read(
            lambda reader: reader.rows(
                "SELECT shortcode, remote_url FROM emojis WHERE domain <> '' ORDER BY shortcode"
            )
        )
    ]


async def test_newer_picture_takes_the_place_of_an_older_one(world: World, watch: Watch) -> None:
    await follow(world.alice, world.vera)

    async def say(url: str, updated: str | None) -> None:
        icon = {"type": "Image", "url": url}
        more = {"updated": updated} if updated else {}
        said = world.vera.note(":blob:", tag=[tag(icon=icon, **more)])
        await hear(world.place, world.vera, world.vera.says("Create", said))

    base = "http://other.example/files/"
    await say(f"{base}1", "2026-01-01T00:00:00Z")
    await say(f"{base}2", "2025-01-01T00:00:00Z")
    assert await stored(world) == [("blob", f"{base}1")]
    await say(f"{base}3", "9999-01-01T00:00:00Z")
    assert await stored(world) == [("blob", f"{base}3")]
    watch.advance(timedelta(days=1))
    await say(f"{base}4", watch().isoformat())
    assert await stored(world) == [("blob", f"{base}4")], "the future was none"


@pytest.mark.parametrize(
    "wrong",
    [
        tag(name='"><script>'),
        tag(name=7),
        tag(name=":a b:"),
        tag(name=":" + "x" * 65 + ":"),
        tag(icon={"type": "Image", "url": "javascript:alert(1)"}),
        tag(icon={"type": "Image", "url": "data:image/png;base64,AAAA"}),
        tag(icon=None),
        tag(icon=[]),
        tag(type="emoji"),
        "Emoji",
        None,
    ],
)
async def test_tag_that_is_no_emoji_is_left_out(world: World, wrong: Any) -> None:
    await follow(world.alice, world.vera)
    said = world.vera.note(":blob:", tag=[wrong])
    assert (await hear(world.place, world.vera, world.vera.says("Create", said)))[0] == "done"
    assert await stored(world) == []


async def test_emoji_of_one_post_are_sixty_four_at_most(world: World) -> None:
    await follow(world.alice, world.vera)
    said = world.vera.note(tag=[tag(name=f":e{at}:") for at in range(200)])
    await hear(world.place, world.vera, world.vera.says("Create", said))
    assert len(await stored(world)) == 64


async def test_emoji_of_another_server_is_spoken_for_by_nobody_else(world: World) -> None:
    """An id of another host is no name; the emoji is of whoever's server said it."""
    await follow(world.alice, world.vera)
    await add(world.place, "leek")
    for id_ in ("http://home.example/emojis/1", "http://victim.example/emojis/1"):
        said = world.vera.note(":leek:", tag=[tag(name=":leek:", id=id_)])
        await hear(world.place, world.vera, world.vera.says("Create", said))
    rows = await world.place.database.read(
        lambda reader: reader.rows("SELECT domain, uri, file IS NULL FROM emojis ORDER BY domain")
    )
    assert rows == [("", None, 0), ("other.example", None, 1)]


async def test_emoji_comes_from_no_blocked_host(world: World) -> None:
    await follow(world.alice, world.vera)
    said = world.vera.note(":blob:", tag=[tag()])
    await hear(world.place, world.vera, world.vera.says("Create", said))
    (shown,) = (await world.alice.home())[0]["emojis"]
    assert (await opened(world.place, shown["url"]))[0] == 200
    await world.place.database.write(block_host, "other.example")
    assert (await opened(world.place, shown["url"]))[0] == 404
    assert (await opened(world.place, shown["static_url"]))[0] == 404
