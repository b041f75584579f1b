"""`kith emoji …`: pictures that members may put into what they write."""

import asyncio
from base64 import b64decode
from binascii import Error
from collections.abc import Sequence

from aiohttp import web

from federation.objects.emoji import SHORTCODE
from federation.vocabulary.sanitize_html import line
from server.cli.control_socket import Answer, Arguments, CommandFailed
from server.http.app_keys import DATABASE
from server.http.errors import Refused
from server.media.store import MEDIA
from storage.engine.errors import Conflict
from storage.engine.transaction import Writer
from storage.media import emojis
from storage.media.emojis import Emoji
from storage.moderation import audit_log

LARGEST = 256 * 1024
LONGEST_CATEGORY = 50


async def add(app: web.Application, given: Arguments) -> Answer:
    """Add an emoji from a picture of at most 256 kB; it is made anew like every upload."""
    name, data = _name(given), _picture(given)
    category = line(given.get("category"), LONGEST_CATEGORY) or None
    files: list[str] = []
    try:
        files.append((await app[MEDIA].ingest(data, "emoji")).file)
        files.append((await app[MEDIA].ingest(data, "still")).file)
        await app[DATABASE].write(_add, name, files[0], files[1], category)
    except BaseException as error:
        await _remove_files(app, files)
        if isinstance(error, Refused):
            raise CommandFailed(error.sentence) from error
        if isinstance(error, Conflict):
            raise CommandFailed(f"There is an emoji :{name}: already.") from error
        raise
    return {"name": name, "category": category}


async def _remove_files(app: web.Application, files: Sequence[str]) -> None:
    for file in files:
        await asyncio.to_thread(app[MEDIA].remove, file)


def _name(given: Arguments) -> str:
    name = str(given["name"]).strip().strip(":")
    if not SHORTCODE.fullmatch(name):
        raise CommandFailed("A name has letters, digits and underscores, at most 64 of them.")
    return name


def _picture(given: Arguments) -> bytes:
    try:
        data = b64decode(given["picture"], validate=True)
    except Error as error:
        raise CommandFailed("The picture did not come whole.") from error
    if len(data) > LARGEST:
        size = -(-len(data) // 1024)
        raise CommandFailed(f"This picture is {size} kB; we can take up to {LARGEST // 1024}.")
    return data


def _add(writer: Writer, name: str, file: str, still: str, category: str | None) -> None:
    emoji = Emoji(writer.new_id(), name, file=file, still=still, category=category)
    emojis.add(writer, emoji)
    audit_log.note(writer, None, "emoji.add", f"emoji {name}")


async def remove(app: web.Application, given: Arguments) -> Answer:
    """Remove an emoji; posts and profiles that use it show its name instead."""
    name = _name(given)
    gone = await app[DATABASE].write(_remove, name)
    if gone is None:
        raise CommandFailed(f"There is no emoji :{name}:.")
    await _remove_files(app, [file for file in (gone.file, gone.still) if file is not None])
    return {"name": name, "removed": True}


def _remove(writer: Writer, name: str) -> Emoji | None:
    gone = emojis.remove(writer, name)
    if gone is not None:
        audit_log.note(writer, None, "emoji.remove", f"emoji {name}")
    return gone


async def list_emojis(app: web.Application, given: Arguments) -> list[Answer]:
    found = await app[DATABASE].read(emojis.ours)
    return [{"name": one.shortcode, "category": one.category} for one in found]


COMMANDS = {"emoji add": add, "emoji list": list_emojis, "emoji remove": remove}
