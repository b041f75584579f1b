"""Bounded load on a running server, and what it costs: wall time, CPU time, memory."""

import asyncio
import os
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from aiohttp import ClientSession

TICKS = os.sysconf("SC_CLK_TCK")
TOGETHER = 8  # clients that ask at once


@dataclass(frozen=True)
class Ask:
    """One request, ready to be sent."""

    method: str
    url: str
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes | None = None


@dataclass(frozen=True)
class Figure:
    """What some requests (or deliveries, or notes) cost together."""

    what: str
    times: int
    seconds: float
    cpu: float
    waits: tuple[float, ...] = ()
    known: Mapping[float, float] = field(default_factory=dict)  # in place of all waits: by share

    @property
    def rate(self) -> float:
        """Number of times in a second."""
        return self.times / self.seconds

    @property
    def micros(self) -> float:
        """CPU time of the server for one, in µs."""
        return self.cpu / self.times * 1e6

    def wait(self, boost: float) -> float:
        """The wait that this share of the requests did not exceed, in ms."""
        if self.known:
            return self.known[boost] * 1000
        ordered = sorted(self.waits)
        return ordered[min(len(ordered) - 1, int(len(ordered) * boost))] * 1000


@dataclass(frozen=True)
class Process:
    """A server's process, as the kernel sees it."""

    pid: int

    def cpu(self) -> float:
        """Seconds of CPU time so far, user and system (proc(5), stat)."""
        fields = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / TICKS

    def memory(self, which: str = "VmRSS") -> float:
        """Resident memory in MB; `VmHWM` for the most it ever was."""
        for line in Path(f"/proc/{self.pid}/status").read_text().splitlines():
            name, _, rest = line.partition(":")
            if name == which:
                return int(rest.split()[0]) / 1024
        raise LookupError(which)


async def measure(
    session: ClientSession, process: Process, what: str, asks: list[Ask], together: int = TOGETHER
) -> Figure:
    """Send them all, so many at a time. Raises RuntimeError when one is not answered with 2xx."""
    waits: list[float] = []
    todo = iter(asks)
    cpu, began = process.cpu(), time.perf_counter()
    await asyncio.gather(*(_send(session, todo, waits) for _ in range(together)))
    seconds = time.perf_counter() - began
    return Figure(what, len(asks), seconds, process.cpu() - cpu, tuple(waits))


async def _send(session: ClientSession, todo: Iterable[Ask], waits: list[float]) -> None:
    for ask in todo:
        began = time.perf_counter()
        async with session.request(
            ask.method, ask.url, headers=ask.headers, data=ask.body
        ) as answer:
            body = await answer.read()
            if not answer.ok:
                raise RuntimeError(f"{ask.method} {ask.url}: {answer.status} {body[:200]!r}")
        waits.append(time.perf_counter() - began)
