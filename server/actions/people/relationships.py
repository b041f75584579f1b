"""Relationships of a member: the same from a client, a page or an imported file."""

from collections.abc import Sequence
from datetime import timedelta

from federation.activities import Accept, Block, Follow, Reject, Undo
from federation.outbound import outbox
from server.actions.finding import is_visible
from server.refusals import NotAllowed, NotThere
from storage.engine.ids import ActorId
from storage.engine.transaction import Writer
from storage.people import actors, blocks, follows, hidden_accounts, user_domain_blocks
from storage.people.actors import Actor
from storage.people.blocks import Mute
from storage.reading import lists, timelines
from storage.reading.lists import List

LONGEST_MUTE = timedelta(days=36_500)


def follow(
    writer: Writer,
    me: Actor,
    target: Actor,
    *,
    reblogs: bool | None = None,
    notify: bool | None = None,
    languages: Sequence[str] | None = None,
) -> None:
    """Ask to follow, or change how one follows; an option that is None stays as it is.

    Raises NotAllowed where one of the two does not want it, or the other has gone.
    """
    known = follows.between(writer, me.id, target.id)
    if known is None:
        kept_apart = blocks.either(writer, me.id, target.id) or hidden_accounts.is_host_hidden(
            writer, me.id, target.id
        )
        if kept_apart or target.moved_to or target.effective_state != "active":
            raise NotAllowed
        said = Follow(id=outbox.new_uri(writer), actor=me.uri, target=target.uri)
        outbox.publish(writer, said)
        known = follows.between(writer, me.id, target.id)
    if known is not None:
        spoken = known.languages if languages is None else tuple(dict.fromkeys(languages))
        options = (
            known.reblogs if reblogs is None else reblogs,
            known.notify if notify is None else notify,
            spoken,
        )
        follows.set_options(writer, me.id, target.id, options)
        if spoken != known.languages:
            timelines.leave_foreign(writer, me.id, target.id)
            keep_home(writer, me.id, target.id)


def unfollow(writer: Writer, me: Actor, target: Actor) -> None:
    known = follows.between(writer, me.id, target.id)
    if known is not None:
        said = Follow(id=known.uri, actor=me.uri, target=target.uri)
        outbox.publish(writer, Undo(id=outbox.new_uri(writer), actor=me.uri, inner=said))


def remove_follower(writer: Writer, me: Actor, follower: Actor) -> None:
    known = follows.between(writer, follower.id, me.id)
    if known is not None:
        asked = Follow(id=known.uri, actor=follower.uri, target=me.uri)
        outbox.publish(writer, Reject(id=outbox.new_uri(writer), actor=me.uri, inner=asked))


def block(writer: Writer, me: Actor, target: Actor) -> None:
    if not blocks.exists(writer, me.id, target.id):
        outbox.publish(writer, Block(id=outbox.new_uri(writer), actor=me.uri, target=target.uri))


def unblock(writer: Writer, me: Actor, target: Actor) -> None:
    uri = blocks.uri_of(writer, me.id, target.id)
    if uri is not None:
        said = Block(id=uri, actor=me.uri, target=target.uri)
        outbox.publish(writer, Undo(id=outbox.new_uri(writer), actor=me.uri, inner=said))


def mute(
    writer: Writer,
    me: Actor,
    target: Actor,
    *,
    notifications: bool = True,
    lasting: timedelta | None = None,
) -> None:
    """Hear nothing from somebody, for a while or until it is taken back."""
    until = writer.now + min(lasting, LONGEST_MUTE) if lasting else None
    blocks.mute(writer, me.id, Mute(target.id, notifications, until))


# ---- hosts ----

SLICE = 50  # ties that are cut in one unit, so that nobody waits long


def block_host(writer: Writer, me: Actor, host: str) -> bool:
    """Hide everybody there. Return False where there is no room for more; see `part_from_host`."""
    if user_domain_blocks.count(writer, me.id) >= user_domain_blocks.MOST:
        return False
    user_domain_blocks.add(writer, me.id, host)
    return True


def part_from_host(writer: Writer, me: Actor, host: str) -> bool:
    """End some of the follows in both directions; to be asked again while there were any."""
    followers = user_domain_blocks.followers_there(writer, me.id, host, SLICE)
    for uri, follower in followers:
        asked = Follow(id=uri, actor=follower, target=me.uri)
        outbox.publish(writer, Reject(id=outbox.new_uri(writer), actor=me.uri, inner=asked))
    followed = user_domain_blocks.follows_there(writer, me.id, host, SLICE)
    for uri, target in followed:
        said = Follow(id=uri, actor=me.uri, target=target)
        outbox.publish(writer, Undo(id=outbox.new_uri(writer), actor=me.uri, inner=said))
    return bool(followers or followed)


# ---- lists ----


def put_into_list(writer: Writer, me: Actor, list_: List, person: Actor) -> None:
    """Put somebody into a list, with what they said lately. Raises NotAllowed unless followed."""
    if person.id != me.id and follows.between(writer, me.id, person.id) is None:
        raise NotAllowed
    if lists.put(writer, list_.id, person.id):
        lists.fill_from(writer, list_.id, person.id)
        if list_.exclusive:
            keep_home(writer, me.id, person.id)


def keep_home(writer: Writer, me: ActorId, person: ActorId) -> None:
    """Keep a person in an exclusive list out of home, and bring back one whom none has any more."""
    if me == person:
        return
    if lists.apart(writer, person, [me]):
        timelines.leave_home(writer, me, person)
        return
    between = follows.between(writer, me, person)
    if between is not None and between.state == "accepted":
        timelines.fill_from(writer, me, person)


def accept_follow(writer: Writer, me: Actor, follower: ActorId) -> Actor:
    """Let somebody follow who asked to. Raises NotThere."""
    return _answer_request(writer, me, follower, Accept)


def reject_follow(writer: Writer, me: Actor, follower: ActorId) -> Actor:
    """Say no to somebody who asked to follow. Raises NotThere."""
    return _answer_request(writer, me, follower, Reject)


def _answer_request(
    writer: Writer, me: Actor, follower: ActorId, verb: type[Accept] | type[Reject]
) -> Actor:
    asked, asker = follows.between(writer, follower, me.id), actors.by_id(writer, follower)
    if asker is None or asked is None or asked.state != "pending":
        raise NotThere
    if verb is Accept and not is_visible(asker):
        raise NotThere
    follow = Follow(id=asked.uri, actor=asker.uri, target=me.uri)
    outbox.publish(writer, verb(id=outbox.new_uri(writer), actor=me.uri, inner=follow))
    return asker
