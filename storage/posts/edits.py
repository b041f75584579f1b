"""Versions of posts before they were edited; the row of the post holds how it reads now."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from json import dumps, loads
from typing import Any

from storage.engine.clock import milliseconds, moment
from storage.engine.ids import PostId
from storage.engine.transaction import Reader, Writer
from storage.posts.posts import Post

MOST = 100


@dataclass(frozen=True, slots=True)
class Edit:
    """Version of a post; `beside` has the rest: {poll: [title], media: [{id, description}]}."""

    title: str
    content: str
    spoiler: str
    sensitive: bool
    beside: Mapping[str, Any]
    since: datetime


def keep(writer: Writer, post: Post, beside: Mapping[str, Sequence[Any]]) -> None:
    """Keep a post's version before it changes. Of very many, the oldest are forgotten."""
    writer.execute(
        "INSERT INTO post_edits (id, post, title, content, source, spoiler, sensitive, language,"
        " beside, since) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        writer.new_id(),
        post.id,
        post.title,
        post.content,
        post.source,
        post.spoiler,
        post.sensitive,
        post.language,
        dumps(beside),
        milliseconds(post.edited_at or post.published_at),
    )
    writer.execute(
        "DELETE FROM post_edits WHERE id IN (SELECT id FROM post_edits WHERE post = ?"
        " ORDER BY id DESC LIMIT -1 OFFSET ?)",
        post.id,
        MOST,
    )


def of(reader: Reader, post: PostId) -> list[Edit]:
    """Edits of a post, all of them, the oldest first."""
    rows = reader.rows(
        "SELECT title, content, spoiler, sensitive, beside, since FROM post_edits"
        " WHERE post = ? ORDER BY id",
        post,
    )
    return [
        Edit(title, content, spoiler, bool(sensitive), loads(beside), moment(since))
        for title, content, spoiler, sensitive, beside, since in rows
    ]
