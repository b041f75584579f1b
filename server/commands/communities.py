"""`kith charter …`, `kith domain …`."""

import tomllib
from collections.abc import Mapping
from typing import Any

from aiohttp import web

from federation import uris
from server.control import CommandFailed
from server.keys import DATABASE
from storage import actors, charters, hosts
from storage.charters import Charter, Commitment
from storage.units import Reader, Writer

Arguments = Mapping[str, Any]
MOST_COMMITMENTS = 7


async def show(app: web.Application, given: Arguments) -> dict[str, Any]:
    charter = await app[DATABASE].read(_current)
    return {
        "version": charter.version,
        "name": charter.name,
        "purpose": charter.purpose,
        "question": charter.question,
        "commitments": [{"text": one.text, "hint": one.hint} for one in charter.commitments],
    }


def _current(reader: Reader) -> Charter:
    charter = charters.current(reader, actors.community(reader).id)
    if charter is None:
        raise CommandFailed("There is no charter yet.")
    return charter


async def put(app: web.Application, given: Arguments) -> dict[str, Any]:
    """A new version, from TOML: name, purpose, question, [[commitments]] with text and hint."""
    try:
        written = tomllib.loads(given["text"])
        agreed = tuple(
            Commitment(str(one["text"]), str(one.get("hint", ""))) for one in written["commitments"]
        )
        purpose = str(written["purpose"])
    except (tomllib.TOMLDecodeError, KeyError, TypeError) as error:
        raise CommandFailed(f"The charter’s file cannot be read: {error}") from error
    if not 1 <= len(agreed) <= MOST_COMMITMENTS:
        raise CommandFailed(f"A charter has one to {MOST_COMMITMENTS} commitments.")
    version = await app[DATABASE].write(_put, written, purpose, agreed)
    return {"version": version}


def _put(
    writer: Writer, written: Mapping[str, Any], purpose: str, agreed: tuple[Commitment, ...]
) -> int:
    before, id_ = _current(writer), writer.new_id()
    charters.add(
        writer,
        Charter(
            id=id_,
            uri=uris.charter(writer.here, id_),
            owner=before.owner,
            version=before.version + 1,
            name=str(written.get("name", before.name)),
            purpose=purpose,
            commitments=agreed,
            question=str(written["question"]) if "question" in written else before.question,
            published_at=writer.now,
            in_force_at=writer.now,
        ),
    )
    return before.version + 1


async def block(app: web.Application, given: Arguments) -> dict[str, Any]:
    """Nothing is taken in from it or sent to it any more, its subdomains included."""
    await app[DATABASE].write(hosts.set_tier, given["domain"].lower(), "blocked")
    return {"domain": given["domain"], "tier": "blocked"}


async def unblock(app: web.Application, given: Arguments) -> dict[str, Any]:
    await app[DATABASE].write(hosts.set_tier, given["domain"].lower(), None)
    return {"domain": given["domain"], "tier": None}


COMMANDS = {
    "charter show": show,
    "charter set": put,
    "domain block": block,
    "domain unblock": unblock,
}
