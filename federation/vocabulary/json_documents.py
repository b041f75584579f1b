"""Reading JSON that strangers wrote, and writing our own (SECURITY 21, 41)."""

import json
import math
import re
from collections.abc import Container, Iterator, Mapping
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import orjson

from federation.errors import Malformed

Document = Mapping[str, Any]

MOST_DEPTH = 32
MOST_NODES = 10_000
MOST_TEXT = 100_000
_STRUCTURES = ("@graph", "@included", "@reverse")
_INT64 = range(-(2**63), 2**63)

# Possessive, with an optional end: it takes any bytes in one pass and never looks back.
_STRING = re.compile(rb'"[^"\\]*+(?:\\.?+[^"\\]*+)*+"?+', re.DOTALL)
_WHITESPACE = b" \t\r\n"
_NOT_BRACKETS = bytes(set(range(256)) - set(b"[]{}"))
_SUSPECT_ESCAPE = re.compile(rb"\\u(?:0000|[dD][89A-Fa-f])")
_UNFIT = re.compile("[\\x00\\ud800-\\udfff]")
_MOMENT = re.compile(
    r"([0-9]{4})-([0-9]{2})-([0-9]{2})[Tt ]([0-9]{2}):([0-9]{2})"
    r"(?::([0-9]{2})(?:[.,]([0-9]{1,30}))?)? ?(?:([Zz])|([+-])([0-9]{2}):?([0-9]{2}))?"
)


def read(body: bytes) -> Document:
    """Parse an object strictly, or raise Malformed.

    The standard library's parser, since it lets us see equal keys and long integers, which
    orjson silently drops and rounds; measured, it is faster than orjson with those checks added.
    """
    _check_structure(body)
    try:
        document = _DECODER.decode(body.decode("utf-8"))
    except UnicodeDecodeError as error:
        raise Malformed("The document is not in UTF-8.") from error
    except json.JSONDecodeError as error:
        raise Malformed(f"This is not JSON, from character {error.pos + 1} on.") from error
    if not isinstance(document, dict):
        raise Malformed("The document is not a JSON object.")
    if _SUSPECT_ESCAPE.search(body) and any(map(_UNFIT.search, _texts(document))):
        raise Malformed("The document has a NUL or half a character.")
    return document


def _check_structure(body: bytes) -> None:
    """Depth and number of values, before anything is built from them."""
    if _openers(body) <= MOST_DEPTH and body.count(b",") < MOST_NODES - MOST_DEPTH:
        return  # both are below the limits even if all of them count
    bare = _without_strings(body)
    empty = bare.count(b"[]") + bare.count(b"{}")
    if 1 + bare.count(b",") + _openers(bare) - empty > MOST_NODES:
        raise Malformed("The document has too many parts.")
    _check_depth(bare)


def _openers(body: bytes) -> int:
    return body.count(b"[") + body.count(b"{")


def _without_strings(body: bytes) -> bytes:
    """The body with each string as one quotation mark and without whitespace."""
    # A value and a key for each node at most; the limit bounds the work on hostile bytes.
    bare, strings = _STRING.subn(b'"', body, count=2 * MOST_NODES + 1)
    if strings > 2 * MOST_NODES:
        raise Malformed("The document has too many parts.")
    return bare.translate(None, _WHITESPACE)


def _check_depth(bare: bytes) -> None:
    depth = 0
    for byte in bare.translate(None, _NOT_BRACKETS):
        depth += 1 if byte in b"[{" else -1
        if depth > MOST_DEPTH:
            raise Malformed("The document is nested too deeply.")


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) != len(pairs):
        raise Malformed("The document has the same key twice.")
    return value


def _integer(digits: str) -> int:
    # Python refuses to read thousands of digits; int64 has 19 and a sign.
    if len(digits) > 20 or (value := int(digits)) not in _INT64:
        raise Malformed("The document has a number that is too large.")
    return value


def _float(digits: str) -> float:
    value = float(digits)
    if not math.isfinite(value):
        raise Malformed("The document has a number that is too large.")
    return value


def _constant(name: str) -> float:
    raise Malformed(f"The document has a number that is none: {name}.")


def _texts(document: object) -> Iterator[str]:
    """Every string in it, keys included."""
    waiting: list[object] = [document]
    while waiting:
        value = waiting.pop()
        if isinstance(value, str):
            yield value
        elif isinstance(value, dict):
            waiting.extend(value)
            waiting.extend(value.values())
        elif isinstance(value, list):
            waiting.extend(value)


_DECODER = json.JSONDecoder(
    object_pairs_hook=_object, parse_int=_integer, parse_float=_float, parse_constant=_constant
)


def dump(document: Document) -> bytes:
    """UTF-8 JSON, keys in the order in which they were put in."""
    return orjson.dumps(document)


def refuse_structures(document: Document) -> None:
    """Refuse JSON-LD that says something else than it shows; a signature would cover both."""
    waiting: list[object] = [document]
    while waiting:
        value = waiting.pop()
        if isinstance(value, dict):
            _refuse_keys(value)
            waiting.extend(inner for key, inner in value.items() if key != "@context")
        elif isinstance(value, list):
            waiting.extend(value)


def _refuse_keys(document: Document) -> None:
    for name in _STRUCTURES:
        if name in document:
            raise Malformed(f"Documents with “{name}” are not accepted.")


_OF_AS2 = ("https://www.w3.org/ns/activitystreams#", "as:")


def kinds(document: Document) -> tuple[str, ...]:
    """Types that the document says it has, in its order; those of AS2 by their short names."""
    value = document.get("type")
    named = value if isinstance(value, list) else [value]
    if not all(isinstance(one, str) and one for one in named):
        return ()
    return tuple(map(_short, named))


def _short(name: str) -> str:
    for prefix in _OF_AS2:
        name = name.removeprefix(prefix)
    return name


def is_a(document: Document, *names: str) -> bool:
    """Tell whether the document has one of these types, perhaps beside others."""
    return not set(names).isdisjoint(kinds(document))


def kind(document: Document, known: Container[str] = ()) -> str:
    """Type of a document: of several, the first that is known, else the first."""
    found = kinds(document)
    if not found:
        raise Malformed("The document has no type.")
    return next((one for one in found if one in known), found[0])


def embedded(value: object) -> Document:
    if not isinstance(value, Mapping):
        raise Malformed("An object was expected here.")
    return value


def uri_of(value: object) -> str:
    """The id of what is given as a string, as an object, or as a list of one of these."""
    if isinstance(value, list):
        if len(value) != 1:
            raise Malformed("One value was expected here, not several.")
        value = value[0]
    uri = _identifier(value)
    if uri is None:
        raise Malformed("An id was expected here.")
    return uri


def optional_uri(value: object) -> str | None:
    """Like `uri_of`, and None for null or nothing."""
    return None if value is None or value == [] else uri_of(value)


def uris_of(value: object, most: int = 500) -> list[str]:
    """The ids in a value or a list of values, at most so many; what has no id is left out."""
    values = value if isinstance(value, list) else [value]
    return [uri for one in values if (uri := _identifier(one)) is not None][:most]


def _identifier(value: object) -> str | None:
    if isinstance(value, Mapping):
        value = value.get("id")
    return value if isinstance(value, str) and value else None


def text(document: Document, name: str, most: int) -> str | None:
    """A string, cut to so many characters."""
    value = document.get(name)
    return value[:most] if isinstance(value, str) else None


def natural(
    document: Document, name: str, language: str | None = None, most: int = MOST_TEXT
) -> str | None:
    """A natural language value: in this language if it is there, else plain, else the first."""
    translations = document.get(f"{name}Map")
    named = translations if isinstance(translations, Mapping) else {}
    first = next((key for key, value in named.items() if isinstance(value, str)), name)
    found = (text(named, language, most) if language else None, text(document, name, most))
    return next((value for value in found if value is not None), text(named, first, most))


def flag(document: Document, name: str) -> bool | None:
    value = document.get(name)
    return value if isinstance(value, bool) else None


def says_hidden(document: Document, name: str) -> bool:
    """Whether a field by which something is hidden says so: a plain no, or nothing, does not."""
    return document.get(name) not in (None, False, "", "false", [], [False])


def moment(document: Document, name: str) -> datetime | None:
    """A time of RFC 3339 or xsd:dateTime, in UTC; without a zone it is taken as UTC."""
    value = document.get(name)
    match = _MOMENT.fullmatch(value) if isinstance(value, str) else None
    if match is None:
        return None
    try:
        return _moment(match)
    except (ValueError, OverflowError):
        return None


def _moment(match: re.Match[str]) -> datetime:
    year, month, day, hour, minute = (int(part) for part in match.group(1, 2, 3, 4, 5))
    second = int(match[6] or 0)
    microsecond = int((match[7] or "0")[:6].ljust(6, "0"))
    zone = UTC
    if match[9]:
        offset = timedelta(hours=int(match[10]), minutes=int(match[11]))
        zone = timezone(offset if match[9] == "+" else -offset)
    # A leap second and 24:00 (xsd) both mean the moment after.
    whole = datetime(year, month, day, tzinfo=zone)
    if (
        hour > 24
        or minute > 59
        or second > 60
        or (hour == 24 and (minute or second or microsecond))
    ):
        raise ValueError("no such time of day")
    whole += timedelta(hours=hour, minutes=minute, seconds=second, microseconds=microsecond)
    return whole.astimezone(UTC)
