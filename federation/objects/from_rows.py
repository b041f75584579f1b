"""What hangs on a post of ours and which emoji it says, as other servers read it."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from federation.objects import emoji as emoji_object
from federation.objects.attachment import Attachment
from federation.vocabulary import media_urls
from storage.engine.site import Site
from storage.engine.transaction import Reader
from storage.media import emojis
from storage.media.attachments import Media
from storage.people.actors import Actor


def attachments(site: Site, rows: Sequence[Media], *, open_to_all: bool) -> tuple[Attachment, ...]:
    """In their order; addresses of what is not open to all are bare (media_links)."""
    link = media_urls.public if open_to_all else media_urls.private
    return tuple(
        Attachment(
            url=link(site, row.file),
            mime=row.mime,
            description=row.description,
            blurhash=row.blurhash,
            width=row.width,
            height=row.height,
            focus=(row.focus_x, row.focus_y),
            id=row.id,
        )
        for row in rows
        if row.file is not None
    )


def emoji_tags(reader: Reader, texts: Iterable[str]) -> tuple[Mapping[str, Any], ...]:
    """Of the emoji of ours that are said in the texts, by name."""
    said = emoji_object.said_in(texts)
    found = emojis.known(reader, [("", name) for name in said]) if said else {}
    return tuple(emoji_object.render(reader.site, found[name]) for name in sorted(found))


def emoji_tags_of(reader: Reader, actor: Actor) -> tuple[Mapping[str, Any], ...]:
    """Of those that somebody of ours says of themselves."""
    fields = [text for field in actor.fields for text in (field.name, field.value)]
    return emoji_tags(reader, [actor.display_name, actor.summary, *fields])
