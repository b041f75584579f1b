"""`Emoji`: a picture for `:shortcode:`, as AS2 ↔ values."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Final

from federation.objects.attachment import address
from federation.transport.urls import same_origin
from federation.vocabulary import media_urls, uris
from federation.vocabulary.json_documents import Document, is_a, moment
from federation.vocabulary.sanitize_html import SHORTCODES
from storage.engine.clock import clamp
from storage.engine.clock import moment as instant
from storage.engine.site import Site
from storage.media.emojis import Emoji

MOST: Final = 64
SHORTCODE: Final = re.compile(r"[A-Za-z0-9_]{1,64}")
_MIME: Final = {"png": "image/png", "gif": "image/gif", "webp": "image/webp", "jpg": "image/jpeg"}


def find_shortcodes(texts: Iterable[str]) -> set[str]:
    """The shortcodes that texts, or markup, may mean."""
    return {name for text in texts if ":" in text for name in SHORTCODES.findall(text)}


def parse(document: Document, owner: str) -> tuple[Emoji, ...]:
    """Emoji among the tags of what `owner` said; domain and number are for whoever keeps them."""
    tags = document.get("tag")
    listed = tags if isinstance(tags, list) else [tags]
    found = [_one(tag, owner) for tag in listed if isinstance(tag, dict)]
    named = {emoji.shortcode: emoji for emoji in found if emoji is not None}
    return tuple(named.values())[:MOST]


def _one(tag: Document, owner: str) -> Emoji | None:
    name, icon = tag.get("name"), tag.get("icon")
    icon = icon[0] if isinstance(icon, list) and icon else icon
    if not is_a(tag, "Emoji") or not isinstance(name, str) or not isinstance(icon, dict):
        return None
    shortcode, url = name[:200].strip().strip(":"), address(icon.get("url"))
    if url is None or not SHORTCODE.fullmatch(shortcode):
        return None
    return Emoji(
        id=0,
        shortcode=shortcode,
        uri=_uri(tag.get("id"), owner),
        remote_url=url,
        updated_at=moment(tag, "updated") or instant(0),
    )


def _uri(value: object, owner: str) -> str | None:
    """Address of an emoji on its owner's server; any other is no name of it (SECURITY 18)."""
    found = address(value)
    return found if found and same_origin(found, owner) else None


def at_most(found: Sequence[Emoji], now: datetime) -> list[Emoji]:
    """Emoji with no change dated in the future (SECURITY 27)."""
    return [replace(one, updated_at=clamp(one.updated_at, now)) for one in found]


def render(site: Site, emoji: Emoji) -> Document:
    """Render one of our emoji, without a context."""
    file = emoji.file or ""
    return {
        "id": uris.emoji(site, emoji.id),
        "type": "Emoji",
        "name": f":{emoji.shortcode}:",
        "updated": emoji.updated_at.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "icon": {
            "type": "Image",
            "mediaType": _MIME.get(file.rpartition(".")[2], "image/png"),
            "url": media_urls.public(site, file),
        },
    }
