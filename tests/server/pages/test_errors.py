"""What is no page of somebody: errors in sentences, and the files that pages need."""

import re
from itertools import product
from pathlib import Path

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from server.http.app_keys import ERROR_PAGE, OUTSIDE, SETTINGS
from server.http.errors import Refused, errors_to_answers
from server.pages import error, public
from server.settings.outside import Outside
from storage.engine.errors import Overloaded
from tests.server.pages.test_pages import HTML, opened
from tests.support.clock import Watch
from tests.support.internet import Internet
from tests.support.servers import Place, serving, settings_for

# ---- errors ----


def broken(status: int) -> web.Application:
    """An application of our parts, without a database, in which everything goes wrong."""

    async def fail(_: web.Request) -> web.Response:
        if status == 500:
            raise RuntimeError("a secret of the house")
        if status == 503:
            raise Overloaded("full")
        raise Refused(status, "The gate is shut.")

    app = web.Application(middlewares=[errors_to_answers])
    app[SETTINGS] = settings_for(Path("unused"), "home.example", title="The Garden")
    app[OUTSIDE] = Outside(clock=Watch())
    app[ERROR_PAGE] = error.page
    app.router.add_get("/", fail)
    return app


@pytest.mark.parametrize("status", [400, 403, 404, 413, 422, 500, 503])
async def test_error_is_a_page_even_when_the_database_cannot_be_asked(status: int) -> None:
    async with TestClient(TestServer(broken(status), host="127.0.0.1")) as client:
        for locale, cookie in product(("en", "de"), ("", "kith=somebody")):
            headers = {**HTML, "Accept-Language": locale, "Cookie": cookie}
            async with client.get("/", headers=headers) as answer:
                text = await answer.text()
                assert answer.status == status
                assert answer.headers["Cache-Control"] == "private, no-store"
            assert f'<html lang="{locale}"' in text
            assert "The Garden" in text
            assert "a secret of the house" not in text
            assert ("The gate is shut." in text) is (status < 500)
            assert bool(re.search(r"<code>[a-z]+-\d{4}</code>", text)) is (status == 500)


async def test_limited_caller_is_told_when_to_come_back(tmp_path: Path, watch: Watch) -> None:
    async with serving(
        tmp_path / "home", "home.example", Internet(), watch, rate_limits="on"
    ) as place:
        for _ in range(300):
            assert (await opened(place, "/@nobody")).status == 404
        page = await opened(place, "/@nobody")
    assert page.status == 429
    assert "That was a lot at once" in page.text
    assert 'Try again: <time datetime="2026-11-24T08:05:00+00:00">Today, 08:05</time>' in page.text


async def test_method_that_an_address_does_not_have_is_said_in_a_page(place: Place) -> None:
    async with place.client.put("/about", headers=HTML) as answer:
        assert answer.status == 405
        assert "405, not understood" in await answer.text()
        assert answer.headers["Allow"] == "GET,HEAD"


# ---- files ----


async def test_files_of_the_pages_are_kept_an_hour_and_asked_for_by_their_hash(
    place: Place,
) -> None:
    assert len(public.files()) >= 4
    for path, file in public.files().items():
        page = await place.client.get(f"/static/{path}")
        assert await page.read() == file.data
        assert page.headers["Cache-Control"] == "public, max-age=3600"
        assert page.headers["X-Content-Type-Options"] == "nosniff"
        again = await place.client.get(
            f"/static/{path}", headers={"If-None-Match": page.headers["ETag"]}
        )
        assert (again.status, await again.read()) == (304, b"")


@pytest.mark.parametrize(
    "path",
    [
        "/static/../render.py",
        "/static/%2e%2e/render.py",
        "/static/..%2frender.py",
        "/static//etc/passwd",
        "/static/avatars/../../render.py",
        "/static/avatars",
        "/static/style.css/",
        "/static/style.css%00",
    ],
)
async def test_static_files_are_all_that_is_served_as_a_file(place: Place, path: str) -> None:
    async with place.client.get(path) as answer:
        assert answer.status == 404


async def test_robots_are_told_where_nothing_is_for_them(place: Place) -> None:
    page = await opened(place, "/robots.txt")
    assert "Disallow: /settings" in page.text
    assert (await opened(place, "/favicon.ico")).headers["Content-Type"] == "image/svg+xml"
