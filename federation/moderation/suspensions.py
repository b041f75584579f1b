"""Suspensions, put and lifted: what of it other servers can notice.

Of ours, everybody who met them hears that they are suspended, and their page says nothing else.
Of others, whatever joined them to ours ends, and their server is told so.
"""

from datetime import timedelta

from federation import effects
from federation.activities import Delete, Follow, Reject, Undo, Update
from federation.objects import actor as actor_object
from federation.outbound import outbox
from storage.engine.ids import ActorId
from storage.engine.transaction import Writer
from storage.people import actors, follows, keys
from storage.people.actors import Actor
from storage.queues import deliveries, jobs
from storage.queues.job_kinds import EndSuspension, EraseActor

REVERSIBLE = timedelta(days=30)


def suspend(writer: Writer, actor: Actor, media: str) -> None:
    """Hide somebody and all they said; `media` is the address of our media folder."""
    if actor.is_local:
        deliveries.withdraw_of(writer, actor.id)
        actors.set_moderation_state(writer, actor.id, "suspended")
        jobs.plan(writer, EndSuspension(actor.id), writer.now + REVERSIBLE)
        _say(writer, actor.id, media)
    else:
        _part(writer, actor)
        actors.set_moderation_state(writer, actor.id, "suspended")


def restore(writer: Writer, actor: Actor, media: str) -> None:
    """Show them again; relations that ended with another server stay ended."""
    actors.set_moderation_state(writer, actor.id, "active")
    if actor.is_local:
        jobs.cancel(writer, EndSuspension(actor.id))
        _say(writer, actor.id, media)


def end(writer: Writer, actor: Actor) -> None:
    """End somebody for good: what they said is to be deleted everywhere."""
    jobs.cancel(writer, EndSuspension(actor.id))
    effects.apply_local(writer, Delete(id=outbox.new_uri(writer), actor=actor.uri, what=actor.uri))


def forget(writer: Writer, actor: Actor) -> None:
    """Erase what we have of somebody of another server; they stay out."""
    jobs.plan(writer, EraseActor(actor.id))


def _say(writer: Writer, id_: ActorId, media: str) -> None:
    """Say something, also for somebody who may say nothing themselves."""
    now = actors.by_id(writer, id_)
    if now is None:
        raise LookupError(id_)
    rendered = actor_object.render(writer.site, now, keys.of_actor(writer, id_), media)
    rendered = {**rendered, "suspended": now.effective_state == "suspended"}
    update = Update(id=outbox.new_uri(writer), actor=now.uri, profile=now, rendered=rendered)
    effects.apply_local(writer, update)


def _part(writer: Writer, actor: Actor) -> None:
    """Follows end both ways, said by ours as if each had done it."""
    for follow in follows.with_ours(writer, actor.id):
        follower, target = (
            actors.by_id(writer, follow.follower),
            actors.by_id(writer, follow.target),
        )
        if follower is None or target is None:
            continue
        asked = Follow(id=follow.uri, actor=follower.uri, target=target.uri)
        new = outbox.new_uri(writer)
        if follower.is_local:
            effects.apply_local(writer, Undo(id=new, actor=follower.uri, inner=asked))
        else:
            effects.apply_local(writer, Reject(id=new, actor=target.uri, inner=asked))
