"""Custom emoji as `CustomEmoji`, and which of them a text uses."""

from collections.abc import Mapping, Sequence
from typing import TypeVar

from federation.objects.emoji import find_shortcodes
from federation.vocabulary import media_urls
from server.entities import shapes
from storage.engine.site import Site
from storage.engine.transaction import Reader
from storage.media import emojis
from storage.media.emojis import Emoji
from storage.people.actors import Actor

Key = TypeVar("Key")
Said = tuple[str, Sequence[str]]
"""(host of whoever said it, "" is ours; texts or markup)"""


def render(site: Site, emoji: Emoji) -> shapes.CustomEmoji:
    url, still = addresses(site, emoji)
    return {
        "shortcode": emoji.shortcode,
        "url": url,
        "static_url": still,
        "visible_in_picker": emoji.visible,
        "category": emoji.category,
    }


def addresses(site: Site, emoji: Emoji) -> tuple[str, str]:
    """Addresses of the picture, and of the one that does not move."""
    if emoji.file is not None:
        still = emoji.still or emoji.file
        return media_urls.public(site, emoji.file), media_urls.public(site, still)
    url = emoji.remote_url or ""
    return (
        media_urls.proxy_address(site, "emoji", emoji.id, url),
        media_urls.proxy_address(site, "still", emoji.id, url),
    )


def find_used(reader: Reader, said: Mapping[Key, Said]) -> dict[Key, list[shapes.CustomEmoji]]:
    """Emoji that each text uses, by name: those of its own server. At most one statement."""
    return {
        key: [render(reader.site, emoji) for emoji in found]
        for key, found in rows(reader, said).items()
    }


def rows(reader: Reader, said: Mapping[Key, Said]) -> dict[Key, list[Emoji]]:
    """Rows of the emoji that each text uses."""
    named = {key: (host, find_shortcodes(texts)) for key, (host, texts) in said.items()}
    wanted = {(host, name) for host, names in named.values() for name in names}
    known = emojis.find_many(reader, wanted) if wanted else {}
    return {
        key: [known[host, name] for name in sorted(names) if (host, name) in known]
        for key, (host, names) in named.items()
    }


def texts_of(actor: Actor) -> Said:
    """Texts that an actor says of themselves."""
    fields = [text for field in actor.fields for text in (field.name, field.value)]
    return actor.host, (actor.display_name, actor.summary, *fields)
