"""Typed handles for what handlers may ask of the application."""

from collections.abc import Awaitable, Callable

from aiohttp import web

from federation.inbound.inbox import Inbox
from federation.inbound.processing import Processor
from federation.outbound.delivery import Courier
from federation.resolve.background import Background
from federation.resolve.resolver import Resolver
from federation.transport.http_client import HttpClient
from federation.vocabulary.reading import Reading
from server.http.rate_limits import Limits, RateLimitState
from server.settings.outside import Outside
from server.settings.settings import Settings
from storage.engine.database import Database

DATABASE = web.AppKey("database", Database)
SETTINGS = web.AppKey("settings", Settings)
OUTSIDE = web.AppKey("outside", Outside)
HTTP_CLIENT = web.AppKey("http_client", HttpClient)
RESOLVER = web.AppKey("resolver", Resolver)
INBOX = web.AppKey("inbox", Inbox)
PROCESSOR = web.AppKey("processor", Processor)
READING = web.AppKey("reading", Reading)
BACKGROUND: web.AppKey[tuple[Background, Background]] = web.AppKey("background")
"""What is fetched in the background: stamps on quotes, and what others show first."""
COURIER = web.AppKey("courier", Courier)
LIMITS = web.AppKey("limits", Limits)
ErrorPage = Callable[[web.Request, int, str, str], Awaitable[web.StreamResponse]]
"""(request, status, sentence, reference) → a page for people."""
ERROR_PAGE: web.AppKey[ErrorPage] = web.AppKey("error_page")

BODY = web.RequestKey("body", bytes)
BODY_LIMIT = web.RequestKey("body_limit", int)
REQUEST_ID = web.RequestKey("request_id", str)
RATE_LIMIT_STATE: web.RequestKey[RateLimitState | None] = web.RequestKey("rate_limit_state")
VISITOR = web.RequestKey("visitor", str)
SCRIPT = web.RequestKey("script", bool)
"""Whether the page may run a script of ours; else it may run none."""
