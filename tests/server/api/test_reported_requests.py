"""Requests as clients send them, from public reports and stock clients."""

from typing import Any

import pytest

from tests.support.servers import Person, Place


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
