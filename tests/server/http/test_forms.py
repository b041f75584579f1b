"""What is sent, in all the ways in which clients send it."""

from collections.abc import Callable
from contextlib import suppress
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from federation.errors import Malformed
from server.http.errors import Refused
from server.http.forms import Form, Upload, nest
from storage.engine.pagination import HIGHEST
from tests.support.servers import Place


def test_rails_nesting_becomes_lists_and_objects() -> None:
    assert nest(
        [
            ("status", "hello"),
            ("media_ids[]", "1"),
            ("media_ids[]", "2"),
            ("poll[options][]", "yes"),
            ("poll[options][]", "no"),
            ("poll[expires_in]", "300"),
            ("fields_attributes[0][name]", "Plot"),
            ("fields_attributes[0][value]", "9"),
            ("keywords[][word]", "a"),
            ("keywords[][whole]", "true"),
            ("keywords[][word]", "b"),
        ]
    ) == {
        "status": "hello",
        "media_ids": ["1", "2"],
        "poll": {"options": ["yes", "no"], "expires_in": "300"},
        "fields_attributes": {"0": {"name": "Plot", "value": "9"}},
        "keywords": [{"word": "a", "whole": "true"}, {"word": "b"}],
    }


READINGS: tuple[Callable[[Form, str], object], ...] = (
    Form.text, Form.flag, Form.number, Form.texts, Form.ids, Form.group, Form.groups, Form.upload,
    Form.language,
)  # fmt: skip


@given(st.lists(st.tuples(st.text("ab[]01", max_size=12), st.text(max_size=3)), max_size=8))
def test_names_of_fields_make_no_500(pairs: list[tuple[str, str]]) -> None:
    try:
        form = Form(nest(list(pairs)))
    except Malformed:
        return  # given in two ways
    assert set(form.values) == {name.partition("[")[0] for name, _ in pairs}
    for name, read in product(form.values, READINGS):
        with suppress(Refused):
            read(form, name)


@pytest.mark.parametrize(
    "false", ["false", "False", "FALSE", "f", "F", "0", "off", "OFF", "", False]
)
def test_values_that_count_as_no(false: object) -> None:
    assert Form({"locked": false}).flag("locked") is False


@pytest.mark.parametrize("true", ["true", "True", "1", "on", "t", True, 1])
def test_values_that_count_as_yes(true: object) -> None:
    assert Form({"locked": true}).flag("locked") is True


def test_missing_flag_is_neither() -> None:
    form = Form({})
    assert form.flag("locked") is None
    assert form.text("status") is None
    assert form.number("limit") is None
    with pytest.raises(Refused, match="“status” is needed"):
        form.required_text("status")


def test_number_is_a_number() -> None:
    assert Form({"n": "7"}).number("n") == 7
    for wrong in ("seven", "99999999999999999999"):
        with pytest.raises(Refused):
            Form({"n": wrong}).number("n")


def test_lists_come_in_many_forms() -> None:
    for given_ in (["1", "2"], {"0": "1", "1": "2"}):
        assert Form({"id": given_}).ids("id") == [1, 2]
    assert Form({"id": "1"}).ids("id") == [1]
    assert Form({"id": ["x", "-1", "3"]}).ids("id") == [3]
    with pytest.raises(Refused, match="too many"):
        Form({"id": ["1"] * 41}).ids("id")


LIST, OBJECT, FILE = ["direct"], {"0": "direct"}, Upload("x", "text/plain", b"direct")


@pytest.mark.parametrize(
    ("read", "wrong"),
    [
        *product((Form.text, Form.flag, Form.number, Form.language), (LIST, OBJECT, FILE, [], {})),
        *product((Form.texts, Form.ids), ([LIST], [OBJECT], [FILE], FILE, [None], {"0": [1]})),
        *product((Form.group,), (LIST, FILE, "direct", True)),
        *product((Form.groups,), (LIST, OBJECT, FILE, "direct", [None], 7)),
        *product((Form.upload,), (LIST, OBJECT)),
    ],
)
def test_value_of_the_wrong_kind_is_refused_and_not_dropped(
    read: Callable[[Form, str], object], wrong: object
) -> None:
    with pytest.raises(Refused, match="“x” should be") as refused:
        read(Form({"x": wrong}), "x")
    assert refused.value.status == 422
    assert not read(Form({"x": None}), "x")


@pytest.mark.parametrize(
    "pairs",
    [
        [("visibility", "direct"), ("visibility[]", "public")],
        [("visibility[]", "direct"), ("visibility", "public")],
        [("visibility[a]", "direct"), ("visibility", "public")],
        [("visibility[]", "direct"), ("visibility[a]", "public")],
        [("visibility[a]", "direct"), ("visibility[][b]", "public")],
    ],
)
def test_value_given_in_two_ways_is_refused(pairs: list[tuple[str, str]]) -> None:
    with pytest.raises(Malformed, match="“visibility” is given in two ways"):
        nest(list(pairs))
    assert nest([("visibility", "direct"), ("visibility", "public")]) == {"visibility": "public"}


def test_number_that_nothing_can_have_is_left_out() -> None:
    beyond = [str(HIGHEST + 1), "9" * 19, "9" * 5000, "-1", "1.5", "\u0663", ""]
    assert Form({"id": [*beyond, str(HIGHEST)]}).ids("id") == [HIGHEST]


@pytest.mark.parametrize("tag", ["de", "gsw", "pt-BR", "zh-Hant-TW", "sr-Latn"])
def test_language_is_a_tag(tag: str) -> None:
    assert Form({"language": tag}).language("language") == tag


@pytest.mark.parametrize(
    "wrong", ["d", "Deutsch", "de-", "de-x", '"><script>', "dé", "und", "de" + "-abc" * 9]
)
def test_invalid_language_is_refused(wrong: str) -> None:
    with pytest.raises(Refused, match="“language” should name a language"):
        Form({"language": wrong}).language("language")
    assert Form({"language": ""}).language("language") is None


MULTIPART = "multipart/form-data; boundary=b"
PART = '--b\r\nContent-Disposition: form-data; name="{}"\r\n\r\n{}\r\n'


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("application/json", '{"status": "For Bob.", "visibility": ["direct"]}'),
        ("application/json", '{"status": "For Bob.", "visibility": {"0": "direct"}}'),
        ("application/json", '{"status": "For Bob.", "local_only": [true]}'),
        ("application/json", '{"status": "For Bob.", "sensitive": {"a": true}}'),
        ("application/json", '{"status": "For Bob.", "in_reply_to_id": ["1"]}'),
        ("application/x-www-form-urlencoded", "status=For+Bob.&visibility[]=direct"),
        (
            MULTIPART,
            PART.format("status", "For Bob.")
            + PART.format('visibility"; filename="a', "direct")
            + "--b--\r\n",
        ),
    ],
)
async def test_value_of_the_wrong_kind_posts_nothing_to_everybody(
    place: Place, kind: str, body: str
) -> None:
    alice = await place.person("alice")
    path, headers = "/api/v1/statuses", {"Content-Type": kind}
    status, said = await alice.ask("POST", path, data=body.encode(), headers=headers)
    assert status == 422
    assert " should " in said["error"]
    assert await alice.home() == []


async def test_bodies_of_every_kind_say_the_same(place: Place) -> None:
    alice = await place.person("alice")
    params = {"status": "Once more.", "visibility": "unlisted"}
    said = [
        await alice.call("POST", "/api/v1/statuses", **{kind: params})
        for kind in ("json", "data", "params")
    ]
    async with place.client.post(
        "/api/v1/statuses/",
        headers={
            "Authorization": f"Bearer {alice.token}",
            "Content-Type": "multipart/form-data; boundary=b",
        },
        data='--b\r\nContent-Disposition: form-data; name="status"\r\n\r\nOnce more.\r\n'
        '--b\r\nContent-Disposition: form-data; name="visibility"\r\n\r\nunlisted\r\n--b--\r\n',
    ) as answer:
        said.append(await answer.json())
    assert {(one["content"], one["visibility"]) for one in said} == {
        ("<p>Once more.</p>", "unlisted")
    }


async def test_body_that_grows_while_it_is_read_is_cut_off(place: Place) -> None:
    alice = await place.person("alice")

    async def drip() -> object:
        for _ in range(80):
            yield b" " * 1024

    status, body = await alice.ask(
        "POST",
        "/api/v1/statuses",
        data=drip(),
        headers={"Content-Type": "application/json"},
    )
    assert status == 413
    assert "more than" in body["error"]


async def test_body_that_cannot_be_unpacked_is_said_to_be_so(place: Place) -> None:
    alice = await place.person("alice")
    for path, packing in product(("/api/v1/statuses", "/inbox"), ("gzip", "deflate")):
        headers = {
            "Content-Type": "application/json",
            "Content-Encoding": packing,
            "Signature": "x",  # of what is not signed no body is read
        }
        status, body = await alice.ask("POST", path, data=b"\x00" * 20, headers=headers)
        assert status == 400, (path, packing)
        assert "could not be read" in body["error"]


@pytest.mark.parametrize(
    ("kind", "status"),
    [
        ("application/json; charset=utf-8", 200),
        ("text/json", 200),
        ("application/ld+json", 200),
        ("application/vnd.api+json", 200),
        ("text/plain", 415),
        ("application/xml", 415),
        ("application/octet-stream", 415),
    ],
)
async def test_field_is_read_or_refused_and_never_dropped(
    place: Place, kind: str, status: int
) -> None:
    """SECURITY 95: what says “private” is not answered with a public boost."""
    alice = await place.person("alice")
    said = await alice.say("Apples.")
    path = f"/api/v1/statuses/{said['id']}/reblog"
    headers = {"Content-Type": kind}
    found, body = await alice.ask("POST", path, data=b'{"visibility":"private"}', headers=headers)
    assert found == status, body
    if status == 200:
        assert body["visibility"] == "private"
    assert (await alice.ask("POST", path, data=b" ", headers=headers))[0] == 200


@pytest.mark.parametrize("nothing", [None, ""])
async def test_emptiness_in_a_body_takes_nothing_back_that_the_address_says(
    place: Place, nothing: object
) -> None:
    alice = await place.person("alice")
    said = await alice.say("Apples.")
    path = f"/api/v1/statuses/{said['id']}/reblog?visibility=private"
    shared = await alice.call("POST", path, json={"visibility": nothing})
    assert shared["visibility"] == "private"
