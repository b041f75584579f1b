"""`Document`, `Image` and their like: what hangs on a post, as AS2 ↔ values.

Nothing is fetched for it when it arrives.
"""

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from federation.transport.media_types import parse_media_type
from federation.vocabulary.json_documents import Document, kinds, natural
from federation.vocabulary.media_urls import Placeholder
from federation.vocabulary.sanitize_html import printable, web_address

MOST: Final = 16
LONGEST_DESCRIPTION: Final = 10_000
_TYPES: Final = {"Document": "", "Image": "image", "Video": "video", "Audio": "audio"}
_MIME: Final = re.compile(r"(?:image|video|audio)/[a-z0-9.+-]{1,60}")
_BLURHASH: Final = re.compile(r"[0-9A-Za-z#$%*+,\-.:;=?@\[\]^_{|}~]{6,200}")
_LARGEST: Final = 1 << 20  # pixels at one side
_ENDINGS: Final = {
    "jpg": "image/jpeg",
    "jpeg": "image/jpeg",
    "png": "image/png",
    "gif": "image/gif",
    "webp": "image/webp",
    "avif": "image/avif",
    "mp4": "video/mp4",
    "webm": "video/webm",
    "mov": "video/quicktime",
    "mp3": "audio/mpeg",
    "ogg": "audio/ogg",
    "flac": "audio/flac",
}
UNKNOWN: Final = "application/octet-stream"


@dataclass(frozen=True, slots=True, kw_only=True)
class Attachment:
    """A file and what it shows. Pixels; the focus lies between (-1, -1) and (1, 1).

    `id` is the number of one of ours, whose `url` is a placeholder where not everybody may see it.
    """

    url: str | Placeholder
    mime: str
    description: str = ""
    blurhash: str | None = None
    width: int | None = None
    height: int | None = None
    focus: tuple[float, float] = (0.0, 0.0)
    id: int | None = None


def parse(document: Document) -> tuple[Attachment, ...]:
    """The files among what is attached, the first ones; anything else is left out."""
    value = document.get("attachment")
    listed = value if isinstance(value, list) else [value]
    found = [_one(entry) for entry in listed if isinstance(entry, dict)]
    return tuple(one for one in found if one is not None)[:MOST]


def _one(entry: Document) -> Attachment | None:
    type_ = next((one for one in kinds(entry) if one in _TYPES), None)
    if type_ is None:
        return None
    url = address(entry.get("url"))
    if url is None:
        return None
    width, height = _side(entry.get("width")), _side(entry.get("height"))
    return Attachment(
        url=url,
        mime=_mime(entry, type_, url),
        description=_description(entry),
        blurhash=_blurhash(entry.get("blurhash")),
        width=width if height else None,
        height=height if width else None,
        focus=_focus(entry.get("focalPoint")),
    )


def address(value: object) -> str | None:
    """Address of a file, given as an address, a Link, or the first of several."""
    for one in value if isinstance(value, list) else [value]:
        found = web_address(one.get("href") if isinstance(one, dict) else one)
        if found:
            return found
    return None


def _mime(entry: Document, type_: str, url: str) -> str:
    """Type as it says; else by its kind and the ending of its address. The bytes decide later."""
    stated = parse_media_type(entry.get("mediaType")).essence
    if _MIME.fullmatch(stated):
        return stated
    guessed = _ENDINGS.get(url.partition("?")[0].rpartition(".")[2].lower(), "")
    kind = _TYPES[type_]
    if kind and not guessed.startswith(f"{kind}/"):
        return {"image": "image/jpeg", "video": "video/mp4", "audio": "audio/mpeg"}[kind]
    return guessed or UNKNOWN


def _description(entry: Document) -> str:
    """GoToSocial says it in `summary` as well."""
    text = natural(entry, "name") or natural(entry, "summary") or ""
    return tidy_description(text)


def tidy_description(text: str) -> str:
    """Description of a picture, as plain text."""
    return printable(text[: LONGEST_DESCRIPTION * 4]).strip()[:LONGEST_DESCRIPTION]


def is_blurhash(text: str) -> bool:
    """Whether it has the letters and the length that its first letter says (BlurHash)."""
    if not _BLURHASH.fullmatch(text):
        return False
    parts = _DIGITS.index(text[0])
    return len(text) == 4 + 2 * (parts % 9 + 1) * (parts // 9 + 1)


_DIGITS: Final = (
    "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz#$%*+,-.:;=?@[]^_{|}~"
)


def _blurhash(value: object) -> str | None:
    return value if isinstance(value, str) and is_blurhash(value) else None


def _side(value: object) -> int | None:
    """A number of pixels that there can be."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        return None
    return int(value) if 1 <= value <= _LARGEST else None


def _focus(value: object) -> tuple[float, float]:
    if not isinstance(value, list) or len(value) != 2:
        return (0.0, 0.0)
    return inside(value[0], value[1]) or (0.0, 0.0)


def inside(x: object, y: object) -> tuple[float, float] | None:
    """A focal point, moved to the edge where it lies outside; None for what is none."""
    for one in (x, y):
        if isinstance(one, bool) or not isinstance(one, int | float) or not math.isfinite(one):
            return None
    return _clamp(x), _clamp(y)


def _clamp(value: Any) -> float:
    return max(-1.0, min(1.0, float(value)))


def render(attached: Sequence[Attachment]) -> list[Document]:
    return [_render(one) for one in attached]


def _render(one: Attachment) -> Document:
    optional = {
        "name": one.description or None,
        "blurhash": one.blurhash,
        "width": one.width,
        "height": one.height,
        "focalPoint": list(one.focus) if one.focus != (0.0, 0.0) else None,
    }
    return {
        "type": "Document",
        "mediaType": one.mime,
        "url": one.url,
        **{name: value for name, value in optional.items() if value is not None},
    }
