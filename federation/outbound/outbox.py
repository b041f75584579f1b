"""Outbox: activities that our own actors say."""

from federation import effects
from federation.activity import Activity
from federation.errors import Forbidden
from federation.vocabulary import uris
from storage.engine.transaction import Writer
from storage.people import actors


def publish(writer: Writer, activity: Activity) -> None:
    """Say it: `await database.write(outbox.publish, activity)`, or within a larger unit."""
    actor = actors.by_uri(writer, activity.actor)
    if actor is None or not actor.is_local or actor.effective_state != "active":
        raise Forbidden("Only our own actors speak here.")
    effects.apply_local(writer, activity)


def new_uri(writer: Writer) -> str:
    """URI for an activity that is about to be said."""
    return uris.activity(writer.site, writer.new_id())
