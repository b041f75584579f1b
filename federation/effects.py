"""Carry out one activity, with its consequences, within the caller's unit."""

from federation.activity import Activity
from federation.transport.urls import host_of
from federation.vocabulary.json_documents import dump
from federation.vocabulary.uris import number
from storage.engine.transaction import Writer
from storage.people import actors
from storage.queues import deliveries, outbox
from storage.queues.outbox import Said

DEPTH = 3


def apply_remote(writer: Writer, activity: Activity) -> None:
    """Apply an activity that somebody elsewhere said."""
    for answer in activity.apply(writer):
        apply_local(writer, answer, depth=1)


def apply_local(writer: Writer, activity: Activity, depth: int = 0) -> None:
    """Apply an activity of ours; a delivery goes to everyone elsewhere who should hear of it."""
    if depth > DEPTH:
        raise RecursionError(f"{activity.type} answers an answer to an answer")
    inboxes = set(activity.audience(writer))  # before it takes effect: Undo must still see whom
    answers = activity.apply(writer)
    _post(writer, activity, inboxes)
    for answer in answers:
        apply_local(writer, answer, depth + 1)


def _post(writer: Writer, activity: Activity, inboxes: set[str]) -> None:
    """Keep the words once, and a letter for each inbox."""
    speaker = actors.our_number(writer, activity.actor)
    if speaker is None:
        raise ValueError(f"{activity.actor} is not ours to speak for")
    own = number(writer.site, activity.id, "activities")
    said = Said(
        id=own if own is not None else writer.new_id(),
        uri=activity.id,
        actor=speaker,
        type=activity.type,
        object=activity.subject(),
        post=activity.post(writer),
        body=dump(activity.document()).decode(),
    )
    outbox.add(writer, said)
    for inbox in sorted(inboxes):
        deliveries.enqueue(writer, said.id, host_of(inbox), inbox, said.object)
