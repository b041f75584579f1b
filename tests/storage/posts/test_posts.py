from dataclasses import replace
from datetime import timedelta

import pytest

from storage.engine.ids import ActorId, PostId
from storage.engine.transaction import Writer
from storage.lifecycle import retention
from storage.posts import boosts, favourites, hashtags, posts, visible_posts
from storage.posts.audiences import NAMED, Audience, ensure, find
from storage.posts.boosts import Boost
from storage.posts.posts import Post, Recipient
from storage.posts.visibility import Anonymous, Member, System
from storage.posts.visible_posts import StatusCounts
from storage.queues import deliveries, outbox
from storage.reading import bookmarks, notifications, timelines
from tests.storage import cast
from tests.storage.raw import memory, writer_on
from tests.support.clock import Watch


def fresh() -> Writer:
    return writer_on(memory(), Watch())


def again(writer: Writer, post: Post) -> Post:
    found = posts.by_id(writer, post.id)
    assert found is not None
    return found


def test_post_is_read_as_it_was_written() -> None:
    writer = fresh()
    alice, bob = cast.actor(writer, "alice"), cast.actor(writer, "bob")
    said = cast.post(
        writer,
        alice,
        Audience("followers", owner=alice),
        to=[bob],
        tags=["Straße", "straße", "STRASSE", "Tee"],
        spoiler="cw",
        sensitive=True,
        language="de",
        local_only=True,
        context="https://home.example/contexts/1",
        title="t",
        source="s",
    )
    assert again(writer, said) == said == posts.by_uri(writer, said.uri)
    assert posts.recipients(writer, said.id) == [Recipient(bob, mentioned=True)]
    assert sorted(posts.tag_names(writer, said.id)) == ["Straße", "Tee"]
    assert hashtags.starting_with(writer, Anonymous(), "STRA", 10) == []
    cast.post(writer, alice, tags=["Straße"])
    assert hashtags.starting_with(writer, Anonymous(), "STRA", 10) == ["strasse"]
    assert (
        hashtags.starting_with(writer, Anonymous(), "%", 10)
        == hashtags.starting_with(writer, Anonymous(), "_", 10)
        == []
    )
    assert posts.exists(writer, said.uri)


def test_audience_is_one_row_however_often_it_is_used() -> None:
    writer = fresh()
    alice = cast.actor(writer, "alice")
    mine = Audience("followers", owner=alice)
    assert find(writer, mine) is None
    assert ensure(writer, mine) == ensure(writer, mine) == find(writer, mine)
    assert ensure(writer, NAMED) == find(writer, NAMED)
    assert writer.value("SELECT count(*) FROM audiences") == 4


def test_answers_that_waited_come_into_the_thread() -> None:
    """The leaf comes first, then what it answers, then the first of all."""
    writer = fresh()
    alice = cast.actor(writer, "alice", "away.example")
    root, middle = ("https://away.example/posts/root", "https://away.example/posts/middle")
    leaf = cast.post(writer, alice, in_reply_to_uri=middle)
    beside = cast.post(writer, alice, answers=leaf)
    other = cast.post(writer, alice, in_reply_to_uri=root)
    assert (leaf.root, beside.root, other.root) == (leaf.id, leaf.id, other.id)

    between = cast.post(writer, alice, uri=middle, in_reply_to_uri=root)
    assert again(writer, leaf).in_reply_to == between.id
    assert {again(writer, one).root for one in (leaf, beside)} == {between.id}
    assert again(writer, other).root == other.id

    first = cast.post(writer, alice, uri=root)
    everyone = (first, between, leaf, beside, other)
    assert {again(writer, one).root for one in everyone} == {first.id}
    assert again(writer, between).in_reply_to == again(writer, other).in_reply_to == first.id

    thread = visible_posts.descendants(writer, Anonymous(), again(writer, first))
    assert [one.id for one in thread] == [other.id, between.id, leaf.id, beside.id]
    above = visible_posts.ancestors(writer, Anonymous(), again(writer, beside))
    assert [one.id for one in above] == [first.id, between.id, leaf.id]


def test_answers_that_go_in_a_circle_end() -> None:
    writer = fresh()
    eve = cast.actor(writer, "eve", "away.example")
    one, two = "https://away.example/posts/one", "https://away.example/posts/two"
    first = cast.post(writer, eve, uri=one, in_reply_to_uri=two)
    second = cast.post(writer, eve, uri=two, answers=first)
    first, second = again(writer, first), again(writer, second)
    assert (first.in_reply_to, second.in_reply_to) == (second.id, first.id)
    for post in (first, second):
        assert len(visible_posts.ancestors(writer, Anonymous(), post)) == 1
        assert len(visible_posts.descendants(writer, Anonymous(), post)) == 1


def test_thread_ends_where_the_viewer_may_not_look() -> None:
    writer = fresh()
    alice, bob = cast.actor(writer, "alice"), cast.actor(writer, "bob")
    first = cast.post(writer, alice)
    secret = cast.post(writer, alice, NAMED, answers=first)
    last = cast.post(writer, alice, answers=secret)
    for viewer, below, above in (
        (Member(bob), [], []),
        (Member(alice), [secret.id, last.id], [first.id, secret.id]),
    ):
        found = visible_posts.descendants(writer, viewer, first)
        assert [post.id for post in found] == below
        found = visible_posts.ancestors(writer, viewer, last)
        assert [post.id for post in found] == above


def said_and_kept(writer: Writer) -> tuple[Post, ActorId]:
    """A post with everything that can point to it, and who said it."""
    alice, bob = cast.account(writer, "alice"), cast.account(writer, "bob")
    said = cast.post(
        writer, alice, to=[bob], tags=["tag"], title="secret title", source="secret source"
    )
    writer.execute("UPDATE posts SET content = 'secret words', document = 'secret poll'")
    favourites.add(writer, "u:like", bob, said.id)
    bookmarks.add(writer, bob, said.id)
    shared = Boost(said.id + 1, "u:share", bob, said.id, said.audience, True, writer.now)
    boosts.add(writer, shared)
    timelines.fan_out(writer, [alice], said.id, said.id, None)
    timelines.fan_out(writer, [bob], shared.id, said.id, shared.id)
    notifications.add(writer, alice, "favourite", bob, said.id)
    for type_ in ("Create", "Update", "Delete"):
        activity = cast.said(writer, alice, said.uri, type_, said.id)
        deliveries.enqueue(writer, activity, "away", "https://away/inbox", said.uri)
    writer.execute("UPDATE activities SET body = 'secret words'")
    return again(writer, said), bob


def test_deleted_post_leaves_its_owner_and_audience_and_nothing_else() -> None:
    writer = fresh()
    said, bob = said_and_kept(writer)
    posts.bury(writer, said)
    assert posts.by_id(writer, said.id) is None
    assert posts.by_uri(writer, said.uri) is None
    assert posts.exists(writer, said.uri)
    assert visible_posts.was_there(writer, Member(bob), said.id)
    for table in (
        "favourites",
        "bookmarks",
        "boosts",
        "home_entries",
        "notifications",
        "post_tags",
    ):
        assert writer.value(f"SELECT count(*) FROM {table}") == 0, table
    row = writer.row("SELECT author, audience, deleted_at FROM posts")
    assert row == (said.author, said.audience, writer.now_ms)
    assert posts.recipients(writer, said.id) == [Recipient(bob, mentioned=True)]
    assert writer.value("SELECT count(*) FROM posts WHERE content || title <> ''") == 0
    assert writer.value("SELECT count(*) FROM posts WHERE ifnull(source, document) <> ''") == 0


def test_words_of_a_deleted_post_are_not_kept_to_be_delivered() -> None:
    writer = fresh()
    said, _ = said_and_kept(writer)
    posts.bury(writer, said)
    kept = writer.rows("SELECT type, body FROM activities")
    assert dict(kept) == {"Create": "", "Update": "", "Delete": "secret words"}
    (sent,) = deliveries.next_of(writer, "away", (), 10)
    known = outbox.by_id(writer, sent.activity)
    assert known and (known.type, known.body) == ("Create", "")


def test_edit_changes_the_words_and_says_when() -> None:
    writer = fresh()
    alice = cast.actor(writer, "alice")
    said = cast.post(writer, alice, tags=["old", "kept"])
    when = writer.now + timedelta(minutes=1)
    edited = replace(said, content="<p>new</p>", spoiler="cw", sensitive=True, edited_at=when)
    posts.revise(writer, edited, ["kept", "new"])
    assert again(writer, said) == replace(edited, version=2)
    assert sorted(posts.tag_names(writer, said.id)) == ["kept", "new"]


def test_number_is_never_given_to_a_post_and_a_boost() -> None:
    writer = fresh()
    alice = cast.actor(writer, "alice")
    said = cast.post(writer, alice, id=1000)
    boosts.add(writer, Boost(1001, "u:1", alice, said.id, said.audience, True, writer.now))
    assert posts.free_id(writer, PostId(1000)) == 1002
    assert posts.free_id(writer, PostId(7)) == 7


def test_figures_count_rows() -> None:
    writer = fresh()
    alice, bob = cast.account(writer, "alice"), cast.account(writer, "bob")
    said, other = cast.post(writer, alice), cast.post(writer, alice)
    favourites.add(writer, "u:1", bob, said.id)
    favourites.add(writer, "u:2", alice, said.id)
    boosts.add(writer, Boost(1, "u:3", bob, said.id, said.audience, True, writer.now))
    answer = cast.post(writer, bob, answers=said)
    bookmarks.add(writer, bob, said.id)
    for viewer, flags in (
        (Member(bob), (True, True, True)),
        (Member(alice), (True, False, False)),
        (Anonymous(), (False, False, False)),
        (System(), (False, False, False)),
    ):
        found = visible_posts.figures(writer, viewer, [said.id, other.id, PostId(5)])
        assert found == {
            said.id: StatusCounts(2, 1, 1, *flags),
            other.id: StatusCounts(),
            5: StatusCounts(),
        }
    posts.bury(writer, answer)
    assert visible_posts.figures(writer, Anonymous(), [said.id])[said.id].replies == 0
    assert posts.count_local(writer) == 2


@pytest.mark.parametrize("mallory_first", [True, False])
def test_delete_that_came_early_is_remembered_for_who_said_it(mallory_first: bool) -> None:
    writer = fresh()
    uri, bob, mallory = "https://away.example/posts/1", "u:bob", "u:mallory"
    for actor in (mallory, bob) if mallory_first else (bob, mallory):
        posts.expect_delete(writer, uri, actor, "away.example")
        posts.expect_delete(writer, uri, actor, "away.example")
    assert posts.was_deleted_early(writer, uri, bob)
    assert not posts.was_deleted_early(writer, uri, "u:eve")
    writer.now += timedelta(days=29)
    retention.forget(writer)
    assert posts.was_deleted_early(writer, uri, bob)
    writer.now += timedelta(days=2)
    retention.forget(writer)
    assert not posts.was_deleted_early(writer, uri, bob)


def early(writer: Writer, host: str) -> int:
    count: int = writer.value("SELECT count(*) FROM early_deletes WHERE host LIKE ?", host)
    return count


def test_early_deletes_of_one_server_do_not_fill_our_memory() -> None:
    writer, most = fresh(), posts.MOST_EARLY_DELETES_OF_HOST
    posts.expect_delete(writer, "u:kept", "u:bob", "quiet.example")
    for number in range(most + 10):
        writer.now += timedelta(milliseconds=1)
        posts.expect_delete(writer, f"u:{number}", "u:mallory", "loud.example")
    assert early(writer, "loud.example") == most
    assert posts.was_deleted_early(writer, "u:kept", "u:bob")
    assert posts.was_deleted_early(writer, f"u:{most + 9}", "u:mallory")  # the newest are kept
    assert not posts.was_deleted_early(writer, "u:9", "u:mallory")
    assert posts.was_deleted_early(writer, "u:10", "u:mallory")


def test_nor_do_many_servers_together() -> None:
    writer, most = fresh(), posts.MOST_EARLY_DELETES
    writer.execute(
        "WITH RECURSIVE n (n) AS (VALUES (1) UNION ALL SELECT n + 1 FROM n WHERE n < ?)"
        " INSERT INTO early_deletes (uri, actor, kept_at, host)"
        " SELECT 'u:' || n, 'u:m', ? + n, 'h' || n || '.example' FROM n",
        most,
        writer.now_ms,
    )
    writer.now += timedelta(days=1)
    posts.expect_delete(writer, "u:new", "u:m", "new.example")
    assert most * 0.99 <= early(writer, "%") <= most
    assert posts.was_deleted_early(writer, "u:new", "u:m")
    assert not posts.was_deleted_early(writer, "u:1", "u:m")


def test_hashtag_has_a_history() -> None:
    writer = fresh()
    alice, bob = cast.actor(writer, "alice"), cast.actor(writer, "bob")
    yesterday = writer.now - timedelta(days=1)
    for author in (alice, alice, bob):
        cast.post(writer, author, tags=["Tag"])
    cast.post(writer, bob, tags=["Tag"], listed=False)
    cast.post(writer, bob, tags=["Tag"], id=int(yesterday.timestamp() * 1000) << 16)
    uses = hashtags.history(writer, Anonymous(), ["tag"])["tag"]
    assert [(use.uses, use.accounts) for use in uses] == [(3, 2), (1, 1), *[(0, 0)] * 5]
    assert uses[0].day - uses[1].day == 86400


def test_answer_to_nothing_yet_stays_outside_of_our_threads() -> None:
    writer = fresh()
    alice, mallory = cast.actor(writer, "alice"), cast.actor(writer, "mallory", "evil.example")
    guessed = "https://home.example/posts/7"
    early = cast.post(writer, mallory, in_reply_to_uri=guessed)
    ours = cast.post(writer, alice, id=7)
    assert ours.uri == guessed
    assert again(writer, early).in_reply_to is None
    theirs = f"https://evil.example/posts/{writer.new_id()}"
    waiting = cast.post(writer, alice, in_reply_to_uri=theirs)
    parent = cast.post(writer, mallory, uri=theirs)
    assert again(writer, waiting).in_reply_to == parent.id
