"""`kith backup`, `kith doctor`: what keeps an instance alive for years."""

from pathlib import Path

from aiohttp import web

from server.cli.control_socket import Answer, Arguments, CommandFailed
from server.http.app_keys import DATABASE, OUTSIDE, SETTINGS
from server.operations import backup, doctor
from server.operations.backup import BackupFailed, Sources


async def make_backup(app: web.Application, given: Arguments) -> Answer:
    """Works while everybody goes on writing."""
    settings = app[SETTINGS]
    to = Path(given["to"]) if given.get("to") else settings.backup_dir
    sources = Sources(
        settings.data_dir / backup.MEDIA,
        Path(given["configuration"]),
        settings.data_dir / "secret",
    )
    try:
        made = await backup.make(app[DATABASE], sources, to, app[OUTSIDE].clock())
    except BackupFailed as error:
        raise CommandFailed(str(error)) from error
    except OSError as error:
        raise CommandFailed(f"The backup could not be written: {error.strerror}.") from error
    return {"backup": str(made.folder), "files": made.files, "bytes": made.size}


async def examine(app: web.Application, given: Arguments) -> list[Answer]:
    found = await doctor.examine(
        app[DATABASE], app[SETTINGS], app[OUTSIDE].clock(), app[OUTSIDE].resolver
    )
    return [{"what": one.what, "good": one.good, "says": one.says} for one in found]


COMMANDS = {"backup": make_backup, "doctor": examine}
