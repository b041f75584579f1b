"""The command `kith`."""

import argparse
import asyncio
import json
import os
import sys
from base64 import b64encode
from collections.abc import Coroutine
from pathlib import Path
from typing import Any

from aiohttp import web

from server import VERSION, serving
from server.cli import commands, init, parser
from server.cli.control_socket import CommandFailed
from server.http.app_keys import DATABASE, SETTINGS
from server.operations import backup, logs
from server.operations.backup import BackupFailed
from server.settings import settings as configuration
from server.settings.settings import Settings, SettingsError
from storage.access import accounts
from storage.engine.clock import system_clock
from storage.engine.errors import StorageError

FAILED = 1
FIRST = "gardener"
_OWN = ("verb", "what", "command", "json", "file")


def main() -> None:
    """Run one command and exit: 0, or 1 with a sentence on standard error."""
    given, said = parser.parse(sys.argv[1:])
    if said is not None:
        print(said, file=sys.stderr)
    try:
        sys.exit(_dispatch(given))
    except (CommandFailed, SettingsError, StorageError, BackupFailed) as error:
        print(f"kith: {error}", file=sys.stderr)
        sys.exit(FAILED)
    except OSError as error:
        about = f"{error.filename}: " if error.filename else ""
        print(f"kith: {about}{error.strerror or error}.", file=sys.stderr)
        sys.exit(FAILED)
    except KeyboardInterrupt:
        sys.exit(130)


def _dispatch(given: argparse.Namespace) -> int:
    if given.verb == "settings":
        print(configuration.document())
        return 0
    if given.verb == "version":
        print(json.dumps({"version": VERSION}) if given.json else f"kith {VERSION}")
        return 0
    if given.verb == "init":
        return _init(given)
    if given.verb == "restore":
        return _restore(given)
    settings = _settings()
    logs.begin(settings.log_level if given.verb == "serve" else "warning", settings.log_format)
    if given.verb == "serve":
        _run(serving.serve(settings, greet))
        return 0
    return _command(settings, given)


def _settings() -> Settings:
    """Settings; in development the instance's secret is made and kept beside the database."""
    environ = dict(os.environ)
    settings = configuration.load(environ)
    if settings.secret is None and settings.development:
        secret = serving.development_secret(settings.data_dir)
        settings = configuration.load({**environ, "KITH_SECRET": secret})
    return settings


def _init(given: argparse.Namespace) -> int:
    wanted = {"domain": given.domain, "title": given.title}
    ask = None if given.yes else input
    file, left = init.prepare(os.environ, wanted, ask, system_clock())
    if given.json:
        print(json.dumps({"file": str(file), "left_to_do": left}, ensure_ascii=False))
        return 0
    print(f"Wrote {file}. What is left to do:\n")
    for number, step in enumerate(left, start=1):
        print(f"  {number}. {step}")
    return 0


def _restore(given: argparse.Namespace) -> int:
    """Into the data folder, where no settings lie yet: they are in the backup."""
    made = backup.restore(Path(given.backup), _data_folder())
    answer = {"restored": str(made.folder), "files": made.files, "bytes": made.size}
    print(json.dumps(answer, ensure_ascii=False) if given.json else _format_answer(answer))
    return 0


def _data_folder() -> Path:
    """Folder as the settings say, or the environment alone where they are still in the backup."""
    try:
        return configuration.load(os.environ).data_dir
    except SettingsError:
        return Path(os.environ.get("KITH_DATA_DIR") or "data").absolute()


def _command(settings: Settings, given: argparse.Namespace) -> int:
    arguments = {name: value for name, value in vars(given).items() if name not in _OWN}
    if given.command == "charter set":
        arguments["text"] = _text_of(given.file)
    if given.command == "emoji add":
        arguments["picture"] = b64encode(given.file.read_bytes()).decode()
    if given.command == "backup":
        arguments["configuration"] = str(configuration.locate(os.environ))
    answer = _run(serving.run_command(settings, given.command, arguments))
    print(json.dumps(answer, ensure_ascii=False) if given.json else _format_answer(answer))
    sound = given.command != "doctor" or all(one["good"] for one in answer)
    return 0 if sound else FAILED


def _text_of(file: Path) -> str:
    try:
        return file.read_text("utf-8")
    except UnicodeDecodeError as error:
        raise CommandFailed(f"{file} is no text in UTF-8.") from error


def _format_answer(answer: Any, margin: str = "") -> str:
    """An answer for people: a line for each thing."""
    if isinstance(answer, list):
        return "\n".join(_format_answer(one, margin) for one in answer) or f"{margin}nothing"
    if isinstance(answer, dict):
        if "good" in answer:
            return f"{'ok   ' if answer['good'] else 'WRONG'} {answer['what']}: {answer['says']}"
        simple = {k: v for k, v in answer.items() if not isinstance(v, list | dict)}
        lines = [margin + ", ".join(f"{k}: {v}" for k, v in simple.items() if v is not None)]
        nested = [name for name in answer if name not in simple]
        lines += [
            f"{margin}{name}:\n{_format_answer(answer[name], margin + '  ')}" for name in nested
        ]
        return "\n".join(line for line in lines if line.strip())
    return f"{margin}{answer}"


def _run(work: Coroutine[Any, Any, Any]) -> Any:
    try:
        import uvloop
    except ImportError:
        return asyncio.run(work)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(work)


async def greet(app: web.Application) -> None:
    """Say at the first start in development whom to log in as, and how."""
    settings = app[SETTINGS]
    members = await app[DATABASE].read(accounts.everyone, None)
    if members or not settings.development:
        return
    params = {"name": FIRST, "email": f"{FIRST}@post.example", "role": "admin"}
    made = await commands.run(app, "account create", params)
    print(
        f"\nKith is running at {settings.web_origin}\n\n"
        f"  The first admin:  {made['name']}\n"
        f"  Password:         {made['password']}\n\n"
        f"To connect a client made for Mastodon, give it the address {settings.domain}.\n"
        "(Phone apps insist on https; on one machine, toot and Mastodon.py do not:"
        f" toot login --instance {settings.web_origin})\n",
        flush=True,
    )


if __name__ == "__main__":
    main()
