from datetime import timedelta

import pytest

from storage.access import accounts
from storage.access.accounts import AccountState
from storage.communities import memberships
from storage.engine.database import Database
from storage.engine.errors import Conflict
from storage.engine.ids import ActorId, PostId
from storage.engine.pagination import Page
from storage.engine.transaction import Writer
from storage.people import account_counts, blocks, follows, relationships
from storage.people.account_counts import AccountCounts
from storage.people.blocks import Mute
from storage.posts import boosts, delivery_targets, favourites, posts
from storage.posts.audiences import Audience
from storage.posts.boosts import Boost
from storage.reading import notifications
from storage.reading.notifications import Notification, NotificationFilter
from tests.storage import cast
from tests.storage.raw import memory, writer_on
from tests.support.clock import Watch

ALL = Page(100)


def fresh() -> Writer:
    return writer_on(memory(), Watch())


# ---- following ----


def test_follow_is_asked_for_and_accepted_once() -> None:
    writer = fresh()
    alice, bob = cast.account(writer, "alice"), cast.actor(writer, "bob", "away.example")
    assert follows.ask(writer, "u:1", bob, alice)
    assert not follows.ask(writer, "u:1", bob, alice)
    assert follows.page_of_followers(writer, alice, ALL) == []
    assert [who for _, who in follows.page_of_followers(writer, alice, ALL, "pending")] == [bob]
    assert follows.inboxes(writer, alice) == []
    assert follows.accept(writer, bob, alice)
    assert not follows.accept(writer, bob, alice)
    assert follows.inboxes(writer, alice) == ["https://away.example/actors/bob/inbox"]
    assert account_counts.many(writer, [alice, bob]) == {
        alice: AccountCounts(followers=1),
        bob: AccountCounts(following=1),
    }
    assert not follows.ask(writer, "u:2", bob, alice)  # their server forgot that it had asked
    again = follows.by_uri(writer, "u:2")
    assert again and again.state == "accepted"
    assert follows.by_uri(writer, "u:1") is None
    assert follows.remove(writer, bob, alice)
    assert not follows.remove(writer, bob, alice)
    assert follows.ask(writer, "u:2", bob, alice)


def test_follow_is_not_taken_over_by_its_name() -> None:
    writer = fresh()
    alice, bob, eve = (cast.actor(writer, name) for name in ("alice", "bob", "eve"))
    follows.ask(writer, "u:1", bob, alice)
    follows.accept(writer, bob, alice)
    assert follows.ask(writer, "u:1", eve, alice)  # hers, under a name of hers
    for name, state in ((bob, "accepted"), (eve, "pending")):
        known = follows.by_uri(writer, "u:1", name)
        assert known and (known.follower, known.state) == (name, state)
    with pytest.raises(Conflict, match="uri"):
        follows.ask(writer, "u:1", eve, bob)
    assert follows.between(writer, eve, bob) is None


def test_shared_inbox_gets_one_delivery() -> None:
    writer = fresh()
    alice = cast.account(writer, "alice")
    for number in range(3):
        for host, shared in (("big.example", "https://big.example/inbox"), ("small.example", None)):
            cast.follow(writer, cast.actor(writer, f"x{number}", host, shared_inbox=shared), alice)
    cast.follow(writer, cast.account(writer, "local"), alice)
    assert sorted(follows.inboxes(writer, alice)) == [
        "https://big.example/inbox",
        *(f"https://small.example/actors/x{number}/inbox" for number in range(3)),
    ]
    assert len(follows.local_followers(writer, alice)) == 1
    assert follows.is_followed_here(writer, alice)


def test_settings_of_a_follow_stay_with_it() -> None:
    writer = fresh()
    alice, bob = cast.account(writer, "alice"), cast.account(writer, "bob")
    cast.follow(writer, alice, bob)
    follows.set_options(writer, alice, bob, (False, True, ("en",)))
    (known,) = follows.local_followers(writer, bob)
    assert (known.reblogs, known.notify, known.languages) == (False, True, ("en",))


# ---- likes, shares, blocks: one for each pair ----


async def test_like_counts_once_for_each_actor(database: Database) -> None:
    heard: list[str] = []

    def unit(writer: Writer) -> int:
        alice, bob = cast.account(writer, "alice"), cast.account(writer, "bob")
        said = cast.post(writer, alice)
        assert favourites.add(writer, "u:1", bob, said.id)
        assert not favourites.add(writer, "u:2", bob, said.id)
        other = cast.post(writer, alice)
        assert not favourites.add(writer, "u:1", bob, other.id)  # he has used the name
        assert favourites.by_uri(writer, "u:1") == (bob, said.id)
        assert favourites.uri_of(writer, bob, said.id) == "u:1"
        assert [who for _, who in favourites.page_of(writer, said.id, ALL)] == [bob]
        assert favourites.remove(writer, bob, said.id)
        assert not favourites.remove(writer, bob, said.id)
        assert favourites.by_uri(writer, "u:1") is None
        return said.id

    with database.changes.listen(favourites.FAVOURITED, lambda change: heard.append(change.key)):
        said = await database.write(unit)
    assert heard == [str(said)] * 2


def test_share_counts_once_for_each_actor() -> None:
    writer = fresh()
    alice, bob = cast.account(writer, "alice"), cast.account(writer, "bob")
    said = cast.post(writer, alice)

    def shared(id_: int, uri: str) -> Boost:
        return Boost(id_, uri, bob, said.id, said.audience, True, writer.now)

    assert boosts.add(writer, shared(1, "u:1"))
    assert not boosts.add(writer, shared(2, "u:2"))
    known = boosts.of(writer, bob, said.id)
    assert known is not None
    assert known == boosts.by_uri(writer, "u:1") == boosts.by_id(writer, 1)
    assert [who for _, who in boosts.page_of(writer, said.id, ALL)] == [bob]
    assert posts.free_id(writer, PostId(1)) == 2
    boosts.remove(writer, known)
    assert boosts.of(writer, bob, said.id) is None


def test_block_is_one_row_and_names_both() -> None:
    writer = fresh()
    alice, bob = cast.account(writer, "alice"), cast.account(writer, "bob")
    assert blocks.add(writer, "u:1", alice, bob)
    assert not blocks.add(writer, "u:2", alice, bob)
    assert blocks.exists(writer, alice, bob)
    assert not blocks.exists(writer, bob, alice)
    assert blocks.either(writer, bob, alice)
    assert blocks.by_uri(writer, "u:1") == (alice, bob)
    assert blocks.remove(writer, alice, bob)
    assert not blocks.remove(writer, alice, bob)


def test_relationships_say_how_two_stand() -> None:
    writer = fresh()
    me, *others = (cast.account(writer, name) for name in ("me", "a", "b", "c", "d"))
    followed, asked, blocked, muted = others
    cast.follow(writer, me, followed)
    cast.follow(writer, followed, me)
    cast.follow(writer, me, asked, accepted=False)
    cast.follow(writer, asked, me, accepted=False)
    cast.block(writer, me, blocked)
    cast.block(writer, blocked, me)
    until = writer.now + timedelta(hours=1)
    blocks.mute(writer, me, Mute(muted, notifications=True, expires_at=until))
    a, b, c, d, nobody = relationships.of(writer, me, [*others, ActorId(12345)])
    assert (a.following, a.followed_by, a.reblogs, a.requested) == (True, True, True, False)
    assert (b.following, b.requested, b.requested_by, b.reblogs) == (False, True, True, False)
    assert (c.blocking, c.blocked_by, c.muting) == (True, True, False)
    assert (d.muting, d.muting_notifications, d.mute_expires_at) == (True, True, until)
    assert (nobody.target, nobody.following, nobody.blocking) == (12345, False, False)
    writer.now = until
    assert not relationships.of(writer, me, [muted])[0].muting
    assert blocks.find_mute(writer, me, muted) is None
    assert blocks.page_of_mutes(writer, me, ALL) == []


def test_deleted_account_is_parted_from_all() -> None:
    writer = fresh()
    alice, bob, eve = (cast.account(writer, name) for name in ("alice", "bob", "eve"))
    cast.follow(writer, alice, bob)
    cast.follow(writer, bob, alice)
    cast.follow(writer, eve, alice)
    circle = memberships.make(writer, alice, "circle")
    memberships.put(writer, circle, bob)
    notifications.add(writer, alice, "follow", bob)
    notifications.add(writer, bob, "follow", alice)
    delivery_targets.part_from_all(writer, bob)
    assert account_counts.many(writer, [alice, bob]) == {
        alice: AccountCounts(followers=1),
        bob: AccountCounts(),
    }
    assert memberships.actors(writer, circle) == []
    assert writer.value("SELECT count(*) FROM notifications") == 0


# ---- notifications ----


def told(writer: Writer, account: int, *types: str) -> list[str]:
    wanted = NotificationFilter(types=types)
    return [one.type for one in notifications.page_of(writer, ActorId(account), ALL, wanted)]


def test_member_is_told_once_and_not_of_what_they_do_not_want() -> None:
    writer = fresh()
    alice, bob, eve = (cast.account(writer, name) for name in ("alice", "bob", "eve"))
    said = cast.post(writer, alice)
    for _ in range(2):
        notifications.add(writer, alice, "favourite", bob, said.id)
        notifications.add(writer, alice, "follow", bob)
    assert told(writer, alice) == ["follow", "favourite"]
    notifications.add(writer, alice, "favourite", alice, said.id)
    notifications.add(writer, cast.actor(writer, "remote", "away.example"), "follow", bob)
    cast.block(writer, alice, eve)
    notifications.add(writer, alice, "follow", eve)
    assert told(writer, alice) == ["follow", "favourite"]
    assert writer.value("SELECT count(*) FROM notifications") == 2


@pytest.mark.parametrize(("with_notifications", "count"), [(True, 0), (False, 1)])
def test_mute_may_or_may_not_hold_for_notifications(with_notifications: bool, count: int) -> None:
    writer = fresh()
    alice, bob = cast.account(writer, "alice"), cast.account(writer, "bob")
    blocks.mute(writer, alice, Mute(bob, with_notifications, None))
    notifications.add(writer, alice, "follow", bob)
    assert len(told(writer, alice)) == count


@pytest.mark.parametrize("state", ["pending", "disabled", "deleted"])
def test_account_without_rights_is_told_nothing(state: AccountState) -> None:
    writer = fresh()
    alice, bob = cast.account(writer, "alice"), cast.account(writer, "bob")
    accounts.set_state(writer, alice, state)
    notifications.add(writer, alice, "follow", bob)
    assert told(writer, alice) == []


def test_hidden_posts_notify_nobody() -> None:
    writer = fresh()
    alice, bob = cast.account(writer, "alice"), cast.account(writer, "bob")
    cast.follow(writer, alice, bob)
    said = cast.post(writer, bob, Audience("followers", owner=bob))
    notifications.add(writer, alice, "status", bob, said.id)
    assert told(writer, alice) == ["status"]
    follows.remove(writer, alice, bob)
    assert told(writer, alice) == []
    cast.follow(writer, alice, bob)
    assert told(writer, alice) == ["status"]
    writer.execute("UPDATE actors SET moderation_state = 'suspended' WHERE id = ?", bob)
    assert told(writer, alice) == []


def test_notifications_are_chosen_by_type_and_actor_and_put_away() -> None:
    writer = fresh()
    alice, bob, eve = (cast.account(writer, name) for name in ("alice", "bob", "eve"))
    said = cast.post(writer, alice)
    for type_, actor in (("favourite", bob), ("reblog", bob), ("favourite", eve)):
        notifications.add(writer, alice, type_, actor, said.id)
    notifications.add(writer, alice, "follow", eve)

    def chosen(wanted: NotificationFilter) -> list[tuple[str, int]]:
        found = notifications.page_of(writer, alice, ALL, wanted)
        return [(one.type, one.actor) for one in found]

    assert chosen(NotificationFilter(types=["favourite"])) == [
        ("favourite", eve),
        ("favourite", bob),
    ]
    assert chosen(NotificationFilter(not_types=["favourite"])) == [("follow", eve), ("reblog", bob)]
    assert chosen(NotificationFilter(actor=bob, not_types=["reblog"])) == [("favourite", bob)]
    (first,) = notifications.page_of(writer, alice, Page(1), NotificationFilter())
    assert notifications.by_id(writer, alice, first.id) == first
    assert notifications.by_id(writer, bob, first.id) is None
    for strange in (0, 1, 2**63 - 1, 2**63, 10**30):
        assert notifications.by_id(writer, alice, strange) is None
    assert not notifications.dismiss(writer, bob, first.id)
    assert notifications.dismiss(writer, alice, first.id)
    notifications.withdraw(writer, alice, "reblog", bob, said.id)
    notifications.forget_between(writer, alice, eve)
    assert chosen(NotificationFilter()) == [("favourite", bob)]
    notifications.clear(writer, alice)
    assert chosen(NotificationFilter()) == []


def test_notifications_of_many_at_once_forget_nobody() -> None:
    """More in one unit than a millisecond has small numbers: none may be lost to another's id."""
    writer = fresh()
    bob = cast.account(writer, "bob")
    readers = [cast.account(writer, f"reader{number}") for number in range(1500)]
    said = cast.post(writer, bob)
    for reader in readers:
        notifications.add(writer, reader, "status", bob, said.id)
    assert writer.value("SELECT count(*) FROM notifications") == len(readers)
    assert writer.value("SELECT max(id) < 1 << 53 FROM notifications") == 1


def test_notification_pages_like_every_list() -> None:
    writer = fresh()
    alice = cast.account(writer, "alice")
    for number in range(30):
        notifications.add(writer, alice, "follow", cast.actor(writer, f"x{number}"))
    every = notifications.page_of(writer, alice, ALL, NotificationFilter())

    def page(**edges: int) -> list[Notification]:
        return notifications.page_of(writer, alice, Page(5, **edges), NotificationFilter())

    assert page(max_id=every[9].id) == every[10:15]
    assert page(since_id=every[9].id) == every[:5]
    assert page(min_id=every[9].id) == every[4:9]
