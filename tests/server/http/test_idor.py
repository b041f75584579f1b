"""What belongs to one member is not there for another: over the route table (SECURITY 73).

Every route with a number in its address is about something that one member owns, or about people
and posts, which the visibility of posts decides on (test_privacy.py). There is no third kind.
"""

import re
from io import BytesIO
from typing import Any

import pytest
from aiohttp import FormData
from PIL import Image

from server.http.guard import API, Access
from server.routes import ROUTES
from storage.engine.transaction import Reader
from tests.support.servers import Person, Place

# Of people and posts; who may see them is asked elsewhere.
EVERYBODYS = re.compile(
    r"/api/v1/(accounts|statuses|polls|suggestions|follow_requests|reports)/\{id\}"
    r"|/api/v[12]/admin/"
)


async def owned_by(alice: Person, bob: Person) -> dict[str, str]:
    """Address with `{id}` in it, as in the route table, → the number of something of alice's."""
    said = await alice.say("Hello.")
    await bob.post(f"/api/v1/statuses/{said['id']}/favourite")
    (told,) = [
        one for one in await alice.get("/api/v1/notifications") if one["type"] == "favourite"
    ]
    await alice.say("@bob a word", visibility="direct")
    (conversation,) = await alice.get("/api/v1/conversations")
    made = await alice.post(
        "/api/v2/filters",
        title="Quiet",
        context=["home"],
        keywords_attributes=[{"keyword": "moth"}],
    )
    marked = await alice.post(f"/api/v2/filters/{made['id']}/statuses", status_id=said["id"])
    list_ = (await alice.post("/api/v1/lists", title="Near"))["id"]
    later = await alice.say("Later.", scheduled_at="2030-01-31T12:00:00Z")
    return {
        "/api/v1/scheduled_statuses/{id}": later["id"],
        "/api/v1/lists/{id}": list_,
        "/api/v1/timelines/list/{id}": list_,
        "/api/v1/conversations/{id}": conversation["id"],
        "/api/v2/filters/{id}": made["id"],
        "/api/v2/filters/keywords/{id}": made["keywords"][0]["id"],
        "/api/v1/filters/{id}": made["keywords"][0]["id"],
        "/api/v2/filters/statuses/{id}": marked["id"],
        "/api/v1/featured_tags/{id}": (await alice.post("/api/v1/featured_tags", name="moth"))[
            "id"
        ],
        "/api/v1/notifications/{id}": told["id"],
        "/api/v1/media/{id}": (pictured := await picture(alice)),
        "/api/v2/media/{id}": pictured,
    }


async def picture(alice: Person) -> str:
    """The number of a picture that hangs on nothing yet."""
    data = BytesIO()
    Image.new("RGB", (8, 8), "teal").save(data, "PNG")
    form = FormData()
    form.add_field("file", data.getvalue(), filename="a.png", content_type="image/png")
    return str((await alice.call("POST", "/api/v2/media", data=form))["id"])


FORM = {
    "title": "Mine now",
    "keyword": "mine",
    "phrase": "mine",
    "context": ["home"],
    "description": "Mine",
    "scheduled_at": "2031-01-31T12:00:00Z",
}
TABLES = (
    "lists list_members list_entries filters filter_keywords filter_posts conversations"
    " featured_tags notifications media account_notes scheduled_posts"
).split()


def contents(reader: Reader) -> dict[str, list[Any]]:
    return {table: reader.rows(f"SELECT * FROM {table} ORDER BY 1, 2") for table in TABLES}


@pytest.fixture
async def people(place: Place) -> tuple[Person, Person]:
    return await place.person("alice"), await place.person("bob")


def about_numbers() -> list[tuple[str, str]]:
    """(method, address) of every route of the API that takes a number."""
    return [
        (route.method, route.path)
        for route in ROUTES
        if route.access in API and route.path.startswith("/api/") and "{id}" in route.path
    ]


async def test_things_of_one_member_are_not_there_for_another(
    place: Place, people: tuple[Person, Person]
) -> None:
    alice, bob = people
    own = await owned_by(alice, bob)
    said = await bob.say("Bob's own.")
    before = await place.database.read(contents)
    cells = 0
    for method, path in about_numbers():
        if EVERYBODYS.match(path):
            continue
        (start,) = [one for one in own if path == one or path.startswith(f"{one}/")]
        form = {**FORM, "status_id": said["id"], "account_ids": [alice.id]}
        address = path.replace("{id}", own[start])
        status, body = await bob.ask(method, address, **({} if method == "GET" else {"json": form}))
        assert (status, body) == (404, {"error": "Record not found"}), (method, path, status)
        cells += 1
    assert await place.database.read(contents) == before
    print(f"{cells} cells: route x thing of another")
    assert cells >= 30


async def test_owner_finds_their_things_there(place: Place, people: tuple[Person, Person]) -> None:
    """Proof that a 404 for another says something."""
    alice, bob = people
    own = await owned_by(alice, bob)
    for path, number in own.items():
        if ("GET", path) in about_numbers():
            status, body = await alice.ask("GET", path.replace("{id}", number))
            assert status == 200, (path, status, body)


async def test_notes_are_seen_by_their_writer_only(people: tuple[Person, Person]) -> None:
    alice, bob = people
    await alice.post(f"/api/v1/accounts/{bob.id}/note", comment="secret")
    for asked in (alice.id, bob.id):
        (found,) = await bob.get("/api/v1/accounts/relationships", id=asked)
        assert found["note"] == ""


def test_doors_that_take_a_number_are_classified() -> None:
    members = [path for _, path in about_numbers()]
    assert len(members) > 60
    assert all(route.access is not Access.APP for route in ROUTES if "{id}" in route.path)
