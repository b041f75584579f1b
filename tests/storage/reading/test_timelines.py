from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import timedelta

import pytest

from storage.communities import memberships
from storage.engine.database import Database
from storage.engine.ids import ActorId, PostId
from storage.engine.pagination import Page
from storage.engine.transaction import Reader, Writer
from storage.media import attachments
from storage.media.attachments import Media
from storage.people import actors, blocks, follows
from storage.people.blocks import Mute
from storage.posts import boosts, favourites, posts
from storage.posts.audiences import INSTANCE, NAMED, Audience
from storage.posts.boosts import Boost
from storage.posts.posts import Post
from storage.posts.visibility import Anonymous, Member, Peer, Viewer
from storage.reading import bookmarks, timelines
from storage.reading.timelines import Entry, Line, Shown, Tagged
from tests.storage import cast
from tests.storage.raw import memory, writer_on
from tests.support.clock import Watch

ALL = Page(100)


def boost(writer: Writer, actor: ActorId, post: Post) -> Boost:
    id_ = posts.free_id(writer, PostId(writer.new_id()))
    uri = f"https://x.example/shares/{id_}"
    made = Boost(id_, uri, actor, post.id, post.audience, post.listed, writer.now)
    assert boosts.add(writer, made)
    return made


def fan_out(writer: Writer, owner: int, post: Post, shared: Boost | None = None) -> None:
    entry = shared.id if shared else post.id
    timelines.fan_out(writer, [ActorId(owner)], entry, post.id, shared.id if shared else None)


def ids(found: Sequence[Entry | Line]) -> list[int]:
    return [one.line.post if isinstance(one, Entry) else one.post for one in found]


def fresh() -> Writer:
    return writer_on(memory(), Watch())


# ---- paging, the same for every list ----

Listing = Callable[[Reader, Page], list[int]]


def listings() -> dict[str, tuple[Writer, Listing, list[int]]]:
    """Lists with a hundred rows each: how to read them, and their cursors, the newest first."""
    writer = fresh()
    bob, eve = cast.actor(writer, "bob", "away.example"), cast.actor(writer, "eve")
    alice = cast.account(writer, "alice")
    cursors: dict[str, list[int]] = {"home": [], "posts": [], "account": []}
    for number in range(100):
        said = cast.post(writer, bob, tags=["tag"])
        cursors["posts"].append(said.id)
        cursors["account"].append(said.id)
        favourites.add(writer, f"https://home.example/likes/{number}", alice, said.id)
        bookmarks.add(writer, alice, said.id)
        shared = (
            boost(writer, bob, cast.post(writer, eve, listed=False)) if number % 3 == 0 else None
        )
        fan_out(writer, alice, said, shared)
        cursors["home"].append(shared.id if shared else said.id)
        cursors["account"] += [shared.id] if shared else []
    for number in range(100):
        other = cast.actor(writer, f"other{number}", "away.example")
        cast.follow(writer, other, bob)
        cast.follow(writer, alice, other)
        cast.block(writer, eve, other)
        blocks.mute(writer, eve, Mute(other, notifications=True, expires_at=None))
        post = PostId(cursors["posts"][0])
        favourites.add(writer, f"https://x.example/likes/{number}", other, post)
    return {**of_posts(writer, alice, bob, cursors), **of_people(writer, alice, bob, eve, cursors)}


def numbers(writer: Writer, sql: str, *values: int) -> list[int]:
    return [id_ for (id_,) in writer.rows(sql, *values)]


def of_posts(
    writer: Writer, alice: ActorId, bob: ActorId, made: dict[str, list[int]]
) -> dict[str, tuple[Writer, Listing, list[int]]]:
    def cursors(read: Callable[[Reader, Page], Sequence[Entry | Line]]) -> Listing:
        return lambda reader, page: [entry.cursor for entry in read(reader, page)]

    favourited = numbers(writer, "SELECT id FROM favourites WHERE actor = ?", alice)
    kept = numbers(writer, "SELECT id FROM bookmarks WHERE actor = ?", alice)
    me, tag = Member(alice), Tagged("tag")
    read: dict[str, tuple[Listing, list[int]]] = {
        "home": (cursors(lambda r, p: timelines.home(r, alice, p)), made["home"]),
        "public": (cursors(lambda r, p: timelines.public(r, me, p)), made["posts"]),
        "hashtag": (cursors(lambda r, p: timelines.hashtag(r, me, tag, p)), made["posts"]),
        "account": (
            cursors(lambda r, p: timelines.account(r, me, bob, Shown(), p)),
            made["account"],
        ),
        "liked": (cursors(lambda r, p: timelines.favourites(r, alice, p)), favourited),
        "bookmarked": (cursors(lambda r, p: timelines.bookmarks(r, alice, p)), kept),
        "outbox": (cursors(lambda r, p: timelines.outbox(r, bob, p)), made["posts"]),
    }
    return {name: (writer, of, sorted(all_, reverse=True)) for name, (of, all_) in read.items()}


def of_people(
    writer: Writer, alice: ActorId, bob: ActorId, eve: ActorId, made: dict[str, list[int]]
) -> dict[str, tuple[Writer, Listing, list[int]]]:
    first = made["posts"][0]

    def cursors(read: Callable[[Reader, Page], Sequence[tuple[int, int]]]) -> Listing:
        return lambda reader, page: [cursor for cursor, _ in read(reader, page)]

    read: dict[str, tuple[Listing, str, int]] = {
        "followers": (
            cursors(lambda r, p: follows.page_of_followers(r, bob, p)),
            "SELECT id FROM follows WHERE target = ?",
            bob,
        ),
        "following": (
            cursors(lambda r, p: follows.page_of_following(r, alice, p)),
            "SELECT id FROM follows WHERE follower = ?",
            alice,
        ),
        "blocks": (
            cursors(lambda r, p: blocks.page_of(r, eve, p)),
            "SELECT id FROM blocks WHERE actor = ?",
            eve,
        ),
        "mutes": (
            lambda r, p: [one.cursor for one in blocks.page_of_mutes(r, eve, p)],
            "SELECT id FROM mutes WHERE actor = ?",
            eve,
        ),
        "likes": (
            cursors(lambda r, p: favourites.page_of(r, PostId(first), p)),
            "SELECT id FROM favourites WHERE post = ?",
            first,
        ),
    }
    return {
        name: (writer, of, sorted(numbers(writer, sql, whose), reverse=True))
        for name, (of, sql, whose) in read.items()
    }


def test_lists_page_as_clients_expect() -> None:
    cells = 0
    for name, (reader, read, cursors) in listings().items():
        assert len(cursors) >= 100, name
        upper, lower = cursors[30], cursors[70]
        between = cursors[31:70]
        expected = {
            Page(20): cursors[:20],
            Page(500): cursors,
            Page(20, max_id=upper): cursors[31:51],
            Page(20, since_id=lower): cursors[:20],
            Page(20, min_id=lower): cursors[50:70],
            Page(20, max_id=upper, since_id=lower): between[:20],
            Page(20, max_id=upper, min_id=lower): between[-20:],
            Page(100, max_id=upper, min_id=lower): between,
            Page(20, min_id=lower, since_id=cursors[60]): cursors[40:60],
            Page(20, max_id=cursors[-1]): [],
            Page(20, min_id=cursors[0]): [],
            Page(20, since_id=cursors[0]): [],
            Page(20, max_id=10**30): cursors[:20],
            Page(20, min_id=10**30): [],
            Page(20, since_id=-1): cursors[:20],
        }
        for page, wanted in expected.items():
            assert read(reader, page) == wanted, (name, page)
            cells += 1
    print(f"{cells} cells of list and page")


def test_walking_down_and_up_again_meets_every_row_once() -> None:
    for name, (reader, read, cursors) in listings().items():
        down: list[int] = []
        while page := read(reader, Page(7, max_id=down[-1] if down else None)):
            down += page
        assert down == cursors, name
        up: list[int] = []
        while page := read(reader, Page(7, min_id=up[0] if up else 0)):
            up = page + up
        assert up == cursors, name


# ---- home ----


def test_home_holds_what_came_for_its_owner_and_hides_whom_they_do_not_want() -> None:
    writer = fresh()
    alice, bob, eve = (cast.account(writer, name) for name in ("alice", "bob", "eve"))
    mine, bobs, eves = (cast.post(writer, who) for who in (alice, bob, eve))
    shared = boost(writer, bob, eves)
    for said in (mine, bobs):
        fan_out(writer, alice, said)
    fan_out(writer, alice, eves, shared)
    found = timelines.home(writer, alice, ALL)
    assert ids(found) == [eves.id, bobs.id, mine.id]
    assert (found[0].cursor, found[0].boost, found[0].booster) == (shared.id, shared.id, bob)
    assert timelines.home(writer, bob, ALL) == []
    assert timelines.having_in_home(writer, bobs.id) == {alice}

    blocks.mute(writer, alice, Mute(eve, notifications=False, expires_at=None))
    assert ids(timelines.home(writer, alice, ALL)) == [bobs.id, mine.id]
    blocks.unmute(writer, alice, eve)
    cast.block(writer, alice, bob)  # as author, and as the one who shared
    assert ids(timelines.home(writer, alice, ALL)) == [mine.id]


def test_mute_ends_by_itself() -> None:
    writer = fresh()
    alice, bob = cast.account(writer, "alice"), cast.account(writer, "bob")
    said = cast.post(writer, bob)
    fan_out(writer, alice, said)
    soon = writer.now + timedelta(hours=1)
    blocks.mute(writer, alice, Mute(bob, notifications=True, expires_at=soon))
    assert timelines.home(writer, alice, ALL) == []
    writer.now = soon
    assert ids(timelines.home(writer, alice, ALL)) == [said.id]


def test_boost_of_a_suspended_actor_is_in_nobodys_list() -> None:
    writer = fresh()
    alice, bob, eve = (cast.account(writer, name) for name in ("alice", "bob", "eve"))
    said = cast.post(writer, eve)
    fan_out(writer, alice, said, boost(writer, bob, said))
    assert ids(timelines.home(writer, alice, ALL)) == [said.id]
    assert ids(timelines.account(writer, Anonymous(), bob, Shown(), ALL)) == [said.id]
    actors.set_moderation_state(writer, bob, "suspended")
    assert timelines.home(writer, alice, ALL) == []
    assert timelines.account(writer, Anonymous(), bob, Shown(), ALL) == []


def test_following_fills_the_home_list_and_parting_empties_it() -> None:
    writer = fresh()
    alice, bob, eve = (cast.account(writer, name) for name in ("alice", "bob", "eve"))
    said = [cast.post(writer, bob) for _ in range(50)]
    cast.post(writer, bob, NAMED, to=[alice])
    answer = cast.post(writer, bob, answers=said[0])
    eves = cast.post(writer, eve)
    fan_out(writer, alice, eves, boost(writer, bob, eves))
    own = cast.post(writer, alice)
    fan_out(writer, alice, own)
    timelines.fill_from(writer, alice, bob)
    home = ids(timelines.home(writer, alice, ALL))
    assert home == [own.id, eves.id, *(post.id for post in said[:-41:-1])]
    assert answer.id not in home
    timelines.empty_of(writer, alice, bob)
    assert ids(timelines.home(writer, alice, ALL)) == [own.id]


def test_home_list_is_trimmed_to_its_newest_lines() -> None:
    writer = fresh()
    alice, bob = cast.account(writer, "alice"), cast.account(writer, "bob")
    said = [cast.post(writer, bob) for _ in range(30)]
    for post in said:
        fan_out(writer, alice, post)
    assert timelines.trim(writer, alice, 100) == 0
    assert timelines.trim(writer, alice, 10) == 20
    assert ids(timelines.home(writer, alice, ALL)) == [post.id for post in said[:-11:-1]]


async def test_readers_along_are_told_after_the_commit(database: Database) -> None:
    told: list[str] = []

    def unit(writer: Writer) -> list[str]:
        owners = [cast.account(writer, name) for name in ("alice", "bob")]
        said = cast.post(writer, owners[0])
        timelines.fan_out(writer, owners, said.id, said.id, None)
        return [str(owner) for owner in owners]

    with database.changes.listen(timelines.HOME, lambda change: told.append(change.key)):
        assert await database.write(unit) == told


# ---- public ----


def test_public_list_holds_what_starts_a_conversation() -> None:
    writer = fresh()
    alice, bob = cast.actor(writer, "alice"), cast.actor(writer, "bob", "away.example")
    first, theirs = cast.post(writer, alice), cast.post(writer, bob)
    thread = cast.post(writer, alice, answers=first)
    cast.post(writer, bob, answers=first)
    cast.post(writer, bob, in_reply_to_uri="https://unknown.example/posts/1")
    cast.post(writer, alice, listed=False)
    for audience in (Audience("followers", owner=alice), NAMED):
        cast.post(writer, alice, audience, listed=True)
    ours = cast.post(writer, alice, INSTANCE, listed=True, local_only=True)
    me = Member(alice)
    listed: dict[tuple[Viewer, bool, bool], list[Post]] = {
        (Anonymous(), False, False): [thread, theirs, first],
        (me, False, False): [ours, thread, theirs, first],
        (me, True, False): [ours, thread, first],
        (Anonymous(), True, False): [thread, first],
        (me, False, True): [theirs],
        (Peer("away.example"), False, False): [thread, theirs, first],
    }
    for (viewer, local, remote), wanted in listed.items():
        found = timelines.public(writer, viewer, ALL, local=local, remote=remote)
        assert ids(found) == [post.id for post in wanted], (viewer, local, remote)
    cast.block(writer, alice, bob)
    assert ids(timelines.public(writer, me, ALL, remote=True)) == []
    assert ids(timelines.public(writer, Anonymous(), ALL, remote=True)) == [theirs.id]


def test_list_of_pictures_holds_pictures() -> None:
    writer = fresh()
    alice = cast.actor(writer, "alice")
    cast.post(writer, alice)
    pictured = cast.post(writer, alice)
    attachments.add(writer, Media(1, alice, "attachment", "a.webp", "image/webp", 1, 1, 1))
    writer.execute("UPDATE media SET post = ?", pictured.id)
    assert ids(timelines.public(writer, Anonymous(), ALL, media=True)) == [pictured.id]
    shown = Shown(media=True)
    assert ids(timelines.account(writer, Anonymous(), alice, shown, ALL)) == [pictured.id]


# ---- hashtags ----


@pytest.mark.parametrize(
    ("tagged", "found"),
    [
        (Tagged("a"), "abc ab a"),
        (Tagged("c"), "bc abc c"),
        (Tagged("a", any=("c",)), "bc abc c ab a"),
        (Tagged("a", all=("b",)), "abc ab"),
        (Tagged("a", all=("b", "c")), "abc"),
        (Tagged("a", all=("b", "b")), "abc ab"),
        (Tagged("a", none=("b",)), "a"),
        (Tagged("a", none=("b", "c")), "a"),
        (Tagged("a", any=("b", "c"), all=("b",), none=("c",)), "ab"),
        (Tagged("a", all=("unknown",)), ""),
        (Tagged("a", none=("unknown",)), "abc ab a"),
        (Tagged("unknown"), ""),
    ],
)
def test_hashtags_combine(tagged: Tagged, found: str) -> None:
    writer = fresh()
    alice = cast.actor(writer, "alice")
    said = {}
    for name in ("a", "ab", "c", "abc", "bc"):
        said[cast.post(writer, alice, tags=[*name.upper(), *name]).id] = name
    cast.post(writer, alice, tags=["a", "c"], listed=False)
    cast.post(writer, alice, Audience("followers", owner=alice), tags=["a", "c"], listed=True)
    entries = timelines.hashtag(writer, Anonymous(), tagged, ALL)
    assert " ".join(said[entry.post.id] for entry in entries) == found


def test_hashtag_may_be_asked_for_by_where_it_was_used() -> None:
    writer = fresh()
    alice, bob = cast.actor(writer, "alice"), cast.actor(writer, "bob", "away.example")
    ours, theirs = (cast.post(writer, who, tags=["Tag"]) for who in (alice, bob))
    tag = Tagged("tag")
    assert ids(timelines.hashtag(writer, Anonymous(), tag, ALL, local=True)) == [ours.id]
    assert ids(timelines.hashtag(writer, Anonymous(), tag, ALL, remote=True)) == [theirs.id]
    cast.block(writer, alice, bob)
    assert ids(timelines.hashtag(writer, Member(alice), tag, ALL)) == [ours.id]
    posts.bury(writer, ours)
    assert ids(timelines.hashtag(writer, Anonymous(), tag, ALL)) == [theirs.id]


# ---- of one account, and what somebody kept ----


@pytest.mark.parametrize(
    ("shown", "found"),
    [
        (Shown(), "share direct own answer tagged first"),
        (Shown(replies=False), "share direct own tagged first"),
        (Shown(boosts=False), "direct own answer tagged first"),
        (Shown(direct=False), "share own answer tagged first"),
        (Shown(replies=False, boosts=False, direct=False), "own tagged first"),
        (Shown(tagged="tag"), "tagged"),
    ],
)
def test_account_shows_what_is_asked_for(shown: Shown, found: str) -> None:
    writer = fresh()
    alice, bob = cast.actor(writer, "alice"), cast.actor(writer, "bob")
    others = cast.post(writer, bob)
    said = {"first": cast.post(writer, alice), "tagged": cast.post(writer, alice, tags=["Tag"])}
    said["answer"] = cast.post(writer, alice, answers=others)
    said["own"] = cast.post(writer, alice, answers=said["first"])
    said["direct"] = cast.post(writer, alice, NAMED, to=[bob])
    said["share"] = others
    boost(writer, alice, others)
    names = {post.id: name for name, post in said.items()}
    entries = timelines.account(writer, Member(bob), alice, shown, ALL)
    assert " ".join(names[entry.post.id] for entry in entries) == found


def test_account_shows_each_viewer_what_is_for_them() -> None:
    writer = fresh()
    alice, bob, eve = (cast.actor(writer, name) for name in ("alice", "bob", "eve"))
    cast.follow(writer, bob, alice)
    everyone = cast.post(writer, alice)
    followers = cast.post(writer, alice, Audience("followers", owner=alice))
    seen: dict[Viewer, list[int]] = {
        Anonymous(): [everyone.id],
        Member(eve): [everyone.id],
        Member(bob): [followers.id, everyone.id],
        Member(alice): [followers.id, everyone.id],
    }
    for viewer, wanted in seen.items():
        assert ids(timelines.account(writer, viewer, alice, Shown(), ALL)) == wanted
    assert ids(timelines.outbox(writer, alice, ALL)) == [everyone.id]
    cast.post(writer, alice, local_only=True)
    assert ids(timelines.outbox(writer, alice, ALL)) == [everyone.id]


def test_home_shows_what_was_kept_while_it_may_be_seen() -> None:
    writer = fresh()
    alice, bob = cast.actor(writer, "alice"), cast.actor(writer, "bob")
    cast.follow(writer, alice, bob)
    said = cast.post(writer, bob, Audience("followers", owner=bob))
    favourites.add(writer, "https://home.example/likes/1", alice, said.id)
    bookmarks.add(writer, alice, said.id)
    bookmarks.add(writer, alice, said.id)
    for listing in (timelines.favourites, timelines.bookmarks):
        assert ids(listing(writer, alice, ALL)) == [said.id]
        assert ids(listing(writer, bob, ALL)) == []
    follows.remove(writer, alice, bob)
    for listing in (timelines.favourites, timelines.bookmarks):
        assert ids(listing(writer, alice, ALL)) == []
    bookmarks.remove(writer, alice, said.id)
    assert writer.value("SELECT count(*) FROM bookmarks") == 0


def test_circle_is_in_the_home_list_of_its_members_only() -> None:
    writer = fresh()
    alice, bob, eve = (cast.account(writer, name) for name in ("alice", "bob", "eve"))
    family = memberships.make(writer, alice, "circle", name="family")
    memberships.put(writer, family, bob)
    said = cast.post(writer, alice, Audience("circle", collection=family))
    for owner in (alice, bob, eve):
        fan_out(writer, owner, said)
    assert [len(timelines.home(writer, who, ALL)) for who in (alice, bob, eve)] == [1, 1, 0]


def test_page_is_what_it_says() -> None:
    page = Page(20, max_id=5)
    assert (page.order, replace(page, min_id=1).order) == ("DESC", "ASC")
