"""Documents of strangers: what is read, what is refused, and what is made of odd values."""

import contextlib
import json
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from federation.errors import Malformed
from federation.vocabulary import json_documents


def nested(depth: int, left: str = "[", right: str = "]") -> bytes:
    """An object `depth` deep, itself included."""
    return ('{"a":' + left * (depth - 1) + right * (depth - 1) + "}").encode()


def many(nodes: int) -> bytes:
    """An object of so many nodes: itself, a list, and numbers."""
    return ('{"a":[' + ",".join(["1"] * (nodes - 2)) + "]}").encode()


REFUSED: dict[str, bytes] = {
    "empty": b"",
    "blank": b" \n",
    "not JSON": b"hello",
    "array": b"[]",
    "string": b'"a"',
    "number": b"1",
    "null": b"null",
    "unclosed object": b'{"a":1',
    "unclosed string": b'{"a":"b',
    "unclosed escape": b'{"a":"b\\',
    "trailing comma": b'{"a":1,}',
    "trailing text": b'{"a":1} x',
    "two documents": b"{}{}",
    "single quotes": b"{'a':1}",
    "comment": b'{"a":1} // no',
    "NaN": b'{"a":NaN}',
    "Infinity": b'{"a":Infinity}',
    "negative Infinity": b'{"a":-Infinity}',
    "overflow to infinity": b'{"a":1e400}',
    "negative overflow": b'{"a":-1e400}',
    "2 to the 63": b'{"a":9223372036854775808}',
    "uint64": b'{"a":18446744073709551615}',
    "below int64": b'{"a":-9223372036854775809}',
    "long integer": b'{"a":' + b"9" * 5_000 + b"}",
    "long integer in a list": b'{"a":[1,2,99999999999999999999]}',
    "long integer at the end": b'{"a":{"b":99999999999999999999}}',
    "leading zero": b'{"a":01}',
    "same key twice": b'{"a":1,"a":1}',
    "same key escaped": b'{"a":1,"\\u0061":2}',
    "same key inside": b'{"a":{"b":1,"b":2}}',
    "same key in a list": b'{"a":[{"id":1},{"id":1,"id":2}]}',
    "same empty key": b'{"":1,"":2}',
    "raw NUL": b'{"a":"\x00"}',
    "escaped NUL": b'{"a":"\\u0000"}',
    "escaped NUL in a key": b'{"\\u0000":1}',
    "escaped NUL inside": b'{"a":[{"b":["x\\u0000y"]}]}',
    "raw newline in a string": b'{"a":"\n"}',
    "high surrogate": b'{"a":"\\ud800"}',
    "low surrogate": b'{"a":"\\udc00"}',
    "surrogates reversed": b'{"a":"\\udc00\\ud800"}',
    "surrogate in a key": b'{"\\ud800":1}',
    "surrogate in UTF-8": b'{"a":"\xed\xa0\x80"}',
    "overlong UTF-8": b'{"a":"\xc0\x80"}',
    "Latin-1": b'{"a":"\xe9"}',
    "byte order mark": b"\xef\xbb\xbf{}",
    "UTF-16": '{"a":1}'.encode("utf-16"),
    "UTF-32": '{"a":1}'.encode("utf-32-le"),
    "33 lists deep": nested(33),
    "33 objects deep": nested(33, '{"a":', "}").replace(b":}", b":1}"),
    "100 000 deep": nested(100_000),
    "deep and unclosed": b'{"a":' + b"[" * 100_000,
    "10 001 nodes": many(10_001),
    "10 001 empty lists": b'{"a":[' + b",".join([b"[]"] * 9_999) + b"]}",
    "a million strings": b'{"a":[' + b'"",' * 300_000 + b'""]}',
    "bad escape": b'{"a":"\\x41"}',
    "backslash outside": b'{"a":\\"b"}',
}

ACCEPTED: dict[str, bytes] = {
    "empty object": b"{}",
    "blanks around": b' \r\n\t{ "a" : [ ] }\n',
    "32 deep": nested(32),
    "10 000 nodes": many(10_000),
    "brackets in a string": json.dumps({"a": "[{" * 1_000}).encode(),
    "commas and colons in strings": json.dumps({"a:": ",:" * 20_000, "b": ":"}).encode(),
    "quotes in a string": json.dumps({"a": '"' * 30_000}).encode(),
    "backslashes": json.dumps({"a\\": "\\", "\\": '\\"'}).encode(),
    "smallest int64": b'{"a":-9223372036854775808}',
    "largest int64": b'{"a":9223372036854775807}',
    "long fraction": b'{"a":0.12345678901234567890123,"b":-1.99999999999999999999e5}',
    "float of 30 digits": b'{"a":1e30,"b":123456789012345678901.5}',
    "digits in a string": b'{"a":"99999999999999999999999"}',
    "same key in two objects": b'{"a":{"b":1},"c":{"b":1}}',
    "backslash before u0000": b'{"a":"\\\\u0000"}',
    "pair of surrogates": b'{"a":"\\ud83c\\udf31"}',
    "UTF-8": '{"ä":"🌱"}'.encode(),
    "the other literals": b'{"a":[true,false,null]}',
}


@pytest.mark.parametrize("body", REFUSED.values(), ids=REFUSED.keys())
def test_json_that_is_not_strict_is_refused_with_a_sentence(body: bytes) -> None:
    with pytest.raises(Malformed, match=r"^[A-Z].*\.$"):
        json_documents.read(body)


@pytest.mark.parametrize("body", ACCEPTED.values(), ids=ACCEPTED.keys())
def test_strict_json_is_read_like_any_parser_reads_it(body: bytes) -> None:
    assert json_documents.read(body) == json.loads(body)


def test_corpus_is_counted() -> None:
    print(f"{len(REFUSED)} documents refused, {len(ACCEPTED)} accepted")
    assert len(REFUSED) >= 50


def test_hostile_bytes_are_refused_in_linear_time() -> None:
    size = 1 << 20
    hostile = [
        b'"' + b'\\"' * (size // 2) + b"\\",
        b'"' * size,
        b'{"a":' + b'"\\\\",' * (size // 5),
        b"[" * size,
        b"9" * size,
        b'{"a":' + b"1," * (size // 2),
        b'{"a":"' + b"\\u0000" * (size // 6) + b'"}',
    ]
    # With enough brackets in front the structure is looked at, not only the bytes counted.
    bodies = hostile + [b"[" * 40 + body for body in hostile]
    for body in bodies:
        started = time.process_time()
        with pytest.raises(Malformed):
            json_documents.read(body)
        # Linear takes under 20 ms; quadratic would take minutes. Wide, for slow machines.
        assert time.process_time() - started < 1
    print(f"{len(bodies)} hostile megabytes refused")


def test_work_on_strings_is_bounded() -> None:
    with pytest.raises(Malformed, match="too many parts"):
        json_documents.read(b"[" * 33 + b'"" ' * 20_001)


JSON_VALUES: st.SearchStrategy[Any] = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"])),
    lambda inner: (
        st.lists(inner)
        | st.dictionaries(
            st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"])), inner
        )
    ),
    max_leaves=30,
)


@given(st.dictionaries(st.text('ab:,{}[]"\\é'), JSON_VALUES))
def test_written_documents_are_read_back(document: dict[str, Any]) -> None:
    assert json_documents.read(json_documents.dump(document)) == document
    assert json_documents.read(json.dumps(document).encode()) == document


def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    if len(dict(pairs)) != len(pairs):
        raise ValueError("duplicate")
    return dict(pairs)


@given(
    st.lists(st.sampled_from(['"a"', '"b"', ":", ",", "{", "}", "[", "]", "1", '"\\u0061"', " "]))
)
def test_equal_keys_are_found_wherever_a_slower_parser_finds_them(tokens: list[str]) -> None:
    body = "{" + "".join(tokens) + "}"
    try:
        expected = json.loads(body, object_pairs_hook=unique)
    except ValueError:
        with pytest.raises(Malformed):
            json_documents.read(body.encode())
    else:
        assert json_documents.read(body.encode()) == expected


@given(st.binary(max_size=300))
def test_bytes_are_read_or_refused(body: bytes) -> None:
    with contextlib.suppress(Malformed):
        assert isinstance(json_documents.read(body), dict)


HIDDEN: list[object] = [[], {}, None, [{"id": "https://a.test/1"}]]
STRUCTURES: list[dict[str, Any]] = [
    {place: value} for place in ("@graph", "@included", "@reverse") for value in HIDDEN
]


@pytest.mark.parametrize("document", STRUCTURES)
@pytest.mark.parametrize("wrap", [lambda d: d, lambda d: {"object": d}, lambda d: {"tag": [[d]]}])
def test_hidden_structures_are_refused(
    document: dict[str, Any], wrap: Callable[[dict[str, Any]], dict[str, Any]]
) -> None:
    with pytest.raises(Malformed):
        json_documents.refuse_structures(wrap(document))


def test_ordinary_documents_have_no_hidden_structures() -> None:
    document = {"@context": [{"x": {"@reverse": "y"}}], "object": {"a": ["@graph"]}}
    json_documents.refuse_structures(document)
    assert json_documents.read(json_documents.dump(document)) == document


def test_embedded_object_is_an_object() -> None:
    assert json_documents.embedded({"a": 1}) == {"a": 1}
    values: list[object] = [None, "a", 1, True, [], [{}]]
    for value in values:
        with pytest.raises(Malformed):
            json_documents.embedded(value)


@pytest.mark.parametrize("value", ["u", {"id": "u"}, ["u"], [{"id": "u", "type": "Note"}]])
def test_id_is_read_from_its_usual_forms(value: object) -> None:
    assert json_documents.uri_of(value) == "u"
    assert json_documents.optional_uri(value) == "u"


@pytest.mark.parametrize(
    "value", ["", 1, True, {}, {"id": None}, {"id": ["u"]}, ["u", "u"], [["u"]], [None], [""]]
)
def test_value_of_another_kind_is_no_id(value: object) -> None:
    with pytest.raises(Malformed):
        json_documents.uri_of(value)
    with pytest.raises(Malformed):
        json_documents.optional_uri(value)


def test_absence_is_an_optional_id() -> None:
    assert json_documents.optional_uri(None) is None
    assert json_documents.optional_uri([]) is None
    values: list[object] = [None, []]
    for value in values:
        with pytest.raises(Malformed):
            json_documents.uri_of(value)


def test_lists_of_ids_leave_out_what_has_none() -> None:
    assert json_documents.uris_of("u") == ["u"]
    assert json_documents.uris_of({"id": "u"}) == ["u"]
    assert json_documents.uris_of(["u", 1, None, {"id": "v"}, {}, ["w"], ""]) == ["u", "v"]
    assert json_documents.uris_of(None) == json_documents.uris_of(7) == []
    assert len(json_documents.uris_of(["u"] * 501)) == 500
    assert json_documents.uris_of(["a", "b", "c"], most=2) == ["a", "b"]


def test_text_is_cut_and_never_of_another_type() -> None:
    assert json_documents.text({"a": "abc"}, "a", 2) == "ab"
    assert json_documents.text({"a": ""}, "a", 2) == ""
    values: list[object] = [None, 1, True, ["a"], {"a": "a"}]
    for value in values:
        assert json_documents.text({"a": value}, "a", 9) is None
    assert json_documents.text({}, "a", 9) is None


def test_natural_value_prefers_the_language_then_the_plain_value_then_the_first() -> None:
    both = {"name": "plain", "nameMap": {"de": "deutsch", "fr": "français"}}
    assert json_documents.natural(both, "name") == "plain"
    assert json_documents.natural(both, "name", "fr") == "français"
    assert json_documents.natural(both, "name", "cy") == "plain"
    only = {"contentMap": {"xx": 1, "de": "deutsch", "fr": "français"}}
    assert json_documents.natural(only, "content") == "deutsch"
    assert json_documents.natural(only, "content", "fr") == "français"
    assert json_documents.natural(only, "content", "xx") == "deutsch"
    assert json_documents.natural(only, "content", most=3) == "deu"
    odds: list[dict[str, Any]] = [
        {},
        {"nameMap": {}},
        {"nameMap": []},
        {"nameMap": {"en": None}},
        {"name": ["a"]},
    ]
    for odd in odds:
        assert json_documents.natural(odd, "name", "en") is None


def test_flag_is_only_a_boolean() -> None:
    assert json_documents.flag({"a": True}, "a") is True
    assert json_documents.flag({"a": False}, "a") is False
    values: list[object] = [None, 1, 0, "true", [], [True]]
    for value in values:
        assert json_documents.flag({"a": value}, "a") is None


def test_type_is_a_name_or_the_first_of_names() -> None:
    assert json_documents.kind({"type": "Note"}) == "Note"
    assert json_documents.kind({"type": ["Person", "Group"]}) == "Person"
    values: list[object] = [None, "", 1, [], [""], ["Note", 1], [1, "Note"], [["Note"]], {}]
    for value in values:
        with pytest.raises(Malformed):
            json_documents.kind({"type": value})
    with pytest.raises(Malformed):
        json_documents.kind({})


NOON = datetime(2024, 2, 29, 12, tzinfo=UTC)
MOMENTS = {
    "2024-02-29T12:00:00Z": NOON,
    "2024-02-29t12:00:00z": NOON,
    "2024-02-29 12:00:00 Z": NOON,
    "2024-02-29T12:00Z": NOON,
    "2024-02-29T12:00:00": NOON,
    "2024-02-29T14:00:00+02:00": NOON,
    "2024-02-29T06:30:00-0530": NOON,
    "2024-02-29T11:59:60Z": NOON,
    "2024-02-29T12:00:00.5Z": NOON + timedelta(milliseconds=500),
    "2024-02-29T12:00:00.123456789Z": NOON + timedelta(microseconds=123456),
    "2024-02-28T24:00:00Z": NOON - timedelta(hours=12),
}


@pytest.mark.parametrize(("text", "expected"), MOMENTS.items())
def test_time_is_read_in_utc(text: str, expected: datetime) -> None:
    found = json_documents.moment({"published": text}, "published")
    assert found == expected
    assert found is not None
    assert found.tzinfo is UTC


@pytest.mark.parametrize(
    "value",
    [
        None, 0, 1709208000, True, [], "", "now", "2024-02-29", "2023-02-29T12:00:00Z",
        "2024-13-01T00:00:00Z", "2024-01-01T25:00:00Z", "2024-01-01T24:00:01Z",
        "2024-01-01T00:60:00Z", "2024-01-01T00:00:61Z", "2024-01-01T00:00:00+99:00",
        "0000-01-01T00:00:00Z", "0001-01-01T00:00:00+01:00", "9999-12-31T23:59:59-01:00",
        "12024-01-01T00:00:00Z", "-0001-01-01T00:00:00Z", "٢٠٢٤-01-01T00:00:00Z",
        "2024-01-01T00:00:00Z\n", "9999-12-31T24:00:00Z",
    ],
)  # fmt: skip
def test_time_that_is_none_is_none(value: object) -> None:
    assert json_documents.moment({"published": value}, "published") is None


@given(st.datetimes(timezones=st.just(timezone(timedelta(hours=-3)))))
def test_times_in_our_spelling_are_read_back(when: datetime) -> None:
    found = json_documents.moment({"a": when.isoformat()}, "a")
    try:
        expected = when.astimezone(UTC)
    except OverflowError:
        assert found is None
    else:
        assert found == expected
