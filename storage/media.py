"""Files that belong to an actor: here avatars and headers. Names are random, never from outside."""

from dataclasses import dataclass

from storage.units import Reader, Writer


@dataclass(frozen=True, slots=True)
class Media:
    """`file` is its name in the media folder; bytes, pixels."""

    id: int
    owner: int
    purpose: str
    file: str
    mime: str
    bytes: int
    width: int
    height: int


_COLUMNS = "id, owner, purpose, file, mime, bytes, width, height"


def add(writer: Writer, media: Media) -> None:
    writer.execute(
        f"INSERT INTO media ({_COLUMNS}, state, created_at)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, 'ready', ?)",
        media.id,
        media.owner,
        media.purpose,
        media.file,
        media.mime,
        media.bytes,
        media.width,
        media.height,
        writer.now_ms,
    )


def by_file(reader: Reader, file: str) -> Media | None:
    row = reader.row(f"SELECT {_COLUMNS} FROM media WHERE file = ?", file)
    return Media(*row) if row else None


def remove(writer: Writer, file: str) -> None:
    writer.execute("DELETE FROM media WHERE file = ?", file)


def files(reader: Reader) -> list[tuple[str, int]]:
    """(name, bytes) of everything that lies in the folder."""
    rows = reader.rows("SELECT file, bytes FROM media WHERE file IS NOT NULL ORDER BY file")
    return [(file, size) for file, size in rows]
