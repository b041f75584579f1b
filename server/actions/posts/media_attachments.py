"""Files that members hang on posts: taken in, described, attached, removed in time.

Pictures, for now; what else there may be decides `take_in` by the bytes, and `state` says how far
it is.
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from server.actions.services import Services
from server.media.store import Ingested
from server.refusals import Invalid, NotThere
from storage.engine.database import Database
from storage.engine.ids import PostId
from storage.engine.transaction import Reader, Writer
from storage.media import attachments
from storage.media.attachments import Media
from storage.people.actors import Actor

MOST = 4
# The job looks once an hour, so that nothing stays for longer than a day (SECURITY 62).
UNATTACHED_FOR = timedelta(hours=23)
# Brands of ISO base media files that hold pictures.
_PICTURES = (b"avif", b"avis", b"heic", b"heix", b"heim", b"heis", b"hevc", b"mif1", b"msf1")

NO_FILMS = "Films and recordings are not possible on this server yet. Nothing was kept."
NOT_YOURS = (
    "One of these pictures is not there any more, or hangs on another post. Nothing was posted."
)
NOT_READY = "One of these pictures is not ready yet. Nothing was posted."


@dataclass(frozen=True, slots=True)
class Described:
    """Description of a file, and the focus that stays in view; None for what was not sent."""

    description: str | None = None
    focus: tuple[float, float] | None = None


@dataclass(frozen=True, slots=True)
class MediaParams:
    """A new file: its bytes, and how it is described."""

    data: bytes
    described: Described = Described()


async def take_in(services: Services, owner: Actor, params: MediaParams) -> Media:
    """A new file, ready to be attached. Raises Invalid or Refused; then nothing is left."""
    if is_film(params.data):
        raise Invalid(NO_FILMS)
    made = await services.media.ingest(params.data, "attachment", f"member {owner.id}")
    described = params.described
    try:
        return await services.database.write(
            _keep, owner, made, described.description or "", described.focus or (0.0, 0.0)
        )
    except BaseException:
        await remove_files(services, made.files)
        raise


def is_film(data: bytes) -> bool:
    """Whether it begins as films and recordings do, whatever is said of it."""
    if data[4:8] == b"ftyp":
        return data[8:12] not in _PICTURES
    if data[:4] == b"RIFF":
        return data[8:12] in (b"WAVE", b"AVI ")
    return data.startswith((b"\x1aE\xdf\xa3", b"OggS", b"ID3", b"fLaC", b"\xff\xfb"))


def _keep(
    writer: Writer, owner: Actor, made: Ingested, description: str, focus: tuple[float, float]
) -> Media:
    row = Media(
        id=writer.new_id(),
        owner=owner.id,
        purpose="attachment",
        file=made.file,
        mime=made.mime,
        bytes=made.bytes,
        width=made.width,
        height=made.height,
        preview=made.preview,
        blurhash=made.blurhash,
        description=description,
        focus_x=focus[0],
        focus_y=focus[1],
    )
    attachments.add(writer, row)
    return row


def find_unattached(reader: Reader, owner: Actor, id_: int) -> Media:
    """File of the owner's that is attached to nothing. Raises NotThere."""
    found = attachments.attachable(reader, owner.id, [id_])
    if not found:
        raise NotThere
    return found[0]


def change(writer: Writer, owner: Actor, id_: int, described: Described) -> Media:
    """Describe or crop one that hangs on nothing yet. Raises NotThere."""
    find_unattached(writer, owner, id_)
    attachments.describe(writer, id_, described.description, described.focus)
    return find_unattached(writer, owner, id_)


def forget(writer: Writer, owner: Actor, id_: int) -> list[str]:
    """Take it away; returns the files that go with it."""
    row = find_unattached(writer, owner, id_)
    attachments.forget(writer, id_)
    return files_of([row])


def forget_all(writer: Writer, rows: Sequence[Media]) -> list[str]:
    """Take these away; returns the files that go with them."""
    for row in rows:
        attachments.forget(writer, row.id)
    return files_of(rows)


def files_of(rows: Sequence[Media]) -> list[str]:
    return [name for row in rows for name in (row.file, row.preview) if name]


async def remove_files(services: Services, names: Sequence[str]) -> None:
    """Remove files whose rows are gone."""
    for name in names:
        await asyncio.to_thread(services.media.remove, name)


def to_attach(
    reader: Reader, owner: Actor, ids: Sequence[int], post: PostId | None = None
) -> list[Media]:
    """Files in the order of `ids`: all the owner's, ready, and attached to nothing or to this post.

    Raises Invalid.
    """
    found = attachments.attachable(reader, owner.id, ids, post) if ids else []
    if len(found) != len(ids):
        raise Invalid(NOT_YOURS)
    if any(row.state != "ready" for row in found):
        raise Invalid(NOT_READY)
    return found


def redescribe(rows: Sequence[Media], wanted: Mapping[int, Described]) -> list[Media]:
    """Files as they are to be described and cropped, by number."""
    return [_redescribe(row, wanted.get(row.id, Described())) for row in rows]


def _redescribe(row: Media, wanted: Described) -> Media:
    x, y = wanted.focus or (row.focus_x, row.focus_y)
    text = row.description if wanted.description is None else wanted.description
    return replace(row, description=text, focus_x=x, focus_y=y)


async def forget_unattached(database: Database, now: datetime) -> int:
    """Forget what has been attached to nothing for a day; the files go with the strays."""
    return await database.write(attachments.forget_unattached, now - UNATTACHED_FOR)
