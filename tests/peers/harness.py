"""An independent peer as a process of its own, and our server on a real port beside it."""

import os
import shutil
import subprocess
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp.test_utils import TestClient, TestServer

from server.app import build_app
from server.settings.outside import Outside
from tests.support.locks import alone
from tests.support.process import free_port
from tests.support.servers import Place, settings_for

FEDIFY = Path(__file__).parent / "fedify"
INSTALL_SECONDS = 400


def missing(reason: str) -> None:
    """Skip with a reason, or fail where peers are required to be there."""
    if os.environ.get("REQUIRE_PEERS") == "1":
        pytest.fail(reason)
    pytest.skip(reason)


@cache
def _installed() -> str:
    """Install what the lock file says, once; return what went wrong."""
    with alone(FEDIFY):
        return _install()


def _install() -> str:
    lock = sha256((FEDIFY / "package-lock.json").read_bytes()).hexdigest()
    mark = FEDIFY / "node_modules" / ".installed"
    if mark.is_file() and mark.read_text() == lock:
        return ""
    if shutil.which("npm") is None:
        return "npm is not on this machine"
    command = ["npm", "ci", "--no-audit", "--no-fund", "--fetch-retries=1"]
    try:
        done = subprocess.run(
            command, cwd=FEDIFY, capture_output=True, text=True, timeout=INSTALL_SECONDS
        )
    except subprocess.TimeoutExpired:
        return "npm ci took too long"
    if done.returncode != 0:
        return f"npm ci does not succeed: {done.stderr[-500:]}"
    mark.write_text(lock)
    return ""


@dataclass(frozen=True)
class Fedify:
    """The peer's control; `handle` and `address` are those of its one person."""

    port: int

    @property
    def base(self) -> str:
        return f"http://localhost:{self.port}"

    @property
    def handle(self) -> str:
        return f"@frida@localhost:{self.port}"

    @property
    def address(self) -> str:
        return f"{self.base}/users/frida"

    async def tell(self, verb: str, **given: Any) -> Any:
        """Let it do something; it answers when it has been done and delivered."""
        url = f"{self.base}/control/{verb}"
        async with aiohttp.ClientSession() as session, session.post(url, json=given) as answer:
            body = await answer.json()
            assert answer.status == 200, (verb, given, body)
            return body

    async def arrived(self, type_: str) -> list[dict[str, Any]]:
        """What came to its inboxes: every one with a good signature, understood and accepted."""
        state = await self.tell("state")
        found = [one for one in state["arrived"] if one["type"] == type_]
        for one in found:
            assert (one["http"], one["status"], one["read"]) == ("ok", 202, type_), one
        return found


@contextmanager
def fedify_peer(*flags: str) -> Iterator[Fedify]:
    """The process, until the block ends; skips where it cannot be had."""
    if reason := _installed():
        missing(reason)
    port, node = free_port(), FEDIFY / "node_modules" / ".bin" / "node"
    command = [str(node), "peer.mjs", "--port", str(port), *flags]
    with subprocess.Popen(command, cwd=FEDIFY, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            if not process.stdout.readline():  # it says its address when it is ready
                pytest.fail("the peer does not start")
            yield Fedify(port)
        finally:
            process.terminate()


@asynccontextmanager
async def serving_on_a_port(folder: Path) -> AsyncIterator[Place]:
    """Our server as it runs in development: a real port, the real clock, the system's resolver."""
    port = free_port()
    host = f"localhost:{port}"
    app = build_app(settings_for(folder, host), Outside(), background=False)
    async with TestClient(TestServer(app, host="127.0.0.1", port=port)) as client:
        yield Place(host, app, client)
