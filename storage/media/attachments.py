"""Files that belong to an actor: pictures of them, and what hangs on posts.

Names are random, never from outside. Of what other servers show, only the address is kept.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from json import dumps
from typing import Literal

from storage.engine.clock import milliseconds
from storage.engine.ids import ActorId, PostId
from storage.engine.transaction import Reader, Row, Writer

MediaState = Literal["processing", "ready", "remote", "failed"]

Purpose = Literal["attachment", "avatar", "header"]


@dataclass(frozen=True, slots=True)
class Media:
    """`file` and `preview` are names in the media folder; bytes, pixels.

    The focus lies between (-1, -1), the lower left corner, and (1, 1). `state` is processing,
    ready, failed, or remote: then there is a `remote_url` and no file.
    """

    id: int
    owner: ActorId
    purpose: Purpose
    file: str | None
    mime: str
    bytes: int
    width: int | None
    height: int | None
    post: PostId | None = None
    position: int = 0
    preview: str | None = None
    remote_url: str | None = None
    blurhash: str | None = None
    description: str = ""
    focus_x: float = 0.0
    focus_y: float = 0.0
    state: MediaState = "ready"

    @property
    def type(self) -> str:
        """Type that clients take it for."""
        kind = self.mime.partition("/")[0]
        return kind if kind in ("image", "video", "audio") else "unknown"


_COLUMNS = (
    "id, owner, purpose, file, mime, bytes, width, height, post, position, preview, remote_url,"
    " blurhash, description, focus_x, focus_y, state"
)


def _from_row(row: Row) -> Media:
    return Media(*row)


def add(writer: Writer, media: Media) -> None:
    writer.execute(
        f"INSERT INTO media ({_COLUMNS}, created_at)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        media.id,
        media.owner,
        media.purpose,
        media.file,
        media.mime,
        media.bytes,
        media.width,
        media.height,
        media.post,
        media.position,
        media.preview,
        media.remote_url,
        media.blurhash,
        media.description,
        media.focus_x,
        media.focus_y,
        media.state,
        writer.now_ms,
    )


def by_id(reader: Reader, id_: int) -> Media | None:
    row = reader.row(f"SELECT {_COLUMNS} FROM media WHERE id = ?", id_)
    return _from_row(row) if row else None


def by_file(reader: Reader, file: str) -> Media | None:
    """Media by the name of the file or of its preview."""
    row = reader.row(f"SELECT {_COLUMNS} FROM media WHERE file = ? OR preview = ?", file, file)
    return _from_row(row) if row else None


def of_posts(reader: Reader, posts: Iterable[PostId]) -> dict[PostId, list[Media]]:
    """Attachments of each post, in its order; for posts that whoever asks may see."""
    rows = reader.rows(
        f"SELECT {_COLUMNS} FROM media WHERE post IN (SELECT value FROM json_each(?))"
        " ORDER BY post, position, id",
        dumps(sorted(set(posts))),
    )
    found: dict[PostId, list[Media]] = {}
    for media in map(_from_row, rows):
        if media.post is not None:
            found.setdefault(media.post, []).append(media)
    return found


def of_scheduled(reader: Reader, scheduled: Iterable[int]) -> dict[int, list[Media]]:
    """Attachments that wait for each post for later; whoever calls knows the order."""
    rows = reader.rows(
        f"SELECT {_COLUMNS}, scheduled FROM media"
        " WHERE scheduled IN (SELECT value FROM json_each(?))",
        dumps(sorted(set(scheduled))),
    )
    found: dict[int, list[Media]] = {}
    for *row, post in rows:
        found.setdefault(post, []).append(_from_row(tuple(row)))
    return found


def attachable(
    reader: Reader, owner: ActorId, wanted: Sequence[int], post: PostId | None = None
) -> list[Media]:
    """Attachments of the owner that hang on nothing, or on this post; in the order asked for.

    What waits for a post for later is not free.
    """
    rows = reader.rows(
        f"SELECT {_COLUMNS} FROM media WHERE id IN (SELECT value FROM json_each(?))"
        " AND owner = ? AND purpose = 'attachment' AND scheduled IS NULL"
        " AND (post IS NULL OR post = ?)",
        dumps(list(wanted)),
        owner,
        post,
    )
    found = {media.id: media for media in map(_from_row, rows)}
    return [found[id_] for id_ in dict.fromkeys(wanted) if id_ in found]


def attach(writer: Writer, post: PostId, ids: Sequence[int]) -> None:
    """Hang exactly these on a post, in this order; what hung there before hangs on nothing."""
    writer.execute(
        "UPDATE media SET post = NULL, created_at = ?"
        " WHERE post = ? AND id NOT IN (SELECT value FROM json_each(?))",
        writer.now_ms,
        post,
        dumps(list(ids)),
    )
    writer.execute_many(
        "UPDATE media SET post = ?, position = ? WHERE id = ?",
        [(post, position, id_) for position, id_ in enumerate(ids)],
    )


def describe(
    writer: Writer, id_: int, description: str | None, focus: tuple[float, float] | None
) -> None:
    """Set description and focus; None leaves either as it is."""
    if description is not None:
        writer.execute("UPDATE media SET description = ? WHERE id = ?", description, id_)
    if focus is not None:
        writer.execute("UPDATE media SET focus_x = ?, focus_y = ? WHERE id = ?", *focus, id_)


def replace_remote(writer: Writer, post: PostId, found: Sequence[Media]) -> None:
    """Replace what hangs on a post of another server; numbers are ours."""
    writer.execute("DELETE FROM media WHERE post = ? AND file IS NULL", post)
    for media in found:
        add(writer, media)


def remove(writer: Writer, file: str) -> None:
    writer.execute("DELETE FROM media WHERE file = ?", file)


def forget(writer: Writer, id_: int) -> None:
    """The row; its files go after the commit, or with the strays."""
    writer.execute("DELETE FROM media WHERE id = ?", id_)


def forget_unattached(writer: Writer, before: datetime) -> int:
    """Delete what was sent, or taken off a post, before this moment and is meant for none."""
    return writer.execute(
        "DELETE FROM media WHERE purpose = 'attachment' AND post IS NULL AND scheduled IS NULL"
        " AND created_at < ?",
        milliseconds(before),
    )


def files(reader: Reader) -> list[tuple[str, int]]:
    """(name, bytes) of every original that lies in the folder."""
    rows = reader.rows("SELECT file, bytes FROM media WHERE file IS NOT NULL ORDER BY file")
    return [(file, size) for file, size in rows]


def names(reader: Reader) -> set[str]:
    """Names of all files that are in the folder by right: originals, previews and emoji of ours."""
    rows = reader.rows(
        """
        SELECT file FROM media WHERE file IS NOT NULL
        UNION SELECT preview FROM media WHERE preview IS NOT NULL
        UNION SELECT file FROM emojis WHERE file IS NOT NULL
        UNION SELECT still FROM emojis WHERE still IS NOT NULL
        """
    )
    return {name for (name,) in rows}
