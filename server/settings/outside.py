"""World outside the server: everything it takes from there; tests pass their own."""

import time
from collections.abc import Callable
from dataclasses import dataclass

from aiohttp.abc import AbstractResolver

from storage.engine.clock import Clock, system_clock

Monotonic = Callable[[], float]
"""Seconds since some moment, which no setting of the clock moves: for waiting and for windows."""


@dataclass(frozen=True, slots=True)
class Outside:
    """`resolver` None: the system's. Tests move the clock and bring an internet of their own."""

    clock: Clock = system_clock
    resolver: AbstractResolver | None = None
    monotonic: Monotonic = time.monotonic
