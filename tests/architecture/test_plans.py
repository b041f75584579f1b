"""Plans of SQLite for what is asked for: nothing asked often walks through a whole table."""

import re
from collections.abc import Callable
from datetime import timedelta
from functools import partial
from itertools import product

import pytest

from storage.engine.ids import ActorId, PostId
from storage.engine.pagination import Page
from storage.engine.transaction import Writer
from storage.lifecycle import retention
from storage.media import attachments, emojis
from storage.media.emojis import Emoji
from storage.moderation import domain_blocks
from storage.moderation.domain_blocks import Part
from storage.people import actors, follows
from storage.posts import (
    boosts,
    delivery_targets,
    edits,
    favourites,
    hashtags,
    pins,
    polls,
    posts,
    quotes,
    scheduled_posts,
    visible_posts,
)
from storage.posts.audiences import PUBLIC
from storage.posts.visibility import Anonymous, Member, Peer, System, Viewer
from storage.queues import deliveries, hosts, inbox
from storage.queues.hosts import HostState
from storage.queues.inbox import Received, Skipped
from storage.reading import conversations, lists, notifications, timelines
from storage.reading.notifications import NotificationFilter
from storage.reading.timelines import Shown, Tagged
from tests.storage import cast
from tests.storage.raw import Explained, memory

# These stay small, or a job walks through them a few times a day.
SMALL = {"mutes", "early_deletes", "codes", "resets", "sessions", "idempotency", "known_places"}
SMALL |= {"known_devices"}
# A partial index is walked through from its beginning: it holds only what is looked for.
PARTIAL = {
    "deliveries_parked",
    "hosts_blocked",
    "hosts_unsettled",
    "posts_ours",
    "received_due",
    "received_of_host",
}
PARTIAL |= {"polls_open", "scheduled_posts_due", "approvals_to_check"}

# What a statement makes itself and walks through: a thread, the people of a conversation.
MADE = {"above", "below", "n", "gathered", "waiting"}

RAW = memory()
ME = ActorId(1)
PAGES = (Page(20), Page(20, max_id=9), Page(20, since_id=1), Page(20, min_id=1))
VIEWERS: tuple[Viewer, ...] = (Anonymous(), Member(ME), Peer("away.example", ActorId(3)), System())
TAGS = (Tagged("a"), Tagged("a", any=("b",), all=("c",), none=("d",)))

Lists = Callable[[Writer, Page], object]


def everyones(viewer: Viewer) -> tuple[Lists, ...]:
    """Lists that depend on who looks."""
    return (
        lambda w, p: timelines.public(w, viewer, p),
        lambda w, p: timelines.public(w, viewer, p, local=True),
        lambda w, p: timelines.public(w, viewer, p, remote=True, media=True),
        lambda w, p: timelines.account(w, viewer, ME, Shown(), p),
        lambda w, p: timelines.page_of_pinned(w, viewer, ME, p),
        lambda w, p: timelines.quoting(w, viewer, PostId(1), p),
        lambda w, p: timelines.outbox(w, ME, p, viewer),
        *(partial(tagged_, viewer=viewer, tagged=tagged) for tagged in TAGS),
    )


def tagged_(writer: Writer, page: Page, viewer: Viewer, tagged: Tagged) -> object:
    return timelines.hashtag(writer, viewer, tagged, page)


OWN: tuple[Lists, ...] = (
    lambda w, p: timelines.home(w, ME, p),
    lambda w, p: timelines.favourites(w, ME, p),
    lambda w, p: timelines.bookmarks(w, ME, p),
    lambda w, p: timelines.of_list(w, ME, 1, p),
    lambda w, p: scheduled_posts.page_of(w, ME, p),
    lambda w, p: conversations.page_of(w, ME, p),
    lambda w, p: notifications.page_of(w, ME, p, NotificationFilter()),
    lambda w, p: notifications.page_of(
        w, ME, p, NotificationFilter(types=["follow"], actor=ActorId(2))
    ),
    lambda w, p: follows.page_of_followers(w, ME, p),
    lambda w, p: follows.page_of_following(w, ME, p),
    lambda w, p: favourites.page_of(w, PostId(1), p),
    lambda w, p: boosts.page_of(w, PostId(1), p),
)


def test_lists_are_read_in_order_by_an_index() -> None:
    lists = [*OWN, *(one for viewer in VIEWERS for one in everyones(viewer))]
    explained = Explained(RAW)
    for read, page in product(lists, PAGES):
        read(explained, page)
    print(f"{len(lists)} lists, {len(PAGES)} pages of each, {len(explained.plan)} lines of plans")
    assert walks(explained) == []
    assert [line for line in explained.plan if "FOR ORDER BY" in line[1]] == []


def walks(explained: Explained) -> list[tuple[str, str]]:
    """The walks of all that was asked; a plan for a new row shows none.

    It names tables that might point to the row already, looked at for deferred keys only.
    """
    asked = (line for line in explained.plan if not line[0].startswith("INSERT INTO"))
    return [line for line in asked if is_walk(line[1])]


def is_walk(line: str) -> bool:
    """Whether a whole table is walked through (a list that we gave is not a table)."""
    found = re.match(r"SCAN (\w+)(?: USING (?:COVERING )?INDEX (\w+))?", line)
    if not found or "VIRTUAL TABLE" in line or "CONSTANT ROW" in line:
        return False
    table, index = found.groups()
    return table not in SMALL | MADE and index not in PARTIAL


def single_posts(writer: Writer) -> None:
    for viewer in VIEWERS:
        visible_posts.many(writer, viewer, [PostId(1), PostId(2)])
        visible_posts.by_uri(writer, viewer, "u:1")
        visible_posts.by_page(writer, viewer, "u:1")
        visible_posts.was_there(writer, viewer, PostId(1))
        visible_posts.figures(writer, viewer, [PostId(1), PostId(2)])
        visible_posts.status_rows(writer, viewer, [PostId(1), PostId(2)])
        hashtags.history(writer, viewer, ["tag"])
    alice = cast.actor(writer, "alice")
    said = cast.post(writer, alice, PUBLIC, to=[alice], tags=["tag"])
    visible_posts.facts(writer, said)
    timelines.fan_out(writer, [alice], said.id, said.id, None)
    visible_posts.descendants(writer, Member(ME), said)
    visible_posts.ancestors(writer, Member(ME), cast.post(writer, alice, answers=said))
    posts.count_local(writer)
    posts.number_of(writer, "u:1")
    posts.recipients(writer, said.id)
    posts.revise(writer, said, ["tag"])
    posts.bury(writer, said)


def posts_in_full(writer: Writer) -> None:
    """What posts have beside their words: edits, polls, pins, quotes."""
    alice = cast.actor(writer, "carol")
    said = cast.post(writer, alice, PUBLIC)
    edits.keep(writer, said, {})
    edits.of(writer, said.id)
    asked = polls.Poll(post=said.id, multiple=True, ours=True, options=(polls.Option("Leek"),))
    polls.add(writer, asked)
    polls.many(writer, [said.id])
    polls.vote(writer, "u:vote", asked, alice, 0)
    polls.next_due(writer)
    scheduled_posts.next_due(writer)
    scheduled_posts.how_many(writer, alice, writer.now)
    scheduled_posts.remove(writer, 1)
    polls.voters_here(writer, said.id)
    polls.refresh(writer, asked)
    polls.close(writer, said.id)
    pins.add(writer, alice, said.id, 5)
    pins.remove(writer, alice, said.id)
    quotes.keep(
        writer, stamp="u:stamp", target=said.id, actor=alice, request="u:quote", state="pending"
    )
    quotes.list_unchecked(writer, 100)
    quotes.by_request(writer, "u:quote", said.id)
    quotes.by_stamp(writer, "u:stamp")
    quotes.find_many(writer, [said.id], ActorId(1))
    posts.narrow(writer, said, said.audience, listed=False)
    boosts.local_boosters(writer, said.id)
    polls.remove(writer, said.id)


def queues(writer: Writer) -> None:
    inbox.next_due(writer, Skipped((1,), ("u",)), "a", 32)
    inbox.due_by_host(writer)
    inbox.keep(writer, Received(0, "u:1", "u", "u", "h", "Like", "authentic", "{}"))
    inbox.depth(writer)
    alice = cast.actor(writer, "bob")
    deliveries.enqueue(writer, cast.said(writer, alice, "o"), "away", "https://away/inbox", "o")
    hosts.place(writer, [(name, name) for name in hosts.without_source(writer)])
    hosts.turns_of(writer, HostState.KNOWN, ["away"])
    (turn,) = hosts.next_turns(writer, HostState.NEW, ["other"], 64)
    assert hosts.next_of(writer, turn, ["other"], 4) == ["away"]
    (letter,) = deliveries.next_of(writer, "away", [1], 2)
    deliveries.is_due(writer, letter)
    deliveries.postpone(writer, letter, timedelta(minutes=1), "")
    deliveries.park(writer, letter, "")
    deliveries.list_parked(writer)
    deliveries.again(writer, "away")
    deliveries.settle(writer, letter)
    deliveries.expire(writer, writer.now)
    deliveries.withdraw_of(writer, alice)
    for note in (hosts.record_success, hosts.record_fault, hosts.wake, hosts.is_blocked):
        note(writer, "away")
    hosts.list_unsettled(writer)
    for tier in ("blocked", None):
        hosts.set_tier(writer, "away", tier)
        domain_blocks.settle(writer, Part("away", "away", ActorId(1)), 0)
    hosts.record_settled(writer, "away", 2)
    posts.expect_delete(writer, "u:1", "u:2", "away")
    hosts.record_failure(writer, "away", timedelta(minutes=1), "")


def fanning_out(writer: Writer) -> None:
    follows.local_followers(writer, ME)
    follows.local_follower_rows(writer, ME)
    lists.hold(writer, ME)
    follows.inboxes(writer, ME)
    follows.is_followed_here(writer, ME)
    follows.ask(writer, "u:1", cast.actor(writer, "x"), cast.actor(writer, "y"))
    delivery_targets.inboxes_of_reactions(writer, PostId(1))
    delivery_targets.part_from_all(writer, ME)
    timelines.having_in_home(writer, PostId(1))
    timelines.fill_from(writer, ME, ActorId(2))
    timelines.empty_of(writer, ME, ActorId(2))
    timelines.trim(writer, ME)
    notifications.add(writer, ME, "follow", ActorId(2))
    notifications.withdraw(writer, ME, "follow", ActorId(2), None)
    notifications.forget_between(writer, ME, ActorId(2))


def shown(writer: Writer) -> None:
    attachments.of_posts(writer, [PostId(1), PostId(2)])
    attachments.attachable(writer, ME, [1, 2], PostId(3))
    attachments.by_file(writer, "a.png")
    attachments.of_scheduled(writer, [1, 2])
    attachments.forget_unattached(writer, writer.now)
    alice = cast.actor(writer, "alice")
    said = cast.post(writer, alice)
    attachments.attach(writer, said.id, [1, 2])
    attachments.replace_remote(writer, said.id, [])
    emojis.find_many(writer, [("", "leek"), ("away.example", "kale")])
    emojis.by_file(writer, "a.png")
    emojis.learn(writer, "away.example", [Emoji(0, "kale", uri="u:1", remote_url="u:2")])
    hosts.refuses_media(writer, "away.example")
    visible_posts.hosts(writer, [PostId(1), PostId(2)])


def people(writer: Writer) -> None:
    actors.by_uri(writer, "u:1")
    actors.our_number(writer, "u:1")
    actors.by_handle(writer, "alice", "away.example")
    actors.followers_owner(writer, "u:1")
    actors.by_page(writer, "u:1")
    actors.many(writer, [ActorId(1), ActorId(2)])
    actors.ids_by_uri(writer, ["u:1"])
    retention.forget(writer)


@pytest.mark.parametrize("unit", [single_posts, posts_in_full, shown, queues, fanning_out, people])
def test_frequent_queries_use_an_index(unit: Callable[[Writer], None]) -> None:
    RAW.execute("BEGIN")
    try:
        explained = Explained(RAW)
        unit(explained)
    finally:
        RAW.execute("ROLLBACK")
    print(f"{len({sql for sql, _ in explained.plan})} statements")
    assert len(explained.plan) > 10
    assert walks(explained) == []


@pytest.mark.parametrize(
    ("statement", "walks"),
    [
        ("SELECT * FROM posts WHERE content = ''", True),
        ("SELECT count(*) FROM deliveries", True),
        ("SELECT * FROM posts WHERE id = 1", False),
        ("SELECT value FROM json_each('[]')", False),
    ],
)
def test_rule_knows_a_walk(statement: str, walks: bool) -> None:
    lines = RAW.execute(f"EXPLAIN QUERY PLAN {statement}").fetchall()
    assert any(is_walk(line[3]) for line in lines) is walks
