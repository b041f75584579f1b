"""GETs by `wrk -t1 -c16`, whose requests come faster than the server can answer them.

A client in Python takes as much of the machine as the server and wakes it for each request, so
what a request costs is hidden behind the waking. wrk ends by itself, after the seconds it is given.
"""

import asyncio
import re
from shutil import which

from tests.benchmarks.load import Ask, Figure, Process

CONNECTIONS = 16
GRACE = 30.0  # seconds after which a wrk that should have ended is ended


def is_here() -> bool:
    return which("wrk") is not None


async def steady(process: Process, ask: Ask, seconds: int) -> Figure:
    """Ask the same thing for so long. Raises RuntimeError when an answer is not 2xx or 3xx."""
    headers = [part for name, value in ask.headers.items() for part in ("-H", f"{name}: {value}")]
    command = ["wrk", "-t1", f"-c{CONNECTIONS}", f"-d{seconds}s", "--latency", *headers, ask.url]
    before = process.cpu()
    run = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
    try:
        async with asyncio.timeout(seconds + GRACE):
            said, _ = await run.communicate()
    finally:
        if run.returncode is None:
            run.kill()
    return read(said.decode(), process.cpu() - before)


def read(said: str, cpu: float) -> Figure:
    """What wrk prints. Raises RuntimeError when something was not answered as it should."""
    done = re.search(r"(\d+) requests in ([\d.]+)(m?s|m)\b", said)
    if not done or "Non-2xx" in said or "Socket errors" in said or int(done[1]) == 0:
        raise RuntimeError(said)
    waits = {
        int(boost) / 100: _seconds(amount, unit)
        for boost, amount, unit in re.findall(r"^ +(\d+)% +([\d.]+)(us|ms|s|m) *$", said, re.M)
    }
    return Figure("", int(done[1]), _seconds(done[2], done[3]), cpu, known=waits)


def _seconds(amount: str, unit: str) -> float:
    return float(amount) * {"us": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0}[unit]
