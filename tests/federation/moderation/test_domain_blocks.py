"""A blocked server: nothing of it is seen or comes back, nothing is lost (SECURITY 83, 84)."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest

from federation.errors import Forbidden, Missing
from federation.moderation.domain_blocks import put
from federation.objects import actor
from federation.objects.note import parse
from federation.resolve import backfill
from federation.resolve.backfill import Named
from server.http.app_keys import RESOLVER
from server.routes import ROUTES
from storage.engine.ids import ActorId
from storage.engine.transaction import Reader, Writer
from storage.people import actors
from storage.people.actors import ActorState
from storage.queues import hosts
from tests.federation.saying import follow, hear, homes
from tests.federation.world import PUBLIC, Document, Neighbour, Stranger, verdict
from tests.support.clock import Watch
from tests.support.servers import Person, Place, settle

WORDS = "the words of evil"
TAG = {"type": "Hashtag", "name": "#tea", "href": "http://evil.example/tags/tea"}

# Who of evil is about, and what is theirs, in whatever is shown.
MARKS = ("mallory", "evil")

SURFACES = (
    "/api/v1/timelines/home",
    "/api/v1/timelines/public",
    "/api/v1/timelines/public?remote=true",
    "/api/v1/timelines/tag/tea",
    "/api/v1/tags/tea",
    "/api/v1/statuses/{post}",
    "/api/v1/statuses/{boost}",
    "/api/v1/statuses?id[]={post}",
    "/api/v1/statuses/{own}/context",
    "/api/v1/statuses/{own}/favourited_by",
    "/api/v1/statuses/{own}/reblogged_by",
    "/api/v1/statuses/{reply}/context",
    "/api/v1/statuses/{quoting}",
    "/api/v1/accounts/{mallory}",
    "/api/v1/accounts?id[]={mallory}",
    "/api/v1/accounts/{mallory}/statuses",
    "/api/v1/accounts/{bob}/statuses",
    "/api/v1/accounts/{vera}/statuses",
    "/api/v1/accounts/{alice}/followers",
    "/api/v1/accounts/{alice}/following",
    "/api/v1/accounts/lookup?acct=mallory@evil.example",
    "/api/v1/accounts/search?q=mallory",
    "/api/v1/accounts/search?q=mallory@evil.example&resolve=true",
    "/api/v1/favourites",
    "/api/v1/bookmarks",
    "/api/v1/notifications",
    "/api/v1/mutes",
    "/api/v2/search?q=mallory",
    "/api/v2/search?q=@mallory@evil.example&resolve=true",
    "/api/v2/search?q={uri}&resolve=true",
    "/api/v2/search?q=http://evil.example/users/mallory&resolve=true",
    "/@alice/{own}",
    "/@bob",
    "/tags/tea",
    "/posts/{own}/replies",
)


# Lists that need no number, also those that are yet to come.
LISTS = tuple(
    route.path
    for route in ROUTES
    if route.method == "GET" and route.path.startswith("/api/") and "{" not in route.path
)


@dataclass
class Scene:
    """Ours has alice and bob; vera is on another server; all of them have to do with mallory."""

    ours: Place
    alice: Person
    bob: Person
    vera: Stranger
    mallory: Stranger
    note: Document
    answer: Document
    names: dict[str, str]

    async def shown(self, viewer: Person | Stranger | None, path: str) -> str:
        """What is answered; '' where it is an error."""
        filled = path.format(**self.names)
        if isinstance(viewer, Stranger):
            status, body, _ = await viewer.get(self.ours, filled)
            return body.decode() if status == 200 else ""
        given = {"Authorization": f"Bearer {viewer.token}"} if viewer else {}
        async with self.ours.client.get(filled, headers=given) as answer:
            return await answer.text() if answer.status == 200 else ""

    async def seen(self) -> set[tuple[str, str]]:
        """Places where anything of evil is shown to anybody."""
        viewers = {"alice": self.alice, "bob": self.bob, "anybody": None, "vera": self.vera}
        found = set()
        for name, viewer in viewers.items():
            for path in (*SURFACES, *LISTS):
                if isinstance(viewer, Stranger) and not path.startswith("/posts"):
                    continue
                shown = await self.shown(viewer, path)
                if any(mark in shown for mark in MARKS):
                    found.add((name, path))
        return found

    async def block(self, name: str = "evil.example") -> int:
        return await put(self.ours.database, name, "blocked")

    async def unblock(self, name: str = "evil.example") -> int:
        return await put(self.ours.database, name, None)

    async def act(self, method: str, path: str, **form: Any) -> int:
        status, _ = await self.alice.ask(method, path.format(**self.names), json=form)
        return status


@pytest.fixture
async def scene(ours: Place, alice: Person, evil: Neighbour, vera: Stranger) -> Scene:
    bob = await ours.person("bob")
    mallory = evil.person("mallory")
    await bob_is_followed(alice, bob)
    await follow(alice, vera)
    number = await follow(alice, mallory)
    await hear(ours, mallory, mallory.says("Follow", alice.actor.uri))
    note = mallory.note(f"<p>{WORDS}</p>", tag=[TAG, *mentions(alice)])
    await hear(ours, mallory, mallory.says("Create", note))
    own = await alice.say("How are you?")
    whisper = mallory.note("<p>Psst, evil here</p>", to=[alice.actor.uri], tag=mentions(alice))
    answer = mallory.note("<p>Not evil at all</p>", inReplyTo=own["uri"])
    for what in (
        mallory.says("Create", whisper | {"cc": []}),
        mallory.says("Create", answer),
        mallory.says("Like", own["uri"]),
        mallory.says("Announce", own["uri"], to=[PUBLIC]),
    ):
        await hear(ours, mallory, what)
    await hear(ours, vera, vera.says("Announce", note["id"], to=[PUBLIC]))
    (post,) = (await alice.get("/api/v2/search", q=note["id"]))["statuses"]
    reply = await alice.say("I beg your pardon.", in_reply_to_id=post["id"])
    for act in ("favourite", "bookmark"):
        await alice.post(f"/api/v1/statuses/{post['id']}/{act}")
    await bob.post(f"/api/v1/accounts/{number}/mute")
    boost = await bob.post(f"/api/v1/statuses/{post['id']}/reblog")
    await settle(ours)
    names = {"post": post["id"], "own": own["id"], "reply": reply["id"], "boost": boost["id"]}
    names |= {"mallory": number, "alice": alice.id, "bob": bob.id, "uri": note["id"]}
    names["vera"] = await alice.find("@vera@victim.example")
    quoting = vera.note("<p>Look</p>", quote=note["id"])
    await hear(ours, vera, vera.says("Create", quoting))
    names["quoting"] = (await alice.home())[0]["id"]
    return Scene(ours, alice, bob, vera, mallory, note, answer, names)


async def bob_is_followed(alice: Person, bob: Person) -> None:
    await alice.follow(bob)
    await settle(alice.place)


def mentions(person: Person) -> list[Mapping[str, str]]:
    return [{"type": "Mention", "href": person.actor.uri, "name": person.handle}]


# ---- nothing of it is seen ----


@pytest.mark.parametrize("name", ["evil.example", "example"])
async def test_blocked_server_is_shown_to_nobody(scene: Scene, name: str) -> None:
    before = await scene.seen()
    assert {path for _, path in before} >= set(SURFACES) - {"/api/v1/tags/tea", "/tags/tea"}
    own = await scene.alice.get(f"/api/v1/statuses/{scene.names['own']}")
    assert counts(own) == (1, 1, 1)
    assert await scene.block(name) == (1 if name == "evil.example" else 2)
    assert await scene.seen() == set()
    own = await scene.alice.get(f"/api/v1/statuses/{scene.names['own']}")
    assert counts(own) == (0, 0, 0)
    reply = await scene.alice.get(f"/api/v1/statuses/{scene.names['reply']}")
    assert (reply["in_reply_to_id"], reply["in_reply_to_account_id"]) == (None, None)
    tea = await scene.alice.get("/api/v1/tags/tea")
    assert {use["uses"] for use in tea["history"]} == {"0"}
    print(f"\n{len(SURFACES)} surfaces and {len(LISTS)} lists; {len(before)} showed it before")


def counts(status: Document) -> tuple[int, int, int]:
    return status["favourites_count"], status["reblogs_count"], status["replies_count"]


ACTS = (
    *("favourite", "unfavourite", "reblog", "unreblog", "bookmark", "unbookmark"),
    *("follow", "unfollow", "block", "unblock", "mute", "unmute", "remove_from_followers"),
)


async def test_blocked_server_has_no_relationships(scene: Scene, evil: Neighbour) -> None:
    """Members can only take back what they did (SECURITY 96), of which nothing is said there."""
    await scene.block()
    evil.asked.clear()
    for act in ACTS:
        path = "accounts/{mallory}" if act in ACTS[6:] else "statuses/{post}"
        if act in ("unfavourite", "unbookmark"):
            assert await scene.act("POST", f"/api/v1/{path}/{act}") == 200, act
        assert await scene.act("POST", f"/api/v1/{path}/{act}") == 404, act
    given = {"status": "Still there?", "in_reply_to_id": scene.names["post"]}
    assert await scene.act("POST", "/api/v1/statuses", **given) in (404, 422)
    said = await scene.alice.say("@mallory@evil.example Are you there?")
    assert said["mentions"] == []
    await settle(scene.ours)
    assert evil.asked == []


async def test_follows_with_a_blocked_server_end(scene: Scene) -> None:
    def joined(reader: Reader) -> int:
        count: int = reader.value(
            "SELECT count(*) FROM follows f JOIN actors a ON a.id = f.follower"
            " JOIN actors b ON b.id = f.target WHERE 'evil.example' IN (a.host, b.host)"
        )
        return count

    assert await scene.ours.database.read(joined) == 2
    await scene.block()
    assert await scene.ours.database.read(joined) == 0
    await scene.unblock()
    alice = await scene.alice.get("/api/v1/accounts/verify_credentials")
    assert (alice["followers_count"], alice["following_count"]) == (1, 3)  # vera; bob, vera, ours
    assert "Not evil at all" not in await homes(scene.alice)


# ---- nothing comes back in (SECURITY 84) ----

Way = Callable[[Scene, Document], Awaitable[object]]


async def announced(scene: Scene, note: Document) -> None:
    said = scene.vera.says("Announce", note["id"], to=[PUBLIC])
    assert (await hear(scene.ours, scene.vera, said))[0] == "refused"


async def announced_though_known(scene: Scene, _: Document) -> None:
    walt = scene.vera.at.person("walt")
    await follow(scene.alice, walt)
    said = walt.says("Announce", scene.note["id"], to=[PUBLIC])
    assert (await hear(scene.ours, walt, said))[0] == "refused"


async def answered(scene: Scene, note: Document) -> None:
    said = scene.vera.note("<p>I think so too</p>", inReplyTo=note["id"])
    assert (await hear(scene.ours, scene.vera, scene.vera.says("Create", said)))[0] == "done"


async def answered_twice(scene: Scene, note: Document) -> None:
    """What vera shares answers something that answers it."""
    at = scene.vera.at
    middle = scene.vera.note("<p>Middle</p>", inReplyTo=note["id"])
    last = scene.vera.note("<p>Last</p>", inReplyTo=at.serves(middle))
    at.serves(last)
    said = scene.vera.says("Announce", last["id"], to=[PUBLIC])
    assert (await hear(scene.ours, scene.vera, said))[0] == "done"


async def quoted(scene: Scene, note: Document) -> None:
    said = scene.vera.note("<p>Look there</p>", quote=note["id"])
    assert (await hear(scene.ours, scene.vera, scene.vera.says("Create", said)))[0] == "done"


async def mentioned(scene: Scene, _: Document) -> None:
    newcomer = scene.mallory.at.person("newcomer")
    tag = [{"type": "Mention", "href": newcomer.uri, "name": "@newcomer@evil.example"}]
    said = scene.vera.note("<p>Hello</p>", tag=tag)
    assert (await hear(scene.ours, scene.vera, scene.vera.says("Create", said)))[0] == "done"


async def relayed(scene: Scene, note: Document) -> None:
    said = scene.mallory.says("Create", note)
    assert (await hear(scene.ours, scene.vera, said))[0] == "refused"


async def searched(scene: Scene, note: Document) -> None:
    newcomer = scene.mallory.at.person("newcomer")
    for asked in (note["id"], newcomer.uri, "@newcomer@evil.example", "@newcomer@EVIL.example"):
        found = await scene.alice.get("/api/v2/search", q=asked, resolve="true")
        assert found == {"accounts": [], "statuses": [], "hashtags": []}


async def said_again(scene: Scene, note: Document) -> None:
    mallory = scene.mallory
    for what in (
        mallory.says("Create", note),
        mallory.says("Update", scene.note | {"content": "<p>Changed</p>"}),
        mallory.says("Update", mallory.document(name="Changed")),
        mallory.says("Follow", scene.alice.actor.uri),
    ):
        assert await hear(scene.ours, mallory, what) == ("", "")


WAYS: list[Way] = [
    announced,
    announced_though_known,
    answered,
    answered_twice,
    quoted,
    mentioned,
    relayed,
    searched,
    said_again,
]


def of_evil(reader: Reader) -> list[Any]:
    return [
        reader.rows(
            "SELECT uri, effective_state, display_name FROM actors WHERE host = 'evil.example'"
        ),
        reader.rows("SELECT uri, content FROM posts WHERE uri LIKE 'http://evil.example/%'"),
        reader.value(
            "SELECT count(*) FROM boosts WHERE actor IN (SELECT id FROM actors WHERE name = 'walt')"
        ),
        reader.value(
            "SELECT count(*) FROM follows f JOIN actors w ON w.id = f.follower"
            " WHERE w.host = 'evil.example'"
        ),
    ]


@pytest.mark.parametrize("way", WAYS)
async def test_blocked_server_does_not_come_back_in(
    scene: Scene, evil: Neighbour, way: Way
) -> None:
    await scene.block()
    new = scene.mallory.note("<p>New evil words</p>", cc=[scene.alice.actor.uri])
    evil.serves(new)
    before = await scene.ours.database.read(of_evil)
    evil.asked.clear()
    await way(scene, new)
    assert await scene.ours.database.read(of_evil) == before
    assert evil.asked == []
    assert "evil words" not in str(await scene.alice.home())


async def test_activities_from_before_the_block_are_not_carried_out_after_it(scene: Scene) -> None:
    note = scene.mallory.note("<p>Late evil words</p>", tag=mentions(scene.alice))
    late = scene.mallory.says("Create", note)
    assert await scene.mallory.tell(scene.ours, late) == 202
    await scene.ours.database.write(hosts.set_tier, "evil.example", "blocked")
    before = await scene.ours.database.read(of_evil)
    await settle(scene.ours)
    assert (await verdict(scene.ours, late))[0] == "refused"
    assert await scene.ours.database.read(of_evil) == before


def judge(writer: Writer, uri: str, state: ActorState) -> None:
    known = actors.by_uri(writer, uri)
    assert known is not None
    actors.set_moderation_state(writer, known.id, state)


async def test_account_suspended_meanwhile_is_not_heard(scene: Scene) -> None:
    late = scene.vera.says("Create", scene.vera.note("<p>Late</p>"))
    assert await scene.vera.tell(scene.ours, late) == 202
    await scene.ours.database.write(judge, scene.vera.uri, "suspended")
    await settle(scene.ours)
    assert (await verdict(scene.ours, late))[0] == "refused"


async def test_activities_on_their_way_when_the_block_came_are_not_kept(scene: Scene) -> None:
    """Fetched before it, it is judged again in the unit that would keep it."""
    said = parse(scene.mallory.note("<p>Fetched evil words</p>"))
    known = scene.mallory.document(name="Changed")
    newcomer = Stranger(scene.mallory.at, "newcomer", scene.mallory.pair).document()
    await scene.ours.database.write(hosts.set_tier, "evil.example", "blocked")
    before = await scene.ours.database.read(of_evil)
    named = Named("x", "evil.example")
    with pytest.raises(Forbidden):
        await scene.ours.database.write(backfill.post, said)
    for document in (known, newcomer):
        with pytest.raises(Forbidden):
            await scene.ours.database.write(backfill.actor, actor.parse(document), named)
    assert await scene.ours.database.read(of_evil) == before


# ---- somebody who was turned out, or left ----


@pytest.mark.parametrize("state", ["suspended", "deleted"])
@pytest.mark.parametrize("days", [0, 2])
async def test_gone_account_is_not_found(
    ours: Place, alice: Person, evil: Neighbour, watch: Watch, state: ActorState, days: int
) -> None:
    mallory = evil.person("mallory")
    number = await alice.find("@mallory@evil.example")
    await ours.database.write(actors.set_moderation_state, ActorId(int(number)), state)
    watch.advance(timedelta(days=days))
    for asked in ("@mallory@evil.example", mallory.uri, "mallory"):
        found = await alice.get("/api/v2/search", q=asked, resolve="true")
        assert found["accounts"] == []
    assert (await alice.say("@mallory@evil.example"))["mentions"] == []
    with pytest.raises(Missing):
        await ours.app[RESOLVER].actor(mallory.uri)
    note = evil.serves(mallory.note())
    with pytest.raises(Missing):
        await ours.app[RESOLVER].post(note)
