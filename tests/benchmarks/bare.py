"""`python -m tests.benchmarks.bare PORT`: the yardstick, aiohttp on uvloop with nothing of ours.

One handler that answers seven bytes: whatever a request costs beyond it is our own doing.
"""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import uvloop
from aiohttp import web

from tests.benchmarks.load import Process
from tests.support.process import free_port, wait_until_healthy


async def answer(_request: web.Request) -> web.Response:
    return web.Response(body=b"seven!\n")


@contextmanager
def yardstick() -> Iterator[tuple[str, Process]]:
    """Its address and its process, until the block ends."""
    port = free_port()
    command = [sys.executable, "-m", "tests.benchmarks.bare", str(port)]
    with subprocess.Popen(command) as process:
        try:
            wait_until_healthy(f"http://127.0.0.1:{port}", process)
            yield f"http://127.0.0.1:{port}/health", Process(process.pid)
        finally:
            process.terminate()


def main() -> None:
    app = web.Application()
    app.router.add_get("/health", answer)
    loop = uvloop.new_event_loop()
    port = int(sys.argv[1])
    web.run_app(app, host="127.0.0.1", port=port, access_log=None, print=None, loop=loop)


if __name__ == "__main__":
    main()
