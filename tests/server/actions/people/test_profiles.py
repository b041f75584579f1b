"""One's own profile: changed through the API, seen by everybody else."""

import io
import json
import re
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from PIL import Image
from yarl import URL

from server.actions.people import profiles
from server.actions.people.profiles import ProfileParams, validate
from server.media.store import MEDIA
from server.refusals import NotAllowed
from server.services import SERVICES
from storage.engine.transaction import Reader
from storage.media import attachments
from storage.people import actors
from tests.support.clock import Watch
from tests.support.internet import Internet
from tests.support.servers import Person, Place, give_token, serving, settle

CREDENTIALS = "/api/v1/accounts/update_credentials"


@pytest.fixture
async def two(tmp_path: Path, watch: Watch) -> AsyncIterator[tuple[Place, Place]]:
    """Our server and another one."""
    internet = Internet()
    async with AsyncExitStack() as stack:
        home, away = [
            await stack.enter_async_context(
                serving(tmp_path / name, f"{name}.example", internet, watch)
            )
            for name in ("home", "away")
        ]
        yield home, away


def painted(colour: str = "red", kind: str = "PNG", size: tuple[int, int] = (600, 500)) -> bytes:
    made = io.BytesIO()
    Image.new("RGB", size, colour).save(made, kind)
    return made.getvalue()


def sent(**parts: str | bytes) -> aiohttp.FormData:
    """A multipart form; bytes are a picture."""
    form = aiohttp.FormData(default_to_multipart=True)
    for name, value in parts.items():
        if isinstance(value, bytes):
            form.add_field(name, value, filename="../me.png", content_type="image/png")
        else:
            form.add_field(name.replace("__", "[", 1), value)
    return form


async def changed(person: Person, **params: Any) -> Any:
    return await person.call("PATCH", CREDENTIALS, json=params)


def kept(place: Place) -> list[str]:
    """Names of the files in the media folder."""
    root = place.app[MEDIA].root
    return sorted(path.name for path in root.rglob("*") if path.is_file())


def rows(reader: Reader) -> list[str]:
    return [name for name, _ in attachments.files(reader)]


# ---- the API ----


NOTE = "Leeks & patience. Ask @bob.\n\n#garden https://berg.example/<x>"
EVERYTHING: dict[str, Any] = {
    "display_name": "  Alice\n Berg ",
    "note": NOTE,
    "locked": True,
    "bot": True,
    "discoverable": False,
    "indexable": True,
    "hide_collections": True,
    "fields_attributes": [
        {"name": "Web", "value": "https://berg.example"},
        {"name": "", "value": ""},
        {"name": "With", "value": "@bob"},
    ],
    "source": {"privacy": "private", "sensitive": True, "language": "sv"},
}


async def test_profile_can_be_changed_in_all_fields_and_comes_back_as_markup(place: Place) -> None:
    alice, _ = await place.person("alice"), await place.person("bob")
    body = await changed(alice, **EVERYTHING)
    assert body["display_name"] == "Alice Berg"
    assert "<p>Leeks &amp; patience." in body["note"]
    assert '<a href="http://home.example/@bob" class="u-url mention">' in body["note"]
    assert 'href="http://home.example/tags/garden"' in body["note"]
    assert "<x>" not in body["note"]
    for name in ("locked", "bot", "discoverable", "indexable", "hide_collections"):
        assert body[name] is EVERYTHING[name], name
    web, friend = body["fields"]
    assert web["name"] == "Web"
    assert 'rel="me nofollow noopener"' in web["value"]
    assert "u-url mention" in friend["value"]
    assert await alice.get("/api/v1/accounts/verify_credentials") == body


async def test_profile_is_kept_as_it_was_written_and_defaults_are_followed(
    place: Place,
) -> None:
    alice = await place.person("alice")
    source = (await changed(alice, **EVERYTHING))["source"]
    assert source["note"] == NOTE
    assert source["fields"] == [
        {"name": "Web", "value": "https://berg.example", "verified_at": None},
        {"name": "With", "value": "@bob", "verified_at": None},
    ]
    assert (source["privacy"], source["sensitive"], source["language"]) == ("private", True, "sv")
    preferences = await alice.get("/api/v1/preferences")
    assert preferences["posting:default:visibility"] == "private"
    assert (await alice.say("Quiet."))["visibility"] == "private"


async def test_missing_field_stays_as_it_is(place: Place) -> None:
    alice = await place.person("alice")
    first = await changed(
        alice,
        display_name="Alice",
        note="Leeks.",
        locked=True,
        fields_attributes=[{"name": "Plot", "value": "9"}],
        source={"language": "sv"},
    )
    assert await changed(alice) == first
    assert await changed(alice, unknown="x", attribution_domains=["a.example"]) == first
    second = await changed(alice, note="")
    assert second == first | {"note": "", "source": first["source"] | {"note": ""}}
    third = await changed(alice, source={"language": ""}, fields_attributes=[])
    assert (third["source"]["language"], third["fields"]) == (None, [])


FIELDS = [("Plot", "9"), ("Speaks", "svenska")]


@pytest.mark.parametrize("kind", ["json list", "json object", "urlencoded", "multipart"])
async def test_fields_come_in_every_form_that_clients_send(place: Place, kind: str) -> None:
    alice = await place.person("alice")
    listed = [{"name": name, "value": value} for name, value in FIELDS]
    flat = {
        f"fields_attributes[{at}][{part}]": pair[part]
        for at, pair in enumerate(listed)
        for part in ("name", "value")
    } | {"source[privacy]": "unlisted", "locked": "true"}
    given: dict[str, Any] = {
        "json list": {
            "json": {
                "fields_attributes": listed,
                "source": {"privacy": "unlisted"},
                "locked": "1",
            }
        },
        "json object": {
            "json": {
                "fields_attributes": {"0": listed[0], "1": listed[1]},
                "source": {"privacy": "unlisted"},
                "locked": True,
            }
        },
        "urlencoded": {"data": flat},
        "multipart": {"data": _multipart(flat)},
    }
    body = await alice.call("PATCH", CREDENTIALS, **given[kind])
    assert [(one["name"], one["value"]) for one in body["fields"]] == FIELDS
    assert (body["source"]["privacy"], body["locked"]) == ("unlisted", True)


def _multipart(parts: dict[str, str]) -> aiohttp.FormData:
    form = aiohttp.FormData(default_to_multipart=True)
    for name, value in parts.items():
        form.add_field(name, value)
    return form


@pytest.mark.parametrize(
    ("params", "field", "code"),
    [
        ({"display_name": "x" * 101}, "display_name", "ERR_TOO_LONG"),
        ({"note": "x" * 501}, "note", "ERR_TOO_LONG"),
        (
            {"fields_attributes": [{"name": f"l{n}", "value": "v"} for n in range(5)]},
            "fields",
            "ERR_TOO_LONG",
        ),
        ({"fields_attributes": [{"name": "x" * 256, "value": "v"}]}, "fields", "ERR_TOO_LONG"),
        ({"fields_attributes": [{"name": "l", "value": "x" * 256}]}, "fields", "ERR_TOO_LONG"),
        ({"fields_attributes": [{"name": " ", "value": "v"}]}, "fields", "ERR_BLANK"),
        ({"source": {"privacy": "direct"}}, "source[privacy]", "ERR_INCLUSION"),
        ({"source": {"language": "<b>"}}, "source[language]", "ERR_INCLUSION"),
    ],
)
async def test_invalid_field_is_said_and_nothing_is_changed(
    place: Place, params: dict[str, Any], field: str, code: str
) -> None:
    alice = await place.person("alice")
    before = await alice.get("/api/v1/accounts/verify_credentials")
    status, body = await alice.ask("PATCH", CREDENTIALS, json={"locked": True, **params})
    assert status == 422
    assert body["error"].endswith("Nothing was changed.")
    assert [one["error"] for one in body["details"][field]] == [code]
    assert await alice.get("/api/v1/accounts/verify_credentials") == before


async def test_longest_that_is_allowed_fits(place: Place) -> None:
    alice = await place.person("alice")
    longest = [{"name": "l" * 255, "value": "v" * 255}] * 4
    note = f"{'n' * 476} https://berg.example/{'a' * 100}"  # an address counts as 23
    body = await changed(
        alice, display_name="d" * 100, note=note, fields_attributes=[*longest, {"name": ""}]
    )
    assert len(body["fields"]) == 4
    assert body["source"]["note"] == note


async def test_pictures_are_taken_in_served_exchanged_and_taken_down(place: Place) -> None:
    alice = await place.person("alice")
    form = sent(avatar=painted(), header=painted("blue", "JPEG"), display_name="Alice")
    body = await alice.call("PATCH", CREDENTIALS, data=form)
    assert body["display_name"] == "Alice"
    for purpose in ("avatar", "header"):
        assert re.fullmatch(r"http://home\.example/media/[0-9a-f]{32}\.(png|jpg)", body[purpose])
        assert body[f"{purpose}_static"] == body[purpose]
    assert sorted(kept(place)) == sorted(await place.database.read(rows))
    first = kept(place)
    body = await alice.call("PATCH", CREDENTIALS, data=sent(avatar=painted("green")))
    second = kept(place)
    assert len(second) == 2
    assert len(set(first) & set(second)) == 1
    assert body["avatar"].rpartition("/")[2] in second
    for purpose in ("avatar", "header"):
        body = await alice.call("DELETE", f"/api/v1/profile/{purpose}")
        assert body[purpose].endswith("missing.png")
        assert await alice.call("DELETE", f"/api/v1/profile/{purpose}") == body
    assert kept(place) == await place.database.read(rows) == []


async def test_picture_that_cannot_be_taken_changes_nothing(place: Place) -> None:
    alice = await place.person("alice")
    await alice.call("PATCH", CREDENTIALS, data=sent(avatar=painted()))
    before = (await alice.get("/api/v1/accounts/verify_credentials"), kept(place))
    for parts in (
        {"avatar": painted("blue"), "header": b"GIF89a, or so it says", "display_name": "Eve"},
        {"avatar": painted("blue"), "note": "x" * 501},
        {"avatar": "data:image/png;base64,AAAA", "display_name": "Eve"},
    ):
        status, body = await alice.ask("PATCH", CREDENTIALS, data=sent(**parts))
        assert status == 422, parts
        assert body["error"]
        assert (await alice.get("/api/v1/accounts/verify_credentials"), kept(place)) == before


async def test_empty_file_is_no_picture(place: Place) -> None:
    alice = await place.person("alice")
    first = await alice.call("PATCH", CREDENTIALS, data=sent(avatar=painted()))
    assert await alice.call("PATCH", CREDENTIALS, data=sent(avatar=b"", header="")) == first


async def test_profile_is_changed_by_a_token_that_may_write_accounts_only(place: Place) -> None:
    alice = await place.person("alice")
    for scopes, wanted in (
        ("write:accounts", 200),
        ("write", 200),
        ("read profile", 403),
        ("write:statuses", 403),
    ):
        token = await place.database.write(give_token, alice.actor.id, scopes)
        for method, path in (
            ("PATCH", CREDENTIALS),
            ("DELETE", "/api/v1/profile/avatar"),
            ("DELETE", "/api/v1/profile/header"),
        ):
            headers = {"Authorization": f"Bearer {token}"}
            async with place.client.request(method, path, headers=headers) as answer:
                assert answer.status == wanted, (scopes, path)
    async with place.client.patch(CREDENTIALS, json={"note": "x"}) as answer:
        assert answer.status == 401


async def test_profile_fields_of_any_kind_make_no_500(place: Place) -> None:
    alice = await place.person("alice")
    odd: tuple[Any, ...] = (
        None,
        7,
        [],
        {},
        [[]],
        {"a": {"b": 1}},
        "\x00\ud800",
        "x" * 70_000,
        True,
    )
    names = ("display_name", "note", "fields_attributes", "source", "avatar", "locked", "bot")
    cells = 0
    for name in names:
        for value in odd:
            data = json.dumps({name: value}).encode("utf-8", "surrogatepass")
            headers = {"Content-Type": "application/json"}
            status, _ = await alice.ask("PATCH", CREDENTIALS, data=data, headers=headers)
            assert status in (200, 400, 422), (name, value, status)
            cells += 1
        for inner in odd:
            body: Any = {"fields_attributes": [{"name": inner, "value": inner}]}
            body["source"] = {"privacy": inner, "sensitive": inner, "language": inner}
            status, _ = await alice.ask("PATCH", CREDENTIALS, json=body)
            assert status in (200, 400, 422), (inner, status)
            cells += 1
    print(f"{cells} odd profiles")


def test_objections_are_in_the_order_of_the_form() -> None:
    params = ProfileParams(
        display_name="x" * 101,
        note="x" * 501,
        fields=(("ok", "ok"), ("", "v")),
        settings={"privacy": "no"},
    )
    assert [one.name for one in validate(params)] == [
        "display_name",
        "note",
        "field_name_2",
        "visibility",
    ]


# ---- those who follow ----


async def test_followers_elsewhere_see_the_change_and_only_what_changed_is_told(
    two: tuple[Place, Place],
) -> None:
    home, away = two
    alice, bob = await home.person("alice"), await away.person("bob")
    await bob.follow(alice)
    await settle(home, away)
    number = await bob.find(alice.handle)
    form = sent(avatar=painted(), display_name="Alice Berg", note="Leeks & patience.")
    await alice.call("PATCH", CREDENTIALS, data=form)
    await changed(
        alice, locked=True, fields_attributes=[{"name": "Web", "value": "https://berg.example"}]
    )
    await settle(home, away)
    seen = await bob.get(f"/api/v1/accounts/{number}")
    own = await alice.get("/api/v1/accounts/verify_credentials")
    for name in ("display_name", "note", "locked"):
        assert seen[name] == own[name], name
    assert URL(seen["avatar"]).host == "away.example", "through the server of whoever looks"
    async with away.client.get(URL(seen["avatar"]).raw_path_qs) as answer:
        assert (answer.status, answer.content_type) == (200, "image/png")
    assert [one["name"] for one in seen["fields"]] == ["Web"]
    assert 'rel="me nofollow noopener"' in seen["fields"][0]["value"]

    told = await home.database.read(updates)
    assert told == 2
    await changed(alice, display_name="Alice Berg", source={"privacy": "private"})
    await changed(alice, hide_collections=True)  # nothing that others could notice
    assert await home.database.read(updates) == told
    await alice.call("DELETE", "/api/v1/profile/avatar")
    await settle(home, away)
    seen = await bob.get(f"/api/v1/accounts/{number}")
    assert seen["avatar"].endswith("missing.png")


def updates(reader: Reader) -> int:
    count: int = reader.value("SELECT count(*) FROM activities WHERE type = 'Update'")
    return count


async def test_mention_of_somebody_elsewhere_leads_to_their_page(
    two: tuple[Place, Place],
) -> None:
    home, away = two
    alice, bob = await home.person("alice"), await away.person("bob")
    body = await changed(alice, note=f"With {bob.handle}, and @nobody@nowhere.example.")
    assert 'href="http://away.example/@bob"' in body["note"]
    assert "@nobody@nowhere.example" in re.sub(r"<[^>]+>", "", body["note"])
    assert "nowhere.example/" not in body["note"]


async def test_change_that_cannot_be_kept_leaves_no_picture(place: Place) -> None:
    alice = await place.person("alice")
    await place.database.write(actors.set_moderation_state, alice.actor.id, "suspended")
    with pytest.raises(NotAllowed):
        await profiles.change(place.app[SERVICES], alice.actor, ProfileParams(avatar=painted()))
    assert kept(place) == []
