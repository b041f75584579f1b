"""Every page, in every state, in Chromium (WCAG 2.2 AA, STYLE.md)."""

import os
from pathlib import Path

from server.pages.render import render
from server.pages.translations import available
from tests.browser.garden import cases
from tests.browser.harness import Page, look, served


def rendered() -> dict[str, str]:
    """Name and locale → the page."""
    return {
        f"{name}.{locale}": render(template, locale=locale, frame=frame, view=view)
        for name, (template, frame, view) in cases().items()
        for locale in available()
    }


def pages(base: str) -> list[Page]:
    """The pages to look at, beneath the address of a server."""
    return [Page(name, f"{base}/p/{name}", axe=name.endswith(".en")) for name in rendered()]


async def test_axe_finds_nothing_and_nothing_scrolls_sideways() -> None:
    shots = os.environ.get("KITH_SHOTS")  # a folder for screenshots, when somebody wants to look
    async with served(rendered()) as base:
        wanted = pages(base)
        report = await look(wanted, Path(shots) if shots else None)
    print(f"{len(wanted)} pages, {report.runs} runs, {report.passed} rules passed")
    assert report.runs == len(wanted) * 2 + sum(page.axe for page in wanted) * 4
    assert report.passed > report.runs
    assert report.findings == ()


async def test_the_check_sees_a_page_that_is_wrong() -> None:
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
