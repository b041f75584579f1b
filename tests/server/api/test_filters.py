"""Filters: kept in both forms, and said of every post that meets one."""

from datetime import timedelta
from typing import Any

import pytest

from tests.support.clock import Watch
from tests.support.servers import Person, Place

ALL = "/api/v2/filters"


async def make(who: Person, *phrases: str, **more: Any) -> Any:
    given = {"title": "Quiet", "context": ["home", "notifications"], **more}
    words = [{"keyword": phrase, "whole_word": True} for phrase in phrases]
    return await who.post(ALL, **given, keywords_attributes=words)


async def met(who: Person, path: str, **more: Any) -> list[list[str]]:
    """Phrases met by each status of a list."""
    found = await who.get(path, **more)
    return [
        [phrase for result in one["filtered"] for phrase in result["keyword_matches"] or ()]
        for one in found
    ]


async def test_filter_is_made_changed_and_removed(place: Place) -> None:
    alice = await place.person("alice")
    made = await make(alice, "moth", filter_action="hide", expires_in="3600")
    (word,) = made["keywords"]
    assert made == {
        "id": made["id"],
        "title": "Quiet",
        "context": ["home", "notifications"],
        "expires_at": made["expires_at"],
        "filter_action": "hide",
        "keywords": [{"id": word["id"], "keyword": "moth", "whole_word": True}],
        "statuses": [],
    }
    assert made["expires_at"].endswith("Z")
    path = f"{ALL}/{made['id']}"
    changed = await alice.call(
        "PUT",
        path,
        json={
            "title": "Loud",
            "context": ["thread"],
            "filter_action": "warn",
            "expires_in": "",
            "keywords_attributes": [
                {"id": word["id"], "_destroy": True},
                {"keyword": "wasp", "whole_word": False},
            ],
        },
    )
    assert (changed["title"], changed["context"], changed["filter_action"]) == (
        "Loud",
        ["thread"],
        "warn",
    )
    assert changed["expires_at"] is None
    assert [(one["keyword"], one["whole_word"]) for one in changed["keywords"]] == [("wasp", False)]
    assert await alice.get(ALL) == [changed]
    assert await alice.get(path) == changed
    assert await alice.call("DELETE", path) == {}
    assert await alice.get(ALL) == []


async def test_phrases_come_as_rails_forms_write_them(place: Place) -> None:
    alice = await place.person("alice")
    made = await alice.call(
        "POST",
        ALL,
        data="title=Quiet&context[]=home&context[]=public&keywords_attributes[][keyword]=moth"
        "&keywords_attributes[][whole_word]=false&keywords_attributes[][keyword]=wasp",
        headers={"Content-Type": "application/x-www-form-urlencoded"},
    )
    assert made["context"] == ["home", "public"]
    words = [(one["keyword"], one["whole_word"]) for one in made["keywords"]]
    assert words == [("moth", False), ("wasp", True)]


@pytest.mark.parametrize(
    "form",
    [
        {"title": "x"},
        {"context": ["home"]},
        {"title": "x", "context": ["everywhere"]},
        {"title": "x", "context": ["home"], "filter_action": "burn"},
        {"title": "x", "context": ["home"], "keywords_attributes": [{"keyword": " "}]},
    ],
)
async def test_filter_without_sense_is_not_made(place: Place, form: dict[str, Any]) -> None:
    alice = await place.person("alice")
    assert (await alice.ask("POST", ALL, json=form))[0] == 422
    assert await alice.get(ALL) == []


async def test_phrases_and_posts_are_kept_by_themselves(place: Place) -> None:
    alice, bob = await place.person("alice"), await place.person("bob")
    made, said = await make(alice), await bob.say("Good morning.")
    words, posts = f"{ALL}/{made['id']}/keywords", f"{ALL}/{made['id']}/statuses"
    word = await alice.post(words, keyword="moth", whole_word=False)
    assert await alice.get(words) == [word]
    one = f"{ALL}/keywords/{word['id']}"
    changed = await alice.call("PUT", one, json={"keyword": "wasp", "whole_word": True})
    assert await alice.get(one) == changed == {**word, "keyword": "wasp", "whole_word": True}
    marked = await alice.post(posts, status_id=said["id"])
    assert await alice.get(posts) == [marked]
    assert await alice.get(f"{ALL}/statuses/{marked['id']}") == marked
    assert marked["status_id"] == said["id"]
    (result,) = (await alice.get(f"/api/v1/statuses/{said['id']}"))["filtered"]
    assert (result["keyword_matches"], result["status_matches"]) == (None, [said["id"]])
    assert "keywords" not in result["filter"]
    for path in (one, f"{ALL}/statuses/{marked['id']}"):
        assert await alice.call("DELETE", path) == {}
        assert (await alice.ask("GET", path))[0] == 404
    assert (await alice.get(f"/api/v1/statuses/{said['id']}"))["filtered"] == []


async def test_filter_marks_no_post_that_its_owner_cannot_see(place: Place) -> None:
    alice, bob = await place.person("alice"), await place.person("bob")
    made, said = await make(alice), await bob.say("For nobody.", visibility="direct")
    status, body = await alice.ask(
        "POST", f"{ALL}/{made['id']}/statuses", json={"status_id": said["id"]}
    )
    assert (status, body) == (404, {"error": "Record not found"})


@pytest.mark.parametrize(
    ("phrase", "whole", "text", "meets"),
    [
        ("moth", True, "A MOTH came.", True),
        ("moth", True, "My mother came.", False),
        ("moth", False, "My mother came.", True),
        ("#moth", True, "See #moth", True),
        ("$5 (net)", True, "It costs $5 (net) here", True),
        (".*", True, "Anything at all", False),
        ("grün", True, "Alles GRÜN hier", True),
        ("two words", True, "Only two\nwords", False),
    ],
)
async def test_phrase_is_met_as_it_is_meant(
    place: Place, phrase: str, whole: bool, text: str, meets: bool
) -> None:
    alice = await place.person("alice")
    await make(alice)
    (known,) = await alice.get(ALL)
    await alice.post(f"{ALL}/{known['id']}/keywords", keyword=phrase, whole_word=whole)
    await alice.say(text)
    assert await met(alice, "/api/v1/timelines/home") == [[phrase] if meets else []]


async def test_filter_results_are_said_wherever_posts_are_shown(place: Place) -> None:
    alice, bob = await place.person("alice"), await place.person("bob")
    await make(alice, "moth", filter_action="hide")
    await alice.follow(bob)
    said = await bob.say("@alice a moth", spoiler_text="small")
    await alice.post(f"/api/v1/statuses/{said['id']}/bookmark")
    await bob.say("Nothing here.")
    assert await met(alice, "/api/v1/timelines/home") == [[], ["moth"]]
    assert await met(alice, "/api/v1/timelines/public") == [[], ["moth"]]
    assert await met(alice, f"/api/v1/accounts/{bob.id}/statuses") == [[], ["moth"]]
    assert await met(alice, "/api/v1/bookmarks") == [["moth"]]
    (told,) = await alice.get("/api/v1/notifications", types="mention")
    (result,) = told["status"]["filtered"]
    assert result["keyword_matches"] == ["moth"]
    assert result["filter"]["filter_action"] == "hide"
    assert await met(bob, "/api/v1/timelines/home") == [[], []]
    async with place.client.get("/api/v1/timelines/public") as answer:
        assert all("filtered" not in one for one in await answer.json())


async def test_boost_meets_what_the_boosted_post_meets(place: Place) -> None:
    alice, bob = await place.person("alice"), await place.person("bob")
    await make(alice, "moth")
    await alice.follow(bob)
    said = await alice.say("a moth", visibility="public")
    other = await bob.post(f"/api/v1/statuses/{said['id']}/reblog")
    found = await alice.get(f"/api/v1/statuses/{other['id']}")
    for one in (found, found["reblog"]):
        assert [result["keyword_matches"] for result in one["filtered"]] == [["moth"]]


async def test_content_warnings_and_choices_count_as_said(place: Place) -> None:
    alice = await place.person("alice")
    await make(alice, "moth", "wasp")
    await alice.say("Behind it.", spoiler_text="moth")
    await alice.say("Which?", poll={"options": ["wasp", "bee"], "expires_in": 600})
    assert await met(alice, "/api/v1/timelines/home") == [["wasp"], ["moth"]]


async def test_filter_ends(place: Place, watch: Watch) -> None:
    alice = await place.person("alice")
    await make(alice, "moth", expires_in=60)
    await alice.say("a moth")
    assert await met(alice, "/api/v1/timelines/home") == [["moth"]]
    watch.now += timedelta(seconds=61)
    assert await met(alice, "/api/v1/timelines/home") == [[]]
    (known,) = await alice.get(ALL)
    await alice.call("PUT", f"{ALL}/{known['id']}", json={"expires_in": 600})
    assert await met(alice, "/api/v1/timelines/home") == [["moth"]]


async def test_older_clients_see_one_filter_for_each_phrase(place: Place) -> None:
    alice = await place.person("alice")
    await make(alice, "moth", "wasp", filter_action="hide")
    older = await alice.get("/api/v1/filters")
    assert [(one["phrase"], one["irreversible"]) for one in older] == [
        ("moth", True),
        ("wasp", True),
    ]
    made = await alice.post("/api/v1/filters", phrase="bee", context=["home"], whole_word=True)
    path = f"/api/v1/filters/{made['id']}"
    assert made == {
        "id": made["id"],
        "phrase": "bee",
        "context": ["home"],
        "whole_word": True,
        "expires_at": None,
        "irreversible": False,
    }
    changed = await alice.call(
        "PUT", path, json={"phrase": "fly", "context": ["home"], "irreversible": True}
    )
    assert await alice.get(path) == changed == {**made, "phrase": "fly", "irreversible": True}
    await alice.say("a fly")
    assert await met(alice, "/api/v1/timelines/home") == [["fly"]]
    assert await alice.call("DELETE", path) == {}
    assert len(await alice.get(ALL)) == 1
    await alice.call("DELETE", f"/api/v1/filters/{older[0]['id']}")
    assert [one["phrase"] for one in await alice.get("/api/v1/filters")] == ["wasp"]


def many(number: int, length: int = 8) -> list[dict[str, str]]:
    return [{"keyword": f"{at:x}".rjust(length, "m")} for at in range(number)]


async def test_filter_phrases_are_limited_however_they_are_sent(place: Place) -> None:
    alice = await place.person("alice")
    given = {"title": "Quiet", "context": ["home"]}
    status, body = await alice.ask("POST", ALL, json={**given, "keywords_attributes": many(101)})
    assert (status, set(body)) == (422, {"error"})
    assert await alice.get(ALL) == []
    first = await alice.post(ALL, **given, keywords_attributes=many(100))
    path = f"{ALL}/{first['id']}"
    for added in (many(1), many(300)):
        assert (await alice.ask("PUT", path, json={"keywords_attributes": added}))[0] == 422
    gone = [{"id": one["id"], "_destroy": True} for one in first["keywords"][:2]]
    swapped = await alice.call("PUT", path, json={"keywords_attributes": [*gone, *many(2)]})
    assert len(swapped["keywords"]) == 100


@pytest.mark.parametrize(("length", "fits"), [(8, 5), (100, 2)])
async def test_filters_together_have_room_for_so_much(place: Place, length: int, fits: int) -> None:
    alice = await place.person("alice")
    given = {"title": "Quiet", "context": ["home"], "keywords_attributes": many(100, length)}
    for _ in range(fits):
        last = await alice.post(ALL, **given)
    assert (await alice.ask("POST", ALL, json=given))[0] == 422
    older = {"phrase": "one more", "context": ["home"]}
    assert (await alice.ask("POST", "/api/v1/filters", json=older))[0] == 422
    word = last["keywords"][0]["id"]
    longer = {"keyword": "m" * 512} if length == 100 else {}
    assert (await alice.ask("PUT", f"{ALL}/keywords/{word}", json=longer))[0] == (
        422 if longer else 200
    )
    assert len(await alice.get(ALL)) == fits


async def test_filter_names_at_most_ten_phrases(place: Place) -> None:
    alice = await place.person("alice")
    await make(alice, *(f"moth{at}" for at in range(30)))
    await alice.say(" ".join(f"moth{at}" for at in range(30)))
    assert await met(alice, "/api/v1/timelines/home") == [[f"moth{at}" for at in range(10)]]


@pytest.mark.parametrize(
    ("phrase", "text", "is_met"),
    [
        ("red moth", "A bored moth, a red moth!", True),
        ("red moth", "A bored moth, a red moths", False),
        ("STRASSE", "Die Straße", True),
        ("c++", "c++11 is not c++", True),
        ("c++", "abc++", False),
        ("-)", "a-)b", True),
        ("moth", "mothers", False),
    ],
)
async def test_phrase_is_met_as_whole_words(
    place: Place, phrase: str, text: str, is_met: bool
) -> None:
    alice = await place.person("alice")
    await make(alice, phrase)
    await alice.say(text)
    assert await met(alice, "/api/v1/timelines/home") == [[phrase] if is_met else []]
