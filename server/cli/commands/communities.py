"""`kith charter …`, `kith server …`."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NoReturn

from aiohttp import web

from federation.moderation import domain_blocks
from federation.vocabulary import uris
from server.cli.control_socket import Answer, Arguments, CommandFailed
from server.http.app_keys import DATABASE
from storage.communities import charters
from storage.communities.charters import Charter, Commitment
from storage.engine.transaction import Reader, Writer
from storage.people import actors

MOST_COMMITMENTS = 7
LENGTHS = {"name": 100, "purpose": 5000, "question": 300, "text": 200, "hint": 500}


async def show(app: web.Application, given: Arguments) -> Answer:
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


async def put(app: web.Application, given: Arguments) -> Answer:
    """A new version, from TOML: name, purpose, question, [[commitments]] with text and hint."""
    draft = _read(given["text"])
    return {"version": await app[DATABASE].write(_put, draft)}


@dataclass(frozen=True, slots=True)
class _Draft:
    """A charter as it was written; None where the one before it goes on to hold."""

    name: str | None
    purpose: str
    question: str | None
    commitments: tuple[Commitment, ...]


def _read(text: str) -> _Draft:
    try:
        written = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise CommandFailed(f"The charter is not written as TOML: {error}.") from error
    for name in written:
        if name not in ("name", "purpose", "question", "commitments"):
            raise CommandFailed(f"A charter has no “{name}”.")
    agreed = written.get("commitments")
    if not isinstance(agreed, list) or not 1 <= len(agreed) <= MOST_COMMITMENTS:
        raise CommandFailed(f"A charter has one to {MOST_COMMITMENTS} [[commitments]].")
    return _Draft(
        _text(written, "name", None),
        _text(written, "purpose", "") or _missing("a purpose"),
        _text(written, "question", None),
        tuple(_commitment(one) for one in agreed),
    )


def _commitment(one: Any) -> Commitment:
    if not isinstance(one, dict) or not one.keys() <= {"text", "hint"}:
        raise CommandFailed("Each of [[commitments]] has a text, and perhaps a hint.")
    text = _text(one, "text", "") or _missing("a text in each of its [[commitments]]")
    return Commitment(text, _text(one, "hint", "") or "")


def _missing(what: str) -> NoReturn:
    raise CommandFailed(f"The charter needs {what}.")


def _text(written: Mapping[str, Any], name: str, otherwise: str | None) -> str | None:
    value = written.get(name, otherwise)
    if value is None:
        return None
    if not isinstance(value, str) or len(value) > LENGTHS[name]:
        raise CommandFailed(f"“{name}” is a text of at most {LENGTHS[name]} characters.")
    return value.strip()


def _put(writer: Writer, draft: _Draft) -> int:
    before, id_ = _current(writer), writer.new_id()
    charters.add(
        writer,
        Charter(
            id=id_,
            uri=uris.charter(writer.site, id_),
            owner=before.owner,
            version=before.version + 1,
            name=draft.name or before.name,
            purpose=draft.purpose,
            commitments=draft.commitments,
            question=before.question if draft.question is None else draft.question,
            published_at=writer.now,
            in_force_at=writer.now,
        ),
    )
    return before.version + 1


async def list_servers(app: web.Application, given: Arguments) -> list[Answer]:
    """Every server that we have judged, and how many of its accounts we know."""
    found = await app[DATABASE].read(domain_blocks.list_with_tier)
    return [
        {"domain": host.host, "tier": host.tier, "accounts": accounts} for host, accounts in found
    ]


COMMANDS = {
    "charter show": show,
    "charter set": put,
    "server list": list_servers,
}
