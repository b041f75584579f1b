"""What is guessed at the doors is counted, apart from strangers where one is known (SECURITY 72).

A browser in which somebody has logged in has a cookie that opens nothing, and a bucket of guesses
of its own for each account: what strangers guess never keeps them out. It is forgotten with every
other way in (by a new password or address, by logging out everywhere); the browser in which that
is done is known anew.
"""

from collections.abc import Callable

from aiohttp import web

from server import auth
from server.incoming import cookie
from server.keys import DATABASE, SETTINGS
from server.limits import caller_of
from server.policies import count
from storage import ids, known_devices
from storage.apps import hashed
from storage.units import Reader, Writer

Whose = Callable[[Reader], int | None]
"""Which account a guess is about, if there is one."""

LONGEST = 200


def _name(request: web.Request) -> str:
    return "__Host-kith-device" if request.app[SETTINGS].secure_cookies else "kith-device"


async def count_guess(request: web.Request, limiter: str, name: str, whose: Whose) -> str:
    """Count one guess at `name`; in whose name work for it is done. Raises Refused."""
    secret = cookie(request, _name(request))[:LONGEST]
    account = await request.app[DATABASE].read(_known, secret, whose) if secret else None
    if account is not None:
        device = f"device {hashed(secret)} {account}"
        count(request, limiter, device)
        return device
    address = auth.address_of(request)
    count(request, limiter, f"ip {caller_of(address)}", name)
    return auth.block_of_caller(request)


def _known(reader: Reader, secret: str, whose: Whose) -> int | None:
    """The account, if this browser is known to it."""
    account = whose(reader)
    if account is None or not known_devices.is_known(reader, account, secret):
        return None
    return account


def _keep(writer: Writer, account: int, secret: str, new: str) -> str:
    kept = secret if secret and known_devices.is_in_use(writer, secret) else new
    known_devices.know(writer, account, kept)
    return kept


async def know(request: web.Request, response: web.StreamResponse, account: int) -> None:
    """Somebody has proved here who they are. What a browser brought along is not taken over."""
    secret = cookie(request, _name(request))[:LONGEST]
    secret = await request.app[DATABASE].write(_keep, account, secret, ids.secret())
    response.set_cookie(
        _name(request),
        secret,
        max_age=int(known_devices.LASTS.total_seconds()),
        httponly=True,
        secure=request.app[SETTINGS].secure_cookies,
        samesite="Lax",
        path="/",
    )
