"""Form data that was sent – JSON, urlencoded or multipart – as typed values.

Rails' nesting is understood everywhere (`a[]`, `a[0]`, `a[b]`), parameters in the query count too,
and booleans are read as `mastodon-api/conventions.md` says.
"""

import re
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from types import UnionType
from typing import Any
from urllib.parse import parse_qsl

from aiohttp import web
from aiohttp.http import HttpProcessingError
from aiohttp.multipart import (
    BadContentDispositionHeader,
    BadContentDispositionParam,
    BodyPartReader,
)

from federation.errors import Malformed
from federation.vocabulary.json_documents import read
from federation.vocabulary.language_tags import parse_language
from server.http.app_keys import BODY, BODY_LIMIT
from server.http.bodies import in_time
from server.http.errors import Refused
from server.http.parsing import id_of, join
from storage.engine.ids import ActorId, PostId

MOST_PARTS = 100
MOST_FIELD = 64 * 1024
_FALSE = frozenset(("", "false", "0", "f", "off", "no"))
_STEP = re.compile(r"\[([^\[\]]*)\]")

# What reading a body raises for what its sender did: packed otherwise than they say
# (RequestPayloadError), gone before the end (ConnectionError), parts with impossible heads.
_SENT_WRONG = (
    web.RequestPayloadError,
    HttpProcessingError,
    BadContentDispositionHeader,
    BadContentDispositionParam,
    ValueError,
    RuntimeError,
    ConnectionError,
)
# aiohttp only warns of these, and Python keeps every text of a warning for ever (SECURITY 48).
warnings.filterwarnings("error", category=BadContentDispositionHeader)
warnings.filterwarnings("error", category=BadContentDispositionParam)

Value = Any


class Upload:
    """A file that came in a multipart body; bytes, and what its sender says of it."""

    __slots__ = ("content_type", "data", "name")

    def __init__(self, name: str, content_type: str, data: bytes) -> None:
        self.name = name
        self.content_type = content_type
        self.data = data


class Form:
    """Typed access. A value of the wrong kind is a 422 with a sentence.

    It is never as if it were not given: then the default would hold, which may be more than meant.
    """

    def __init__(self, values: Mapping[str, Value]) -> None:
        self.values = values

    def __contains__(self, name: str) -> bool:
        return name in self.values

    def text(self, name: str, most: int = MOST_FIELD) -> str | None:
        """The text, or None where it was not given."""
        value = self.values.get(name)
        if value is None:
            return None
        text = _plain(name, value)
        if len(text) > most:
            raise Refused(422, f"“{name}” is longer than the {most} characters that we can take.")
        return text

    def required_text(self, name: str, most: int = MOST_FIELD) -> str:
        text = self.text(name, most)
        if text is None or not text.strip():
            raise Refused(422, f"“{name}” is needed for this, and it was not sent.")
        return text

    def flag(self, name: str) -> bool | None:
        text = self.text(name)
        return None if text is None else text.strip().lower() not in _FALSE

    def number(self, name: str) -> int | None:
        text = self.text(name, 30)
        if text is None or text == "":
            return None
        try:
            number = int(text)
        except ValueError:
            raise Refused(422, f"“{name}” should be a whole number.") from None
        if not -(1 << 63) <= number < 1 << 63:
            raise Refused(422, f"“{name}” is a larger number than there can be here.")
        return number

    def actor(self, name: str) -> ActorId | None:
        """Number of an account; there may be none of that number."""
        number = self.number(name)
        return None if number is None else ActorId(number)

    def post(self, name: str) -> PostId | None:
        """Number of a post; there may be none of that number."""
        number = self.number(name)
        return None if number is None else PostId(number)

    def language(self, name: str) -> str | None:
        """A language tag as BCP 47 writes it; None where it is left blank."""
        tag = self.text(name)
        if not tag:
            return None
        return _language(name, tag)

    def languages(self, name: str) -> list[str]:
        """Several language tags; blank ones do not count."""
        return [_language(name, tag) for tag in self.texts(name) if tag.strip()]

    def texts(self, name: str, most: int = 100) -> list[str]:
        """Several texts, without empty ones; one that stands alone is a list of one."""
        value = self.values.get(name)
        if value is None:
            return []
        values = _to_list(value)
        if values is None:
            values = [value]
        if len(values) > most:
            raise Refused(422, f"“{name}” names more than {most} things; that is too many at once.")
        return [text for one in values if (text := _plain(name, one)[:MOST_FIELD])]

    def ids(self, name: str, most: int = 40) -> list[int]:
        """Numbers of things; what cannot be the number of anything is left out."""
        found = (id_of(one) for one in self.texts(name, most))
        return [number for number in found if number is not None]

    def actors(self, name: str, most: int = 40) -> list[ActorId]:
        return [ActorId(number) for number in self.ids(name, most)]

    def posts(self, name: str, most: int = 40) -> list[PostId]:
        return [PostId(number) for number in self.ids(name, most)]

    def group(self, name: str) -> "Form | None":
        """An object; None where it was not given, or left empty as forms do."""
        value = self.values.get(name)
        return None if value is None or value == "" else _group(name, value)

    def groups(self, name: str) -> "list[Form] | None":
        """A list of objects, given as a list or by number; None where none was given."""
        value = self.values.get(name)
        if value is None or value == "":
            return None
        values = _to_list(value)
        if values is None:
            raise Refused(422, f"“{name}” should be a list; it was sent as something else.")
        return [_group(name, one) for one in values]

    def upload(self, name: str) -> Upload | None:
        """A file; None where there is none, and where a text stands in its place."""
        value = self.values.get(name)
        if isinstance(value, dict | list):
            raise Refused(422, f"“{name}” should be one file.")
        return value if isinstance(value, Upload) else None


FORM = web.RequestKey("form", Form)


def _language(name: str, tag: str) -> str:
    found = parse_language(tag)
    if found is None:
        raise Refused(422, f"“{name}” should name a language by its code, as “de” or “pt-BR” do.")
    return found


def _plain(name: str, value: Value) -> str:
    """Convert one text, number or yes to text."""
    if value is None or isinstance(value, dict | list | Upload):
        raise Refused(422, f"“{name}” should be a text; it was sent as something else.")
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value).replace("\x00", "")


def _to_list(value: Value) -> list[Value] | None:
    """Values given as a list, or as an object by number; None for anything else."""
    if isinstance(value, dict):
        return [value[key] for key in sorted(value, key=_position)]
    return value if isinstance(value, list) else None


def _group(name: str, value: Value) -> Form:
    if not isinstance(value, dict):
        raise Refused(422, f"“{name}” should be names with values; it was sent as something else.")
    return Form(value)


def _position(key: str) -> tuple[int, str]:
    return (int(key), "") if key.isdecimal() and len(key) < 10 else (1 << 30, key)


async def form_of(request: web.Request) -> Form:
    """Form of everything that a request carries, query included; read once."""
    if FORM not in request:
        nested, sent = nest(list(request.query.items())), await _body(request)
        # nothing in the body takes nothing back that the address says
        nested.update({key: value for key, value in sent.items() if value or key not in nested})
        request[FORM] = Form(nested)
    return request[FORM]


async def _body(request: web.Request) -> dict[str, Value]:
    if not request.body_exists:
        return {}
    if request.content_type == "multipart/form-data":
        return nest(await _parts(request))
    data = await body_of(request)
    if not data.strip():
        return {}
    if request.content_type == "application/x-www-form-urlencoded":
        return nest(_pairs(data))
    if _JSON.fullmatch(request.content_type):
        return dict(read(data))
    raise Refused(
        415,
        "What was sent is of a kind that is not read here. Send it as application/json, or as a"
        " form (application/x-www-form-urlencoded or multipart/form-data).",
    )


_JSON = re.compile(r"(?:application|text)/(?:[a-z0-9.-]+\+)?json")


@contextmanager
def _reading() -> Iterator[None]:
    """Raise Malformed for what the sender did wrong."""
    try:
        yield
    except _SENT_WRONG as error:
        raise Malformed("What was sent could not be read to its end, or not as it says.") from error


def _pairs(data: bytes) -> list[tuple[str, Value]]:
    with _reading():
        text = data.decode()
        return [*parse_qsl(text, keep_blank_values=True, max_num_fields=MOST_PARTS * 10)]


async def body_of(request: web.Request) -> bytes:
    """The body, counted after decompression against what the route takes."""
    if BODY not in request:
        room = request.get(BODY_LIMIT, MOST_FIELD)
        data = bytearray()
        with _reading():
            async with in_time(request):
                async for chunk in request.content.iter_any():
                    data += chunk
                    if len(data) > room:
                        raise Refused(413, f"That is more than the {room} bytes that we take here.")
        request[BODY] = bytes(data)
    return request[BODY]


async def _parts(request: web.Request) -> list[tuple[str, Value]]:
    parts: list[tuple[str, Value]] = []
    room = request.get(BODY_LIMIT, MOST_FIELD)
    with _reading():
        async with in_time(request):
            async for part in await request.multipart():
                if not isinstance(part, BodyPartReader) or len(parts) >= MOST_PARTS:
                    raise Malformed("The form has more parts than we can take.")
                data = await _bytes_of(part, room)
                room -= len(data)
                parts.append((part.name or "", _part(part, data)))
    return parts


async def _bytes_of(part: BodyPartReader, room: int) -> bytes:
    chunks, size = [], 0
    while chunk := await part.read_chunk():
        chunks.append(chunk)
        size += len(chunk)
        if size > room:
            raise Refused(413, "That is larger than we can take.")
    return await join(chunks)


def _part(part: BodyPartReader, data: bytes) -> Value:
    if part.filename is not None:
        return Upload(part.filename, part.headers.get("Content-Type", ""), data)
    return data.decode(errors="replace")


def nest(pairs: list[tuple[str, Value]]) -> dict[str, Value]:
    """`a[b][]=1` and its like as nested dictionaries and lists."""
    nested: dict[str, Value] = {}
    for name, value in pairs:  # Rack refuses what is given in two ways, too
        head, bracket, _ = name.partition("[")
        steps = _STEP.findall(name[len(head) :])[:4] if bracket else []
        _put(nested, head, steps, value)
    return nested


def _put(into: dict[str, Value], key: str, steps: list[str], value: Value) -> None:
    if not steps:
        _ensure_one_way(key, into.get(key), str | Upload)
        into[key] = value
    elif steps == [""]:
        known = into.setdefault(key, [])
        _ensure_one_way(key, known, list)
        known.append(value)
    elif steps[0] == "":
        _put_into_list(into, key, steps[1:], value)
    else:
        known = into.setdefault(key, {})
        _ensure_one_way(key, known, dict)
        _put(known, steps[0], steps[1:], value)


def _ensure_one_way(key: str, known: Value, kind: type | UnionType) -> None:
    """Raise Malformed for a key given in two ways; to follow one of them would drop the other."""
    if known is not None and not isinstance(known, kind):
        raise Malformed(f"“{key}” is given in two ways, which do not go together.")


def _put_into_list(into: dict[str, Value], key: str, steps: list[str], value: Value) -> None:
    """`a[][b]`: a new object begins where a name comes again."""
    known = into.setdefault(key, [])
    _ensure_one_way(key, known, list)
    if not known or not isinstance(known[-1], dict) or steps[0] in known[-1]:
        known.append({})
    _put(known[-1], steps[0], steps[1:], value)
