"""The real command as a process of its own, on a free port of this machine."""

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import requests

PASSWORD = "a short sentence to remember"
KITH = (sys.executable, "-m", "server")
HANGS = 180.0  # seconds after which something waits for ever; no test measures by it


def free_port() -> int:
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        port: int = listening.getsockname()[1]
        return port


@dataclass(frozen=True)
class Running:
    """A server that answers at `base`; `environ` is what its commands need too."""

    base: str
    environ: dict[str, str]
    process: "subprocess.Popen[bytes]"
    port: int

    def kith(self, *arguments: str) -> dict[str, Any]:
        """Run a command beside the server; return what it prints as JSON."""
        done = subprocess.run(
            [*KITH, *arguments, "--json"],
            env=self.environ,
            check=False,
            capture_output=True,
            text=True,
            timeout=HANGS,
        )
        assert done.returncode == 0, done.stderr
        found: dict[str, Any] = json.loads(done.stdout)
        return found

    def member(self, name: str, *more: str) -> None:
        email = f"{name}@post.example"
        self.kith("account", "create", name, "--email", email, "--password", PASSWORD, *more)

    def token(self, name: str, scopes: str = "read write follow push") -> str:
        return str(self.kith("token", "create", name, "--scopes", scopes)["access_token"])


def environment(folder: Path, port: int) -> dict[str, str]:
    return {
        **{k: v for k, v in os.environ.items() if not k.startswith("KITH_")},
        "KITH_DATA_DIR": str(folder),
        "KITH_DOMAIN": f"localhost:{port}",
        "KITH_LISTEN": f"127.0.0.1:{port}",
        "KITH_DEVELOPMENT": "true",
        "KITH_RATE_LIMITS": "off",
    }


@contextmanager
def running(folder: Path, port: int | None = None, logs: int | None = None) -> Iterator[Running]:
    """`kith serve` until the block ends; it must then stop by itself, with exit code 0.

    `logs` is where its standard error goes, as for subprocess.

    The port is part of the domain: give the same one to start the same instance again.
    """
    port = port or free_port()
    environ = environment(folder, port)
    process = subprocess.Popen(
        [*KITH, "serve"], env=environ, stdout=subprocess.DEVNULL, stderr=logs
    )
    try:
        base = f"http://localhost:{port}"
        wait_until_healthy(base, process)
        yield Running(base, environ, process, port)
        process.terminate()
        assert process.wait(HANGS) == 0
    finally:
        if process.poll() is None:
            process.kill()
            process.wait(HANGS)


def wait_until_healthy(base: str, process: "subprocess.Popen[Any]", seconds: float = HANGS) -> None:
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        assert process.poll() is None, f"the server ended with {process.returncode}"
        try:
            if requests.get(f"{base}/health", timeout=HANGS).status_code == 200:
                return
        except requests.ConnectionError:
            time.sleep(0.05)
    raise AssertionError("the server does not become healthy")
