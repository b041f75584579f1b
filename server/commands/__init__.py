"""What the command `kith` can do, one module per group; each runs in the server or in its place."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from aiohttp import web

from server.commands import accounts, communities, queue, upkeep
from server.control import CommandFailed
from storage.errors import StorageError

Command = Callable[[web.Application, Mapping[str, Any]], Awaitable[Any]]

COMMANDS: dict[str, Command] = {
    **accounts.COMMANDS,
    **communities.COMMANDS,
    **queue.COMMANDS,
    **upkeep.COMMANDS,
}


async def run(app: web.Application, command: str, arguments: Mapping[str, Any]) -> Any:
    """The one implementation, beside a running server or without one. Raises CommandFailed."""
    known = COMMANDS.get(command)
    if known is None:
        raise CommandFailed(f"The server does not know “{command}”. Is it older than this program?")
    try:
        return await known(app, arguments)
    except StorageError as error:
        raise CommandFailed(f"The database says no: {error}.") from error
