"""Browsers in words, from what they call themselves."""

import re

from server.i18n.translations import N_, translations

# What browsers and systems call themselves; the first that is found, as most name others too.
_BROWSERS = (
    ("Edge", r"\bEdg(?:e|A|iOS)?/"),
    ("Opera", r"\bOPR/"),
    ("Samsung Internet", r"\bSamsungBrowser/"),
    ("Firefox", r"\b(?:Firefox|FxiOS)/"),
    ("Chrome", r"\b(?:Chrome|Chromium|CriOS)/"),
    ("Safari", r"\bSafari/"),
)
_SYSTEMS = (
    ("iPad", r"\biPad\b"),
    ("iPhone", r"\biPhone\b"),
    ("Android", r"\bAndroid\b"),
    ("Windows", r"\bWindows\b"),
    ("ChromeOS", r"\bCrOS\b"),
    ("macOS", r"\bMac OS X\b"),
    ("Linux", r"\bLinux\b"),
)
_ON = N_("%(browser)s on %(system)s")


def device(agent: str, locale: str) -> str:
    """A browser in words, from the User-Agent that it sent."""
    _ = translations(locale).gettext
    browser, system = _named(_BROWSERS, agent), _named(_SYSTEMS, agent)
    if browser and system:
        return _(_ON) % {"browser": browser, "system": system}
    return browser or system or _("A browser")


def _named(known: tuple[tuple[str, str], ...], agent: str) -> str | None:
    return next((name for name, sign in known if re.search(sign, agent)), None)
