"""Passwords: argon2id, few at a time, and the same work whether or not somebody exists."""

import asyncio
from functools import lru_cache

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from federation.transport.places import Places
from server.i18n.form_errors import FormError
from server.i18n.translations import N_

SHORTEST = 10
LONGEST = 256  # SECURITY 71
AT_ONCE = 2
WAITING = 64  # of one source a quarter

_hasher = PasswordHasher(time_cost=2, memory_cost=19_456, parallelism=1)
places = Places("passwords", AT_ONCE, 1, waiting=WAITING)


async def hash_password(password: str, source: str = "") -> str:
    """argon2id, 19 MiB, two passes: some 25 ms of a core, off the loop.

    `source`: in whose name; of one, few wait, and others go past them. Raises Busy.
    """
    async with places.wait_and_hold(*_sources(source)):
        return await asyncio.to_thread(_hasher.hash, password)


async def fits(password: str, known: str | None, source: str = "") -> bool:
    """Whether it is the one; where there is none to compare, the work is done all the same.

    `source` as above.
    """
    async with places.wait_and_hold(*_sources(source)):
        return await asyncio.to_thread(_fits, password, known)


def _sources(source: str) -> tuple[str, ...]:
    return (source,) if source else ()


def _fits(password: str, known: str | None) -> bool:
    try:
        return _hasher.verify(known or _nobody(), password) and known is not None
    except (VerificationError, InvalidHashError):
        return False


@lru_cache
def _nobody() -> str:
    return _hasher.hash("nobody has this password")


_SHORT = N_("The password needs at least %(least)s characters. A short sentence is easiest.")
_LONG = N_("The password may have at most %(most)s characters.")


def validate(password: str) -> FormError | None:
    """Objection to a new password, if there is one."""
    if len(password) < SHORTEST:
        return FormError("ERR_TOO_SHORT", _SHORT, {"least": SHORTEST})
    if len(password) > LONGEST:
        return FormError("ERR_TOO_LONG", _LONG, {"most": LONGEST})
    return None
