"""Passwords: argon2id, few at a time, and the same work whether or not somebody exists."""

import asyncio
from functools import lru_cache

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

SHORTEST = 10
LONGEST = 256  # SECURITY 71
AT_ONCE = 2

_hasher = PasswordHasher(time_cost=2, memory_cost=19_456, parallelism=1)
_room = asyncio.Semaphore(AT_ONCE)


async def hashed(password: str) -> str:
    """argon2id, 19 MiB, two passes: some 25 ms of a core, off the loop."""
    async with _room:
        return await asyncio.to_thread(_hasher.hash, password)


async def fits(password: str, known: str | None) -> bool:
    """Whether it is the one; where there is none to compare, the work is done all the same."""
    async with _room:
        return await asyncio.to_thread(_fits, password, known)


def _fits(password: str, known: str | None) -> bool:
    try:
        return _hasher.verify(known or _nobody(), password) and known is not None
    except (VerificationError, InvalidHashError):
        return False


@lru_cache
def _nobody() -> str:
    return _hasher.hash("nobody has this password")


def objection(password: str) -> str | None:
    """Why a new password will not do, in a sentence."""
    if len(password) < SHORTEST:
        return f"The password needs at least {SHORTEST} characters. A short sentence is easiest."
    if len(password) > LONGEST:
        return f"The password may have at most {LONGEST} characters."
    return None
