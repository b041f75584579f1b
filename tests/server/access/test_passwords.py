"""A new password by letter: real SMTP over loopback, and answers that tell nobody who is there."""

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from email import message_from_bytes
from email.policy import default
from pathlib import Path
from statistics import median
from time import process_time

import pytest

from server.mail import smtp as mail
from tests.server.access.test_oauth import Browser
from tests.support.clock import Watch
from tests.support.internet import Internet
from tests.support.servers import PASSWORD, Place, serving, settings_for

NEW = "another sentence to remember"
SOON = 20  # seconds: a test that waits longer has failed


@dataclass
class MailServer:
    """Mail server, as much of it as takes emails (RFC 5321); closed, it says nothing at all."""

    port: int = 0
    emails: "asyncio.Queue[tuple[str, bytes]]" = field(default_factory=asyncio.Queue)
    open: asyncio.Event = field(default_factory=asyncio.Event)
    called: asyncio.Event = field(default_factory=asyncio.Event)
    talks: set["asyncio.Task[None]"] = field(default_factory=set)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.talks.add(asyncio.create_task(self.talk(reader, writer)))

    async def talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.called.set()
        await self.open.wait()
        to = ""
        writer.write(b"220 post.example\r\n")
        while line := await reader.readline():
            verb = line[:4].upper()
            if verb == b"RCPT":
                to = line.decode()
            if verb == b"DATA":
                writer.write(b"354 go on\r\n")
                self.emails.put_nowait((to, await reader.readuntil(b"\r\n.\r\n")))
            writer.write(b"221 bye\r\n" if verb == b"QUIT" else b"250 post.example\r\n")
            await writer.drain()
            if verb == b"QUIT":
                break
        writer.close()
        await writer.wait_closed()


@asynccontextmanager
async def mail_server_here() -> AsyncIterator[MailServer]:
    mail_server = MailServer()
    server = await asyncio.start_server(mail_server.serve, "127.0.0.1", 0)
    mail_server.port = server.sockets[0].getsockname()[1]
    async with server:
        yield mail_server
        mail_server.open.set()
        if mail_server.talks:  # what is begun is talked to its end
            await asyncio.wait(mail_server.talks, timeout=SOON)


@asynccontextmanager
async def writing(
    folder: Path, watch: Watch, **more: str
) -> AsyncIterator[tuple[Place, MailServer]]:
    """A server that sends letters, and the one that takes them."""
    async with mail_server_here() as mail_server:
        smtp = {"smtp_host": "127.0.0.1", "smtp_port": str(mail_server.port), "smtp_tls": "off"}
        async with serving(folder, "home.example", Internet(), watch, **{**smtp, **more}) as place:
            yield place, mail_server


async def ask(browser: Browser, email: str) -> int:
    await browser.ask("GET", "/reset")
    return await browser.ask("POST", "/reset", browser.values("/reset") | {"email": email})


async def test_email_brings_a_link_that_sets_a_password(tmp_path: Path, watch: Watch) -> None:
    async with writing(tmp_path, watch) as (place, mail_server):
        mail_server.open.set()
        ines, browser = await place.person("ines"), Browser(place)
        await browser.log_in("ines")
        assert await ask(Browser(place), "INES@post.example") == 200
        to, data = await asyncio.wait_for(mail_server.emails.get(), SOON)
        message = message_from_bytes(data, policy=default)
        assert "<ines@post.example>" in to
        assert (message["To"], message["Auto-Submitted"]) == ("ines@post.example", "auto-generated")
        text = message.get_content()
        (link,) = re.findall(r"http://home\.example(/reset/new\?token=\S+)", text)
        stranger = Browser(place)
        assert await stranger.ask("GET", link) == 200
        form = stranger.values("/reset/new") | {"password": NEW}
        assert await stranger.ask("POST", "/reset/new", form) == 303
        assert await browser.ask("GET", "/settings") == 303
        assert (await ines.ask("GET", "/api/v1/preferences"))[0] == 401
        assert await Browser(place).log_in("ines", NEW) == 303
        assert mail_server.emails.empty()


async def test_answer_is_the_same_for_somebody_and_nobody_and_waits_for_no_email(
    tmp_path: Path, watch: Watch
) -> None:
    """SECURITY 71: how long a letter takes must not say that there is somebody to write to."""
    async with writing(tmp_path, watch) as (place, mail_server):
        await place.person("ines")
        pages = []
        async with asyncio.timeout(SOON / 4):  # less than it takes us to give up on a mail server
            for email in ("ines@post.example", "nobody@post.example"):
                browser = Browser(place)
                assert await ask(browser, email) == 200
                text = re.sub('name="csrf" value="[^"]*"', "", browser.text)
                pages.append(text.replace(email, "EMAIL"))
            await mail_server.called.wait()
        assert pages[0] == pages[1]
        assert mail_server.emails.empty()
        mail_server.open.set()
        await asyncio.wait_for(mail_server.emails.get(), SOON)


async def test_wrong_name_takes_as_long_as_a_wrong_password(place: Place) -> None:
    """Answers would be some twenty times as fast without the work for nobody (SECURITY 71)."""
    await place.person("ines")
    browser, took = Browser(place), {"ines": list[float](), "nobody": list[float]()}
    await browser.log_in("nobody", "wrong")  # what is made once is made
    for name in [*took] * 9:
        began = process_time()  # of all threads: a busy machine makes nobody slower by it
        await browser.log_in(name, "wrong")
        took[name].append(process_time() - began)
    middle = {name: median(times) for name, times in took.items()}
    print({name: f"{time * 1000:.0f} ms" for name, time in middle.items()})
    assert 1 / 2 < middle["nobody"] / middle["ines"] < 2


async def test_mail_server_that_is_away_is_the_stewards_to_know(
    tmp_path: Path, watch: Watch, caplog: pytest.LogCaptureFixture
) -> None:
    async with writing(tmp_path, watch, smtp_port="1") as (place, _):
        await place.person("ines")
        browser = Browser(place)
        assert await ask(browser, "ines@post.example") == 200
        async with asyncio.timeout(SOON):
            while "was not taken by 127.0.0.1" not in caplog.text:
                await asyncio.sleep(0)
    assert "ines@" not in caplog.text


async def test_page_names_the_stewards_where_no_emails_are_sent(place: Place) -> None:
    await place.person("ines")
    browser = Browser(place)
    assert await browser.ask("GET", "/reset") == 200
    assert "A steward can give you a link" in browser.text
    assert await ask(browser, "ines@post.example") == 200
    assert "A steward can give you a link" in browser.text


def test_headers_of_emails_are_written_by_nobody_else(tmp_path: Path, watch: Watch) -> None:
    """SECURITY 56."""
    settings = settings_for(tmp_path, "home.example", title="Home")
    message = mail.compose(settings, watch, "ines@post.example", "A\r\nBcc: all@post.example", "x")
    assert message["Bcc"] is None
    assert b"\nBcc:" not in bytes(message)
    with pytest.raises(ValueError, match="CR or LF"):
        mail.compose(settings, watch, "a\r\nBcc: all@post.example", "A", "x")


BEHIND = {"rate_limits": "on", "trusted_proxies": "127.0.0.1/32"}


async def attempts(place: Place, path: str, values: list[dict[str, str]]) -> list[int]:
    """Send a form again and again, each time from another address."""
    browser = Browser(place)
    await browser.ask("GET", path)
    form, statuses = browser.values(path), []
    for number, typed in enumerate(values):
        async with place.client.post(
            path,
            data=form | typed,
            cookies=browser.cookies,
            headers={"Accept": "text/html", "X-Forwarded-For": f"192.0.2.{number}"},
            allow_redirects=False,
        ) as answer:
            statuses.append(answer.status)
    return statuses


@pytest.mark.parametrize("name", ["ines", "nobody"])
async def test_guesses_are_counted_by_the_name_whatever_the_address(
    tmp_path: Path, watch: Watch, name: str
) -> None:
    """SECURITY 72; and it is the same for a name that nobody has (71)."""
    async with serving(tmp_path, "home.example", Internet(), watch, **BEHIND) as place:
        await place.person("ines")
        typed = [name, f"@{name}", name.upper(), f" {name} "] * 3
        wrong = [{"login": one, "password": "wrong"} for one in typed]
        assert await attempts(place, "/login", wrong) == [422] * 10 + [429] * 2
        right = [{"login": name, "password": PASSWORD}]
        assert await attempts(place, "/login", right) == [429]
        watch.advance(timedelta(minutes=10))
        assert await attempts(place, "/login", right) == [303 if name == "ines" else 422]


async def test_emails_are_counted_by_the_address_they_go_to(tmp_path: Path, watch: Watch) -> None:
    async with writing(tmp_path, watch, **BEHIND) as (place, mail_server):
        mail_server.open.set()
        await place.person("ines")
        asked = [{"email": "ines@post.example"}, {"email": "Ines@post.example"}] * 3
        assert await attempts(place, "/reset", asked) == [200] * 5 + [429]
        for _ in range(5):
            await asyncio.wait_for(mail_server.emails.get(), SOON)
        assert mail_server.emails.empty()


async def test_stop_waits_for_an_email_that_is_being_handed_over(
    tmp_path: Path, watch: Watch
) -> None:
    async with mail_server_here() as mail_server:
        smtp = {"smtp_host": "127.0.0.1", "smtp_port": str(mail_server.port), "smtp_tls": "off"}
        async with serving(tmp_path, "home.example", Internet(), watch, **smtp) as place:
            await place.person("ines")
            assert await ask(Browser(place), "ines@post.example") == 200
            await mail_server.called.wait()
            asyncio.get_running_loop().call_later(0.5, mail_server.open.set)
        assert mail_server.emails.qsize() == 1
