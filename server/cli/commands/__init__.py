"""Commands of `kith`, one module per group; each runs in the server or in its place."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from aiohttp import web

from server.cli.commands import accounts, communities, emojis, moderators, queue, upkeep
from server.cli.control_socket import CommandFailed
from server.http.app_keys import DATABASE
from storage.engine.errors import StorageError
from storage.engine.transaction import Writer
from storage.moderation import audit_log

Command = Callable[[web.Application, Mapping[str, Any]], Awaitable[Any]]

COMMANDS: dict[str, Command] = {
    **accounts.COMMANDS,
    **communities.COMMANDS,
    **emojis.COMMANDS,
    **moderators.COMMANDS,
    **queue.COMMANDS,
    **upkeep.COMMANDS,
}


# Commands that are written into the audit log here, as nothing beneath them does it.
AUDITED = {
    "account create",
    "account password",
    "account reset",
    "account approve",
    "account disable",
    "account enable",
    "account role",
    "account second-step-off",
    "token create",
    "invite",
    "charter set",
}
_TOLD = ("role", "scopes", "uses", "days", "passkeys")


def _note(writer: Writer, command: str, given: Mapping[str, Any]) -> None:
    """Log the command and whom it was about, never what is secret."""
    detail = {name: str(given[name]) for name in _TOLD if given.get(name) is not None}
    subject = f"account {given['name']}" if "name" in given else "instance"
    audit_log.note(writer, None, command.replace(" ", "."), subject, **detail)


async def run(app: web.Application, command: str, arguments: Mapping[str, Any]) -> Any:
    """The one implementation, beside a running server or without one. Raises CommandFailed."""
    known = COMMANDS.get(command)
    if known is None:
        raise CommandFailed(f"The server does not know “{command}”. Is it older than this program?")
    try:
        answer = await known(app, arguments)
        if command in AUDITED:
            await app[DATABASE].write(_note, command, arguments)
        return answer
    except StorageError as error:
        raise CommandFailed(f"The database says no: {error}.") from error
