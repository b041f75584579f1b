"""The words of posts as they are searched for: an index beside the posts, written with them."""

import re
from collections.abc import Iterator
from html import unescape
from json import dumps

from storage.engine.ids import PostId
from storage.engine.transaction import Reader, Row, Writer

LINK = "link"
_ENDS = re.compile(r"<(?:/?(?:p|br|li|ul|ol|pre|blockquote|h[1-6])\b[^<>]*)>", re.IGNORECASE)
_MARKUP = re.compile(r"<[^<>]*>")
_ANCHOR = re.compile(r"<a\s([^<>]*)>", re.IGNORECASE)
_ADDRESSED = re.compile(r"""class=["'][^"']*\b(?:mention|hashtag)\b""", re.IGNORECASE)


def plain(html: str) -> str:
    """The text of safe HTML, in one line for each paragraph."""
    return unescape(_MARKUP.sub("", _ENDS.sub("\n", html)))


def marks(html: str) -> str:
    """Marks of a text to search by: whether it links to anything but people and hashtags."""
    links = (anchor.group(1) for anchor in _ANCHOR.finditer(html))
    return LINK if any(not _ADDRESSED.search(link) for link in links) else ""


_SAID = """
    SELECT p.id, p.title, p.spoiler, p.content,
    (SELECT group_concat(po.title, char(10)) FROM poll_options po WHERE po.post = p.id),
    (SELECT group_concat(md.description, char(10)) FROM media md WHERE md.post = p.id)
    FROM posts p WHERE p.deleted_at IS NULL AND p.id
    """


def of_posts(reader: Reader, posts: list[PostId]) -> Iterator[tuple[PostId, str]]:
    """(post, all that it says): title, content warning, text, choices, descriptions."""
    rows = reader.rows(f"{_SAID} IN (SELECT value FROM json_each(?))", dumps(posts))
    return ((row[0], _join(row)) for row in rows)


def _join(row: Row) -> str:
    _, title, spoiler, content, choices, descriptions = row
    return "\n".join(filter(None, (title, spoiler, plain(content), choices, descriptions)))


def index(writer: Writer, post: PostId) -> None:
    """Index a post as it reads now; what is gone is found no more."""
    remove(writer, post)
    writer.execute_many(
        "INSERT INTO post_words (rowid, words, marks) VALUES (?, ?, ?)",
        [(row[0], _join(row), marks(row[3])) for row in writer.rows(f"{_SAID} = ?", post)],
    )


def add(writer: Writer, post: PostId, title: str, spoiler: str, content: str) -> None:
    """Add a new post, which has no choices and no descriptions yet."""
    writer.execute(
        "INSERT INTO post_words (rowid, words, marks) VALUES (?, ?, ?)",
        post,
        _join((post, title, spoiler, content, None, None)),
        marks(content),
    )


def remove(writer: Writer, post: PostId) -> None:
    writer.execute("DELETE FROM post_words WHERE rowid = ?", post)
