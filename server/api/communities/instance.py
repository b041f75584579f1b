"""Answers that clients ask for first: both forms of the instance, rules, and what all cache."""

from aiohttp import web

from federation.activities.shared.featured import MOST as MOST_PINNED
from federation.vocabulary.sanitize_html import from_text
from server import VERSION
from server.actions.posts import media_attachments
from server.api.media.params import LONGEST_DESCRIPTION
from server.api.posts.polls import LONGEST, MOST_OPTIONS, MOST_TITLE, SHORTEST
from server.entities import account as account_entity
from server.entities import shapes
from server.entities.shared import when
from server.http.app_keys import DATABASE, SETTINGS
from server.http.guard import Access, Route, get
from server.http.responses import answer
from server.settings.settings import Settings
from storage.access import accounts
from storage.communities import charters
from storage.engine.transaction import Reader
from storage.people import actors
from storage.posts import visible_posts
from storage.reading import featured_hashtags

# Clients compare numbers with Mastodon's; we speak what 4.2 spoke (clients.md, must-have 1).
COMPATIBLE = f"4.2.0 (compatible; Kith {VERSION})"
API_VERSION = 1
IMAGES = ["image/jpeg", "image/png", "image/gif", "image/webp", "image/avif"]
PIXELS = 40_000_000
TRENDS = ("", "/tags", "/statuses", "/links")


async def second(request: web.Request) -> web.Response:
    return answer(await request.app[DATABASE].read(_second, request.app[SETTINGS]))


async def first(request: web.Request) -> web.Response:
    return answer(await request.app[DATABASE].read(_first, request.app[SETTINGS]))


def _configuration(settings: Settings) -> shapes.Limits:
    return {
        "accounts": {
            "max_featured_tags": featured_hashtags.MOST,
            "max_pinned_statuses": MOST_PINNED,
        },
        "statuses": {
            "max_characters": settings.max_characters,
            "max_media_attachments": media_attachments.MOST,
            "characters_reserved_per_url": 23,
        },
        "media_attachments": {
            "supported_mime_types": IMAGES,
            "image_size_limit": settings.media_max_bytes,
            "image_matrix_limit": PIXELS,
            "description_limit": LONGEST_DESCRIPTION,
            "video_size_limit": 0,
            "video_frame_rate_limit": 0,
            "video_matrix_limit": 0,
        },
        "polls": {
            "max_options": MOST_OPTIONS,
            "max_characters_per_option": MOST_TITLE,
            "min_expiration": SHORTEST,
            "max_expiration": LONGEST,
        },
    }


def _second(reader: Reader, settings: Settings) -> shapes.Instance:
    origin = settings.web_origin
    open_ = settings.registrations in ("open", "approval")
    return {
        "domain": settings.domain,
        "title": settings.title,
        "version": COMPATIBLE,
        "source_url": "",
        "description": settings.summary,
        "usage": {"users": {"active_month": account_entity.active_month(reader)}},
        "thumbnail": {"url": f"{origin}{account_entity.MISSING_HEADER}"},
        "icon": [],
        "languages": list(settings.languages),
        "configuration": {
            **_configuration(settings),
            "urls": {"streaming": None, "about": f"{origin}/about"},
            "vapid": {"public_key": ""},
            "translation": {"enabled": False},
        },
        "registrations": {
            "enabled": open_,
            "approval_required": settings.registrations == "approval",
            "reason_required": settings.registrations == "approval",
            "message": None,
            "url": None,
        },
        "api_versions": {"mastodon": API_VERSION},
        "contact": {"email": settings.contact_email, "account": _contact(reader, settings)},
        "rules": _rules(reader),
    }


def _first(reader: Reader, settings: Settings) -> shapes.V1Instance:
    return {
        "uri": settings.domain,
        "title": settings.title,
        "short_description": settings.summary,
        "description": settings.summary,
        "email": settings.contact_email,
        "version": COMPATIBLE,
        "urls": {"streaming_api": ""},  # required, and there is none yet
        "stats": {
            "user_count": actors.count_local(reader),
            "status_count": visible_posts.count_local(reader),
            "domain_count": actors.count_hosts(reader),
        },
        "thumbnail": f"{settings.web_origin}{account_entity.MISSING_HEADER}",
        "languages": list(settings.languages),
        "registrations": settings.registrations in ("open", "approval"),
        "approval_required": settings.registrations == "approval",
        "invites_enabled": settings.registrations == "invitation",
        "configuration": _configuration(settings),
        "contact_account": _contact(reader, settings),
        "rules": _rules(reader),
    }


def _contact(reader: Reader, settings: Settings) -> shapes.Account | None:
    """The member named in the settings, or the first who looks after things."""
    if settings.contact_account:
        named = actors.by_handle(reader, settings.contact_account.removeprefix("@"))
        if named is not None:
            return account_entity.one(reader, named)
    stewards = accounts.stewards(reader)
    return account_entity.many(reader, stewards[:1]).get(stewards[0]) if stewards else None


def _rules(reader: Reader) -> list[shapes.Rule]:
    """The commitments of the charter in force."""
    charter = charters.current(reader, actors.community(reader).id)
    agreed = charter.commitments if charter else ()
    return [
        {"id": str(number), "text": one.text, "hint": one.hint}
        for number, one in enumerate(agreed, start=1)
    ]


async def rules(request: web.Request) -> web.Response:
    return answer(await request.app[DATABASE].read(_rules))


async def extended_description(request: web.Request) -> web.Response:
    return answer(await request.app[DATABASE].read(_extended_description))


def _extended_description(reader: Reader) -> shapes.ExtendedDescription:
    charter = charters.current(reader, actors.community(reader).id)
    if charter is None:
        return {"content": "", "updated_at": None}
    return {"content": from_text(charter.purpose), "updated_at": when(charter.published_at)}


async def nothing_yet(request: web.Request) -> web.Response:
    """A list of what nobody here can make yet (announcements): truly empty."""
    return answer([])


async def no_trends(request: web.Request) -> web.Response:
    """Trends: nobody and nothing is ranked here, so there is none (as Mastodon without them)."""
    return answer([])


async def translations(request: web.Request) -> web.Response:
    """Languages from which posts are translated here: from none."""
    return answer({})


ROUTES: list[Route] = [
    get("/api/v1/instance", first, Access.PUBLIC),
    get("/api/v2/instance", second, Access.PUBLIC),
    get("/api/v1/instance/rules", rules, Access.PUBLIC),
    get("/api/v1/instance/extended_description", extended_description, Access.PUBLIC),
    get("/api/v1/instance/translation_languages", translations, Access.PUBLIC),
    *(get(f"/api/v1/trends{what}", no_trends, Access.PUBLIC) for what in TRENDS),
    get("/api/v1/announcements", nothing_yet, Access.MEMBER),
]
