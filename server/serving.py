"""Runs an instance: lock, sockets, signals, and a stop that loses nothing within 15 seconds."""

import asyncio
import gc
import logging
import os
import signal
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from pathlib import Path
from typing import Any

from aiohttp import web

from server.app import build_app
from server.cli import commands, control_socket
from server.cli.control_socket import CommandFailed
from server.operations import logs, metrics
from server.operations.backup import DATABASE_FILE, MANIFEST, MEDIA
from server.settings.outside import Outside
from server.settings.settings import Settings
from server.settings.types import Listen
from storage.engine import ids, lock
from storage.engine.errors import Damaged, StorageError
from storage.engine.troubles import restoring

log = logging.getLogger("server")

FINISH = 10.0  # seconds for requests that are under way
TURN = 0.0005  # seconds for which one thread keeps Python's lock from another that asks for it
SECRET = "secret"  # noqa: S105 - the name of a file


def development_secret(folder: Path) -> str:
    """Secret that development makes at the first start, and keeps beside the database."""
    path = folder / SECRET
    if not path.exists():
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        _keep_once(path, ids.hexadecimal())
    return path.read_text().strip()


def _keep_once(path: Path, text: str) -> None:
    """Whole or not at all; of two processes that start at once, the first one decides."""
    part = path.with_name(f".{path.name}.{os.getpid()}")
    descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(text)
        file.flush()
        os.fsync(descriptor)
    with suppress(FileExistsError):
        os.link(part, path)
    part.unlink()


@asynccontextmanager
async def start(
    settings: Settings, *, background: bool
) -> AsyncIterator[tuple[web.Application, web.AppRunner]]:
    """The application with its database, nobody listening yet; the folder is ours alone."""
    settings.data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    with lock.hold(settings.data_dir):
        app = build_app(settings, Outside(), background=background)
        runner = web.AppRunner(
            app,
            access_log_class=logs.Requests,
            access_log=logging.getLogger("server.requests"),
            shutdown_timeout=FINISH,
            keepalive_timeout=75.0,
        )
        try:
            _ensure_not_emptied(settings.data_dir)
            await runner.setup()
        except Damaged as error:
            raise Damaged(f"{error}{_newest_backup(settings.backup_dir)}") from error
        try:
            yield app, runner
        finally:
            await runner.cleanup()


def _ensure_not_emptied(folder: Path) -> None:
    """A database cut to nothing looks like a new one, but for what lies beside it.

    Raises Damaged.
    """
    file = folder / DATABASE_FILE
    used = any((folder / MEDIA).glob("*")) or any(folder.glob(f"{DATABASE_FILE}.before-*"))
    if used and file.is_file() and file.stat().st_size == 0:
        raise Damaged(f"The database {file} is empty, and it was not.{restoring(file)}")


def _newest_backup(folder: Path) -> str:
    whole = sorted(one.parent for one in folder.glob(f"kith-*/{MANIFEST}"))
    return f" The latest backup in {folder} is {whole[-1]}." if whole else ""


async def run_command(settings: Settings, command: str, arguments: Mapping[str, Any]) -> Any:
    """Ask the running server, or do it in its place. Raises CommandFailed."""
    there, answer = await control_socket.ask(settings.data_dir, command, arguments)
    if there:
        return answer
    try:
        async with start(settings, background=False) as (app, _):
            return await commands.run(app, command, arguments)
    except StorageError as error:
        raise CommandFailed(str(error)) from error


Greeting = Callable[[web.Application], Awaitable[None]]


async def serve(settings: Settings, greet: Greeting) -> None:
    """Answer until SIGTERM or SIGINT; a second signal ends the process at once."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for name in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(name, _on_signal, stop)
    async with AsyncExitStack() as stack:
        app, runner = await stack.enter_async_context(start(settings, background=True))

        async def answers(command: str, arguments: Mapping[str, Any]) -> Any:
            return await commands.run(app, command, arguments)

        await stack.enter_async_context(control_socket.listening(settings.data_dir, answers))
        if settings.metrics_listen is not None:
            figures = await stack.enter_async_context(metrics.ready(app))
            await listen_at(figures, settings.metrics_listen)
        await listen_at(runner, settings.listen)
        await greet(app)
        set_aside()
        take_short_turns()
        log.info("serving %s", settings.web_origin)
        await stop.wait()
        log.info("stopping: requests under way are finished first")
    log.info("stopped")


def set_aside() -> None:
    """Keep what is there for good, the program above all, out of every later search for garbage.

    A full search stops all threads: for 160 to 290 ms with it, for a few without.
    """
    gc.collect()
    gc.freeze()


def take_short_turns() -> None:
    """Let the loop have Python's lock back soon from threads that read large bodies.

    Python's own 5 ms are lost at each of the loop's waits: ten times for one request in a crowd.
    """
    sys.setswitchinterval(TURN)


async def listen_at(runner: web.AppRunner, listen: Listen) -> None:
    """Begin to answer there. Raises CommandFailed."""
    try:
        if listen.path is None:
            await web.TCPSite(runner, listen.host, listen.port).start()
        else:
            await web.UnixSite(runner, str(listen.path)).start()
            listen.path.chmod(0o660)  # for the reverse proxy, whose user is of our group
    except OSError as error:
        reason = os.strerror(error.errno) if error.errno else str(error)
        raise CommandFailed(f"Nothing can listen on {listen}: {reason}.") from error


def _on_signal(stop: asyncio.Event) -> None:
    if stop.is_set():
        os._exit(1)
    stop.set()
