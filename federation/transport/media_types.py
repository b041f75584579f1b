"""Media types as others write them (RFC 9110 §8.3.1): one reader for headers and documents."""

import re
from typing import NamedTuple

ACTIVITYSTREAMS = "https://www.w3.org/ns/activitystreams"

_ESSENCE = re.compile(r"[a-z0-9!#$&^_.+-]{1,64}/[a-z0-9!#$&^_.+-]{1,64}")
_PARAMETER = re.compile(r";\s*([\w!#$%&'*+.^`|~-]+)\s*=\s*(\"(?:[^\"\\]|\\.)*\"|[^;]*)", re.ASCII)
_ESCAPE = re.compile(r"\\(.)")
_LONGEST = 1024
_HTML = ("text/html", "application/xhtml+xml")
_PLAIN = ("text/plain", "text/markdown", "text/x-markdown")


class MediaType(NamedTuple):
    """Type in small letters, empty for what is none, and its parameters by small names."""

    essence: str
    parameters: dict[str, str]


def parse_media_type(written: object) -> MediaType:
    """Read a media type with its parameters; the first of several with one name counts."""
    if not isinstance(written, str) or len(written) > _LONGEST:
        return MediaType("", {})
    essence, mark, rest = written.partition(";")
    essence = essence.strip().lower()
    parameters: dict[str, str] = {}
    for name, value in _PARAMETER.findall(mark + rest):
        parameters.setdefault(name.lower(), _unquote(value.strip()))
    return MediaType(essence if _ESSENCE.fullmatch(essence) else "", parameters)


def _unquote(value: str) -> str:
    return _ESCAPE.sub(r"\1", value[1:-1]) if value.startswith('"') else value


def is_activity(found: MediaType) -> bool:
    """Tell whether it may be read as ActivityPub (ActivityPub §3.2; SECURITY C29)."""
    if found.essence == "application/ld+json":
        return ACTIVITYSTREAMS in found.parameters.get("profile", "").split()
    return found.essence == "application/activity+json"


def is_html(written: object) -> bool:
    return parse_media_type(written).essence in _HTML


def is_plain_text(written: object) -> bool:
    """Tell whether the lines of the text are its lines: plain, or Markdown."""
    return parse_media_type(written).essence in _PLAIN
