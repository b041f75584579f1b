"""Languages in which somebody is followed: what comes home, and what stays out."""

from typing import Any

import pytest

from storage.engine.ids import ActorId
from storage.engine.transaction import Writer
from tests.support.servers import Person, Place


@pytest.fixture
async def alice(place: Place) -> Person:
    return await place.person("alice")


@pytest.fixture
async def bob(place: Place) -> Person:
    """Somebody whose pages are in a language that is none of this place: it says nothing."""
    bob = await place.person("bob")
    await place.database.write(set_locale, bob.actor.id, "nl")
    return bob


def set_locale(writer: Writer, account: ActorId, locale: str) -> None:
    writer.execute("UPDATE accounts SET locale = ? WHERE actor = ?", locale, account)


async def follow(alice: Person, bob: Person, **options: Any) -> Any:
    return await alice.post(f"/api/v1/accounts/{bob.id}/follow", **options)


async def texts(person: Person) -> list[str]:
    shown = [(one["reblog"] or one)["content"] for one in await person.home()]
    return [one.removeprefix("<p>").removesuffix("</p>") for one in shown]


async def say_all(bob: Person) -> None:
    for language in ("de", "en", "en-GB", "EN", "eng", ""):
        await bob.say(f"In {language}.", language=language)


COMES = ["In .", "In EN.", "In en-GB.", "In en."]
ALL = ["In .", "In eng.", "In EN.", "In en-GB.", "In en.", "In de."]


async def test_home_shows_the_languages_that_one_follows_in(alice: Person, bob: Person) -> None:
    standing = await follow(alice, bob, languages=["en", "fr"])
    assert standing["languages"] == ["en", "fr"]
    (found,) = await alice.get("/api/v1/accounts/relationships", id=bob.id)
    assert found["languages"] == ["en", "fr"]
    await say_all(bob)
    assert await texts(alice) == COMES
    (found,) = await bob.get("/api/v1/accounts/relationships", id=alice.id)
    assert found["languages"] == []


async def test_post_without_a_language_has_the_members_own(place: Place, bob: Person) -> None:
    assert (await bob.say("Hallo"))["language"] is None, "none of this place"
    for name, locale, language in (("carol", "de", None), ("dora", "en", "en")):
        person = await place.person(name)
        await place.database.write(set_locale, person.actor.id, locale)
        assert (await person.say("Hello"))["language"] == language
    chosen = {"source": {"language": "fr"}}
    await bob.call("PATCH", "/api/v1/accounts/update_credentials", json=chosen)
    assert (await bob.say("Bonjour"))["language"] == "fr"
    assert (await bob.say("Hola", language="es"))["language"] == "es"


async def test_dialect_is_not_the_whole_language(alice: Person, bob: Person) -> None:
    await follow(alice, bob, languages=["en-GB"])
    await say_all(bob)
    assert await texts(alice) == ["In .", "In en-GB."]


async def test_earlier_posts_come_home_by_the_same_rule(alice: Person, bob: Person) -> None:
    await say_all(bob)
    await follow(alice, bob, languages=["en"])
    assert await texts(alice) == COMES
    await follow(alice, bob, languages=["de"])
    assert await texts(alice) == ["In .", "In de."]
    await follow(alice, bob, reblogs=True)
    assert await texts(alice) == ["In .", "In de."]
    await follow(alice, bob, languages=[])
    assert await texts(alice) == ALL


async def test_boosts_and_notices_keep_to_it(place: Place, alice: Person, bob: Person) -> None:
    carol = await place.person("carol")
    await follow(alice, bob, languages=["en"], notify=True)
    for language in ("de", "en"):
        said = await carol.say(f"Carol in {language}.", language=language)
        await bob.post(f"/api/v1/statuses/{said['id']}/reblog")
        await bob.say(f"In {language}.", language=language)
    assert await texts(alice) == ["In en.", "Carol in en."]
    told = await alice.get("/api/v1/notifications", types="status")
    assert [one["status"]["content"] for one in told] == ["<p>In en.</p>"]


async def test_author_sees_their_post_and_others_hear_it(
    place: Place, alice: Person, bob: Person
) -> None:
    carol = await place.person("carol")
    await follow(alice, bob, languages=["en"])
    await follow(carol, bob)
    await bob.say("In de.", language="de")
    assert (await texts(alice), await texts(bob)) == ([], ["In de."])
    assert await texts(carol) == ["In de."]


@pytest.mark.parametrize("languages", [["English"], ["e"], ["'; --"], {"a": {}}])
async def test_language_is_named_by_its_code(alice: Person, bob: Person, languages: Any) -> None:
    path = f"/api/v1/accounts/{bob.id}/follow"
    assert (await alice.ask("POST", path, json={"languages": languages}))[0] == 422
    assert (await alice.ask("POST", path, json={"languages": [""]}))[0] == 200
    (found,) = await alice.get("/api/v1/accounts/relationships", id=bob.id)
    assert found["languages"] == []
