"""Guesses at the doors are counted, apart from strangers where one is known (SECURITY 72).

A browser in which somebody has logged in has a cookie that opens nothing, and a bucket of guesses
of its own for each account: what strangers guess never keeps them out. It is forgotten with every
other way in (by a new password or address, by logging out everywhere); the browser in which that
is done is known anew.
"""

from collections.abc import Callable, Sequence

from aiohttp import web

from server.http import auth
from server.http.app_keys import DATABASE, SETTINGS
from server.http.guard import count
from server.http.parsing import cookie
from server.http.rate_limits import address_key
from storage.access import known_devices
from storage.access.oauth import hash_secret
from storage.engine import ids
from storage.engine.ids import ActorId
from storage.engine.transaction import Reader, Writer

Whose = Callable[[Reader], ActorId | None]
"""Which account a guess is about, if there is one."""

LONGEST = 400
MOST = 5  # people who share a browser


def _name(request: web.Request) -> str:
    return "__Host-kith-device" if request.app[SETTINGS].secure_cookies else "kith-device"


async def count_guess(request: web.Request, limiter: str, name: str, whose: Whose) -> str:
    """Count one guess at `name`; in whose name work for it is done. Raises Refused."""
    secrets = _secrets(request)
    found = (
        await request.app[DATABASE].read(_find_known_device, secrets, whose) if secrets else None
    )
    if found is not None:
        account, secret = found
        device = f"device {hash_secret(secret)} {account}"
        count(request, limiter, device)
        return device
    address = auth.address_of(request)
    count(request, limiter, f"ip {address_key(address)}", name)
    return auth.network_of_request(request)


def _secrets(request: web.Request) -> list[str]:
    """Secrets by which this browser is known: one for each of the last who logged in with it."""
    return [one for one in cookie(request, _name(request))[:LONGEST].split(".") if one][:MOST]


def _find_known_device(
    reader: Reader, secrets: Sequence[str], whose: Whose
) -> tuple[ActorId, str] | None:
    """The account and by which secret, if this browser is known to it."""
    account = whose(reader)
    if account is None:
        return None
    known = (one for one in secrets if known_devices.is_known(reader, account, one))
    return next(((account, secret) for secret in known), None)


def _keep(writer: Writer, account: ActorId, secrets: Sequence[str], new: str) -> list[str]:
    """A secret of its own for each account: one that somebody else had before is never theirs."""
    own = next((one for one in secrets if known_devices.is_known(writer, account, one)), new)
    known_devices.know(writer, account, own)
    return [own, *(one for one in secrets if one != own)][:MOST]


async def know(request: web.Request, response: web.StreamResponse, account: ActorId) -> None:
    """Remember in this browser that somebody has proved who they are.

    What a browser brought along is not taken over.
    """
    kept = await request.app[DATABASE].write(_keep, account, _secrets(request), ids.secret())
    secret = ".".join(kept)
    response.set_cookie(
        _name(request),
        secret,
        max_age=int(known_devices.LASTS.total_seconds()),
        httponly=True,
        secure=request.app[SETTINGS].secure_cookies,
        samesite="Lax",
        path="/",
    )
