"""Exports of members: lists as CSV, as other servers read them, and an archive of all they said."""

import asyncio
import csv
import io
import json
import re
import shutil
import zipfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from federation.objects import actor as actor_object
from federation.objects import from_rows, note
from federation.vocabulary import media_urls, uris
from federation.vocabulary.contexts import with_context
from federation.vocabulary.json_documents import Document
from storage.engine import ids
from storage.engine.database import Database
from storage.engine.ids import ActorId
from storage.engine.pagination import Page
from storage.engine.site import Site
from storage.engine.transaction import Reader, Writer
from storage.lifecycle import account_archive, exports
from storage.people import actors, keys
from storage.posts.visibility import Member
from storage.queues import jobs
from storage.queues.job_kinds import MakeArchive
from storage.reading import timelines

ARCHIVE = "archive"
FOLDER = "exports"
ONCE_IN = timedelta(days=1)
LEAST_FREE = 0.1  # of the disk
_NAME = re.compile(r"[0-9a-f]{32}\.zip")
PAGE = 100  # posts in one snapshot, so that nobody waits for a long one
Row = Sequence[str]

# ---- lists ----


def _handle(reader: Reader, name: str, domain: str) -> str:
    return f"{name}@{domain or reader.site.domain}"


def _yes(value: bool) -> str:
    return "true" if value else "false"


def _follows(reader: Reader, me: ActorId) -> list[Row]:
    found = [
        (
            _handle(reader, one.name, one.domain),
            _yes(one.reblogs),
            _yes(one.notify),
            ", ".join(one.languages),
        )
        for one in account_archive.list_followed(reader, me)
    ]
    return [("Account address", "Show boosts", "Notify on new posts", "Languages"), *found]


def _blocks(reader: Reader, me: ActorId) -> list[Row]:
    return [(_handle(reader, *one),) for one in account_archive.list_blocked(reader, me)]


def _mutes(reader: Reader, me: ActorId) -> list[Row]:
    found = account_archive.list_muted(reader, me)
    rows = [(_handle(reader, name, domain), _yes(quiet)) for name, domain, quiet in found]
    return [("Account address", "Hide notifications"), *rows]


def _lists(reader: Reader, me: ActorId) -> list[Row]:
    found = account_archive.list_listed(reader, me)
    return [(title, _handle(reader, name, domain)) for title, name, domain in found]


def _bookmarks(reader: Reader, me: ActorId) -> list[Row]:
    return [(uri,) for uri in account_archive.list_bookmarked(reader, me)]


def _hosts(reader: Reader, me: ActorId) -> list[Row]:
    return [(host,) for host in account_archive.hosts(reader, me)]


FILES: Mapping[str, tuple[str, Callable[[Reader, ActorId], list[Row]]]] = {
    "follows": ("following_accounts.csv", _follows),
    "blocks": ("blocked_accounts.csv", _blocks),
    "mutes": ("muted_accounts.csv", _mutes),
    "lists": ("lists.csv", _lists),
    "bookmarks": ("bookmarks.csv", _bookmarks),
    "domain_blocks": ("blocked_domains.csv", _hosts),
}
"""Kind → name of the file, and who fills it. The columns are Mastodon's."""


def table(reader: Reader, me: ActorId, kind: str) -> bytes:
    """Return one of FILES, as CSV in UTF-8."""
    return write_csv(FILES[kind][1](reader, me))


def write_csv(rows: Sequence[Row]) -> bytes:
    text = io.StringIO()
    csv.writer(text).writerows([harmless(cell) for cell in row] for row in rows)
    return text.getvalue().encode()


def harmless(cell: str) -> str:
    """A cell that no spreadsheet takes for a formula (SECURITY 88)."""
    return f"'{cell}" if cell[:1] in ("=", "+", "-", "@", "\t", "\r") else cell


# ---- everything they said ----


def ask(writer: Writer, me: ActorId) -> int:
    """Plan an archive, at most one a day; return the number by which it is fetched."""
    latest = next(iter(exports.of_account(writer, me)), None)
    if latest is not None and writer.now - latest.created_at < ONCE_IN:
        return latest.id
    id_ = exports.ask(writer, me, ARCHIVE)
    jobs.plan(writer, MakeArchive(me, id_))
    return id_


@dataclass(frozen=True, slots=True)
class Places:
    """Folder of archives, and ways to a picture by name and to where pictures are public."""

    exports: Path
    find: Callable[[str], Path | None]
    public: str


async def make_next(database: Database, places: Places) -> bool:
    """Make the next archive that somebody waits for; return whether there was one."""
    job = await database.read(jobs.next_due, MakeArchive)
    if job is None:
        return False
    await asyncio.to_thread(places.exports.mkdir, mode=0o700, exist_ok=True)
    if await asyncio.to_thread(_is_full, places.exports):
        await database.write_always(
            jobs.postpone, job, timedelta(hours=1), "the disk is almost full"
        )
        return True
    name = f"{ids.file_name()}.zip"
    path = places.exports / name
    try:
        await _write(database, path, job.payload.actor, places)
        size = (await asyncio.to_thread(path.stat)).st_size
        await database.write_always(exports.ready, job.payload.export, name, size)
    except BaseException:
        path.unlink(missing_ok=True)
        raise
    await database.write_always(jobs.finish, job)
    await remove_old(database, places.exports)
    return True


def place_of(folder: Path, name: str) -> Path | None:
    """Path of an archive; None for every name but those that we make, and for links."""
    path = folder / name
    return path if _NAME.fullmatch(name) and path.is_file() and not path.is_symlink() else None


def _is_full(folder: Path) -> bool:
    """Archives leave to the rest what uploads leave, and as much again."""
    usage = shutil.disk_usage(folder)
    return usage.free < usage.total * LEAST_FREE


async def _write(database: Database, path: Path, me: ActorId, places: Places) -> None:
    await asyncio.to_thread(path.touch, mode=0o600)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:

        async def put(name: str, document: object) -> None:
            text = json.dumps(document, ensure_ascii=False, indent=1)
            await asyncio.to_thread(archive.writestr, name, text)

        pictures = set(await database.read(account_archive.files, me))
        await put("actor.json", await database.read(_actor, me, places.public))
        await _write_outbox(database, archive, me, pictures)
        for name, unit in (
            ("likes", account_archive.favourites),
            ("bookmarks", account_archive.list_bookmarked),
        ):
            found = await database.read(unit, me)
            await put(f"{name}.json", _collection(f"{name}.json", found))
        for kind, (name, _) in FILES.items():
            rows = await database.read(table, me, kind)
            await asyncio.to_thread(archive.writestr, name, rows)
        await _put_pictures(archive, pictures, places)


async def _put_pictures(archive: zipfile.ZipFile, names: set[str], places: Places) -> None:
    missing = []
    for name in sorted(names):
        file = await asyncio.to_thread(places.find, name)
        if file is None:
            missing.append(name)
        else:
            await asyncio.to_thread(archive.write, file, f"media/{name}")
    if missing:
        archive.writestr("media/missing.txt", "\n".join(missing))


async def _write_outbox(
    database: Database, archive: zipfile.ZipFile, me: ActorId, pictures: set[str]
) -> None:
    """Every post and every boost as an activity, the latest first, a page at a time."""
    page, count = Page(PAGE), 0
    with archive.open("outbox.json", "w", force_zip64=True) as out:
        out.write(b'{"@context": "https://www.w3.org/ns/activitystreams", "id": "outbox.json",')
        out.write(b' "type": "OrderedCollection", "orderedItems": [')
        while True:
            said, last = await database.read(_slice, me, page, pictures)
            for one in said:
                out.write(b",\n" if count else b"\n")
                out.write(json.dumps(one, ensure_ascii=False).encode())
                count += 1
            if last is None:
                break
            page = Page(PAGE, max_id=last)
        out.write(f'], "totalItems": {count}}}'.encode())


def _actor(reader: Reader, me: ActorId, public: str) -> Document:
    actor = actors.by_id(reader, me)
    if actor is None:
        raise LookupError(me)
    document = actor_object.render(reader.site, actor, keys.of_actor(reader, me), public)
    return with_context("actor", document)


def _collection(id_: str, items: Sequence[object]) -> Document:
    return {
        "@context": "https://www.w3.org/ns/activitystreams",
        "id": id_,
        "type": "OrderedCollection",
        "totalItems": len(items),
        "orderedItems": list(items),
    }


def _slice(
    reader: Reader, me: ActorId, page: Page, pictures: set[str]
) -> tuple[list[Document], int | None]:
    entries = timelines.account(reader, Member(me), me, timelines.Shown(), page)
    actor = actors.by_id(reader, me)
    if actor is None or not entries:
        return [], None
    said: list[Document] = []
    for entry in entries:
        if entry.boost is not None:
            what: object = entry.post.uri
            said.append({"type": "Announce", "actor": actor.uri, "object": what})
        else:
            document = note.render(from_rows.note_of(reader, entry.post))
            _point_into_archive(reader.site, document, pictures)
            id_ = uris.activity(reader.site, entry.post.id)
            said.append(
                {"id": id_, "type": "Create", "actor": actor.uri, "object": document}
                | {key: document[key] for key in ("to", "cc", "published") if key in document}
            )
    return said, entries[-1].cursor


def _point_into_archive(site: Site, document: Document, pictures: set[str]) -> None:
    """Pictures lie beside, so nothing depends on addresses that end with the account."""
    for one in document.get("attachment", []):
        url = media_urls.bare(site, one["url"])
        name = url.rpartition("/")[2].partition("?")[0]
        one["url"] = f"media/{name}" if name in pictures else url


async def remove_old(database: Database, folder: Path) -> None:
    """Files whose time is over, whose owner left, or that nobody was ever told of.

    Called by the one job that makes archives, so none is being made meanwhile.
    """
    await database.write_always(exports.forget)
    kept = await database.read(exports.files)
    await asyncio.to_thread(_remove_but, folder, kept)


def _remove_but(folder: Path, kept: set[str]) -> None:
    for path in folder.iterdir() if folder.is_dir() else ():
        if path.name not in kept:
            path.unlink(missing_ok=True)
