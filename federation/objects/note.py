"""`Note` and what is read like one: an author's words for an audience."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from federation.errors import Malformed
from federation.objects import attachment, emoji, interaction_policy, poll
from federation.objects.attachment import Attachment
from federation.objects.interaction_policy import OPEN, InteractionPolicy
from federation.objects.poll import Poll
from federation.transport.media_types import is_html, is_plain_text
from federation.transport.urls import same_origin
from federation.vocabulary.addressing import Addressed
from federation.vocabulary.json_documents import (
    Document,
    is_a,
    kind,
    moment,
    natural,
    optional_uri,
    says_hidden,
    uri_of,
    uris_of,
)
from federation.vocabulary.language_tags import parse_language
from federation.vocabulary.sanitize_html import (
    SafeHtml,
    clean,
    escape_markup,
    from_text,
    line,
    safe_url,
    trust,
    web_address,
)
from federation.vocabulary.uris import PUBLIC_ALIASES
from storage.media.emojis import Emoji

TYPES = ("Note", "Article", "Page", "Question", "Event", "Video", "Audio", "Image", "Document")
_LINKED = ("Page", "Event", "Video", "Audio", "Image", "Document")  # shown by title and address

MOST_MENTIONS = 50
MOST_TAGS = 50
MOST_CONTENT = 100_000
MOST_LINKS = 4  # of a page


@dataclass(frozen=True, slots=True)
class Mention:
    """`name` is the handle as the text says it."""

    href: str
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Note:
    """An object that people read. `own` holds what only a post of ours knows beforehand.

    `vote` is set on what is no post but a choice in the poll that it answers. `quote` is the URI
    of what is quoted, `stamp` that of its author's consent (FEP-044f).
    """

    id: str
    author: str
    content: SafeHtml
    type: str = "Note"
    title: str = ""
    spoiler: str = ""
    sensitive: bool = False
    language: str | None = None
    published: datetime | None = None
    updated: datetime | None = None
    url: str | None = None
    in_reply_to: str | None = None
    context: str | None = None
    to: tuple[str, ...] = ()
    cc: tuple[str, ...] = ()
    mentions: tuple[Mention, ...] = ()
    hashtags: tuple[str, ...] = ()
    tag_links: tuple[str, ...] = ()
    source: str | None = None
    own: Addressed | None = field(default=None)
    application: int | None = None
    poll: Poll | None = None
    vote: str = ""
    quote: str | None = None
    stamp: str | None = None
    policies: InteractionPolicy = OPEN
    attachments: tuple[Attachment, ...] = ()
    emojis: tuple[Emoji, ...] = ()
    emoji_tags: tuple[Mapping[str, Any], ...] = ()

    @property
    def named(self) -> tuple[str, ...]:
        """URIs of people addressed, collections and the public left out as far as one can tell."""
        collections = {*PUBLIC_ALIASES, f"{self.author}/followers"}  # as nearly everybody has it
        people = [uri for uri in (*self.to, *self.cc) if uri not in collections]
        return tuple(dict.fromkeys([*people, *(mention.href for mention in self.mentions)]))


def parse(document: Document, by: str | None = None) -> Note:
    """Read any of TYPES. Of several authors `by` counts, where they are one. Raises Malformed."""
    type_ = kind(document, TYPES)
    if type_ not in TYPES:
        raise Malformed(f"Objects of the type {type_[:40]} are not read here.")
    id_, author = uri_of(document.get("id")), _author(document, by)
    if not same_origin(id_, author):
        raise Malformed("A post and its author belong to one server; these do not.")
    content, language = _content(document)
    title = line(document.get("name"), 300) if type_ != "Note" else ""
    return Note(
        id=id_,
        type=type_,
        author=author,
        title=title,
        content=_render_text(document, type_, title, content),
        spoiler=_spoiler(document, type_),
        sensitive=says_hidden(document, "sensitive"),
        language=language,
        published=moment(document, "published"),
        updated=moment(document, "updated"),
        url=link(document.get("url")),
        in_reply_to=optional_uri(document.get("inReplyTo")),
        context=_context(document),
        to=tuple(uris_of(document.get("to"))),
        cc=tuple(uris_of(document.get("cc"))),
        mentions=_mentions(document),
        hashtags=_hashtags(document),
        poll=poll.parse(document) if type_ == "Question" else None,
        vote=_vote(document, type_, content),
        quote=_quote(document),
        stamp=_address(document, "quoteAuthorization"),
        policies=interaction_policy.parse(document, author),
        attachments=attachment.parse(document),
        emojis=emoji.parse(document, author),
    )


def _vote(document: Document, type_: str, content: str) -> str:
    """The option that is chosen: a Note with a name, an answer to a poll, and no words."""
    if type_ != "Note" or content or document.get("attachment"):
        return ""
    if document.get("inReplyTo") is None:
        return ""
    return line(document.get("name"), poll.MOST_TITLE)


def _quote(document: Document) -> str | None:
    """Quote as FEP-044f, Misskey and Fedibird say it."""
    for name in ("quote", "quoteUri", "quoteUrl", "_misskey_quote"):
        found = _address(document, name)
        if found:
            return found
    return None


def _address(document: Document, name: str) -> str | None:
    """An address in a field that some software fills with something else."""
    found = uris_of(document.get(name), 1)
    return safe_url(found[0]) if found else None


def _author(document: Document, by: str | None) -> str:
    """Author: of several who says it, else the first person, else the first of its server.

    The others get no authority by it (SECURITY 16). A video names its channel beside them.
    """
    value = document.get("attributedTo")
    if not isinstance(value, list) or len(value) < 2:
        return uri_of(value)
    named = uris_of(value)
    if by is not None and by in named:
        return by
    people = uris_of([v for v in value if isinstance(v, dict) and is_a(v, "Person")])
    site = [uri for uri in (*people, *named) if same_origin(uri, uri_of(document.get("id")))]
    if not site:
        raise Malformed("A post and its author belong to one server; these do not.")
    return site[0]


def _content(document: Document) -> tuple[str, str | None]:
    """The text and, where it says so, its language."""
    text = (natural(document, "content") or "")[:MOST_CONTENT]
    if is_plain_text(document.get("mediaType")):
        text = str(from_text(text))
    return text, _language(document, text)


def _language(document: Document, text: str) -> str | None:
    """Language of the text: by the map that has it, or the only one there, or as it is told."""
    by_language = document.get("contentMap")
    named = by_language if isinstance(by_language, Mapping) else {}
    same = [tag for tag, value in named.items() if value == document.get("content")]
    told = document.get("language")
    if isinstance(told, Mapping):  # Lemmy, PeerTube and PieFed: {"identifier": "fr", "name": …}
        told = told.get("identifier")
    for tag in (*same, *(named if len(named) == 1 else ()), told):
        found = parse_language(tag)
        if found is not None:
            return found
    return None


def _render_text(document: Document, type_: str, title: str, content: str) -> SafeHtml:
    """Text to show; whatever is not a Note or an Article is shown by title, text and address."""
    if type_ not in _LINKED:
        return clean(content)
    addresses = dict.fromkeys([*_links_attached(document), *filter(None, [_page(document)])])
    where = "".join(
        f'<p><a href="{escape_markup(one)}">{escape_markup(one)}</a></p>' for one in addresses
    )
    return clean(f"<p><strong>{escape_markup(title)}</strong></p>{content}{where}")


def _links_attached(document: Document) -> list[str]:
    """Addresses that a page is about (Lemmy, PieFed: `attachment` of the type Link)."""
    value = document.get("attachment")
    listed = value if isinstance(value, list) else [value]
    links = [one for one in listed if isinstance(one, dict) and is_a(one, "Link")]
    found = (web_address(one.get("href")) for one in links)
    return [address for address in found if address][:MOST_LINKS]


def _page(document: Document) -> str | None:
    """Page for people: as it says, else the post's own address."""
    return link(document.get("url")) or safe_url(document.get("id"))


def _spoiler(document: Document, type_: str) -> str:
    """A summary is a warning on a Note or a Question, and a summary on everything else."""
    return line(natural(document, "summary"), 500) if type_ in ("Note", "Question") else ""


def _context(document: Document) -> str | None:
    for name in ("context", "conversation"):
        value = document.get(name)
        if isinstance(value, str) and len(value) <= 2048:
            return value
    return None


def link(value: object) -> str | None:
    """The page for people among what `url` may hold."""
    values = value if isinstance(value, list) else [value]
    links = [v for v in values if isinstance(v, dict)]
    html = [v.get("href") for v in links if is_html(v.get("mediaType"))]
    plain = [v for v in values if isinstance(v, str)]
    for candidate in (*html, *plain, *(v.get("href") for v in links)):
        found = web_address(candidate)
        if found:
            return found
    return None


def _tags(document: Document, type_: str) -> list[dict[str, Any]]:
    tags = document.get("tag")
    listed = tags if isinstance(tags, list) else [tags]
    return [tag for tag in listed if isinstance(tag, dict) and is_a(tag, type_)]


def _mentions(document: Document) -> tuple[Mention, ...]:
    found = [
        Mention(tag["href"], line(tag.get("name"), 200))
        for tag in _tags(document, "Mention")
        if isinstance(tag.get("href"), str)
    ]
    return tuple(found[:MOST_MENTIONS])


def _hashtags(document: Document) -> tuple[str, ...]:
    names = [line(tag.get("name"), 100).lstrip("#") for tag in _tags(document, "Hashtag")]
    return tuple(dict.fromkeys(name for name in names if name))[:MOST_TAGS]


def render(note: Note) -> Document:
    """The wire's form of one of ours, without a context."""
    if note.vote:
        return _render_vote(note)
    document: dict[str, Any] = {
        "id": note.id,
        "type": note.type,
        "attributedTo": note.author,
        "content": str(note.content),
        "to": list(note.to),
        "cc": list(note.cc),
        "tag": _render_tags(note),
        "sensitive": note.sensitive,
    }
    if note.attachments:
        document["attachment"] = attachment.render(note.attachments)
    optional = {
        "summary": note.spoiler or None,
        "contentMap": {note.language: str(note.content)} if note.language else None,
        "inReplyTo": note.in_reply_to,
        "context": note.context,
        "url": note.url,
        "published": stamp(note.published),
        "updated": stamp(note.updated),
        "quote": note.quote,
        "interactionPolicy": _render_policy(note),
        **(poll.render(note.poll, stamp(note.poll.closes)) if note.poll else {}),
    }
    return document | {name: value for name, value in optional.items() if value is not None}


def _render_vote(note: Note) -> Document:
    return {
        "id": note.id,
        "type": "Note",
        "attributedTo": note.author,
        "name": note.vote,
        "inReplyTo": note.in_reply_to,
        "to": list(note.to),
    }


def _render_policy(note: Note) -> Document | None:
    """Policy of what can be quoted, or is not open to all."""
    if note.policies == OPEN and not PUBLIC_ALIASES.intersection((*note.to, *note.cc)):
        return None
    return interaction_policy.render(note.policies, note.author, f"{note.author}/followers")


def _render_tags(note: Note) -> list[Mapping[str, Any]]:
    mentions = [{"type": "Mention", "href": m.href, "name": m.name} for m in note.mentions]
    hashtags = [
        {"type": "Hashtag", "href": href, "name": f"#{name}"}
        for name, href in zip(note.hashtags, note.tag_links, strict=False)
    ]
    return [*mentions, *hashtags, *note.emoji_tags]


def stamp(when: datetime | None) -> str | None:
    """RFC 3339 in UTC, to the millisecond."""
    if when is None:
        return None
    return when.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def read_stored(text: str) -> SafeHtml:
    """Read back what was cleaned before it was kept."""
    return trust(text)


def mention_names(mentions: Sequence[Mention]) -> dict[str, str]:
    return {mention.href: mention.name for mention in mentions}
