"""Schedule of what the server does by itself, and when: the list that `jobs` keeps running."""

from collections.abc import Awaitable, Callable
from functools import partial

from aiohttp import web

from federation.inbound.processing import AT_ONCE, PREPARED
from federation.moderation import domain_blocks
from federation.resolve import background, featured_posts, quote_stamps
from server.actions.lifecycle import account_deletion, data_export, data_import
from server.actions.lifecycle.data_export import Places
from server.actions.posts import media_attachments, polls, scheduled_statuses
from server.http.app_keys import (
    BACKGROUND,
    COURIER,
    DATABASE,
    OUTSIDE,
    PROCESSOR,
    RESOLVER,
    SETTINGS,
)
from server.media.proxy import PROXY
from server.media.store import MEDIA, remove_strays
from server.media.store import address as media_address
from server.moderation import account_decisions, emails
from server.operations.job_runner import Job, attempt
from server.services import SERVICES
from storage.lifecycle import retention
from storage.posts.quotes import QUOTED
from storage.posts.scheduled_posts import SCHEDULED
from storage.queues.inbox import RECEIVED
from storage.queues.job_kinds import (
    CarryOutImport,
    EndSuspension,
    EraseActor,
    FindConversations,
    IndexPosts,
    MakeArchive,
    Payload,
    SendEmail,
    TellModerators,
)
from storage.queues.jobs import PLANNED
from storage.reading import conversations, search, timelines


def of(app: web.Application) -> list[Job]:
    return [*_of_federation(app), *_of_members(app), *_of_posts(app), *_of_upkeep(app)]


def _of_federation(app: web.Application) -> list[Job]:
    processor = app[PROCESSOR]
    settle = partial(domain_blocks.settle, app[DATABASE])
    return [
        Job("process received", processor.process_next, (RECEIVED,), workers=4),
        Job("fetch for received", processor.prepare_next, (PREPARED,), workers=AT_ONCE),
        Job("deliver", app[COURIER].run),
        Job("give up deliveries", app[COURIER].give_up, pause=600.0),
        Job("follow domain blocks", settle, pause=600.0),
    ]


def _plan(
    app: web.Application, kind: type[Payload], run_once: Callable[[], Awaitable[bool]]
) -> Callable[[], Awaitable[bool]]:
    return partial(attempt, app[DATABASE], kind, run_once)


def _of_members(app: web.Application) -> list[Job]:
    """Jobs for what members asked for, and for what was decided about them."""
    database, settings, clock = app[DATABASE], app[SETTINGS], app[OUTSIDE].clock
    folder, public = settings.data_dir, media_address(settings.web_origin)
    places = Places(folder / data_export.FOLDER, app[MEDIA].path_of, public)

    make = _plan(app, MakeArchive, partial(data_export.make_next, database, places))

    async def archives() -> bool:
        await data_export.remove_old(database, places.exports)
        return await make()

    send = partial(emails.send_next, database, settings, clock)
    tell = partial(emails.tell_next, database)
    bring = partial(data_import.import_next, app[SERVICES])
    erase = partial(account_deletion.erase_next, database)
    end = partial(account_decisions.end_next_suspension, database)
    return [
        Job("make archives", archives, (PLANNED,), pause=60.0),
        Job("carry out imports", _plan(app, CarryOutImport, bring), (PLANNED,), pause=60.0),
        Job("erase who left", _plan(app, EraseActor, erase), (PLANNED,), pause=60.0),
        Job("send emails", _plan(app, SendEmail, send), (PLANNED,), pause=60.0),
        Job("tell moderators", _plan(app, TellModerators, tell), (PLANNED,), pause=60.0),
        Job("end suspensions", _plan(app, EndSuspension, end), pause=600.0),
    ]


def _of_posts(app: web.Application) -> list[Job]:
    database, resolver = app[DATABASE], app[RESOLVER]
    stamps, shown_first = app[BACKGROUND]
    check = partial(quote_stamps.check_next, database, resolver, stamps)
    pinned = partial(featured_posts.learn_next, database, resolver, shown_first)
    index = partial(database.write_always, search.index_next)
    find = partial(database.write_always, conversations.find_next)
    return [
        Job("check consents", check, (QUOTED,), workers=background.AT_ONCE),
        Job("fetch what is pinned", pinned, (PLANNED,), workers=background.AT_ONCE),
        Job(
            "post what is due",
            partial(scheduled_statuses.publish_next, app[SERVICES]),
            (SCHEDULED,),
            pause=10.0,
        ),
        Job("close polls", partial(polls.close_next, app[SERVICES]), pause=15.0),
        Job("index posts", _plan(app, IndexPosts, index), pause=3600.0),
        Job("find conversations", _plan(app, FindConversations, find), pause=3600.0),
    ]


def _of_upkeep(app: web.Application) -> list[Job]:
    database, clock = app[DATABASE], app[OUTSIDE].clock

    async def forget() -> bool:
        return bool(await database.write_always(retention.forget))

    async def trim() -> bool:
        await database.write_always(timelines.trim_all, app[SETTINGS].timeline_length)
        return False

    async def tidy() -> bool:
        await media_attachments.forget_unattached(database, clock())
        await remove_strays(app[MEDIA], database, clock())
        await app[PROXY].clear()
        return False

    return [
        Job("forget", forget, pause=1800.0),
        Job("trim home lists", trim, pause=1800.0),
        Job("remove stray files", tidy, pause=3600.0),
    ]
