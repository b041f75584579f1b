"""Catalogues of sentences: read from .po files at start, and the choice between them."""

import functools
import gettext
import io
from collections.abc import Iterable
from pathlib import Path

import babel
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po

LOCALE_DIR = Path(__file__).resolve().parent / "locale"
SOURCE = "en"
MAX_ACCEPT_LANGUAGE = 500


def N_(sentence: str) -> str:  # noqa: N802 - the mark that extractors know
    """Mark a sentence for the catalogue where it is written; it is translated where it is said."""
    return sentence


@functools.cache
def available() -> tuple[str, ...]:
    """The locales that have a catalogue, the source language first."""
    found = {path.parent.parent.name for path in LOCALE_DIR.glob("*/LC_MESSAGES/kith.po")}
    return (SOURCE, *sorted(found - {SOURCE}))


@functools.cache
def _catalogue(locale: str) -> gettext.NullTranslations:
    path = LOCALE_DIR / locale / "LC_MESSAGES" / "kith.po"
    with path.open("rb") as source:
        catalogue = read_po(source, locale=locale, abort_invalid=True)
    compiled = io.BytesIO()
    write_mo(compiled, catalogue)
    compiled.seek(0)
    return gettext.GNUTranslations(compiled)


def _nearest(tag: str, names: Iterable[str]) -> str | None:
    """The name that equals the tag or its language part: de-AT finds de."""
    wanted = tag.replace("_", "-").casefold()
    by_tag = {name.replace("_", "-").casefold(): name for name in names}
    return by_tag.get(wanted) or by_tag.get(wanted.partition("-")[0])


def find_locale(locale: str) -> str:
    """The catalogue that serves a locale; the source language when none does."""
    return _nearest(locale, available()) or SOURCE


def translations(locale: str) -> gettext.NullTranslations:
    """Catalogue of sentences in a locale; never fails, whatever the locale."""
    return _catalogue(find_locale(locale))


def babel_locale(locale: str) -> babel.Locale:
    """The locale for dates and lists; English counts days as the stewards do: 19 November."""
    name = find_locale(locale)
    return babel.Locale.parse("en_GB" if name == SOURCE else name.replace("-", "_"))


def _parse_range(part: str) -> tuple[float, str] | None:
    """Parse one language range with its weight; None when it is not one (RFC 9110, 12.5.4)."""
    tag, _, parameter = part.strip().partition(";")
    name, _, number = parameter.strip().partition("=")
    try:
        weight = float(number) if name.strip().lower() == "q" else 1.0
    except ValueError:
        return None
    return (weight, tag.strip()) if tag.strip() and 0 < weight <= 1 else None


def choose_locale(accept_language: str | None, available: Iterable[str]) -> str:
    """The best of the available locales for an Accept-Language header; the first for `*` or none.

    The longest header that is looked at is MAX_ACCEPT_LANGUAGE characters.
    """
    names = tuple(available)
    parts = (accept_language or "")[:MAX_ACCEPT_LANGUAGE].split(",")
    weighed = [found for part in parts if (found := _parse_range(part))]
    for _, tag in sorted(weighed, key=lambda pair: -pair[0]):
        if tag == "*":
            break
        if name := _nearest(tag, names):
            return name
    return names[0]
