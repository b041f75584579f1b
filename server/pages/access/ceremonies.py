"""Ceremonies of two pages in one browser: one begins, the next ends (storage.access.challenges)."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from aiohttp import web

from server.http.app_keys import DATABASE, SCRIPT, SETTINGS
from server.http.parsing import cookie
from storage.access import challenges
from storage.access.challenges import Challenge
from storage.engine import ids
from storage.engine.ids import ActorId

LASTS = timedelta(minutes=10)
SECOND = "second"  # a log-in whose password was right
ENTER = "passkey"  # a log-in with a passkey
ADD = "add"  # a new passkey
PROVE = "prove"  # a passkey as fresh proof
MOST_CODES = 5  # for one log-in: then the password is asked for again
ONCE = 1  # a passkey's challenge is answered once


def _name(request: web.Request, kind: str) -> str:
    prefix = "__Host-" if request.app[SETTINGS].secure_cookies else ""
    return f"{prefix}kith-{kind}"


async def begin(
    request: web.Request,
    kind: str,
    account: ActorId | None = None,
    detail: Mapping[str, Any] | None = None,
) -> str:
    """A new secret for this browser; `keep` sends it."""
    secret = ids.secret()
    await request.app[DATABASE].write(challenges.begin, secret, kind, LASTS, account, detail)
    return secret


def keep(request: web.Request, response: web.StreamResponse, kind: str, secret: str) -> None:
    response.set_cookie(
        _name(request, kind),
        secret,
        max_age=int(LASTS.total_seconds()),
        httponly=True,
        secure=request.app[SETTINGS].secure_cookies,
        samesite="Lax",
        path="/",
    )


def secret_of(request: web.Request, kind: str) -> str:
    """Secret that this browser was given; empty when nothing was begun in it."""
    return cookie(request, _name(request, kind))[:200]


async def find(request: web.Request, kind: str, most: int) -> Challenge | None:
    secret = secret_of(request, kind)
    return await request.app[DATABASE].read(challenges.find, secret, kind, most)


async def attempt(request: web.Request, kind: str, most: int) -> Challenge | None:
    """Challenge that was begun in this browser, while it may be tried; each try is counted."""
    secret = secret_of(request, kind)
    return await request.app[DATABASE].write(challenges.attempt, secret, kind, most)


async def end(request: web.Request, response: web.StreamResponse, kind: str) -> None:
    await request.app[DATABASE].write(challenges.end, secret_of(request, kind))
    response.del_cookie(
        _name(request, kind),
        path="/",
        secure=request.app[SETTINGS].secure_cookies,
        httponly=True,
        samesite="Lax",
    )


def allow_script(request: web.Request) -> None:
    """The few pages that ask the browser for a passkey may run our one script."""
    request[SCRIPT] = True
