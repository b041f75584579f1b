"""Placeholders of media: what stands in their place, for whom, and what is none."""

import json
from datetime import UTC, datetime
from typing import Any

import orjson
import pytest

from federation.vocabulary import media_urls
from storage.engine import schema
from storage.engine.ids import ActorId
from storage.engine.site import Site
from storage.posts.visibility import Anonymous, Member, Peer
from tests.storage.raw import memory

NOW = datetime(2026, 12, 1, tzinfo=UTC)
SITE = Site("home.example", "home.example", secret="secret")
NAME = "0123456789abcdef0123456789abcdef.png"
BARE = f"https://home.example/media/private/{NAME}"


def written(value: Any) -> bytes:
    return orjson.dumps({"before": 1, "url": value, "after": [value, value]})


def test_placeholder_becomes_an_address_for_its_reader() -> None:
    for viewer, query in (
        (Member(ActorId(7)), "me=7&until="),
        (Peer("a.example"), "for=a.example"),
    ):
        opened = media_urls.open_placeholders(SITE, written(media_urls.private(NAME)), viewer, NOW)
        found = json.loads(opened)
        assert found["url"].startswith(f"{BARE}?{query}")
        assert "&seal=" in found["url"]
        assert found == {"before": 1, "url": found["url"], "after": [found["url"]] * 2}
    proxied = written(media_urls.private_proxy("original", 12))
    found = json.loads(media_urls.open_placeholders(SITE, proxied, Member(ActorId(7)), NOW))
    assert found["url"].startswith("https://home.example/media/proxy/original/12?me=7&")


def test_placeholder_becomes_an_address_that_opens_nothing_without_a_reader() -> None:
    opened = media_urls.open_placeholders(SITE, written(media_urls.private(NAME)), Anonymous(), NOW)
    assert json.loads(opened)["url"] == BARE == media_urls.bare(SITE, media_urls.private(NAME))


@pytest.mark.parametrize(
    "text",
    [
        BARE,
        f'{{"kith:media":"private/{NAME}"}}',
        f'\\{{"kith:media":"private/{NAME}"}}',
        f'"{{"kith:media":"private/{NAME}"}}"',
        '{"kith:media":"',
    ],
)
def test_text_that_looks_like_a_placeholder_is_left_alone(text: str) -> None:
    for document in (written(text), orjson.dumps({text: text})):
        assert media_urls.open_placeholders(SITE, document, Member(ActorId(7)), NOW) == document


def test_addresses_in_stored_activities_of_an_older_file_become_placeholders() -> None:
    raw = memory(up_to=20)
    raw.execute(
        "INSERT INTO actors (id, uri, type, name, domain, host, inbox, created_at,"
        " moderation_state) VALUES (1, 'u', 'Person', 'n', '', '', 'i', 0, 'active')"
    )
    public = {"type": "Document", "url": f"https://home.example/media/{NAME}", "name": "a “name”"}
    hidden = {"type": "Document", "url": BARE, "focalPoint": [0.5, -1.0], "width": 3}
    told = {"type": "Note", "content": BARE, "attachment": [public, hidden], "to": ["ü"]}
    bodies: list[dict[str, Any]] = [
        {"type": "Create", "object": told},
        {"type": "Update", "object": {**told, "attachment": [hidden]}},
        {"type": "Create", "object": {**told, "attachment": []}},
        {"type": "Announce", "object": BARE},
        {"type": "Delete", "object": {"type": "Tombstone", "id": BARE}},
    ]
    for number, body in enumerate(bodies):
        raw.execute(
            "INSERT INTO activities (id, uri, actor, type, object, body, published_at)"
            " VALUES (?, ?, 1, ?, 'o', ?, 0)",
            (number, f"a:{number}", body["type"], orjson.dumps(body).decode()),
        )
    raw.executescript(schema.scripts()[21].read_text())
    left = [row[0] for row in raw.execute("SELECT body FROM activities ORDER BY id")]
    new = {**hidden, "url": media_urls.private(NAME)}
    bodies[0] = {"type": "Create", "object": {**told, "attachment": [public, new]}}
    bodies[1] = {"type": "Update", "object": {**told, "attachment": [new]}}
    assert [json.loads(one) for one in left] == bodies
    whole = json.loads(media_urls.open_placeholders(SITE, left[0].encode(), Peer("a.example"), NOW))
    assert "&seal=" in whole["object"]["attachment"][1]["url"]
    assert whole["object"]["content"] == BARE
