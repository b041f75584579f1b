"""Effects: one activity is carried out, with its consequences, within the caller's unit.

An activity is applied in one of two ways, which differ in who hears of it and in nothing else.

`apply_remote`: somebody elsewhere said it, and `inbound.processing` has found it authentic, wanted
and complete. `apply` changes our rows and returns what is to be said in answer (an Accept for a
Follow, a Reject …); each answer is ours, and goes the second way.

`apply_local`: one of ours says it. In this order, and all in one unit:

1. whom it concerns, as it is *before*: an Undo, a Delete or a Block takes away the very rows that
   tell who has to hear of it;
2. `apply`, which changes our rows exactly as the same words from elsewhere would;
3. the words, once, and a delivery for each inbox elsewhere (nobody of ours is told by delivery);
4. its answers, each in the same way. Answers to answers end at DEPTH: two verbs that answered each
   other would otherwise write until the disk is full.

So nothing is done that is not told, nothing is told that was not done, and a crash leaves both or
neither. No network is touched here: deliveries are rows, and `outbound.delivery` carries them.
"""

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
    """Write the words once, and a delivery for each inbox."""
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
