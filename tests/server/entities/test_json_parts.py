"""Objects cut into parts and joined again are the objects that they would have been."""

from typing import Any

import orjson
from hypothesis import given
from hypothesis import strategies as some

from server.entities.json_parts import Rendered, join, member, members, unfold

VALUES = some.recursive(
    some.none() | some.booleans() | some.integers(-(2**53), 2**53) | some.text(max_size=20),
    lambda inner: (
        some.lists(inner, max_size=3) | some.dictionaries(some.text(max_size=8), inner, max_size=3)
    ),
    max_leaves=8,
)
OBJECTS = some.dictionaries(some.text(max_size=8), VALUES, max_size=5)


@given(OBJECTS, OBJECTS, some.text(max_size=8), VALUES)
def test_joined_parts_are_what_was_cut(
    one: dict[str, Any], other: dict[str, Any], name: str, value: object
) -> None:
    whole = join(members(one), member(name, orjson.dumps(value)), members(other))
    assert orjson.loads(whole) == one | {name: value} | other


@given(some.lists(OBJECTS, max_size=4))
def test_parts_without_members_leave_no_comma(parts: list[dict[str, Any]]) -> None:
    assert isinstance(orjson.loads(join(*map(members, parts))), dict)
    assert join() == join(members({}), members({})) == b"{}"


def test_braces_and_quotes_in_texts_are_texts() -> None:
    odd = {"a": '}","b":{"', "c": "\\", "d": "\u2028"}
    assert orjson.loads(join(members(odd), member("x", members({}) or b"1"))) == odd | {"x": 1}


@given(OBJECTS)
def test_unfolded_object_is_what_was_rendered(values: dict[str, Any]) -> None:
    assert unfold(Rendered(orjson.dumps(values))) == values
