"""Start and end of an instance: sockets, signals, kill -9."""

import asyncio
import gc
import os
import signal
import socket
import stat
import subprocess
import sys
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from time import monotonic, sleep
from typing import Any

import pytest
import requests
from aiohttp import ClientSession, UnixConnector, web

from server import serving
from server.cli import control_socket
from server.cli.control_socket import CommandFailed
from server.settings.types import Listen
from tests.support.process import (
    HANGS,
    KITH,
    Running,
    environment,
    free_port,
    running,
    wait_until_healthy,
)
from tests.support.servers import settings_for

HANGING = "POST /api/v1/apps HTTP/1.1\r\nHost: localhost\r\nContent-Length: 50\r\n\r\n{"


def as_somebody(server: Running, token: str, method: str, path: str, **given: Any) -> Any:
    answer = requests.request(
        method,
        f"{server.base}{path}",
        headers={"Authorization": f"Bearer {token}"},
        timeout=HANGS,
        **given,
    )
    answer.raise_for_status()
    return answer.json()


def until(looks: Callable[[], bool], seconds: float = 30) -> None:
    end = monotonic() + seconds
    while not looks():
        assert monotonic() < end, "it did not come to pass"
        sleep(0.1)


async def health_of(path: Path) -> tuple[int, str]:
    async with (
        ClientSession(connector=UnixConnector(str(path))) as session,
        session.get("http://home.example/health") as answer,
    ):
        return answer.status, await answer.text()


async def stopped(serve: "asyncio.Task[None]") -> float:
    """Seconds from the signal to the end."""
    begun = monotonic()
    os.kill(os.getpid(), signal.SIGTERM)
    async with asyncio.timeout(HANGS):
        await serve
    return monotonic() - begun


async def greeted(settings: Any) -> "tuple[asyncio.Task[None], web.Application]":
    """A server in this process, once it answers."""
    ready: asyncio.Future[web.Application] = asyncio.get_running_loop().create_future()

    async def greet(app: web.Application) -> None:
        ready.set_result(app)

    serve = asyncio.create_task(serving.serve(settings, greet))
    serve.add_done_callback(lambda _: ready.done() or ready.cancel())
    await asyncio.wait([ready])
    if serve.done():
        await serve
    return serve, ready.result()


async def test_unix_socket_is_answered_and_a_dead_ones_file_is_no_hindrance(
    tmp_path: Path,
) -> None:
    path, figures = tmp_path / "kith.sock", tmp_path / "figures.sock"
    for left in (path, figures):
        with socket.socket(socket.AF_UNIX) as dead:
            dead.bind(str(left))
    settings = settings_for(
        tmp_path / "data", "home.example", listen=f"unix:{path}", metrics_listen=f"unix:{figures}"
    )
    serve, _ = await greeted(settings)
    assert (await health_of(path))[0] == 200
    assert stat.S_IMODE(path.stat().st_mode) == 0o660
    async with (
        ClientSession(connector=UnixConnector(str(figures))) as session,
        session.get("http://figures/metrics") as answer,
    ):
        assert "kith_deliveries_due 0.0" in await answer.text()
    await stopped(serve)


async def test_server_objects_are_set_aside_and_gc_gives_way_to_the_loop(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before, frozen = sys.getswitchinterval(), gc.get_freeze_count()
    monkeypatch.setattr(serving, "TURN", before / 2)
    try:
        serve, _ = await greeted(settings_for(tmp_path, "home.example"))
        assert sys.getswitchinterval() == pytest.approx(before / 2)
        assert gc.get_freeze_count() > frozen
        await stopped(serve)
    finally:
        sys.setswitchinterval(before)


async def test_impossible_listening_is_said_and_nothing_stays_behind(tmp_path: Path) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        settings = settings_for(tmp_path, "home.example", listen=f"127.0.0.1:{port}")
        with pytest.raises(CommandFailed, match=f"Nothing can listen on 127.0.0.1:{port}: Address"):
            await greeted(settings)
        assert not (tmp_path / "control.sock").exists()
    serve, _ = await greeted(settings)
    await stopped(serve)


async def test_request_that_never_ends_does_not_keep_the_server_from_stopping(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(serving, "FINISH", 0.5)
    port = free_port()
    settings = settings_for(tmp_path, f"localhost:{port}", listen=f"127.0.0.1:{port}")
    serve, _ = await greeted(settings)
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(HANGING.encode())
    await writer.drain()
    assert await health_at(port) == 200  # so the request before it has arrived
    assert await stopped(serve) > 0.4
    assert await reader.read() == b""
    writer.close()


async def health_at(port: int) -> int:
    async with (
        ClientSession() as session,
        session.get(f"http://localhost:{port}/health") as answer,
    ):
        return answer.status


async def test_command_under_way_is_answered_before_the_stop(tmp_path: Path) -> None:
    begun, go_on = asyncio.Event(), asyncio.Event()

    async def answers(command: str, arguments: Mapping[str, Any]) -> str:
        begun.set()
        await go_on.wait()
        return f"{command} is done"

    async with control_socket.listening(tmp_path, answers):
        asked = asyncio.create_task(control_socket.ask(tmp_path, "this", {}))
        await begun.wait()
        asyncio.get_running_loop().call_soon(go_on.set)
    assert await asked == (True, "this is done")


async def test_command_that_takes_too_long_is_cut_off(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(control_socket, "FINISH", 0.05)
    begun, cut = asyncio.Event(), asyncio.Event()

    async def answers(_: str, __: Mapping[str, Any]) -> None:
        begun.set()
        try:
            await asyncio.Event().wait()
        finally:
            cut.set()

    async with control_socket.listening(tmp_path, answers):
        asked = asyncio.create_task(control_socket.ask(tmp_path, "this", {}))
        await begun.wait()
    assert cut.is_set()
    with pytest.raises(CommandFailed, match="went away"):
        await asked


@pytest.mark.parametrize(
    "line",
    [
        b"\n",
        b"nonsense\n",
        b"[]\n",
        b"{}\n",
        b'{"command": "x", "arguments": 1}\n',
        b"x" * (2 << 20),
    ],
)
async def test_unknown_command_is_answered_and_harms_nobody(tmp_path: Path, line: bytes) -> None:
    async def answers(_: str, __: Mapping[str, Any]) -> None:
        raise ZeroDivisionError

    async with control_socket.listening(tmp_path, answers):
        reader, writer = await asyncio.open_unix_connection(tmp_path / control_socket.NAME)
        writer.write(line)
        with suppress(ConnectionError):
            assert b"no command" in await reader.read() or len(line) > control_socket.LONGEST
        writer.close()
        with pytest.raises(CommandFailed, match="a fault of the server"):
            await control_socket.ask(tmp_path, "this", {})


def test_second_signal_ends_it_at_once(tmp_path: Path) -> None:
    port = free_port()
    with subprocess.Popen(
        [*KITH, "serve"],
        env=environment(tmp_path, port),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        wait_until_healthy(f"http://localhost:{port}", process)
        try:
            with socket.create_connection(("127.0.0.1", port)) as hanging:
                hanging.sendall(HANGING.encode())
                wait_until_healthy(f"http://localhost:{port}", process)
                process.terminate()
                assert process.stderr
                while "stopping" not in process.stderr.readline():
                    assert process.poll() is None
                process.send_signal(signal.SIGINT)
                assert process.wait(HANGS) == 1
        finally:
            process.kill()


@pytest.mark.parametrize("seed", range(2))
def test_killing_the_server_loses_no_delivery(tmp_path: Path, seed: int) -> None:
    """Posted while the other server is away, killed at the last answer; all of it arrives later."""
    home_port, away_port = free_port(), free_port()
    environ = environment(tmp_path / "home", home_port)
    said = [f"Number {number} of {seed}." for number in range(3 + 4 * seed)]
    with subprocess.Popen([*KITH, "serve"], env=environ, stdout=subprocess.DEVNULL) as process:
        try:
            home = Running(f"http://localhost:{home_port}", environ, process, home_port)
            wait_until_healthy(home.base, process)
            with running(tmp_path / "away", away_port) as away:
                reading, writing = befriended(home, away)
            for words in said:
                as_somebody(home, writing, "POST", "/api/v1/statuses", json={"status": words})
        finally:
            process.kill()
    with running(tmp_path / "home", home_port) as home:
        assert home.kith("queue")["waiting"] >= len(said)
        with running(tmp_path / "away", away_port) as away:
            follow(away, reading, f"yusuf@localhost:{home_port}")  # it speaks, so it is awake

            def all_there() -> bool:
                statuses = as_somebody(away, reading, "GET", "/api/v1/timelines/home?limit=40")
                content = "".join(status["content"] for status in statuses)
                return all(words in content for words in said)

            until(all_there)
        home.kith("queue", "list")


def befriended(home: Running, away: Running) -> tuple[str, str]:
    """Ines of away follows Marta of home; the tokens of both."""
    for server, name in ((home, "marta"), (home, "yusuf"), (away, "ines")):
        server.member(name)
    reading, writing = away.token("ines"), home.token("marta")
    follow(away, reading, f"marta@localhost:{home.port}")

    def followed() -> bool:
        me = as_somebody(home, writing, "GET", "/api/v1/accounts/verify_credentials")
        return bool(me["followers_count"])

    until(followed)
    return reading, writing


def follow(server: Running, token: str, handle: str) -> None:
    path = f"/api/v2/search?q=%40{handle}&resolve=true&type=accounts"
    (found,) = as_somebody(server, token, "GET", path)["accounts"]
    as_somebody(server, token, "POST", f"/api/v1/accounts/{found['id']}/follow")


def test_address_reads_as_it_is_written() -> None:
    assert str(Listen("::1", 80)) == "[::1]:80"
    assert str(Listen(path=Path("/run/kith.sock"))) == "unix:/run/kith.sock"
