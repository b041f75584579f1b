"""Posts that an actor elsewhere shows first, fetched in the background, and again now and then."""

import logging
from collections.abc import Sequence
from datetime import timedelta
from functools import partial

from federation.errors import Busy, FederationError, Unreachable
from federation.resolve.background import LOOKED_AT, Background, Errand
from federation.resolve.resolver import Budget, Resolver
from federation.transport.pools import Pool
from federation.transport.urls import same_origin
from federation.vocabulary.json_documents import Document, uri_of, uris_of
from storage.engine.database import Database
from storage.engine.ids import NOBODY, ActorId
from storage.engine.transaction import Writer
from storage.people import actors
from storage.people.actors import Actor
from storage.posts import pins, posts
from storage.queues import jobs
from storage.queues.job_kinds import FetchFeatured
from storage.queues.jobs import Job

log = logging.getLogger(__name__)

MOST = 5
MOST_LISTED = 50
FETCHES = 8
ATTEMPTS = 3
PAUSE = timedelta(minutes=10)
_FOR_MANY = ("public", "followers")


async def learn_next(database: Database, resolver: Resolver, background: Background) -> bool:
    """Fetch what one actor shows first; return whether there was one."""
    waiting = await database.read(jobs.due, FetchFeatured, LOOKED_AT)
    errands = (Errand(job.id, job.subject, job) for job in waiting)
    return await background.do_next(errands, partial(_learn, database, resolver))


async def _learn(database: Database, resolver: Resolver, job: Job[FetchFeatured]) -> None:
    actor = await database.read(actors.by_uri, job.subject)
    try:
        found = await _fetch(resolver, actor) if actor else []
    except (Unreachable, Busy) as error:
        await database.write_always(_again, job, str(error))
    except FederationError:
        await database.write_always(jobs.finish, job)
    except Exception as error:
        log.exception("what %s shows first could not be learned", job.subject)
        await database.write_always(jobs.retry_or_park, job, repr(error)[:500])
    else:
        await database.write_always(_keep, job, actor.id if actor else NOBODY, found)


async def _fetch(resolver: Resolver, actor: Actor) -> list[str]:
    """The URIs that its origin lists, each post made known where it can be had."""
    budget = Budget(fetches=FETCHES, depth=0, pool=Pool.BACKGROUND)
    if actor.featured is None or not same_origin(actor.featured, actor.uri):
        return []
    items = await _items(resolver, await resolver.object(actor.featured, budget), budget)
    listed = [uri for uri in items if same_origin(uri, actor.uri)][:MOST]
    for uri in listed:
        try:
            await resolver.post(uri, budget)
        except FederationError:
            continue
    return listed


async def _items(resolver: Resolver, collection: Document, budget: Budget) -> list[str]:
    """Items of the collection, or of its first page where it has pages."""
    for name in ("orderedItems", "items"):
        if name in collection:
            return uris_of(collection[name], MOST_LISTED)
    first = collection.get("first")
    if first is None:
        return []
    page = first if isinstance(first, dict) and len(first) > 2 else None
    return await _items(resolver, page or await resolver.object(uri_of(first), budget), budget)


def _again(writer: Writer, job: Job[FetchFeatured], reason: str) -> None:
    if job.attempts + 1 >= ATTEMPTS:
        jobs.finish(writer, job)
    else:
        jobs.postpone(writer, job, PAUSE, reason)


def _keep(writer: Writer, job: Job[FetchFeatured], actor: ActorId, listed: Sequence[str]) -> None:
    """The first of the list is the newest pin. Only what its author wrote, for many, counts.

    What is in the list no more is taken down, too.
    """
    known = [post for uri in reversed(listed) if (post := posts.by_uri(writer, uri)) is not None]
    shown = [post.id for post in known if post.author == actor and post.kind in _FOR_MANY]
    for pinned in set(pins.of(writer, actor)).difference(shown):
        pins.remove(writer, actor, pinned)
    for id_ in shown:
        pins.add(writer, actor, id_, MOST)
    jobs.finish(writer, job)
