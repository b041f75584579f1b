"""Control socket: a command reaches the running server in the data folder, for its owner only.

A line of JSON each way: `{"command": …, "arguments": {…}}` → `{"answer": …}` or `{"error": …}`.
"""

import asyncio
import json
import logging
import os
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

log = logging.getLogger(__name__)

NAME = "control.sock"
LONGEST = 1 << 20
LONGEST_PATH = 100  # of the 107 bytes that a socket's address may have
PATIENCE = 3600.0  # seconds: a backup of a large instance takes its time
FINISH = 2.0  # seconds that a command under way has when the server stops

FAULT = "That was a fault of the server, not of yours. Its log says more."

Arguments = Mapping[str, Any]
"""Options of a command by name, as its parser checked them."""
Answer = dict[str, object]
"""Object that a command prints, in words or as JSON."""
Answers = Callable[[str, Arguments], Awaitable[object]]


class CommandFailed(Exception):
    """A command says no, in a sentence for whoever typed it."""


@contextmanager
def _short(folder: Path) -> Iterator[str]:
    """The socket's path; one that is too long for an address leads by way of a descriptor."""
    path = folder / NAME
    if len(os.fsencode(path)) <= LONGEST_PATH:
        yield str(path)
        return
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        yield f"/proc/self/fd/{descriptor}/{NAME}"
    finally:
        os.close(descriptor)


@asynccontextmanager
async def listening(folder: Path, answers: Answers) -> AsyncIterator[None]:
    """Take commands until the block ends. The caller holds the folder's lock."""
    under_way: set[asyncio.Task[Any]] = set()

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None  # noqa: S101 - for the type checker: this runs in one
        under_way.add(task)
        try:
            said = await _respond(reader, answers)
            writer.write(json.dumps(said).encode() + b"\n")
            await writer.drain()
        except ConnectionError:
            log.info("whoever sent a command did not wait for the answer")
        finally:
            writer.close()
            under_way.discard(task)

    (folder / NAME).unlink(missing_ok=True)
    with _short(folder) as path:
        before = os.umask(0o177)
        try:
            server = await asyncio.start_unix_server(handle, path, limit=LONGEST)
        finally:
            os.umask(before)
    try:
        yield
    finally:
        server.close()
        await _end(under_way)
        (folder / NAME).unlink(missing_ok=True)


async def _end(under_way: set["asyncio.Task[Any]"]) -> None:
    """Let commands finish for a moment, then cut them off: what they use is closed next."""
    if under_way:
        _, late = await asyncio.wait(under_way, timeout=FINISH)
        for task in late:
            task.cancel()
        await asyncio.gather(*late, return_exceptions=True)


async def _respond(reader: asyncio.StreamReader, answers: Answers) -> Answer:
    try:
        asked = json.loads(await reader.readline())
        command, arguments = str(asked["command"]), dict(asked["arguments"])
    except (ValueError, TypeError, KeyError):  # ValueError also where a line is too long
        return {"error": "That is no command."}
    try:
        return {"answer": await answers(command, arguments)}
    except CommandFailed as error:
        return {"error": str(error)}
    except Exception:
        log.exception("the command “%s” failed", command)
        return {"error": FAULT}


async def ask(folder: Path, command: str, arguments: Mapping[str, Any]) -> tuple[bool, Any]:
    """(whether a server runs there, its answer). Raises CommandFailed with its sentence."""
    if not (folder / NAME).exists():
        return False, None
    try:
        with _short(folder) as path:
            reader, writer = await asyncio.open_unix_connection(path, limit=LONGEST)
    except (ConnectionRefusedError, FileNotFoundError):
        return False, None  # left behind by a server that was killed
    try:
        writer.write(
            json.dumps({"command": command, "arguments": dict(arguments)}).encode() + b"\n"
        )
        await writer.drain()
        async with asyncio.timeout(PATIENCE):
            said = json.loads(await reader.readline() or b"{}")
    except (ConnectionError, ValueError, TimeoutError):
        said = {}
    finally:
        writer.close()
    if "answer" not in said:
        raise CommandFailed(said.get("error", "The server went away before it answered."))
    return True, said["answer"]
