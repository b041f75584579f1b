"""Choices that the selects of the settings offer."""

from server.i18n.translations import babel_locale
from server.pages import formatting
from server.pages.views import Choice

OFFERED = ("public", "unlisted", "private")


def audiences(place: str, locale: str) -> tuple[Choice, ...]:
    """Audiences that new posts can have by default."""
    return tuple(Choice(name, formatting.audience(name, place, locale)) for name in OFFERED)


def languages(locale: str) -> tuple[Choice, ...]:
    """Every language of ISO 639-1 by its name in the locale, in the order of the names."""
    names = babel_locale(locale).languages
    choices = [Choice(code, name) for code, name in names.items() if len(code) == 2]
    return tuple(sorted(choices, key=lambda choice: choice.label.casefold()))
