"""Going for good: at once out of sight everywhere, and out of the database in slices."""

from datetime import timedelta

from federation.activities import Delete
from federation.outbound import outbox
from server.i18n.form_errors import FormError
from server.i18n.translations import N_
from storage.access import accounts
from storage.access.accounts import ACCESS
from storage.engine.database import Database
from storage.engine.transaction import Writer
from storage.lifecycle import erasure
from storage.people.actors import Actor
from storage.queues import jobs
from storage.queues.job_kinds import EraseActor

DELIVERIES_TAKE = timedelta(hours=1)

_LAST = N_(
    "You are the only admin here. Make somebody else an admin first,"
    " or nobody can look after this place."
)


class CannotLeave(Exception):
    """`mistake` says why, in words for the page."""

    def __init__(self, form_error: FormError) -> None:
        super().__init__(form_error.sentence_in())
        self.form_error = form_error


def leave(writer: Writer, actor: Actor) -> None:
    """Hide somebody of ours, say so to everybody whom they met, and end every way in.

    Raises CannotLeave for the last admin.
    """
    if accounts.admins(writer) == [actor.id]:
        raise CannotLeave(FormError("ERR_LAST_ADMIN", _LAST))
    outbox.publish(writer, Delete(id=outbox.new_uri(writer), actor=actor.uri, what=actor.uri))
    erasure.close_account(writer, actor.id)
    writer.after_commit(ACCESS, str(actor.id))


async def erase_next(database: Database) -> bool:
    """Take out the next slice of somebody who left; return whether there was work."""
    return await database.write_always(_erase_next)


def _erase_next(writer: Writer) -> bool:
    job = jobs.next_due(writer, EraseActor)
    if job is None:
        return False
    actor = job.payload.actor
    if erasure.erase(writer, actor):
        return True
    if erasure.last_words_wait(writer, actor):
        jobs.postpone(writer, job, DELIVERIES_TAKE)
    else:
        erasure.forget_key(writer, actor)
        jobs.finish(writer, job)
    return True
