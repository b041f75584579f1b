"""Requests as clients send them, from public reports and stock clients."""

from typing import Any

import pytest
from aiohttp import FormData

from tests.server.media.test_processing import corners, encoded
from tests.support.servers import Person, Place

PICTURE = encoded(corners(80, 80), "PNG")


@pytest.fixture
async def alice(place: Place) -> Person:
    return await place.person("alice")


@pytest.fixture
async def bob(place: Place) -> Person:
    return await place.person("bob")


async def test_warning_alone_is_posted(alice: Person) -> None:
    said = await alice.post("/api/v1/statuses", status="", spoiler_text="Only a warning")
    assert said["spoiler_text"] == "Only a warning" or "Only a warning" in said["content"]


@pytest.mark.parametrize(
    ("sent", "tag"),
    [("en_US", "en-US"), ("pt-br", "pt-BR"), ("und", None), ("no language", None), ("", None)],
)
async def test_language_never_refuses_what_somebody_typed(
    alice: Person, sent: str, tag: str | None
) -> None:
    said = await alice.post("/api/v1/statuses", status="Hello", language=sent)
    assert said["language"] == tag or tag is None


@pytest.mark.parametrize("more", [{"media_ids[]": ""}, {"poll": ""}, {"poll[options][]": ""}])
async def test_empty_field_of_a_form_is_none(alice: Person, more: dict[str, str]) -> None:
    status, said = await alice.ask("POST", "/api/v1/statuses", data={"status": "Hello", **more})
    assert status == 200, said


@pytest.mark.parametrize(
    "handle", ["acct:bob@home.example", "<@bob@home.example>", "<bob@home.example>"]
)
async def test_search_understands_how_handles_are_written(
    alice: Person, bob: Person, handle: str
) -> None:
    found = await alice.get("/api/v2/search", q=handle)
    assert [one["acct"] for one in found["accounts"]] == ["bob"]


async def test_profile_fields_that_say_nothing_are_as_if_not_sent(alice: Person) -> None:
    for value in ("", "text"):
        status, said = await alice.ask(
            "PATCH",
            "/api/v1/accounts/update_credentials",
            data={"fields_attributes": value, "display_name": "Alice"},
        )
        assert (status, said.get("display_name")) == (200, "Alice"), value


async def test_source_of_a_post_is_shown_to_whoever_sees_it(alice: Person, bob: Person) -> None:
    said = await alice.say("Hello *you*")
    found = await bob.get(f"/api/v1/statuses/{said['id']}/source")
    assert found == {"id": said["id"], "text": "Hello *you*", "spoiler_text": ""}
    hidden = await alice.say("For few", visibility="direct")
    assert (await bob.ask("GET", f"/api/v1/statuses/{hidden['id']}/source"))[0] == 404


async def test_policy_of_notifications_is_no_notification(alice: Person) -> None:
    for path in ("policy", "requests"):
        status, said = await alice.ask("GET", f"/api/v1/notifications/{path}")
        other, there = await alice.ask("GET", "/api/v1/nothing_at_all")
        assert (status, said) == (other, there), path


async def test_instance_announces_nothing_that_is_not_there(place: Place, alice: Person) -> None:
    second = await alice.get("/api/v2/instance")
    first = await alice.get("/api/v1/instance")
    for urls in (second["configuration"]["urls"], first["urls"]):
        assert not any(urls.get(name) for name in ("streaming", "streaming_api")), urls


async def test_nodeinfo_tells_what_we_speak(place: Place) -> None:
    async with place.client.get("/nodeinfo/2.1") as answer:
        told: dict[str, Any] = await answer.json()
    assert told["software"]["name"] == "kith"
    assert told["metadata"]["upstream"] == {"name": "mastodon"}


async def test_mentions_come_in_the_order_of_the_text(place: Place, alice: Person) -> None:
    names = ["dora", "bob", "carol"]
    for name in sorted(names):
        await place.person(name)
    said = await alice.say("@dora first, @bob second, @carol third, and @dora again")
    assert [one["acct"] for one in said["mentions"]] == names


async def test_chain_of_the_author_comes_first_in_a_thread(alice: Person, bob: Person) -> None:
    root = await alice.say("One")
    branch = await bob.say("@alice a branch", in_reply_to_id=root["id"])
    twig = await bob.say("@alice a twig", in_reply_to_id=branch["id"])
    second = await alice.say("Two", in_reply_to_id=root["id"])
    third = await alice.say("Three", in_reply_to_id=second["id"])
    context = await bob.get(f"/api/v1/statuses/{root['id']}/context")
    ids = [one["id"] for one in context["descendants"]]
    assert ids == [one["id"] for one in (second, third, branch, twig)]


async def test_direct_post_that_finds_nobody_is_refused(
    place: Place, alice: Person, bob: Person
) -> None:
    for text in ("@nobody secret", "@bob@nowhere.invalid secret", ".@nobody secret"):
        status, said = await alice.ask(
            "POST", "/api/v1/statuses", json={"status": text, "visibility": "direct"}
        )
        assert (status, "Nobody whom this names" in said["error"]) == (422, True), text
    said = await alice.say(".@bob secret", visibility="direct")
    assert [one["acct"] for one in said["mentions"]] == ["bob"]
    assert ("mention", "alice") in await bob.notified()
    assert (await alice.say("A note to myself", visibility="direct"))["mentions"] == []


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("https://de.example.org/wiki/Köln–Bonn x", "https://de.example.org/wiki/Köln–Bonn"),
        ("https://example.com/wiki/Key:disused:*", "https://example.com/wiki/Key:disused:*"),
        ("(see https://example.com/a_(b)).", "https://example.com/a_(b)"),
        ("https://example.com/a。次", "https://example.com/a"),
        ("“https://example.com/a”", "https://example.com/a"),
        ("»https://example.com/a«", "https://example.com/a"),
        ("<https://example.com/a>", "https://example.com/a"),
        ("https://example.com/a,b, and", "https://example.com/a,b"),
        ("https://example.com/a… and", "https://example.com/a"),
        ("https://example.com/ファイル（1）", "https://example.com/ファイル"),
        ("https://example.com/~me/*x*", "https://example.com/~me/*x*"),
    ],
)
async def test_address_ends_where_people_end_it(alice: Person, text: str, address: str) -> None:
    content = (await alice.say(text))["content"]
    assert f'href="{address}"' in content


@pytest.mark.parametrize(
    ("accept", "status", "kind"),
    [
        ("text/html", 303, ""),
        ("text/html,application/xhtml+xml,*/*;q=0.8", 303, ""),
        ("text/html;q=1, application/activity+json;q=0", 303, ""),
        ("application/activity+json", 200, "application/activity+json"),
        ("application/activity+json, text/html;q=0.1", 200, "application/activity+json"),
        ('application/ld+json; profile="https://www.w3.org/ns/activitystreams"', 200, "json"),
        ("*/*", 200, "application/activity+json"),
        ("", 200, "application/activity+json"),
    ],
)
async def test_browser_at_a_document_is_led_to_the_page(
    place: Place, alice: Person, accept: str, status: int, kind: str
) -> None:
    said = await alice.say("Hello")
    for path, page in (
        (f"/actors/{alice.id}", "/@alice"),
        (f"/posts/{said['id']}", f"/@alice/{said['id']}"),
    ):
        async with place.client.get(
            path, headers={"Accept": accept}, allow_redirects=False
        ) as answer:
            assert (answer.status, kind in answer.content_type) == (status, True), path
            assert "Accept" in answer.headers["Vary"]
            if status == 303:
                assert answer.headers["Location"] == f"http://home.example{page}"


async def test_browser_learns_of_no_post_that_is_not_for_all(place: Place, alice: Person) -> None:
    hidden = await alice.say("For few", visibility="private")
    for number in (hidden["id"], "999"):
        async with place.client.get(
            f"/posts/{number}", headers={"Accept": "text/html"}, allow_redirects=False
        ) as answer:
            assert answer.status == 404


async def test_preferred_form_is_what_a_page_answers(place: Place, alice: Person) -> None:
    said = await alice.say("Hello")
    for path in ("/@alice", f"/@alice/{said['id']}"):
        for accept, kind in (
            ("text/html;q=1, application/activity+json;q=0", "text/html"),
            ("text/html;q=0.1, application/activity+json", "application/activity+json"),
        ):
            for spelled in (path, f"{path}/"):
                headers = {"Accept": accept}
                async with place.client.get(spelled, headers=headers) as answer:
                    assert (answer.status, answer.content_type) == (200, kind), spelled


async def test_webfinger_of_what_names_nobody_anywhere_is_refused(place: Place) -> None:
    for resource, status in (
        ("=acct:alice@home.example", 400),
        ("alice", 400),
        ("acct:alice", 400),
        ("mailto:", 400),
        ("acct:alice@home.example", 404),
        ("acct:alice@away.example", 404),
        ("http://home.example/@nobody", 404),
    ):
        path = "/.well-known/webfinger"
        async with place.client.get(path, params={"resource": resource}) as answer:
            assert answer.status == status, resource


async def test_second_version_of_media_can_be_described(alice: Person) -> None:
    form = FormData()
    form.add_field("file", PICTURE, filename="a.png", content_type="image/png")
    form.add_field("thumbnail", PICTURE, filename="b.png", content_type="image/png")
    status, made = await alice.ask("POST", "/api/v2/media", data=form)
    assert status == 200, made
    path = f"/api/v2/media/{made['id']}"
    assert (await alice.call("PUT", path, json={"description": "A leek"}))[
        "description"
    ] == "A leek"


async def test_unexpected_mentions_refuse_the_post(
    place: Place, alice: Person, bob: Person
) -> None:
    carol = await place.person("carol")
    text = {"status": "@bob and @carol, and @alice"}
    cells: tuple[tuple[list[str], list[str] | None], ...] = (
        ([bob.id], ["carol"]),
        ([], ["bob", "carol"]),
        ([bob.id, carol.id], None),
        ([bob.id, carol.id, "999"], None),
    )
    for allowed, unexpected in cells:
        status, said = await alice.ask(
            "POST", "/api/v1/statuses", json={**text, "allowed_mentions": allowed}
        )
        if unexpected is None:
            assert status == 200, said
            number = said["id"]
        else:
            assert status == 422
            assert [one["acct"] for one in said["unexpected_accounts"]] == unexpected
    status, said = await alice.ask(
        "PUT", f"/api/v1/statuses/{number}", json={"status": "@carol", "allowed_mentions": [bob.id]}
    )
    assert (status, [one["id"] for one in said["unexpected_accounts"]]) == (422, [carol.id])
    later = {"status": "@carol later", "scheduled_at": "2026-12-24T08:00:00Z"}
    made = await alice.post("/api/v1/statuses", **later, allowed_mentions=[bob.id])
    assert made["params"]["text"] == "@carol later"


async def test_warning_of_a_picture_stays_a_warning(alice: Person) -> None:
    form = FormData()
    form.add_field("file", PICTURE, filename="a.png", content_type="image/png")
    _, made = await alice.ask("POST", "/api/v2/media", data=form)
    said = await alice.say("", spoiler_text="A leek", media_ids=[made["id"]])
    assert (said["spoiler_text"], said["content"]) == ("A leek", "")
