"""Another address for letters: who may change it, what ends with it, who hears of it."""

from datetime import timedelta

import pytest

from storage.access import accounts, sessions, signup_blocks
from storage.engine.transaction import Writer
from tests.server.access.test_oauth import Browser
from tests.support.clock import Watch
from tests.support.servers import Person, Place

NEW = "ines@new.example"


async def change(browser: Browser, email: str) -> int:
    await browser.ask("GET", "/settings")
    form = browser.values("/settings/email") | {"email": email}
    return await browser.ask("POST", "/settings/email", form)


async def address(person: Person) -> str:
    found = await person.place.database.read(accounts.by_actor, person.actor.id)
    assert found is not None
    return found.email


async def test_new_address_ends_everything_else(place: Place) -> None:
    ines = await place.person("ines")
    site, elsewhere = Browser(place), Browser(place)
    await site.log_in("ines")
    await elsewhere.log_in("ines")
    assert (await ines.ask("GET", "/api/v1/preferences"))[0] == 200
    offered = timedelta(hours=1)
    await place.database.write(sessions.offer_reset, "a link", ines.actor.id, offered)
    assert await change(site, NEW) == 303
    assert await address(ines) == NEW
    assert await site.ask("GET", site.headers["Location"]) == 200
    assert "The new address is in force" in site.text and NEW in site.text
    assert await elsewhere.ask("GET", "/settings") == 303
    assert (await ines.ask("GET", "/api/v1/preferences"))[0] == 401
    assert await place.database.read(sessions.reset_of, "a link") is None
    assert await Browser(place).log_in("ines@post.example") == 422
    assert await Browser(place).log_in(NEW) == 303


async def test_email_change_needs_fresh_proof(place: Place, watch: Watch) -> None:
    ines, browser = await place.person("ines"), Browser(place)
    await browser.log_in("ines")
    watch.advance(timedelta(minutes=15))
    assert await change(browser, NEW) == 303
    assert browser.headers["Location"] == "/settings/prove?next=/settings%23email"
    assert await address(ines) == "ines@post.example"


def block(writer: Writer) -> None:
    signup_blocks.block_email(writer, domain="blocked.example")


async def test_address_that_will_not_do_tells_nothing_about_others(place: Place) -> None:
    ines, browser = await place.person("ines"), Browser(place)
    await place.person("bep")
    await place.database.write(block)
    await browser.log_in("ines")
    said = set()
    for taken in ("bep@post.example", "BEP@post.example", "new@blocked.example"):
        assert await change(browser, taken) == 422
        said.add(
            browser.text.replace(taken, "ADDRESS").partition('id="email"')[2].partition("csrf")[0]
        )
        assert "cannot be used here" in browser.text
    assert len(said) == 1
    assert await address(ines) == "ines@post.example"
    assert (await ines.ask("GET", "/api/v1/preferences"))[0] == 200


@pytest.mark.parametrize(
    "wrong", ["", "ines", "ines@post", "a b@c.example", "i\u200bnes@c.example"]
)
async def test_email_has_to_be_an_address(place: Place, wrong: str) -> None:
    ines, browser = await place.person("ines"), Browser(place)
    await browser.log_in("ines")
    assert await change(browser, wrong) == 422
    assert await address(ines) == "ines@post.example"


async def test_email_that_is_the_same_ends_nothing(place: Place) -> None:
    ines, browser = await place.person("ines"), Browser(place)
    await browser.log_in("ines")
    assert await change(browser, "ines@post.example") == 303
    assert (await ines.ask("GET", "/api/v1/preferences"))[0] == 200


async def test_frozen_member_may_still_change_their_address(place: Place) -> None:
    ines, browser = await place.person("ines"), Browser(place)
    await browser.log_in("ines")
    freeze = "UPDATE accounts SET frozen = '' WHERE actor = ?"
    await place.database.write(lambda w: w.execute(freeze, ines.actor.id))
    assert await change(browser, NEW) == 303
    assert await address(ines) == NEW
