"""Composition root: the only place that builds things and joins them."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, ExitStack, suppress
from datetime import timedelta

from aiohttp import web

from federation.delivery import Courier
from federation.fetch import Door
from federation.inbox import Inbox, Rules
from federation.lookup import Lookup
from server import VERSION, founding, jobs, membership
from server.auth import CALLERS, SUBJECTS, Callers
from server.errors import errors_to_answers
from server.founding import FoundingKeys
from server.headers import decorate, preflights
from server.jobs import Job
from server.keys import (
    COURIER,
    DATABASE,
    DOOR,
    ERROR_PAGE,
    INBOX,
    JOBS,
    LIMITS,
    LOOKUP,
    OUTSIDE,
    SETTINGS,
)
from server.limits import Limits
from server.logs import numbered
from server.media import MEDIA, MediaFolder, remove_strays
from server.metrics import METERS, Meters, counted
from server.names import LocalNames
from server.outside import Outside
from server.pages import error
from server.pages.render import preload
from server.routes import add_routes
from server.settings import Settings
from storage import pruning, timelines
from storage.database import Database, open_database
from storage.deliveries import DELIVERIES
from storage.here import Here
from storage.hosts import AWAKE
from storage.received import RECEIVED

log = logging.getLogger(__name__)

LARGEST_BODY = 64 * 1024 * 1024  # each route takes less; see routes.py
FILE = "kith.sqlite3"


def build_app(
    settings: Settings, outside: Outside | None = None, *, background: bool = True
) -> web.Application:
    """A whole server. `background` False: tests run its jobs by hand."""
    outside = outside or Outside()
    app = web.Application(
        middlewares=[numbered, counted, preflights, errors_to_answers], client_max_size=LARGEST_BODY
    )
    app[SETTINGS], app[OUTSIDE] = settings, outside
    app[MEDIA] = MediaFolder(settings.data_dir / "media", settings.media_max_bytes)
    app[METERS] = Meters()
    app[LIMITS] = Limits(outside.clock, enabled=settings.rate_limits)
    app[ERROR_PAGE] = error.page
    preload()
    app.on_response_prepare.append(decorate)
    add_routes(app)
    app.cleanup_ctx.append(_database)
    app.cleanup_ctx.append(_federation)
    if background:
        app.cleanup_ctx.append(_background)
    return app


def here_of(settings: Settings) -> Here:
    return Here(settings.domain, settings.web_domain, settings.scheme)


async def _database(app: web.Application) -> AsyncIterator[None]:
    settings, outside = app[SETTINGS], app[OUTSIDE]
    settings.data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
    path = settings.data_dir / FILE
    async with open_database(
        path, here_of(settings), outside.clock, settings.inbox_limit
    ) as database:
        app[DATABASE] = database
        app[CALLERS] = Callers(database)
        await _found(database, settings)
        with ExitStack() as listening:
            for subject in SUBJECTS:
                listening.enter_context(database.changes.heard_by(subject, app[CALLERS].forget))
            yield


async def _found(database: Database, settings: Settings) -> None:
    if not await database.read(founding.is_founded):
        made = FoundingKeys(await membership.make_keys(), await membership.make_keys())
        await database.write(founding.found, made, settings.title)


async def _federation(app: web.Application) -> AsyncIterator[None]:
    settings, outside, database = app[SETTINGS], app[OUTSIDE], app[DATABASE]
    local = LocalNames() if settings.development else None
    door = Door(
        user_agent=f"Kith/{VERSION} (+{settings.web_origin}/)",
        own_authority=settings.web_domain,
        development=settings.development,
        resolver=outside.resolver or local,
        allow_loopback=settings.development,
        per_host=settings.deliveries_per_host,
    )
    async with door, AsyncExitStack() as stack:
        if local is not None:
            stack.push_async_callback(local.close)
        rules = Rules(
            settings.web_domain, max_age=timedelta(minutes=settings.signature_max_age_minutes)
        )
        app[DOOR] = door
        app[LOOKUP] = Lookup(database, door, outside.clock)
        app[INBOX] = Inbox(database, app[LOOKUP], outside.clock, rules)
        app[COURIER] = Courier(
            database,
            door,
            outside.clock,
            at_once=settings.deliveries_concurrency,
            per_host=settings.deliveries_per_host,
        )
        app[JOBS] = _jobs(app)
        yield


def _jobs(app: web.Application) -> list[Job]:
    database = app[DATABASE]

    async def forget() -> bool:
        return bool(await database.conclude(pruning.forget))

    async def trim() -> bool:
        await database.conclude(timelines.trim_all, app[SETTINGS].timeline_length)
        return False

    async def tidy() -> bool:
        await remove_strays(app[MEDIA], database, app[OUTSIDE].clock())
        return False

    return [
        Job("process received", app[INBOX].process_next, (RECEIVED,), workers=4),
        Job("deliver", app[COURIER].deliver_due, (DELIVERIES, AWAKE), pause=5.0, workers=8),
        Job("give up letters", app[COURIER].give_up, pause=600.0),
        Job("forget", forget, pause=1800.0),
        Job("trim home lists", trim, pause=1800.0),
        Job("remove stray files", tidy, pause=3600.0),
    ]


async def _background(app: web.Application) -> AsyncIterator[None]:
    running = asyncio.create_task(jobs.run(app[JOBS], app[DATABASE].changes), name="jobs")
    yield
    running.cancel()
    with suppress(asyncio.CancelledError):
        await running
