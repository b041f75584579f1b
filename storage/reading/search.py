"""Posts by their words: what a member may search, which is less than what they may see.

Their own posts, those that name them, what they liked, shared or keep, and public posts of people
who want to be found (`indexable`).
"""

import sqlite3
from dataclasses import dataclass, replace
from json import dumps

from storage.engine.ids import ActorId, PostId
from storage.engine.pagination import Page
from storage.engine.transaction import Reader, Writer
from storage.people.hidden_accounts import NOT_HIDDEN
from storage.posts import search_index
from storage.posts.visibility import ALIVE, PEOPLE, Member, predicate
from storage.queues import jobs
from storage.queues.job_kinds import IndexPosts

SLICE = 200
MOST_OFFSET = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchFilter:
    """Criteria of a search. Flags are None where it does not matter; moments in milliseconds.

    Every one of `words` (each a word or a phrase) is in the post, none of `not_words` is. `where`
    is all, library (what the member has to do with) or public.
    """

    words: tuple[str, ...] = ()
    not_words: tuple[str, ...] = ()
    authors: tuple[ActorId, ...] | None = None
    not_authors: tuple[ActorId, ...] = ()
    media: bool | None = None
    poll: bool | None = None
    link: bool | None = None
    reply: bool | None = None
    sensitive: bool | None = None
    languages: tuple[str, ...] | None = None
    not_languages: tuple[str, ...] = ()
    since: int | None = None
    until: int | None = None
    where: str = "all"

    @property
    def asks(self) -> bool:
        """Whether it narrows what is looked at; a walk through everything is no search."""
        return bool(self.words) or self.authors is not None or self.where == "library"


_OWN = (
    "p.author = :me"
    " OR EXISTS (SELECT 1 FROM post_recipients r WHERE r.post = p.id AND r.actor = :me)"
    " OR EXISTS (SELECT 1 FROM favourites fv WHERE fv.post = p.id AND fv.actor = :me)"
    " OR EXISTS (SELECT 1 FROM boosts bo WHERE bo.post = p.id AND bo.actor = :me)"
    " OR EXISTS (SELECT 1 FROM bookmarks bm WHERE bm.post = p.id AND bm.actor = :me)"
)
_OPEN = "(a.kind = 'public' AND p.listed AND w.indexable)"
_SCOPE = f"((:where <> 'public' AND ({_OWN})) OR (:where <> 'library' AND {_OPEN}))"
# Walked through when nothing else narrows it: what the member has to do with, each by its index.
_LIBRARY = (
    "SELECT id FROM posts WHERE author = :me UNION SELECT post FROM post_recipients"
    " WHERE actor = :me UNION SELECT post FROM favourites WHERE actor = :me UNION SELECT post"
    " FROM boosts WHERE actor = :me UNION SELECT post FROM bookmarks WHERE actor = :me"
)
_BY_TEXT = "p.id IN (SELECT rowid FROM post_words WHERE post_words MATCH :words)"
_BY_AUTHOR = "p.author IN (SELECT value FROM json_each(:authors))"
_BY_LIBRARY = f"p.id IN ({_LIBRARY})"

_MATCHES = (
    "(:not_words IS NULL OR p.id NOT IN"
    " (SELECT rowid FROM post_words WHERE post_words MATCH :not_words))"
    " AND (:authors IS NULL OR +p.author IN (SELECT value FROM json_each(:authors)))"
    " AND +p.author NOT IN (SELECT value FROM json_each(:not_authors))"
    " AND (:media IS NULL OR :media = EXISTS (SELECT 1 FROM media md WHERE md.post = p.id))"
    " AND (:poll IS NULL OR :poll = EXISTS (SELECT 1 FROM polls pl WHERE pl.post = p.id))"
    " AND (:link IS NULL OR :link = (p.id IN"
    " (SELECT rowid FROM post_words WHERE post_words MATCH 'marks : link')))"
    " AND (:reply IS NULL OR :reply = (p.in_reply_to_uri IS NOT NULL))"
    " AND (:sensitive IS NULL OR :sensitive = (p.sensitive OR p.spoiler <> ''))"
    " AND (:languages IS NULL OR p.language IN (SELECT value FROM json_each(:languages)))"
    " AND ifnull(p.language, '') NOT IN (SELECT value FROM json_each(:not_languages))"
    " AND (:since IS NULL OR p.published_at >= :since)"
    " AND (:until IS NULL OR p.published_at < :until)"
)


# Somebody silenced is found in words by nobody but themselves.
_HEARD = f"(NOT w.silenced OR w.id = :viewer) AND {NOT_HIDDEN}"


def posts(
    reader: Reader, me: ActorId, wanted: SearchFilter, page: Page, offset: int = 0
) -> list[PostId]:
    """Numbers of the posts that are found, newest first. What cannot be asked finds nothing."""
    if not wanted.asks or offset > MOST_OFFSET:
        return []
    may, values = predicate(Member(me))
    by = _BY_TEXT if wanted.words else _BY_AUTHOR if wanted.authors is not None else _BY_LIBRARY
    try:
        rows = reader.named(
            f"SELECT p.id FROM posts p {PEOPLE} WHERE {by} AND {_MATCHES} AND {_SCOPE}"
            f" AND {ALIVE} AND {may} AND {_HEARD} AND p.id < :below AND p.id > :above"
            f" ORDER BY p.id {page.order} LIMIT :limit OFFSET :offset",
            {**_values(reader, me, wanted), **values, **page.values, "offset": offset},
        )
    except sqlite3.OperationalError:  # SQLite could not read the words as we wrote them
        return []
    return sorted((id_ for (id_,) in rows), reverse=True)


def _values(reader: Reader, me: ActorId, wanted: SearchFilter) -> dict[str, object]:
    authors, languages = wanted.authors, wanted.languages
    return {
        "me": me,
        "viewer": me,
        "now": reader.now_ms,
        "words": " AND ".join(map(_quote, wanted.words)),
        "not_words": " OR ".join(map(_quote, wanted.not_words)) or None,
        "authors": None if authors is None else dumps(authors),
        "not_authors": dumps(wanted.not_authors),
        "media": wanted.media,
        "poll": wanted.poll,
        "link": wanted.link,
        "reply": wanted.reply,
        "sensitive": wanted.sensitive,
        "languages": None if languages is None else dumps(languages),
        "not_languages": dumps(wanted.not_languages),
        "since": wanted.since,
        "until": wanted.until,
        "where": wanted.where,
    }


def _quote(word: str) -> str:
    """Text as one string of the query language, so nothing in it means anything (SECURITY 87)."""
    return 'words : "' + word.replace('"', '""').replace("\0", " ") + '"'


# ---- posts that were there before the index was ----


def index_next(writer: Writer) -> bool:
    """Index some, newest first, as long as that is planned; whether there was anything."""
    job = jobs.next_due(writer, IndexPosts)
    if job is None:
        return False
    rows = writer.rows(
        "SELECT id FROM posts WHERE id < ? AND deleted_at IS NULL ORDER BY id DESC LIMIT ?",
        job.payload.below,
        SLICE,
    )
    for (id_,) in rows:
        search_index.index(writer, id_)
    if rows:
        jobs.plan(writer, replace(job.payload, below=rows[-1][0]))
    else:
        jobs.finish(writer, job)
    return True
