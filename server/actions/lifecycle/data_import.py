"""Imports of members: CSV as this server and others write it, carried out line by line."""

import csv
import io
import re
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping, Sequence

from federation.errors import FederationError, Malformed, Unreachable
from federation.resolve.resolver import Budget
from federation.resolve.webfinger import split_handle
from federation.transport.pools import Pool
from federation.transport.urls import server_name
from federation.vocabulary.language_tags import parse_language
from federation.vocabulary.sanitize_html import safe_url
from server.actions.lifecycle.data_export import FILES, harmless
from server.actions.people import relationships
from server.actions.services import Services
from server.i18n.translations import N_
from server.refusals import NotAllowed
from storage.engine.site import Site
from storage.engine.transaction import Reader, Writer
from storage.lifecycle import imports
from storage.lifecycle.imports import Import, ImportKind, Line, Mode
from storage.people import actors, blocks, user_domain_blocks
from storage.people.actors import Actor
from storage.posts import visible_posts
from storage.posts.visibility import Member
from storage.queues import jobs
from storage.queues.job_kinds import CarryOutImport
from storage.reading import bookmarks, lists

MOST_BYTES = 1024 * 1024
MOST_LINES = 10_000
MOST_CELL = 500
MOST_CELLS = 20
LONGEST_LINE = 16 * 1024
SILENT = 2  # lines after which a server that does not answer is not asked again for this file

REASONS: Mapping[str, str] = {
    "unreadable": N_("This line could not be understood."),
    "not found": N_("We found nothing under this address."),
    "not allowed": N_("That is not possible between the two of you."),
    "unreachable": N_("Their server did not answer."),
    "too many": N_("There is no room for more."),
}


class CannotImport(Exception):
    """`sentence` is a message of the catalogues, with `values` in it."""

    def __init__(self, sentence: str, **values: int) -> None:
        super().__init__(sentence % values)
        self.sentence, self.values = sentence, values


class _Failed(Exception):
    """Failure of one line; the text is one of REASONS."""


_NOT_TEXT = N_("This is not a CSV file. Nothing was changed.")
_EMPTY = N_("There is nothing in this file. Nothing was changed.")
_UNCLEAR = N_(
    "Line %(line)s is not about what you chose, so nothing was replaced. Nothing was changed."
)
_LONG = N_("This file has more than %(most)s lines. Nothing was changed.")


def read(data: bytes) -> list[tuple[str, ...]]:
    """Lines of a CSV file without its heading; not in the loop, for it takes its time.

    Raises CannotImport.
    """
    try:
        text = data.decode("utf-8-sig")
        lines = list(_filled_rows(csv.reader(_short_lines(text), strict=True)))
    except (UnicodeDecodeError, csv.Error) as error:
        raise CannotImport(_NOT_TEXT) from error
    if lines and _is_heading(lines[0]):
        del lines[0]
    if not lines:
        raise CannotImport(_EMPTY)
    if len(lines) > MOST_LINES:
        raise CannotImport(_LONG, most=MOST_LINES)
    return lines


def _is_heading(cells: Sequence[str]) -> bool:
    """Whether a first line names columns: Mastodon's, or lists of servers (`#domain,#severity`)."""
    named = [cell for cell in cells if cell]
    return named[0].casefold() == "account address" or all(cell[0] == "#" for cell in named)


def _short_lines(text: str) -> Iterator[str]:
    """Line by line, so that other threads have their turn between two of them (SECURITY 93).

    No row of any of these files is as long as the longest that we read, or over so many lines.
    """
    for number, line in enumerate(io.StringIO(text)):
        if number > MOST_LINES * 2:
            raise CannotImport(_LONG, most=MOST_LINES)
        if len(line) > LONGEST_LINE:
            raise CannotImport(_NOT_TEXT)
        yield line


def _filled_rows(rows: Iterable[list[str]]) -> Iterator[tuple[str, ...]]:
    """Rows in which something stands; one has no more cells than such a file has columns."""
    for row in rows:
        if len(row) > MOST_CELLS:
            raise CannotImport(_NOT_TEXT)
        if any(line := tuple(_cell(cell) for cell in row)):
            yield line


def _cell(cell: str) -> str:
    """Cell as it was before it was made harmless."""
    plain = cell.strip().replace("\x00", "")[:MOST_CELL]
    was = plain.startswith("'") and harmless(plain[1:]) == plain
    return plain[1:].strip() if was else plain


def begin(
    writer: Writer, me: Actor, kind: ImportKind, mode: Mode, lines: Sequence[Sequence[str]]
) -> int:
    """Keep the lines and plan the work; what an overwriting file does not name goes at once.

    Raises CannotImport when a file that is to replace something cannot be understood as a whole.
    """
    if mode == "overwrite":
        _clear(writer, me, kind, lines)
    id_ = imports.add(writer, me.id, kind, mode, lines)
    jobs.plan(writer, CarryOutImport(id_))
    return id_


def _clear(writer: Writer, me: Actor, kind: str, lines: Sequence[Sequence[str]]) -> None:
    named = set()
    for number, cells in enumerate(lines, 1):
        key = _key(writer.site, kind, cells)
        if key is None:
            raise CannotImport(_UNCLEAR, line=number)
        named.add(key)
    for row in FILES[kind][1](writer, me.id):
        key = _key(writer.site, kind, row)
        if key is not None and key not in named:
            _UNDOING[kind](writer, me, row)


def _key(site: Site, kind: str, cells: Sequence[str]) -> tuple[str, ...] | None:
    """Key of what a line is about; None where it cannot be about anything of that kind."""
    try:
        match kind:
            case "bookmarks":
                return (cells[0],) if safe_url(cells[0]) else None
            case "domain_blocks":
                return (server_name(cells[0]),) if "." in cells[0] and "/" not in cells[0] else None
            case "lists":
                return (cells[0], *_handle(site, cells[1]))
        return _handle(site, cells[0])
    except (FederationError, IndexError):
        return None


def _handle(site: Site, written: str) -> tuple[str, str]:
    """Name and domain; a name alone is one of ours. Raises Malformed."""
    plain = written.removeprefix("@")
    if re.search(r"\s", plain):
        raise Malformed("A handle has no spaces.")
    name, domain = split_handle(plain if "@" in plain else f"{plain}@{site.domain}")
    return name.lower(), domain


def _somebody(reader: Reader, handle: str) -> Actor | None:
    name, domain = _handle(reader.site, handle)
    return actors.by_handle(reader, name, "" if domain == reader.site.domain else domain)


def _unfollow(writer: Writer, me: Actor, row: Sequence[str]) -> None:
    if target := _somebody(writer, row[0]):
        relationships.unfollow(writer, me, target)


def _unblock(writer: Writer, me: Actor, row: Sequence[str]) -> None:
    if target := _somebody(writer, row[0]):
        relationships.unblock(writer, me, target)


def _unmute(writer: Writer, me: Actor, row: Sequence[str]) -> None:
    if target := _somebody(writer, row[0]):
        blocks.unmute(writer, me.id, target.id)


def _unlist(writer: Writer, me: Actor, row: Sequence[str]) -> None:
    target = _somebody(writer, row[1])
    for one in lists.of(writer, me.id):
        if target and one.title == row[0]:
            lists.take(writer, one.id, target.id)


def _unmark(writer: Writer, me: Actor, row: Sequence[str]) -> None:
    post = visible_posts.by_uri(writer, Member(me.id), row[0])
    if post is not None:
        bookmarks.remove(writer, me.id, post.id)


def _unblock_host(writer: Writer, me: Actor, row: Sequence[str]) -> None:
    user_domain_blocks.remove(writer, me.id, row[0])


_UNDOING: Mapping[str, Callable[[Writer, Actor, Sequence[str]], None]] = {
    "follows": _unfollow,
    "blocks": _unblock,
    "mutes": _unmute,
    "lists": _unlist,
    "bookmarks": _unmark,
    "domain_blocks": _unblock_host,
}


# ---- line by line ----


async def import_next(services: Services) -> bool:
    """Carry out one line of a file that waits; return whether there was one."""
    job = await services.database.read(jobs.next_due, CarryOutImport)
    if job is None:
        return False
    found = await services.database.read(_next, job.payload.number)
    if found is None:
        await services.database.write_always(_close, job)
        return True
    wanted, me, line = found
    outcome = await _outcome(services, wanted, me, line)
    await services.database.write_always(_settle, job, line, outcome)
    return True


def _settle(writer: Writer, job: jobs.Job[CarryOutImport], line: Line, outcome: str | None) -> None:
    """Settle one line; then it is the turn of whoever has waited for longer."""
    imports.settle(writer, job.payload.number, line.position, outcome)
    jobs.to_the_end(writer, job)


def _next(reader: Reader, id_: int) -> tuple[Import, Actor, Line] | None:
    wanted, line = imports.by_id(reader, id_), imports.next_line(reader, id_)
    me = actors.by_id(reader, wanted.account) if wanted else None
    if wanted is None or line is None or me is None or me.effective_state != "active":
        return None
    return wanted, me, line


def _close(writer: Writer, job: jobs.Job[CarryOutImport]) -> None:
    imports.close(writer, job.payload.number)
    jobs.finish(writer, job)


async def _outcome(services: Services, wanted: Import, me: Actor, line: Line) -> str | None:
    """Carry out a line; return None when it is done, else why not: one of REASONS."""
    host = line.cells[-1 if wanted.kind == "lists" else 0].rpartition("@")[2]
    silent = await services.database.read(imports.unreachable, wanted.id, f"@{host}")
    if silent >= SILENT:
        return "unreachable"  # nobody waits for the same silence again and again
    try:
        await _DOING[wanted.kind](services, me, line.cells)
    except _Failed as failure:
        return str(failure)
    except NotAllowed:
        return "not allowed"
    except Unreachable:
        return "unreachable"
    except FederationError:
        return "not found"
    except (IndexError, ValueError):
        return "unreadable"
    return None


Doing = Callable[[Services, Actor, Sequence[str]], Awaitable[None]]


async def _follow(services: Services, me: Actor, cells: Sequence[str]) -> None:
    target = await _person(services, cells[0])
    options = {
        name: cells[at].casefold() == "true"
        for at, name in ((1, "reblogs"), (2, "notify"))
        if len(cells) > at and cells[at]
    }
    spoken = [one.strip() for one in cells[3].split(",")] if len(cells) > 3 else []
    languages = [tag for one in spoken if (tag := parse_language(one))] or None
    await services.database.write(
        lambda w: relationships.follow(w, me, target, languages=languages, **options)
    )


async def _block(services: Services, me: Actor, cells: Sequence[str]) -> None:
    await services.database.write(relationships.block, me, await _person(services, cells[0]))


async def _mute(services: Services, me: Actor, cells: Sequence[str]) -> None:
    target = await _person(services, cells[0])
    quiet = len(cells) < 2 or cells[1].casefold() != "false"
    await services.database.write(lambda w: relationships.mute(w, me, target, notifications=quiet))


async def _list(services: Services, me: Actor, cells: Sequence[str]) -> None:
    target = await _person(services, cells[1])
    await services.database.write(_put_into_list, me, cells[0], target)


def _put_into_list(writer: Writer, me: Actor, title: str, target: Actor) -> None:
    """A list of that title, made if need be; only whom one follows can be in it."""
    own = lists.of(writer, me.id)
    known = next((one for one in own if one.title == title), None)
    if known is None and len(own) >= lists.MOST:
        raise _Failed("too many")
    if target.id != me.id:
        relationships.follow(writer, me, target)
    known = known or lists.add(writer, me.id, title, "list", exclusive=False)
    relationships.put_into_list(writer, me, known, target)


async def _bookmark(services: Services, me: Actor, cells: Sequence[str]) -> None:
    await services.resolver.post(cells[0], Budget(pool=Pool.BACKGROUND))
    await services.database.write(_mark, me, cells[0])


def _mark(writer: Writer, me: Actor, uri: str) -> None:
    post = visible_posts.by_uri(writer, Member(me.id), uri)
    if post is None:
        raise _Failed("not found")
    bookmarks.add(writer, me.id, post.id)


async def _block_host(services: Services, me: Actor, cells: Sequence[str]) -> None:
    database, host = services.database, server_name(cells[0])
    if host in (database.site.domain.lower(), database.site.web_domain.lower()):
        raise _Failed("not allowed")
    if not await database.write(relationships.block_host, me, host):
        raise _Failed("too many")
    while await database.write(relationships.part_from_host, me, host):
        pass


_DOING: Mapping[ImportKind, Doing] = {
    "follows": _follow,
    "blocks": _block,
    "mutes": _mute,
    "lists": _list,
    "bookmarks": _bookmark,
    "domain_blocks": _block_host,
}


KINDS: tuple[ImportKind, ...] = tuple(_DOING)


async def _person(services: Services, handle: str) -> Actor:
    name, domain = _handle(services.database.site, handle)
    return await services.resolver.handle(name, domain, Budget(pool=Pool.BACKGROUND))
