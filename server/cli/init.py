"""`kith init`: asks for what cannot change later, looks at the machine, writes kith.toml."""

import os
import shutil
from collections.abc import Callable, Mapping
from datetime import datetime
from pathlib import Path

from server.cli.control_socket import CommandFailed
from server.settings import settings as configuration
from server.settings.settings import Settings, SettingsError, Typed
from storage.engine import ids

ENOUGH = 1 << 30  # bytes of free disk
QUESTION = "The name of the server, as it stands in handles (it can never change later): "
EPOCH = datetime.fromisoformat("2026-01-01T00:00:00+00:00")


def prepare(
    environ: Mapping[str, str],
    given: Mapping[str, str | None],
    ask: Callable[[str], str] | None,
    now: datetime,
) -> tuple[Path, list[str]]:
    """Write kith.toml; return where, and what is left to do. Raises CommandFailed.

    `ask` None: nobody is there to answer.
    """
    file = configuration.locate(environ)
    if file.exists():
        raise CommandFailed(f"{file} is there already. Nothing was changed.")
    typed = {"domain": _domain(environ, given, ask), "secret": ("secret", "", ids.hexadecimal())}
    if title := given.get("title"):
        typed["title"] = ("--title", _COMMAND, title)
    settings = _check(environ, typed)
    _ensure_fit(settings.data_dir, now)
    values = {name: value for name, (_, _, value) in typed.items()}
    _write(file, configuration.annotate({**values, "domain": settings.domain}))
    return file, _list_left_to_do(settings, file)


_COMMAND = "the command"


def _domain(
    environ: Mapping[str, str],
    given: Mapping[str, str | None],
    ask: Callable[[str], str] | None,
) -> Typed:
    """Domain from where somebody said it, so that whatever is wrong with it is said of that."""
    if option := (given.get("domain") or "").strip():
        return "--domain", _COMMAND, option
    if variable := environ.get("KITH_DOMAIN", "").strip():
        return "KITH_DOMAIN", "the environment", variable
    return "domain", "your answer", _ask(ask)


def _ask(ask: Callable[[str], str] | None) -> str:
    try:
        if ask is not None and (said := ask(QUESTION).strip()):
            return said
    except EOFError:
        print()
    raise CommandFailed("A domain is needed: kith init --domain garden.example")


def _check(environ: Mapping[str, str], typed: Mapping[str, Typed]) -> Settings:
    """The settings as they will be read from the file."""
    try:
        return configuration.load(environ, None, typed)
    except SettingsError as error:
        raise CommandFailed(str(error)) from error


def _ensure_fit(folder: Path, now: datetime) -> None:
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    if not os.access(folder, os.W_OK | os.X_OK):
        raise CommandFailed(f"{folder} cannot be written to by this user.")
    free = shutil.disk_usage(folder).free
    if free < ENOUGH:
        raise CommandFailed(
            f"There are only {free >> 20} MB free at {folder}; a gigabyte is needed."
        )
    if now < EPOCH:
        raise CommandFailed(f"The clock of this machine says {now:%d %B %Y}. Please set it first.")


def _write(file: Path, text: str) -> None:
    descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as written:
        written.write(text)


def _list_left_to_do(settings: Settings, file: Path) -> list[str]:
    return [
        f"Read {file} once: every setting stands there with its meaning.",
        f"Point the DNS name {settings.web_domain} to this machine.",
        f"Put a reverse proxy with a certificate before {settings.listen} (see deploy/).",
        "Start the server: kith serve",
        "Make the first account: kith account create NAME --email ADDRESS --admin",
        "Say what you agree on: kith charter set FILE",
        "Make backups: kith backup, every night (see deploy/kith-backup.timer).",
    ]
