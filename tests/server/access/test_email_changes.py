"""Another address for a member, where letters are sent: it counts once its letter is answered."""

import asyncio
from datetime import timedelta

import pytest

from server.cli.commands import run
from storage.access import confirmations
from storage.engine.transaction import Reader
from tests.server.access.test_email_confirmation import (
    LINK,
    Post,
    answered,
    arrived,
    post,
    send,
    written,
)
from tests.server.access.test_oauth import Browser
from tests.server.access.test_signup import OWN
from tests.server.mail.test_email import NEW, address, change
from tests.support.clock import Watch
from tests.support.servers import PASSWORD

__all__ = ["post"]  # the fixture


async def params(browser: Browser, post: Post, email: str) -> int:
    """Ask for another address; the one until now hears of it."""
    status = await change(browser, email)
    to, text = await arrived(post[1])
    assert (to, email in text) == ("ines@post.example", False)
    return status


async def test_new_address_counts_once_its_email_is_answered(post: Post) -> None:
    place, _ = post
    ines = await place.person("ines")
    site, elsewhere = Browser(place), Browser(place)
    await site.log_in("ines")
    await elsewhere.log_in("ines")
    assert await params(site, post, NEW) == 303
    assert await site.ask("GET", site.headers["Location"]) == 200
    assert "A letter is on its way there" in site.text
    assert NEW in site.text
    assert await address(ines) == "ines@post.example"
    assert await elsewhere.ask("GET", "/settings") == 200
    to, text = await written(post)
    assert to == NEW
    (link,) = LINK.findall(text)
    assert await site.ask("GET", link) == 200
    assert await site.ask("POST", "/confirm", site.values("/confirm")) == 303
    assert await address(ines) == NEW
    assert await site.ask("GET", site.headers["Location"]) == 200
    assert "The new address is in force" in site.text
    assert await elsewhere.ask("GET", "/settings") == 303
    assert (await ines.ask("GET", "/api/v1/preferences"))[0] == 401
    assert (await arrived(post[1]))[0] == "ines@post.example"


@pytest.mark.parametrize(
    ("locale", "words"), [("en", "another address"), ("de", "eine andere Adresse")]
)
async def test_old_address_hears_of_it(post: Post, locale: str, words: str) -> None:
    place, mail_server = post
    ines, browser = await place.person("ines"), Browser(place)
    set_locale = "UPDATE accounts SET locale = ? WHERE actor = ?"
    await place.database.write(lambda w: w.execute(set_locale, locale, ines.actor.id))
    await browser.log_in("ines")
    await change(browser, NEW)
    for step in ("asked", "answered"):
        if step == "answered":
            status, guest = await answered(place, (await written(post))[1])
            assert (status, NEW in guest.text) == (200, True)
        to, text = await arrived(mail_server)
        assert to == "ines@post.example"
        assert words in text
        assert NEW not in text


async def test_asking_for_anothers_address_tells_the_owner_and_nobody_else(post: Post) -> None:
    place, _ = post
    ines, browser = await place.person("ines"), Browser(place)
    await place.person("bep")
    await browser.log_in("ines")
    seen = []
    for wanted in ("bep@post.example", "free@post.example"):
        seen.append((await params(browser, post, wanted), browser.headers["Location"]))
        to, text = await written(post)
        assert to == wanted
        assert bool(LINK.search(text)) == (wanted == "free@post.example")
    assert seen[0] == seen[1]
    assert await address(ines) == "ines@post.example"


async def test_new_password_voids_the_link(post: Post) -> None:
    """Whoever wanted the address may be who the password was changed against."""
    place, _ = post
    ines, browser = await place.person("ines"), Browser(place)
    await browser.log_in("ines")
    await params(browser, post, NEW)
    _, text = await written(post)
    await browser.ask("GET", "/settings")
    form = browser.values("/settings/password") | {
        "current_password": PASSWORD,
        "new_password": OWN,
    }
    assert await browser.ask("POST", "/settings/password", form) == 303
    assert await Browser(place).ask("GET", LINK.findall(text)[0]) == 410
    assert await address(ines) == "ines@post.example"


async def test_change_is_seen_and_taken_back(post: Post, watch: Watch) -> None:
    """Taking it back needs no proof, also long after the password was given."""
    place, _ = post
    ines, browser = await place.person("ines"), Browser(place)
    await browser.log_in("ines")
    await params(browser, post, "typo@stranger.example")
    _, text = await written(post)
    watch.advance(timedelta(hours=1))
    await browser.ask("GET", "/settings")
    assert "typo@stranger.example" in browser.text
    form = browser.values("/settings/email")
    assert form["email"] == "ines@post.example"
    assert await browser.ask("POST", "/settings/email", form) == 303
    await browser.ask("GET", "/settings")
    assert "typo@stranger.example" not in browser.text
    assert await Browser(place).ask("GET", LINK.findall(text)[0]) == 410
    assert await address(ines) == "ines@post.example"


@pytest.mark.parametrize("how", ["everywhere", "second step"])
async def test_end_of_every_log_in_voids_the_link(post: Post, how: str) -> None:
    place, _ = post
    await place.person("ines")
    browser = Browser(place)
    await browser.log_in("ines")
    await params(browser, post, NEW)
    _, text = await written(post)
    if how == "everywhere":
        await browser.ask("GET", "/settings")
        form = browser.values("/settings/sessions") | {"session": "all"}
        assert await browser.ask("POST", "/settings/sessions", form) == 303
    else:
        await run(place.app, "account second-step-off", {"name": "ines"})
    assert await Browser(place).ask("GET", LINK.findall(text)[0]) == 410


async def test_address_of_ones_own_may_be_written_otherwise(post: Post) -> None:
    place, _ = post
    ines, browser = await place.person("ines"), Browser(place)
    await browser.log_in("ines")
    await params(browser, post, "Ines@post.example")
    to, text = await written(post)
    assert to == "Ines@post.example"
    assert (await answered(place, text))[0] == 200
    assert (await arrived(post[1]))[0] == "ines@post.example"
    assert await address(ines) == "Ines@post.example"


async def test_email_that_is_under_way_swallows_none_that_comes_after(post: Post) -> None:
    place, mail_server = post
    browser = Browser(place)
    await place.person("ines")
    await browser.log_in("ines")
    await params(browser, post, "first@new.example")
    mail_server.open.clear()
    first = asyncio.create_task(send(place))
    while not await place.database.read(letters_to, "first@new.example"):
        await asyncio.sleep(0.01)
    await change(browser, "second@new.example")
    mail_server.open.set()
    assert await first
    assert await send(place)
    heard = {(await arrived(mail_server))[0] for _ in range(3)}
    assert heard == {"first@new.example", "ines@post.example", "second@new.example"}


def letters_to(reader: Reader, email: str) -> int:
    return confirmations.count_sent_today(reader, email)
