"""Voting, and the end of polls: ours are closed, others are asked how they stand."""

import logging
from collections.abc import Sequence
from datetime import timedelta

from federation.activities import Create
from federation.activities.shared import edits
from federation.activities.update import Update
from federation.errors import FederationError, Forbidden
from federation.objects import from_rows, note
from federation.objects.note import Note
from federation.outbound import outbox
from federation.resolve.resolver import Budget
from federation.transport.pools import Pool
from federation.vocabulary import uris
from federation.vocabulary.reading import apart
from federation.vocabulary.sanitize_html import SafeHtml, trust
from server.actions.posts.statuses import publish_edit
from server.actions.services import Services
from server.refusals import Invalid, NotThere
from storage.engine.ids import PostId
from storage.engine.transaction import Reader, Writer
from storage.people import actors
from storage.people.actors import Actor
from storage.posts import polls, visible_posts
from storage.posts.polls import Poll
from storage.posts.visibility import Member, System, Viewer
from storage.posts.visible_posts import Post

log = logging.getLogger(__name__)

FRESH = timedelta(minutes=1)
PATIENCE = 3.0  # seconds that a reader waits for another server's figures


_NO_TEXT: SafeHtml = trust("")


def visible_poll(reader: Reader, viewer: Viewer, id_: PostId) -> tuple[Post, Poll]:
    """A poll and the post that it stands in; both have one number. Raises NotThere."""
    found, poll = visible_posts.by_id(reader, viewer, id_), polls.of(reader, id_)
    if found is None or poll is None:
        raise NotThere
    return found, poll


def vote(writer: Writer, me: Actor, id_: PostId, chosen: Sequence[int]) -> None:
    """Choose these positions, all or none; where several may be chosen, others may follow later.

    Raises NotThere, and Invalid where that cannot be chosen (any more).
    """
    asked, poll = visible_poll(writer, Member(me.id), id_)
    author = actors.by_id(writer, asked.author)
    if not chosen or author is None:
        raise Invalid("Validation failed: Choose at least one option")
    if max(chosen) >= len(poll.options):
        raise Invalid("Validation failed: The chosen vote option does not exist")
    for position in chosen:
        said = _vote_note(writer, me, author, asked, poll.options[position].title)
        try:
            outbox.publish(writer, Create(id=outbox.new_uri(writer), actor=me.uri, note=said))
        except Forbidden as refused:
            raise Invalid(f"Validation failed: {refused}") from refused


def _vote_note(writer: Writer, me: Actor, author: Actor, asked: Post, title: str) -> Note:
    return Note(
        id=uris.vote(writer.site, writer.new_id()),
        author=me.uri,
        content=_NO_TEXT,
        vote=title,
        in_reply_to=asked.uri,
        published=writer.now,
        to=(author.uri,),
    )


async def close_next(services: Services) -> bool:
    """Close one that is due; return whether there was one."""
    due = await services.database.read(polls.next_due)
    if due is None:
        return False
    post, ours = due
    voters = await services.database.read(polls.voters_here, post)
    if voters and not ours:
        await _ask_again(services, post, Budget(fetches=2, pool=Pool.BACKGROUND))
    await services.database.write_always(_close, post)
    return True


def _close(writer: Writer, id_: PostId) -> None:
    post = visible_posts.by_id(writer, System(), id_)
    if post is None:
        polls.close(writer, id_)
        return
    edits.end(writer, post)
    author = actors.by_id(writer, post.author)
    if post.local and author is not None and author.effective_state == "active":
        publish_edit(writer, author, from_rows.note_of(writer, post))


async def refresh(services: Services, viewer: Viewer, id_: PostId) -> None:
    """Ask the server of an open poll how it stands, at most once a minute."""
    if await services.database.read(_is_stale, viewer, id_):
        await _ask_again(services, id_, Budget(fetches=2, patience=PATIENCE))


def _is_stale(reader: Reader, viewer: Viewer, id_: PostId) -> bool:
    post, poll = visible_posts.by_id(reader, viewer, id_), polls.of(reader, id_)
    if post is None or poll is None or poll.ours or poll.closed_at is not None:
        return False
    fetched = polls.fetched_at(reader, id_)
    return fetched is None or reader.now - fetched >= FRESH


async def _ask_again(services: Services, id_: PostId, budget: Budget) -> None:
    """Fetch a poll anew; one that cannot be had stays as it was."""
    database = services.database
    post = await database.read(visible_posts.by_id, System(), id_)
    if post is None:
        return
    try:
        said = await apart(note.parse, await services.resolver.object(post.uri, budget))
        if said.id == post.uri:
            heard = Update(id=f"{said.id}#fetched", actor=said.author, note=said)
            await database.write_always(heard.apply)
    except FederationError as error:
        log.info("the poll %s could not be asked about: %s", post.uri, error)
        await database.write_always(polls.record_failed_fetch, id_)
