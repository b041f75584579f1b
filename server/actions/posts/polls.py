"""When a poll is over: ours says how it ended, somebody else's is asked; voters are told."""

import logging
from datetime import timedelta

from aiohttp import web

from federation.activities.shared import edits
from federation.activities.update import Update
from federation.errors import FederationError
from federation.objects import note
from federation.resolve.resolver import Budget
from federation.transport.pools import Pool
from federation.vocabulary.reading import apart
from server.actions.posts.statuses import as_note, publish_edit
from server.http.app_keys import DATABASE, RESOLVER
from storage.engine.transaction import Reader, Writer
from storage.people import actors
from storage.posts import polls, visible_posts
from storage.posts.visibility import System, Viewer

log = logging.getLogger(__name__)

FRESH = timedelta(minutes=1)
PATIENCE = 3.0  # seconds that a reader waits for another server's figures


async def close_next(app: web.Application) -> bool:
    """Close one that is due; return whether there was one."""
    due = await app[DATABASE].read(polls.next_due)
    if due is None:
        return False
    post, ours = due
    voters = await app[DATABASE].read(polls.voters_here, post)
    if voters and not ours:
        await _ask_again(app, post, Budget(fetches=2, pool=Pool.BACKGROUND))
    await app[DATABASE].conclude(_close, post)
    return True


def _close(writer: Writer, id_: int) -> None:
    post = visible_posts.by_id(writer, System(), id_)
    if post is None:
        polls.close(writer, id_)
        return
    edits.end(writer, post)
    author = actors.by_id(writer, post.author)
    if post.local and author is not None and author.effective_state == "active":
        publish_edit(writer, author, as_note(writer, post))


async def refresh(app: web.Application, viewer: Viewer, id_: int) -> None:
    """Ask the server of an open poll how it stands, at most once a minute."""
    if await app[DATABASE].read(_is_stale, viewer, id_):
        await _ask_again(app, id_, Budget(fetches=2, patience=PATIENCE))


def _is_stale(reader: Reader, viewer: Viewer, id_: int) -> bool:
    post, poll = visible_posts.by_id(reader, viewer, id_), polls.of(reader, id_)
    if post is None or poll is None or poll.ours or poll.closed_at is not None:
        return False
    fetched = polls.fetched_at(reader, id_)
    return fetched is None or reader.now - fetched >= FRESH


async def _ask_again(app: web.Application, id_: int, budget: Budget) -> None:
    """What cannot be had stays as it was."""
    database = app[DATABASE]
    post = await database.read(visible_posts.by_id, System(), id_)
    if post is None:
        return
    try:
        said = await apart(note.parse, await app[RESOLVER].object(post.uri, budget))
        if said.id == post.uri:
            heard = Update(id=f"{said.id}#fetched", actor=said.author, note=said)
            await database.conclude(heard.apply)
    except FederationError as error:
        log.info("the poll %s could not be asked about: %s", post.uri, error)
        await database.conclude(polls.asked, id_)
