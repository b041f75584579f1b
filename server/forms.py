"""What was sent – JSON, urlencoded or multipart – as typed values.

Rails' nesting is understood everywhere (`a[]`, `a[0]`, `a[b]`), parameters in the query count too,
and booleans are read as `mastodon-api/conventions.md` says.
"""

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl

from aiohttp import web
from aiohttp.multipart import BodyPartReader

from federation.documents import read
from federation.errors import Malformed
from server.errors import Refused
from server.keys import BODY, BODY_LIMIT

MOST_PARTS = 100
MOST_FIELD = 64 * 1024
_FALSE = frozenset(("", "false", "0", "f", "off", "no"))
_STEP = re.compile(r"\[([^\[\]]*)\]")

Value = Any


class Upload:
    """A file that came in a multipart body; bytes, and what its sender says of it."""

    __slots__ = ("content_type", "data", "name")

    def __init__(self, name: str, content_type: str, data: bytes) -> None:
        self.name = name
        self.content_type = content_type
        self.data = data


class Form:
    """Typed access. A value of the wrong kind is a 422 with a sentence."""

    def __init__(self, values: Mapping[str, Value]) -> None:
        self.values = values

    def __contains__(self, name: str) -> bool:
        return name in self.values

    def text(self, name: str, most: int = MOST_FIELD) -> str | None:
        """The text, or None where it was not given."""
        value = self.values.get(name)
        if value is None or isinstance(value, dict | list | Upload):
            return None
        if isinstance(value, bool):
            return "true" if value else "false"
        text = str(value)
        if len(text) > most:
            raise Refused(422, f"“{name}” is longer than the {most} characters that we can take.")
        return text.replace("\x00", "")

    def needed(self, name: str, most: int = MOST_FIELD) -> str:
        text = self.text(name, most)
        if text is None or not text.strip():
            raise Refused(422, f"“{name}” is needed for this, and it was not sent.")
        return text

    def flag(self, name: str) -> bool | None:
        value = self.values.get(name)
        if value is None or isinstance(value, dict | list | Upload):
            return None
        return value if isinstance(value, bool) else str(value).strip().lower() not in _FALSE

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

    def texts(self, name: str, most: int = 100) -> list[str]:
        """Several texts; one that stands alone is a list of one."""
        value = self.values.get(name)
        if isinstance(value, dict):
            value = [value[key] for key in sorted(value, key=_position)]
        values = value if isinstance(value, list) else [] if value is None else [value]
        if len(values) > most:
            raise Refused(422, f"“{name}” names more than {most} things; that is too many at once.")
        return [str(one)[:MOST_FIELD] for one in values if not isinstance(one, dict | list)]

    def ids(self, name: str, most: int = 40) -> list[int]:
        """Numbers of things; what is no number is not one of ours, so it is left out."""
        return [int(one) for one in self.texts(name, most) if one.isdecimal() and len(one) < 20]

    def group(self, name: str) -> "Form | None":
        value = self.values.get(name)
        return Form(value) if isinstance(value, dict) else None

    def groups(self, name: str) -> "list[Form] | None":
        """A list of objects, given as a list or by number."""
        value = self.values.get(name)
        if isinstance(value, dict):
            value = [value[key] for key in sorted(value, key=_position)]
        if not isinstance(value, list):
            return None
        return [Form(one) for one in value if isinstance(one, dict)]

    def upload(self, name: str) -> Upload | None:
        value = self.values.get(name)
        return value if isinstance(value, Upload) else None


FORM = web.RequestKey("form", Form)


def _position(key: str) -> tuple[int, str]:
    return (int(key), "") if key.isdecimal() and len(key) < 10 else (1 << 30, key)


async def form_of(request: web.Request) -> Form:
    """Everything that a request carries, query included; read once."""
    if FORM not in request:
        nested = nest(list(request.query.items()))
        nested.update(await _body(request))
        request[FORM] = Form(nested)
    return request[FORM]


async def _body(request: web.Request) -> dict[str, Value]:
    if not request.body_exists:
        return {}
    if request.content_type == "multipart/form-data":
        return nest(await _parts(request))
    data = await body_of(request)
    if request.content_type == "application/json":
        return dict(read(data)) if data.strip() else {}
    if request.content_type == "application/x-www-form-urlencoded":
        return nest(_pairs(data))
    return {}


def _pairs(data: bytes) -> list[tuple[str, Value]]:
    try:
        text = data.decode()
        return [*parse_qsl(text, keep_blank_values=True, max_num_fields=MOST_PARTS * 10)]
    except ValueError as error:
        raise Malformed("The form could not be read as it was sent.") from error


async def body_of(request: web.Request) -> bytes:
    """The body, counted after decompression against what the route takes."""
    if BODY not in request:
        room = request.get(BODY_LIMIT, MOST_FIELD)
        data = bytearray()
        async for chunk in request.content.iter_any():
            data += chunk
            if len(data) > room:
                raise Refused(413, f"That is more than the {room} bytes that we take here.")
        request[BODY] = bytes(data)
    return request[BODY]


async def _parts(request: web.Request) -> list[tuple[str, Value]]:
    parts: list[tuple[str, Value]] = []
    room = request.get(BODY_LIMIT, MOST_FIELD)
    try:
        async for part in await request.multipart():
            if not isinstance(part, BodyPartReader) or len(parts) >= MOST_PARTS:
                raise Malformed("The form has more parts than we can take.")
            data = await _bytes_of(part, room)
            room -= len(data)
            parts.append((part.name or "", _part(part, data)))
    except ValueError as error:
        raise Malformed("The form could not be read as it was sent.") from error
    return parts


async def _bytes_of(part: BodyPartReader, room: int) -> bytes:
    data = bytearray()
    while chunk := await part.read_chunk():
        data += chunk
        if len(data) > room:
            raise Refused(413, "That is larger than we can take.")
    return bytes(data)


def _part(part: BodyPartReader, data: bytes) -> Value:
    if part.filename is not None:
        return Upload(part.filename, part.headers.get("Content-Type", ""), data)
    return data.decode(errors="replace")


def nest(pairs: list[tuple[str, Value]]) -> dict[str, Value]:
    """`a[b][]=1` and its like as nested dictionaries and lists."""
    nested: dict[str, Value] = {}
    for name, value in pairs:
        head, bracket, _ = name.partition("[")
        steps = _STEP.findall(name[len(head) :])[:4] if bracket else []
        _put(nested, head, steps, value)
    return nested


def _put(into: dict[str, Value], key: str, steps: list[str], value: Value) -> None:
    if not steps:
        into[key] = value
    elif steps == [""]:
        known = into.setdefault(key, [])
        if isinstance(known, list):
            known.append(value)
    elif steps[0] == "":
        _put_into_list(into, key, steps[1:], value)
    else:
        known = into.setdefault(key, {})
        if isinstance(known, dict):
            _put(known, steps[0], steps[1:], value)


def _put_into_list(into: dict[str, Value], key: str, steps: list[str], value: Value) -> None:
    """`a[][b]`: a new object begins where a name comes again."""
    known = into.setdefault(key, [])
    if not isinstance(known, list):
        return
    if not known or not isinstance(known[-1], dict) or steps[0] in known[-1]:
        known.append({})
    _put(known[-1], steps[0], steps[1:], value)
