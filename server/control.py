"""How a command reaches the running server: a socket in the data folder, for its owner only.

A line of JSON each way: `{"command": …, "arguments": {…}}` → `{"answer": …}` or `{"error": …}`.
"""

import asyncio
import json
import os
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

NAME = "control.sock"
LONGEST = 1 << 20
PATIENCE = 3600.0  # seconds: a backup of a large instance takes its time

Answers = Callable[[str, Mapping[str, Any]], Awaitable[Any]]


class CommandFailed(Exception):
    """A command says no, in a sentence for whoever typed it."""


@contextmanager
def _short(folder: Path) -> Iterator[str]:
    """The socket's path by way of a descriptor: whole ones are limited to 107 bytes."""
    descriptor = os.open(folder, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        yield f"/proc/self/fd/{descriptor}/{NAME}"
    finally:
        os.close(descriptor)


@asynccontextmanager
async def listening(folder: Path, answers: Answers) -> AsyncIterator[None]:
    """Take commands until the block ends. The caller holds the folder's lock."""

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            asked = json.loads(await reader.readline())
            try:
                said = {"answer": await answers(asked["command"], asked["arguments"])}
            except CommandFailed as error:
                said = {"error": str(error)}
            writer.write(json.dumps(said).encode() + b"\n")
            await writer.drain()
        finally:
            writer.close()

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
        (folder / NAME).unlink(missing_ok=True)


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
    finally:
        writer.close()
    if "answer" not in said:
        raise CommandFailed(said.get("error", "The server went away before it answered."))
    return True, said["answer"]
