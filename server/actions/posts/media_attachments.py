"""Files that members hang on posts: taken in, described, attached, removed in time.

Pictures, for now; what else there may be decides `take_in` by the bytes, and `state` says how far
it is.
"""

import asyncio
import re
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from aiohttp import web

from federation.objects.attachment import inside, tidy_description
from federation.vocabulary import media_urls
from server.entities import media as media_entity
from server.http.app_keys import DATABASE
from server.http.errors import not_found, unprocessable
from server.http.forms import Form
from server.http.parsing import id_of
from server.media.store import MEDIA, Ingested
from storage.engine.database import Database
from storage.engine.transaction import Reader, Writer
from storage.media import attachments
from storage.media.attachments import Media
from storage.people.actors import Actor

MOST = 4
LONGEST_DESCRIPTION = 10_000
# The job looks once an hour, so that nothing stays for longer than a day (SECURITY 62).
UNATTACHED_FOR = timedelta(hours=23)
_FOCUS = re.compile(r"\s*([+-]?[0-9]{0,3}\.?[0-9]{0,20})\s*,\s*([+-]?[0-9]{0,3}\.?[0-9]{0,20})\s*")
# Brands of ISO base media files that hold pictures.
_PICTURES = (b"avif", b"avis", b"heic", b"heix", b"heim", b"heis", b"hevc", b"mif1", b"msf1")

NO_FILMS = "Films and recordings are not possible on this server yet. Nothing was kept."
NO_THUMBNAIL = "A picture is its own preview; “thumbnail” is for films and recordings."
NO_FOCUS = "“focus” should be two numbers between -1 and 1, such as 0.2,-0.5."
NOT_YOURS = (
    "One of these pictures is not there any more, or hangs on another post. Nothing was posted."
)
NO_POLL = "A post can have a poll or pictures, not both. Nothing was posted."
NOT_READY = "One of these pictures is not ready yet. Nothing was posted."
TOO_MANY = f"A post can have up to {MOST} pictures. Nothing was posted."


async def take_in(app: web.Application, owner: Actor, form: Form) -> Media:
    """A new file, ready to be attached. Raises Refused with a sentence; then nothing is left."""
    file = form.upload("file")
    if file is None:
        raise unprocessable("“file” is needed for this, and it was not sent.")
    description, focus = parse_description(form)
    if is_film(file.data):
        raise unprocessable(NO_FILMS)
    made = await app[MEDIA].ingest(file.data, "attachment", f"member {owner.id}")
    try:
        return await app[DATABASE].write(_keep, owner, made, description or "", focus or (0.0, 0.0))
    except BaseException:
        await remove_files(app, made.files)
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


def parse_description(form: Form) -> tuple[str | None, tuple[float, float] | None]:
    """Description and focus as they were sent; None for what was not."""
    if form.upload("thumbnail") is not None:
        raise unprocessable(NO_THUMBNAIL)
    text = form.text("description")
    if text is not None and len(text) > LONGEST_DESCRIPTION:
        raise unprocessable(
            f"This description is {len(text)} characters long; we can take {LONGEST_DESCRIPTION}."
        )
    return None if text is None else tidy_description(text), _focus(form.text("focus", 100))


def _focus(text: str | None) -> tuple[float, float] | None:
    if text is None or not text.strip():
        return None
    match = _FOCUS.fullmatch(text)
    try:
        found = inside(float(match[1]), float(match[2])) if match else None
    except ValueError:
        found = None
    if found is None:
        raise unprocessable(NO_FOCUS)
    return found


def unattached(reader: Reader, owner: Actor, id_: int) -> Media:
    """One of their own that hangs on nothing; 404 for all else."""
    found = attachments.attachable(reader, owner.id, [id_])
    if not found:
        raise not_found()
    return found[0]


def change(writer: Writer, owner: Actor, id_: int, form: Form) -> Media:
    unattached(writer, owner, id_)
    attachments.describe(writer, id_, *parse_description(form))
    return unattached(writer, owner, id_)


def forget(writer: Writer, owner: Actor, id_: int) -> list[str]:
    """Take it away; returns the files that go with it."""
    row = unattached(writer, owner, id_)
    attachments.forget(writer, id_)
    return files_of([row])


def forget_all(writer: Writer, rows: Sequence[Media]) -> list[str]:
    """Take these away; returns the files that go with them."""
    for row in rows:
        attachments.forget(writer, row.id)
    return files_of(rows)


def own(reader: Reader, owner: Actor, rows: Sequence[Media]) -> list[dict[str, Any]]:
    """Those that hang on nothing, as whoever sent them gets to see them."""
    given = media_urls.pass_for_member(owner.id, reader.now)
    return [media_entity.own(reader.site, row, given) for row in rows]


def files_of(rows: Sequence[Media]) -> list[str]:
    return [name for row in rows for name in (row.file, row.preview) if name]


async def remove_files(app: web.Application, names: Sequence[str]) -> None:
    """After the rows are gone."""
    for name in names:
        await asyncio.to_thread(app[MEDIA].remove, name)


def parse_ids(form: Form) -> list[int]:
    """The numbers of the files that are to hang on a post; not beside a poll."""
    texts = list(dict.fromkeys(form.texts("media_ids")))
    if len(texts) > MOST:
        raise unprocessable(TOO_MANY)
    if texts and form.values.get("poll"):
        raise unprocessable(NO_POLL)
    ids = [id_ for text in texts if (id_ := id_of(text)) is not None]
    if len(ids) != len(texts):
        raise unprocessable(NOT_YOURS)
    return ids


def to_attach(
    reader: Reader, owner: Actor, ids: Sequence[int], post: int | None = None
) -> list[Media]:
    """Those files in this order, if all are the owner's, ready, and hang on nothing or this post.

    Raises Refused: 422 with a sentence.
    """
    found = attachments.attachable(reader, owner.id, ids, post) if ids else []
    if len(found) != len(ids):
        raise unprocessable(NOT_YOURS)
    if any(row.state != "ready" for row in found):
        raise unprocessable(NOT_READY)
    return found


def redescribed(rows: Sequence[Media], form: Form) -> list[Media]:
    """These as `media_attributes` wants them described and cropped."""
    wished = {
        one.text("id", 30): parse_description(one) for one in form.groups("media_attributes") or ()
    }
    return [_redescribed(row, *wished.get(str(row.id), (None, None))) for row in rows]


def _redescribed(row: Media, description: str | None, focus: tuple[float, float] | None) -> Media:
    x, y = focus or (row.focus_x, row.focus_y)
    text = row.description if description is None else description
    return replace(row, description=text, focus_x=x, focus_y=y)


async def forget_unattached(database: Database, now: datetime) -> int:
    """What hangs on nothing for a day; the files go with the strays."""
    return await database.write(attachments.forget_unattached, now - UNATTACHED_FOR)
