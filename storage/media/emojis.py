"""Custom emoji: pictures that stand for `:shortcode:`, ours and those that other servers showed."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from datetime import datetime
from json import dumps

from storage.engine.clock import milliseconds, moment
from storage.engine.errors import Conflict
from storage.engine.transaction import Reader, Row, Writer

CHANGED = "emoji"  # one of ours looks different, and so does any of ours who says it


@dataclass(frozen=True, slots=True)
class Emoji:
    """`domain` is the host of its origin, "" is ours.

    Ours have files in the media folder, `still` without movement; others' have a `remote_url`.
    """

    id: int
    shortcode: str
    domain: str = ""
    uri: str | None = None
    file: str | None = None
    still: str | None = None
    remote_url: str | None = None
    category: str | None = None
    visible: bool = True
    updated_at: datetime = field(default=moment(0))


Name = tuple[str, str]
"""(domain, shortcode)"""

_COLUMNS = (
    "emojis.id, shortcode, domain, uri, file, still, remote_url, category, visible, updated_at"
)


def _from_row(row: Row) -> Emoji:
    id_, shortcode, domain, uri, file, still, remote_url, category, visible, updated_at = row
    return Emoji(
        id_,
        shortcode,
        domain,
        uri,
        file,
        still,
        remote_url,
        category,
        bool(visible),
        moment(updated_at),
    )


def find_many(reader: Reader, wanted: Collection[Name]) -> dict[Name, Emoji]:
    """Existing emoji among those wanted, by domain and shortcode."""
    rows = reader.rows(
        f"SELECT {_COLUMNS} FROM json_each(?) j CROSS JOIN emojis"
        " ON domain = j.value ->> 0 AND shortcode = j.value ->> 1",
        dumps(sorted(set(wanted))),
    )
    return {(emoji.domain, emoji.shortcode): emoji for emoji in map(_from_row, rows)}


def by_id(reader: Reader, id_: int) -> Emoji | None:
    row = reader.row(f"SELECT {_COLUMNS} FROM emojis WHERE id = ?", id_)
    return _from_row(row) if row else None


def by_file(reader: Reader, file: str) -> Emoji | None:
    """Emoji of ours, by the name of its file or of the one without movement."""
    row = reader.row(f"SELECT {_COLUMNS} FROM emojis WHERE file = ? OR still = ?", file, file)
    return _from_row(row) if row else None


def ours(reader: Reader) -> list[Emoji]:
    """Emoji of ours by category and name; those without a category first."""
    rows = reader.rows(
        f"SELECT {_COLUMNS} FROM emojis WHERE domain = '' ORDER BY category, shortcode"
    )
    return list(map(_from_row, rows))


def add(writer: Writer, emoji: Emoji) -> None:
    """Raises Conflict where there is one of that name."""
    if find_many(writer, [(emoji.domain, emoji.shortcode)]):
        raise Conflict("shortcode")
    writer.execute(
        "INSERT INTO emojis (id, shortcode, domain, uri, file, still, remote_url, category,"
        " visible, updated_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        emoji.id,
        emoji.shortcode,
        emoji.domain,
        emoji.uri,
        emoji.file,
        emoji.still,
        emoji.remote_url,
        emoji.category,
        emoji.visible,
        writer.now_ms,
    )
    if emoji.domain == "":
        _show_anew(writer, emoji.shortcode)


def remove(writer: Writer, shortcode: str) -> Emoji | None:
    """Take away one of ours; returns what it was."""
    emoji = find_many(writer, [("", shortcode)]).get(("", shortcode))
    if emoji is not None:
        writer.execute("DELETE FROM emojis WHERE id = ?", emoji.id)
        _show_anew(writer, shortcode)
    return emoji


def _show_anew(writer: Writer, shortcode: str) -> None:
    """Mark whatever of ours names the emoji as changed: it looks different now."""
    said = f":{shortcode}:"
    writer.execute_named(
        "UPDATE posts SET version = version + 1 WHERE local AND deleted_at IS NULL"
        " AND (instr(content, :said) OR instr(spoiler, :said) OR EXISTS"
        " (SELECT 1 FROM poll_options po WHERE po.post = posts.id AND instr(po.title, :said)))",
        {"said": said},
    )
    writer.execute_named(
        "UPDATE actors SET version = version + 1 WHERE domain = ''"
        " AND (instr(display_name, :said) OR instr(summary, :said) OR instr(fields, :said))",
        {"said": said},
    )
    writer.after_commit(CHANGED)


def learn(writer: Writer, domain: str, stated: Iterable[Emoji]) -> None:
    """Keep what a server says of its own emoji; an older saying changes nothing.

    Number and domain of what is stated do not count. Whatever names them may look different now:
    `hosts.emojis` is in the keys of what is kept.
    """
    if domain == "":
        raise ValueError("ours are made here, not learned")
    there = list(stated)
    before = find_many(writer, [(domain, emoji.shortcode) for emoji in there]) if there else {}
    changed = False
    for emoji in there:
        one = before.get((domain, emoji.shortcode))
        if one is None or _is_newer(emoji, one):
            _learn(writer, domain, emoji, one)
            changed = True
    if changed:
        writer.execute(
            "INSERT INTO hosts (host, emojis) VALUES (?, 1)"
            " ON CONFLICT (host) DO UPDATE SET emojis = emojis + 1",
            domain,
        )


def _learn(writer: Writer, domain: str, emoji: Emoji, before: Emoji | None) -> None:
    writer.execute(
        "INSERT INTO emojis (id, shortcode, domain, uri, remote_url, updated_at)"
        " VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (shortcode, domain) DO UPDATE SET"
        " remote_url = excluded.remote_url, updated_at = excluded.updated_at",
        writer.new_id(),
        emoji.shortcode,
        domain,
        None if before else _free(writer, emoji.uri),
        emoji.remote_url,
        milliseconds(emoji.updated_at),
    )


def _is_newer(stated: Emoji, one: Emoji) -> bool:
    return stated.remote_url != one.remote_url and (
        stated.updated_at > one.updated_at or stated.updated_at == moment(0) == one.updated_at
    )


def _free(reader: Reader, uri: str | None) -> str | None:
    """A URI names one emoji: whoever had it first keeps it."""
    taken = reader.row("SELECT 1 FROM emojis WHERE uri = ?", uri)
    return None if taken else uri
