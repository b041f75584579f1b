"""Every page in Chromium (WCAG 2.2 AA, STYLE.md): on a real server, and in every state."""

import io
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path

import aiohttp
from aiohttp.test_utils import TestClient, TestServer
from PIL import Image

from server.app import build_app
from server.i18n.translations import available
from server.pages.render import render
from server.settings.outside import Outside
from storage.access import sessions
from storage.access.accounts import Role
from storage.engine import ids
from tests.browser.garden import cases
from tests.browser.harness import Page, look, served
from tests.support.clock import Watch
from tests.support.internet import Internet
from tests.support.process import free_port
from tests.support.servers import Person, Place, settings_for

SUMMARY = (
    "We share the allotments behind the old brickworks in Malmö, and a place to say how it is"
    " going: the slugs and the grief alike."
)
AGENT = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"


def shots() -> Path | None:
    """A folder for screenshots, when somebody wants to look."""
    named = os.environ.get("KITH_SHOTS")
    return Path(named) if named else None


# ---- on a real server ----


@asynccontextmanager
async def garden(folder: Path, watch: Watch) -> AsyncIterator[Place]:
    """A server on a port of this machine, where a browser finds it under its own name."""
    port = free_port()
    host = f"localhost:{port}"
    settings = settings_for(
        folder,
        host,
        title="The Garden",
        summary=SUMMARY,
        contact_email="stewards@garden.example",
        timezone="Europe/Stockholm",
    )
    app = build_app(settings, Outside(clock=watch, resolver=Internet()), background=False)
    server = TestServer(app, host="127.0.0.1", port=port)
    async with TestClient(server, headers={"Host": host}) as client:
        yield Place(host, app, client)


def painted(colour: str, width: int, height: int) -> bytes:
    made = io.BytesIO()
    Image.new("RGB", (width, height), colour).save(made, "PNG")
    return made.getvalue()


async def member(
    place: Place, name: str, called: str, role: Role = "member", **more: str
) -> Person:
    """Somebody who has written who they are."""
    person = await place.person(name, role=role)
    form = aiohttp.FormData({"display_name": called, **more}, default_to_multipart=True)
    for purpose, size in (("avatar", (400, 400)), ("header", (1500, 500))):
        if role == "admin":
            picture = painted("#7a4", *size)
            form.add_field(purpose, picture, filename="p.png", content_type="image/png")
    await person.call("PATCH", "/api/v1/accounts/update_credentials", data=form)
    return person


async def settle_in(place: Place) -> tuple[Person, Person, Person]:
    """Marta, who wrote much about herself, Ines, who wrote little, and Bep, who wrote nothing."""
    marta = await member(
        place,
        "marta",
        "Marta Lindqvist",
        role="admin",
        note="To have somewhere to say that the leeks failed and so did the week. #leeks",
        **{
            "fields_attributes[0][name]": "Web page",
            "fields_attributes[0][value]": "https://lindqvist.example/a-rather-long-address-of-hers",
            "fields_attributes[1][name]": "Speaks",
            "fields_attributes[1][value]": "svenska, English",
        },
    )
    ines, bep = await member(place, "ines", "Ines Carvalho"), await place.person("bep")
    await ines.follow(marta)
    return marta, ines, bep


async def talk(place: Place, watch: Watch) -> dict[str, str]:
    """Say this and that; name of a post → its path."""
    marta, ines, bep = await settle_in(place)
    leeks = await marta.say("The leeks failed, and so did the week. #leeks")
    watch.advance(timedelta(minutes=12))
    await marta.say(f"Unbreakable: {'w' * 120} https://garden.example/{'a-long-path/' * 12}")
    hospital = await ines.say(
        "Dad came home on Tuesday.\n\nWe are not fine.",
        spoiler_text="A stay in hospital (my father, he is home now)",
        visibility="local",
        language="en",
    )
    watch.advance(timedelta(hours=20))
    first = await bep.say("@ines Not stupid.", in_reply_to_id=hospital["id"])
    await ines.say("@bep Thank you, Bep.", in_reply_to_id=first["id"])
    answer = await bep.say("@marta Ours too.", in_reply_to_id=leeks["id"])
    await marta.say("@bep It is the fly.", in_reply_to_id=answer["id"])
    await marta.post(f"/api/v1/statuses/{answer['id']}/reblog")
    gone = await bep.say("Not for long.")
    await bep.call("DELETE", f"/api/v1/statuses/{gone['id']}")
    return {
        "thread": f"/@marta/{leeks['id']}",
        "answer": f"/@bep/{answer['id']}",
        "gone": f"/@bep/{gone['id']}",
        "thread-member": f"/@ines/{hospital['id']}",
    }


PUBLIC_PAGES = {
    "landing": "/",
    "about": "/about",
    "profile": "/@marta",
    "profile-bare": "/@bep",
    "profile-community": "/@community",
    "hashtag": "/tags/leeks",
    "hashtag-empty": "/tags/nothing",
    "missing": "/@nobody",
    "landing-member": "/",
    "profile-member": "/@marta",
    "missing-member": "/@nobody",
}


ACCESS_PAGES = {
    "signup": "/signup",
    "login": "/login",
    "reset": "/reset",
    "settings-member": "/settings",
    "second-step": "/login/second",
    "passkey": "/login/passkey",
    "safety-member": "/settings/safety",
    "add-passkey-member": "/settings/safety/passkey",
    "prove-member": "/settings/prove",
}


async def pages(place: Place, watch: Watch) -> list[Page]:
    """The pages of a real server to look at, with the cookie of a member where one is asked for."""
    paths = PUBLIC_PAGES | ACCESS_PAGES | await talk(place, watch)
    secret = ids.secret()
    await place.database.write(sessions.start, secret, place.people["ines"].actor.id, AGENT)
    return [
        Page(
            f"real-{name}",
            f"http://{place.host}{path}",
            cookie=f"kith={secret}" if name.endswith("-member") else None,
        )
        for name, path in paths.items()
    ]


async def test_axe_finds_nothing_on_a_real_server(tmp_path: Path, watch: Watch) -> None:
    async with garden(tmp_path / "garden", watch) as place:
        wanted = await pages(place, watch)
        report = await look(wanted, shots())
    print(f"{len(wanted)} real pages, {report.runs} runs, {report.passed} rules passed")
    assert report.runs == len(wanted) * 6
    assert report.passed > report.runs
    assert report.findings == ()


# ---- in every state, from the templates ----


def rendered() -> dict[str, str]:
    """Name and locale → the page."""
    return {
        f"{name}.{locale}": render(template, locale=locale, frame=frame, view=view)
        for name, (template, frame, view) in cases().items()
        for locale in available()
    }


async def test_axe_finds_nothing_and_nothing_scrolls_sideways_in_any_state() -> None:
    async with served(rendered()) as base:
        wanted = [Page(name, f"{base}/p/{name}", axe=name.endswith(".en")) for name in rendered()]
        report = await look(wanted, shots())
    print(f"{len(wanted)} pages, {report.runs} runs, {report.passed} rules passed")
    assert report.runs == len(wanted) * 2 + sum(page.axe for page in wanted) * 4
    assert report.passed > report.runs
    assert report.findings == ()


async def test_check_sees_a_page_that_is_wrong() -> None:
    """A check that finds nothing must be one that can find something."""
    good = rendered()["login.en"]
    label = '<label for="login-login">Email or name</label>'
    broken = {
        "label": good.replace(label, ""),
        "policy": good.replace("</main>", "<p style='color:red'>red</p></main>"),
        "wide": good.replace("</main>", f"<table><td>{'w' * 300}</table></main>"),
    }
    assert all(page != good for page in broken.values())
    async with served(broken) as base:
        report = await look([Page(name, f"{base}/p/{name}") for name in broken])
    for sort, name in (("axe", "label"), ("policy", "policy"), ("wide", "wide")):
        assert any(f.startswith(sort) and name in f for f in report.findings), sort
