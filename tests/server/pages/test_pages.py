"""The pages for people, on a real server: what they show, to whom, in which language."""

import re
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from datetime import timedelta
from itertools import product
from pathlib import Path
from typing import Any

import pytest

from federation.objects import note
from federation.resolve import backfill
from storage.access import accounts, sessions
from storage.engine import ids
from storage.engine.ids import ActorId
from storage.engine.transaction import Writer
from storage.people import actors
from tests.support.clock import Watch
from tests.support.internet import Internet
from tests.support.servers import Person, Place, serving, settle

HTML = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}
AP = {"Accept": "application/activity+json"}


@dataclass
class Opened:
    """An answer, read whole."""

    status: int
    text: str
    headers: dict[str, str]


async def cookie_of(person: Person) -> dict[str, str]:
    """A browser in which they are logged in."""
    secret = ids.secret()
    await person.place.database.write(sessions.start, secret, person.actor.id, "Firefox")
    return {"Cookie": f"kith={secret}"}


async def opened(place: Place, path: str, **headers: str) -> Opened:
    async with place.client.get(path, headers={**HTML, **headers}, allow_redirects=False) as answer:
        return Opened(answer.status, await answer.text(), dict(answer.headers))


# ---- every page, for everybody ----


async def test_pages_open_for_visitors_and_members_in_both_languages(place: Place) -> None:
    alice, bob = await place.person("alice", role="admin"), await place.person("bob")
    said = await alice.say("Leeks are in. #garden")
    await bob.say("@alice Already?", in_reply_to_id=said["id"])
    gone = await alice.say("Not for long.")
    await alice.call("DELETE", f"/api/v1/statuses/{gone['id']}")
    pages = {
        "/": 200,
        "/about": 200,
        "/@alice": 200,
        "/@bob": 200,
        "/@community": 200,
        f"/@alice/{said['id']}": 200,
        "/tags/garden": 200,
        "/tags/nothing": 200,
        f"/@alice/{gone['id']}": 410,
        "/@nobody": 404,
        "/no/such/page": 404,
    }
    site = {"en": "Times are UTC", "de": "Uhrzeiten: UTC"}
    cells = 0
    for (path, status), locale, cookie in product(pages.items(), site, ({}, await cookie_of(bob))):
        page = await opened(place, path, **{"Accept-Language": locale}, **cookie)
        assert page.status == status, path
        assert f'<html lang="{locale}" dir="ltr">' in page.text
        assert site[locale] in page.text, (path, locale)
        assert page.headers["Content-Language"] == locale
        assert page.headers["Content-Type"] == "text/html; charset=utf-8"
        assert page.headers["Vary"] == "Accept, Accept-Language, Cookie"
        assert "default-src 'none'" in page.headers["Content-Security-Policy"]
        assert ("bob: " in page.text) is bool(cookie), (path, cookie)  # the way to the settings
        assert "Set-Cookie" not in page.headers
        cells += 1
    print(f"{cells} cells: page x language x reader")


async def test_front_page_says_what_the_place_is_for_and_who_looks_after_it(
    place: Place,
) -> None:
    alice = await place.person("alice", role="admin")
    await alice.say("Leeks are in.")
    page = await opened(place, "/")
    for words in ("A place for people who share values", "We say how it is.", "Leeks are in."):
        assert words in page.text
    assert "Looked after by" in page.text
    assert "Charter, version 1, of 24\u00a0November 2026" in page.text


async def test_pages_that_caches_keep_have_the_full_date(place: Place) -> None:
    alice = await place.person("alice")
    await alice.say("Leeks are in.")
    assert "Tuesday 24\u00a0November, 08:00" in (await opened(place, "/@alice")).text
    assert "Today, 08:00" in (await opened(place, "/@alice", **await cookie_of(alice))).text


async def test_pages_without_any_cookie_are_for_caches(place: Place) -> None:
    alice = await place.person("alice")
    said = await alice.say("Leeks are in. #garden")
    kinds: tuple[dict[str, str], ...] = (
        await cookie_of(alice),
        {"Cookie": "kith=not-a-session"},
        {"Cookie": "something=else"},
    )
    cells = 0
    for path in ("/", "/about", "/@alice", f"/@alice/{said['id']}", "/tags/garden"):
        page = await opened(place, path)
        assert page.headers["Cache-Control"] == "public, max-age=60"
        for cookie in kinds:
            page = await opened(place, path, **cookie)
            assert page.headers["Cache-Control"] == "private, no-store", (path, cookie)
            cells += 1
    assert (await opened(place, "/@nobody")).headers["Cache-Control"] == "private, no-store"
    print(f"{cells} pages with a cookie")


async def test_person_is_shown_as_they_wrote_themselves(place: Place) -> None:
    alice = await place.person("alice")
    form = {
        "display_name": "Alice <b>Berg</b>",
        "note": "Leeks, and #waiting.\n\nhttps://berg.example",
        "fields_attributes": [{"name": "Plot", "value": "9 & a half"}],
    }
    await alice.call("PATCH", "/api/v1/accounts/update_credentials", json=form)
    page = await opened(place, "/@alice")
    assert "<h1><bdi>Alice &lt;b&gt;Berg&lt;/b&gt;</bdi></h1>" in page.text
    assert 'href="http://home.example/tags/waiting"' in page.text
    assert '<dt dir="auto">Plot</dt><dd dir="auto">9 &amp; a half</dd>' in page.text
    assert 'content="noindex"' in page.text
    await alice.call("PATCH", "/api/v1/accounts/update_credentials", json={"indexable": True})
    assert 'content="noindex"' not in (await opened(place, "/@alice")).text


async def test_post_has_its_language_and_the_page_its_own(place: Place) -> None:
    alice = await place.person("alice")
    said = await alice.say("Der Lauch ist drin.", language="de")
    page = await opened(place, f"/@alice/{said['id']}")
    assert '<div class="words" dir="auto" lang="de">' in page.text


async def test_long_list_is_walked_to_its_end_and_back(place: Place, watch: Watch) -> None:
    alice = await place.person("alice")
    for number in range(45):
        watch.advance(timedelta(seconds=1))
        await alice.say(f"word-{number}-word")
    seen: list[list[int]] = []
    path: str | None = "/@alice"
    while path:
        page = await opened(place, path)
        seen.append([int(one) for one in re.findall(r"word-(\d+)-word", page.text)])
        path = link(page.text, "Earlier posts")
    assert seen == [list(range(44, 24, -1)), list(range(24, 4, -1)), [4, 3, 2, 1, 0]]
    back = link(page.text, "Newer posts")
    assert back
    page = await opened(place, back)
    assert re.findall(r"word-(\d+)-word", page.text)[0] == "24"
    for odd in (
        "?before=x",
        "?before=-1",
        "?before=99999999999999999999",
        "?after=%00",
        "?before=",
    ):
        assert (await opened(place, f"/@alice{odd}")).status == 200, odd


def link(text: str, words: str) -> str | None:
    found = re.search(rf'<a href="([^"]+)">{words}</a>', text)
    return found[1].replace("&amp;", "&") if found else None


# ---- who may see what (SECURITY 75, 77) ----

VISIBILITIES = ("public", "unlisted", "private", "direct", "local")
READERS = ("author", "follower", "mentioned", "stranger", "blocked")
SEES = {
    "public": {"anonymous", "author", "follower", "mentioned", "stranger"},
    "unlisted": {"anonymous", "author", "follower", "mentioned", "stranger"},
    "private": {"author", "follower", "mentioned"},
    "direct": {"author", "mentioned"},
    "local": {"author", "follower", "mentioned", "stranger"},
}


@dataclass
class World:
    """One author with a post and an answer of each visibility, and everybody who may look."""

    place: Place
    cookies: dict[str, dict[str, str]]
    root: str
    posts: dict[str, str]


@pytest.fixture
async def world(place: Place) -> World:
    people = {name: await place.person(name) for name in READERS}
    author = people["author"]
    await people["follower"].follow(author)
    root = (await author.say("The beginning. #matrix"))["id"]
    posts = {}
    for visibility in VISIBILITIES:
        text = f"@mentioned word-{visibility} #matrix"
        posts[visibility] = (await author.say(text, visibility=visibility, in_reply_to_id=root))[
            "id"
        ]
        await author.say(f"@mentioned alone-{visibility} #matrix", visibility=visibility)
    await author.post(f"/api/v1/accounts/{people['blocked'].id}/block")
    nothing: dict[str, str] = {}
    cookies = {"anonymous": nothing} | {n: await cookie_of(p) for n, p in people.items()}
    return World(place, cookies, root, posts)


async def test_pages_show_nothing_that_is_not_for_the_reader(world: World) -> None:
    cells = 0
    for visibility, reader in product(VISIBILITIES, world.cookies):
        may, cookie = reader in SEES[visibility], world.cookies[reader]
        listed = {
            f"/@author/{world.posts[visibility]}": may,
            f"/@author/{world.root}": may if reader != "blocked" else False,
            "/@author": may and visibility != "direct",
            "/": visibility == "public" and reader != "blocked",
            "/tags/matrix": visibility == "public" and reader != "blocked",
        }
        for path, shown in listed.items():
            page = await opened(world.place, path, **cookie)
            found = re.search(rf"(word|alone)-{visibility}\b", page.text) is not None
            assert found is shown, (visibility, reader, path, page.status)
            cells += 1
    print(f"{cells} cells: visibility x reader x page")


async def test_hidden_and_missing_pages_are_the_same(world: World) -> None:
    missing = int(world.posts["direct"]) + 1
    own = {"x-request-id", "date"}
    pairs = 0
    for reader in ("anonymous", "stranger", "blocked"):
        pages = []
        for id_ in (world.posts["direct"], missing):
            page = await opened(world.place, f"/@author/{id_}", **world.cookies[reader])
            kept = {k: v for k, v in page.headers.items() if k.lower() not in own}
            pages.append((page.status, page.text, kept))
        assert pages[0] == pages[1]
        assert pages[0][0] == 404
        pairs += 1
    print(f"{pairs} pairs of hidden and missing")


async def test_deleted_post_is_gone_for_those_who_could_see_it(world: World, place: Place) -> None:
    author = place.people["author"]
    for id_ in world.posts.values():
        await author.call("DELETE", f"/api/v1/statuses/{id_}")
    cells = 0
    for visibility, reader in product(VISIBILITIES, world.cookies):
        page = await opened(place, f"/@author/{world.posts[visibility]}", **world.cookies[reader])
        wanted = 410 if reader in SEES[visibility] else 404
        assert page.status == wanted, (visibility, reader)
        assert "word-" not in page.text
        cells += 1
    print(f"{cells} cells: visibility x reader of what was deleted")


async def test_answers_are_counted_only_as_far_as_the_reader_may_see_them(place: Place) -> None:
    alice, bob = await place.person("alice"), await place.person("bob")
    said = await alice.say("How is it going?")
    await bob.say("@alice Well.", in_reply_to_id=said["id"])
    await bob.say("@alice Between us: no.", in_reply_to_id=said["id"], visibility="direct")
    assert "One answer<" in (await opened(place, "/@alice")).text
    assert "Two answers<" in (await opened(place, "/@alice", **await cookie_of(alice))).text


async def test_attention_is_counted_nowhere(place: Place) -> None:
    people = [await place.person(name) for name in ("alice", "bob", "carol")]
    alice = people[0]
    said = await alice.say("Leeks are in. #garden")
    paths = ("/", "/@alice", f"/@alice/{said['id']}", "/tags/garden")
    before = [(await opened(place, path)).text for path in paths]
    for one in people[1:]:
        await one.post(f"/api/v1/statuses/{said['id']}/favourite")
        await one.post(f"/api/v1/statuses/{said['id']}/reblog")
        await one.follow(alice)
    assert [(await opened(place, path)).text for path in paths] == before


async def test_account_without_a_page_is_not_there(place: Place) -> None:
    alice = await place.person("alice")
    said = await alice.say("Leeks are in.")
    nobody = await opened(place, "/@nobody")
    application = await place.database.read(actors.application)

    async def same(path: str, **headers: str) -> None:
        page = await opened(place, path, **headers)
        assert (page.status, page.text) == (404, nobody.text), path

    await same(f"/@{application.name}")
    await same("/@alice@home.example")
    await same(f"/@nobody/{said['id']}")
    await same(f"/@community/{said['id']}")
    await place.database.write(accounts.set_state, alice.actor.id, "pending")
    await same("/@alice")
    await place.database.write(accounts.set_state, alice.actor.id, "active")
    await place.database.write(actors.set_moderation_state, alice.actor.id, "suspended")
    await same("/@alice")
    await same(f"/@alice/{said['id']}")
    await place.database.write(actors.set_moderation_state, alice.actor.id, "deleted")
    page = await opened(place, "/@alice")
    assert (page.status, "has left" in page.text) == (410, True)


# ---- people and servers (SECURITY 31) ----


async def test_servers_get_the_document_and_no_cache_mixes_the_two(place: Place) -> None:
    alice = await place.person("alice")
    said = await alice.say("Leeks are in.")
    secret = await alice.say("Not for all.", visibility="private")
    for path, uri in (
        ("/@alice", alice.actor.uri),
        ("/@ALICE", alice.actor.uri),
        (f"/@alice/{said['id']}", said["uri"]),
    ):
        found = await opened(place, path, **AP)
        there = await opened(place, uri.removeprefix("http://home.example"), **AP)
        assert (found.status, found.text) == (200, there.text)
        assert found.headers["Content-Type"].startswith("application/activity+json")
        assert found.headers["Cache-Control"] == "private, no-store"
        assert {"Accept", "Signature"} <= set(found.headers["Vary"].split(", "))
    await place.person("bob")
    for path in (f"/@alice/{secret['id']}", f"/@bob/{said['id']}", f"/@nobody/{said['id']}"):
        hidden = await opened(place, path, **AP)
        assert (hidden.status, hidden.headers["Cache-Control"]) == (404, "private, no-store")
    missing = await opened(place, "/@nobody", **AP)
    assert (missing.status, missing.headers["Content-Type"]) == (
        404,
        "application/json; charset=utf-8",
    )


# ---- what others wrote ----


@pytest.fixture
async def two(tmp_path: Path, watch: Watch) -> AsyncIterator[tuple[Place, Place]]:
    """Our server and another one."""
    internet = Internet()
    async with AsyncExitStack() as stack:
        home, away = [
            await stack.enter_async_context(
                serving(tmp_path / name, f"{name}.example", internet, watch)
            )
            for name in ("home", "away")
        ]
        yield home, away


async def test_titles_and_names_of_others_are_text_and_their_pictures_come_through_us(
    two: tuple[Place, Place],
) -> None:
    home, away = two
    alice, bob = await home.person("alice"), await away.person("bob")
    number = await alice.find(bob.handle)
    known = await home.database.read(actors.by_id, ActorId(int(number)))
    assert known is not None
    attack = "<img src=x onerror=alert(1)>"
    await home.database.write(
        actors.update,
        replace(known, display_name=attack, avatar="https://away.example/bob.png"),
    )
    await home.database.write(keep_article, bob.actor.uri, attack)
    (article,) = (await alice.get("/api/v1/timelines/public"))[:1]
    answered = await alice.say("@bob@away.example Hm.", in_reply_to_id=article["id"])
    await settle(home, away)
    page = await opened(home, f"/@alice/{answered['id']}")
    assert page.text.count("&lt;img src=x onerror=alert(1)&gt;") >= 2
    sources = re.findall(r'<img[^>]* src="([^"]*)"', page.text)
    assert sources and all(one.startswith("/media/proxy/avatar/") for one in sources)
    assert "bob.png" not in page.text
    assert f'href="{bob.actor.uri}"' in page.text or "away.example" in page.text


def keep_article(writer: Writer, author: str, title: str) -> None:
    document: dict[str, Any] = {
        "id": f"{author}/articles/1",
        "type": "Article",
        "attributedTo": author,
        "name": title,
        "content": "<p>Long.</p>",
        "to": ["https://www.w3.org/ns/activitystreams#Public"],
        "published": "2026-11-24T07:00:00Z",
    }
    backfill.post(writer, note.parse(document))
