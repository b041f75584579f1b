"""What is sent, in all the ways in which clients send it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.errors import Refused
from server.forms import Form, nest
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


@given(st.lists(st.tuples(st.text("ab[]01", max_size=12), st.text(max_size=3)), max_size=8))
def test_no_name_of_a_field_makes_us_fail(pairs: list[tuple[str, str]]) -> None:
    form = Form(nest(list(pairs)))
    for name in form.values:
        form.texts(name)
        form.flag(name)
        form.text(name)
        form.group(name)
        form.groups(name)


@pytest.mark.parametrize(
    "false", ["false", "False", "FALSE", "f", "F", "0", "off", "OFF", "", False]
)
def test_what_counts_as_no(false: object) -> None:
    assert Form({"locked": false}).flag("locked") is False


@pytest.mark.parametrize("true", ["true", "True", "1", "on", "t", True, 1])
def test_what_counts_as_yes(true: object) -> None:
    assert Form({"locked": true}).flag("locked") is True


def test_what_was_not_sent_is_neither() -> None:
    form = Form({})
    assert form.flag("locked") is None
    assert form.text("status") is None
    assert form.number("limit") is None
    with pytest.raises(Refused, match="“status” is needed"):
        form.needed("status")


def test_a_number_is_a_number() -> None:
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


async def test_every_kind_of_body_says_the_same(place: Place) -> None:
    alice = await place.person("alice")
    wish = {"status": "Once more.", "visibility": "unlisted"}
    said = [
        await alice.call("POST", "/api/v1/statuses", **{kind: wish})
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


async def test_a_body_that_grows_while_it_is_read_is_cut_off(place: Place) -> None:
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
