"""What was made before is never shown in place of what is: after every change, to everybody."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from datetime import timedelta
from itertools import chain
from pathlib import Path
from typing import Any

import orjson
import pytest

from server.entities import account as account_entity
from server.entities import notification as notification_entity
from server.entities import status as status_entity
from storage.engine.ids import ActorId, PostId
from storage.engine.pagination import Page
from storage.engine.transaction import Reader, Writer
from storage.media import emojis
from storage.media.emojis import Emoji
from storage.people import actors
from storage.people.actors import Actor
from storage.posts import posts, visible_posts
from storage.posts.posts import Post
from storage.posts.visibility import Anonymous, Member, Viewer
from storage.reading import notifications, timelines
from storage.reading.notifications import NotificationFilter
from storage.reading.timelines import Line, Shown
from tests.support.clock import Watch
from tests.support.internet import Internet
from tests.support.servers import Person, Place, serving, settle

ALL = Page(40)


@dataclass
class Village:
    """Alice, bob and carol follow each other; rose, of another server, follows and is followed."""

    home: Place
    away: Place
    alice: Person
    bob: Person
    carol: Person
    rose: Person
    said: dict[str, Any]

    @property
    def viewers(self) -> list[Viewer]:
        people = [self.alice, self.bob, self.carol]
        return [Anonymous(), *(Member(one.actor.id) for one in people)]

    async def at_home(self, other: Person) -> Actor:
        found = await self.home.database.read(actors.by_uri, other.actor.uri)
        assert found is not None
        return found


@pytest.fixture
async def village(tmp_path: Path, watch: Watch) -> AsyncIterator[Village]:
    internet = Internet()
    async with AsyncExitStack() as stack:
        home, away = [
            await stack.enter_async_context(
                serving(tmp_path / name, f"{name}.example", internet, watch)
            )
            for name in ("home", "away")
        ]
        alice, bob, carol = [await home.person(name) for name in ("alice", "bob", "carol")]
        rose = await away.person("rose")
        for one in (alice, bob, carol, rose):
            for other in (alice, bob, carol, rose):
                if other is not one:
                    await one.follow(other)
        await settle(home, away)
        made = Village(home, away, alice, bob, carol, rose, {})
        await _speak(made)
        yield made


async def _speak(village: Village) -> None:
    alice, bob, carol, rose = village.alice, village.bob, village.carol, village.rose
    said = village.said
    for visibility in ("public", "unlisted", "private", "local"):
        said[visibility] = await alice.say(f"Apples, {visibility}. #Apples", visibility=visibility)
    said["direct"] = await alice.say(f"Plums? {bob.handle}", visibility="direct")
    said["warned"] = await bob.say("Slugs.", spoiler_text="slugs", sensitive=True, language="en")
    said["naming"] = await carol.say(f"{rose.handle} and {alice.handle}, come by! #plums #Pears")
    said["answer"] = await bob.say("Gladly.", in_reply_to_id=said["private"]["id"])
    said["hidden"] = await bob.say("Plums!", in_reply_to_id=said["direct"]["id"])
    said["far"] = await rose.say("Roses in November. :rose: #roses")
    await settle(village.home, village.away)
    far = await bob.get("/api/v2/search", q=said["far"]["uri"], resolve="true")
    for number in (far["statuses"][0]["id"], said["public"]["id"]):
        await carol.post(f"/api/v1/statuses/{number}/reblog")
    await carol.post(f"/api/v1/statuses/{said['public']['id']}/favourite")
    await settle(village.home, village.away)


def everything(reader: Reader, viewer: Viewer, people: list[ActorId]) -> Any:
    """Content of whatever this viewer is shown in lists, as the bytes say it."""
    lists: dict[str, list[Line]] = {
        "public": [entry.line for entry in timelines.public(reader, viewer, ALL)]
    }
    for actor in people:
        found = timelines.account(reader, viewer, actor, Shown(), ALL)
        lists[f"account {actor}"] = [entry.line for entry in found]
    shown: dict[str, Any] = {}
    if isinstance(viewer, Member):
        lists["home"] = timelines.home(reader, viewer.actor, ALL)
        lists["liked"] = timelines.favourites(reader, viewer.actor, ALL)
        lists["bookmarked"] = timelines.bookmarks(reader, viewer.actor, ALL)
        told = notifications.page_of(reader, viewer.actor, ALL, NotificationFilter())
        shown["notifications"] = notification_entity.many(reader, viewer, told)
    for name, lines in lists.items():
        shown[name] = status_entity.of_lines(reader, viewer, lines)
    faces = account_entity.by_number(reader, people)
    shown["people"] = [faces[id_] for id_ in people if id_ in faces]
    return orjson.loads(orjson.dumps(shown))


async def seen(village: Village) -> list[Any]:
    """What each viewer sees: twice from what is kept, and it must be what is made anew.

    A writer keeps nothing, so what it makes is made of rows.
    """
    people = [one.actor.id for one in (village.alice, village.bob, village.carol)]
    people.append((await village.at_home(village.rose)).id)
    found = []
    for viewer in village.viewers:
        anew = await village.home.database.write(everything, viewer, people)
        for _ in range(3):  # both readers, cold and warm
            assert await village.home.database.read(everything, viewer, people) == anew, viewer
        found.append(anew)
    return found


Change = Callable[[Village], Awaitable[Any]]


def _write(unit: Callable[[Writer, Village], Any]) -> Change:
    async def change(village: Village) -> None:
        await village.home.database.write(unit, village)

    return change


async def _profile(village: Village) -> None:
    await village.alice.call(
        "PATCH", "/api/v1/accounts/update_credentials", json={"display_name": "Alice of the hill"}
    )


async def _profile_elsewhere(village: Village) -> None:
    """Change the profile of somebody whom a post mentions: with the address of their page, too."""
    rose = await village.at_home(village.rose)
    moved = replace(rose, url="https://away.example/people/rose", display_name="Rose :rose:")
    await village.home.database.write(actors.update, moved)


def _picture(writer: Writer, village: Village) -> None:
    alice = actors.by_id(writer, village.alice.actor.id)
    assert alice is not None
    actors.update(writer, replace(alice, avatar="0123456789abcdef.webp"))


def _post(writer: Writer, village: Village, which: str) -> Post:
    found = posts.by_id(writer, PostId(int(village.said[which]["id"])))
    assert found is not None
    return found


def _edit(writer: Writer, village: Village) -> None:
    post = _post(writer, village, "public")
    edited = replace(post, content="<p>Pears!</p>", sensitive=True, edited_at=writer.now)
    posts.revise(writer, edited, ["pears"])


def _suspend(writer: Writer, village: Village) -> None:
    actors.set_moderation_state(writer, village.carol.actor.id, "suspended")


def _act(who: str, which: str, act: str) -> Change:
    async def change(village: Village) -> None:
        person: Person = getattr(village, who)
        await person.post(f"/api/v1/statuses/{village.said[which]['id']}/{act}")

    return change


def _towards(who: str, whom: str, act: str) -> Change:
    async def change(village: Village) -> None:
        person, other = getattr(village, who), getattr(village, whom)
        await person.post(f"/api/v1/accounts/{other.id}/{act}")

    return change


async def _say(village: Village) -> None:
    await village.bob.say("Beans are up.")


async def _answer(village: Village) -> None:
    number = village.said["public"]["id"]
    await village.bob.say("Which sort?", in_reply_to_id=number, visibility="private")


async def _delete(village: Village) -> None:
    await village.alice.call("DELETE", f"/api/v1/statuses/{village.said['private']['id']}")


def _emoji(number: int) -> Change:
    """Emoji of another server: posts and people look different, whatever they say themselves."""

    def learn(writer: Writer, village: Village) -> None:
        picture = f"https://away.example/rose{number}.png"
        since = writer.now + timedelta(seconds=number)
        emojis.learn(
            writer, "away.example", [Emoji(0, "rose", remote_url=picture, updated_at=since)]
        )

    return _write(learn)


CHANGES: dict[str, Change] = {
    "an emoji elsewhere, for the first time": _emoji(0),
    "a profile": _profile,
    "a profile elsewhere, of somebody who is mentioned": _profile_elsewhere,
    "an emoji elsewhere, drawn anew": _emoji(1),
    "a picture": _write(_picture),
    "an edit": _write(_edit),
    "a post": _say,
    "an answer": _answer,
    "a favourite": _act("bob", "public", "favourite"),
    "a favourite taken back": _act("carol", "public", "unfavourite"),
    "a boost": _act("bob", "public", "reblog"),
    "a boost taken back": _act("carol", "public", "unreblog"),
    "a bookmark": _act("bob", "warned", "bookmark"),
    "a delete": _delete,
    "a follow that ends": _towards("bob", "alice", "unfollow"),
    "a follow that begins": _towards("bob", "alice", "follow"),
    "a mute": _towards("alice", "bob", "mute"),
    "a block": _towards("alice", "carol", "block"),
    "a suspension": _write(_suspend),
}


async def test_cached_bytes_are_what_would_be_made_anew_after_every_change(
    village: Village,
) -> None:
    before = await seen(village)
    shown = list(chain.from_iterable(lines for one in before for lines in one.values()))
    assert len(shown) > 100
    print(f"{len(shown)} entities, {len(CHANGES)} changes")
    for name, change in CHANGES.items():
        await change(village)
        after = await seen(village)
        assert after != before, f"{name} shows nowhere"
        before = after


async def test_cached_bytes_are_not_shown_to_whom_they_are_not_for(village: Village) -> None:
    """Everybody asks for every post by number, while the bytes of each are kept."""
    wanted = [PostId(int(said["id"])) for said in village.said.values()]

    def by_number(reader: Reader, viewer: Viewer) -> set[int]:
        lines = [Line(number, None, None, number) for number in wanted]
        shown = orjson.loads(orjson.dumps(status_entity.of_lines(reader, viewer, lines)))
        by_number = status_entity.by_number(reader, viewer, wanted)
        assert {int(status["id"]) for status in shown} == by_number.keys()
        return set(by_number)

    def may_see(reader: Reader, viewer: Viewer) -> set[int]:
        return set(visible_posts.many(reader, viewer, wanted))

    sizes = set()
    for viewer in (*village.viewers, *village.viewers[::-1]):
        shown = await village.home.database.read(by_number, viewer)
        assert shown == await village.home.database.read(may_see, viewer), viewer
        sizes.add(len(shown))
    assert len(sizes) > 2


async def test_cached_bytes_of_an_undone_unit_are_shown_to_nobody(
    village: Village,
) -> None:
    """A version that was never committed may come again, with other words."""
    viewer = Member(village.alice.actor.id)
    number = PostId(int(village.said["public"]["id"]))

    def read(reader: Reader) -> Any:
        rendered = status_entity.by_number(reader, viewer, [number])
        return orjson.loads(orjson.dumps(rendered[number]))["content"]

    def edit(writer: Writer, words: str) -> str:
        post = _post(writer, village, "public")
        posts.revise(writer, replace(post, content=words, edited_at=writer.now), [])
        content: str = read(writer)
        return content

    def edit_and_fail(writer: Writer) -> None:
        assert edit(writer, "<p>Never said</p>") == "<p>Never said</p>"
        raise ValueError("undone")

    with pytest.raises(ValueError, match="undone"):
        await village.home.database.write(edit_and_fail)
    assert await village.home.database.write(edit, "<p>Said</p>") == "<p>Said</p>"
    assert await village.home.database.read(read) == "<p>Said</p>"
