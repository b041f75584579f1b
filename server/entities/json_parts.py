"""JSON objects cut into parts and joined again, so that the dear part of one is rendered once.

Parts are *members*: what stands between the braces, such as `"id":"1","text":null`. They are
joined as bytes, and nothing in them is looked at; `Rendered` marks an object as finished.
"""

from collections.abc import Mapping
from functools import lru_cache

import orjson

Rendered = orjson.Fragment
"""A finished value as JSON: it goes into an answer as it is."""

Unfolded = dict[str, object]
"""An object as values again, to change something of it."""


def members(values: Mapping[str, object]) -> bytes:
    """Names and values of an object, without its braces; empty for none."""
    return orjson.dumps(values)[1:-1]


def member(name: str, value: bytes) -> bytes:
    """Member of an object: a name with a value that is JSON already."""
    return _key(name) + value


@lru_cache(maxsize=64)
def _key(name: str) -> bytes:
    return orjson.dumps(name) + b":"


def join(*parts: bytes) -> bytes:
    """Object of these members, in this order; empty parts add nothing."""
    return b"{" + b",".join(filter(None, parts)) + b"}"


def unfold(rendered: Rendered) -> Unfolded:
    """Parse a finished object, to change something of it."""
    values: Unfolded = orjson.loads(orjson.dumps(rendered))
    return values
