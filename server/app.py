"""Composition root: the only place that builds things and joins them."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, ExitStack, suppress
from datetime import timedelta

from aiohttp import web

from federation.inbound.inbox import Inbox, Rules
from federation.inbound.per_actor_queue import PerActorQueue
from federation.inbound.processing import Processor
from federation.outbound.delivery import Courier
from federation.resolve.background import Background
from federation.resolve.resolver import Resolver
from federation.transport.http_client import HttpClient
from federation.vocabulary.reading import Reading
from server import VERSION, schedule
from server.access import account_creation, bootstrap
from server.access.bootstrap import BootstrapKeys
from server.actions.services import Services
from server.demo.localhost_resolver import LocalNames
from server.http.allowances import READS, Reads
from server.http.app_keys import (
    BACKGROUND,
    COURIER,
    DATABASE,
    ERROR_PAGE,
    HTTP_CLIENT,
    INBOX,
    LIMITS,
    OUTSIDE,
    PROCESSOR,
    READING,
    RESOLVER,
    SETTINGS,
)
from server.http.auth import CURRENT_USERS, SUBJECTS, CurrentUsers
from server.http.bodies import BODIES, Bodies
from server.http.errors import errors_to_answers
from server.http.headers import decorate, preflights
from server.http.ip_blocks import IP_BLOCKS, IpBlocks
from server.http.rate_limits import Limits
from server.mail import smtp
from server.media.proxy import PROXY, Proxy
from server.media.store import MEDIA, MediaFolder
from server.operations import job_runner
from server.operations.logs import number_requests
from server.operations.metrics import METERS, Meters, count_requests
from server.pages import error
from server.pages.render import preload
from server.routes import add_routes
from server.services import SERVICES
from server.settings.outside import Outside
from server.settings.settings import Settings
from storage.access.signup_blocks import NETWORKS
from storage.engine.database import Database, open_database
from storage.engine.site import Site

log = logging.getLogger(__name__)

LARGEST_BODY = 64 * 1024 * 1024  # each route takes less; see routes.py
FILE = "kith.sqlite3"


def build_app(
    settings: Settings, outside: Outside | None = None, *, background: bool = True
) -> web.Application:
    """A whole server. `background` False: tests run its jobs by hand."""
    outside = outside or Outside()
    app = web.Application(
        middlewares=[number_requests, count_requests, preflights, errors_to_answers],
        client_max_size=LARGEST_BODY,
    )
    app[SETTINGS], app[OUTSIDE] = settings, outside
    app[MEDIA] = MediaFolder(settings.data_dir / "media", settings.media_max_bytes)
    app[PROXY] = Proxy(
        settings.data_dir / "cache", settings.media_max_bytes, outside.clock, outside.monotonic
    )
    app[METERS] = Meters()
    app[LIMITS] = Limits(outside.clock, outside.monotonic, enabled=settings.rate_limits)
    app[BODIES] = Bodies()
    app[READS] = Reads(limited=settings.rate_limits)
    app[ERROR_PAGE] = error.page
    preload()
    app.on_response_prepare.append(decorate)
    add_routes(app)
    app.cleanup_ctx.append(_database)
    app.cleanup_ctx.append(_federation)
    app.cleanup_ctx.append(_emails)
    if background:
        app.cleanup_ctx.append(_background)
    return app


def site_of(settings: Settings) -> Site:
    return Site(settings.domain, settings.web_domain, settings.scheme, settings.secret or "")


async def _database(app: web.Application) -> AsyncIterator[None]:
    settings, outside = app[SETTINGS], app[OUTSIDE]
    settings.data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
    path = settings.data_dir / FILE
    async with open_database(
        path, site_of(settings), outside.clock, settings.inbox_limit
    ) as database:
        app[DATABASE] = database
        app[CURRENT_USERS] = CurrentUsers(database)
        app[IP_BLOCKS] = IpBlocks(database, outside.clock)
        await _bootstrap(database, settings)
        with ExitStack() as listening:
            for subject in SUBJECTS:
                listening.enter_context(database.changes.listen(subject, app[CURRENT_USERS].forget))
            forget_networks = app[IP_BLOCKS].forget
            listening.enter_context(database.changes.listen(NETWORKS, forget_networks))
            yield


async def _bootstrap(database: Database, settings: Settings) -> None:
    if not await database.read(bootstrap.is_done):
        made = BootstrapKeys(await account_creation.make_keys(), await account_creation.make_keys())
        await database.write(bootstrap.bootstrap, made, settings.title)


async def _federation(app: web.Application) -> AsyncIterator[None]:
    settings, outside, database = app[SETTINGS], app[OUTSIDE], app[DATABASE]
    local = LocalNames() if settings.development else None
    http_client = HttpClient(
        user_agent=f"Kith/{VERSION} (+{settings.web_origin}/)",
        own_authority=settings.web_domain,
        development=settings.development,
        resolver=outside.resolver or local,
        allow_loopback=settings.development,
        per_host=settings.deliveries_per_host,
        deliveries=settings.deliveries_concurrency,
    )
    async with http_client, AsyncExitStack() as stack:
        if local is not None:
            stack.push_async_callback(local.close)
        rules = Rules(
            settings.web_domain, max_age=timedelta(minutes=settings.signature_max_age_minutes)
        )
        reading, queue = Reading(), PerActorQueue(database)
        stack.push_async_callback(reading.close)
        app[HTTP_CLIENT] = app[PROXY].http_client = http_client
        app[READING] = reading
        app[RESOLVER] = resolver = Resolver(
            database, http_client, outside.clock, reading, outside.monotonic
        )
        app[SERVICES] = Services(database, resolver, app[MEDIA], settings, outside.clock)
        app[INBOX] = Inbox(database, resolver, outside.clock, rules, reading, queue)
        app[BACKGROUND] = Background("stamps on quotes"), Background("what others show first")
        app[PROCESSOR] = Processor(database, resolver, reading, queue)
        app[COURIER] = Courier(
            database,
            http_client,
            outside.clock,
            at_once=settings.deliveries_concurrency,
            per_host=settings.deliveries_per_host,
        )
        app[job_runner.JOBS] = schedule.of(app)
        yield


async def _emails(_: web.Application) -> AsyncIterator[None]:
    yield
    await smtp.finish()


async def _background(app: web.Application) -> AsyncIterator[None]:
    running = asyncio.create_task(
        job_runner.run(app[job_runner.JOBS], app[DATABASE].changes), name="jobs"
    )
    yield
    running.cancel()
    with suppress(asyncio.CancelledError):
        await running
