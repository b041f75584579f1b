"""Times, numbers and lists as one would say them (STYLE.md, "Times, names, numbers")."""

import re
from collections.abc import Sequence
from datetime import date, datetime, timedelta, tzinfo
from typing import Literal

from babel.dates import format_date, format_datetime, get_timezone_name
from babel.lists import format_list
from markupsafe import Markup, escape

from server.i18n.translations import N_, babel_locale, translations

NO_BREAK = "\u00a0"
NUMBERS = (
    N_("no"),
    N_("one"),
    N_("two"),
    N_("three"),
    N_("four"),
    N_("five"),
    N_("six"),
    N_("seven"),
    N_("eight"),
    N_("nine"),
    N_("ten"),
    N_("eleven"),
    N_("twelve"),
)


def _join(pattern: str) -> str:
    """The pattern with the month held to its day by a no-break space."""
    return re.sub(r"(?<=[d.]) (?=MMM)", NO_BREAK, pattern)


def clock(moment: datetime, zone: tzinfo, locale: str) -> str:
    """The time of day, such as 08:40."""
    return str(format_datetime(moment.astimezone(zone), "HH:mm", locale=babel_locale(locale)))


def full(moment: datetime, now: datetime, zone: tzinfo, locale: str) -> str:
    """Thursday 19 November, 21:12; with the year when it is another year."""
    _ = translations(locale).gettext
    local = moment.astimezone(zone)
    this_year = local.year == now.astimezone(zone).year
    pattern = _("EEEE d MMMM, HH:mm") if this_year else _("EEEE d MMMM y, HH:mm")
    return str(format_datetime(local, _join(pattern), locale=babel_locale(locale)))


def when(moment: datetime, now: datetime, zone: tzinfo, locale: str) -> str:
    """Today, Yesterday or Tomorrow with the time, otherwise the full date."""
    _ = translations(locale).gettext
    days = (moment.astimezone(zone).date() - now.astimezone(zone).date()) / timedelta(days=1)
    near = {0: _("Today, %(time)s"), -1: _("Yesterday, %(time)s"), 1: _("Tomorrow, %(time)s")}
    if days in near:
        return near[int(days)] % {"time": clock(moment, zone, locale)}
    return full(moment, now, zone, locale)


def day(value: date, now: datetime, zone: tzinfo, locale: str) -> str:
    """19 November; with the year when it is another year. A moment is taken in the zone."""
    _ = translations(locale).gettext
    local = value.astimezone(zone).date() if isinstance(value, datetime) else value
    this_year = local.year == now.astimezone(zone).year
    pattern = _("d MMMM") if this_year else _("d MMMM y")
    return str(format_date(local, _join(pattern), locale=babel_locale(locale)))


def long_day(value: date, locale: str) -> str:
    """1 October 2026: for documents that are read in other years."""
    _ = translations(locale).gettext
    return str(format_date(value, _join(_("d MMMM y")), locale=babel_locale(locale)))


def month(value: datetime, zone: tzinfo, locale: str) -> str:
    """March 2023."""
    _ = translations(locale).gettext
    local = value.astimezone(zone).date()
    return str(format_date(local, _("MMMM y"), locale=babel_locale(locale)))


def machine(moment: datetime, zone: tzinfo) -> str:
    """The `datetime` attribute of a time element, with offset."""
    return moment.astimezone(zone).isoformat(timespec="seconds")


def zone_words(zone: tzinfo, locale: str) -> str:
    """The name of a time zone, such as Central European Time."""
    region = getattr(zone, "key", "")
    if "/" not in region or region.startswith("Etc/"):  # CLDR would say "Unknown Region (UTC) Time"
        return zone.tzname(None) or region or "UTC"
    return str(get_timezone_name(zone, width="long", locale=babel_locale(locale)))


def number(count: int, locale: str) -> str:
    """A number in words up to twelve, in figures beyond."""
    _ = translations(locale).gettext
    return _(NUMBERS[count]) if 0 <= count < len(NUMBERS) else str(count)


def _sentence_start(words: str) -> str:
    return words[:1].upper() + words[1:]


def answers(count: int, locale: str) -> str:
    """Four answers; beyond twelve nobody is told how many."""
    said = translations(locale)
    if count >= len(NUMBERS):
        return said.gettext("More than twelve answers")
    words = said.ngettext("one answer", "%(count)s answers", count)
    return _sentence_start(words % {"count": number(count, locale)})


def form_errors(count: int, locale: str) -> str:
    """Two things to look at."""
    said = translations(locale)
    words = said.ngettext("one thing to look at", "%(count)s things to look at", count)
    return _sentence_start(words % {"count": number(count, locale)})


def join_as_list(
    items: Sequence[str], locale: str, style: Literal["standard", "or"] = "standard"
) -> Markup:
    """Items as a list in a sentence ("A, B and C"; style "or": "A or B"), each one escaped."""
    parts = [str(escape(item)) for item in items]
    return Markup(format_list(parts, style=style, locale=babel_locale(locale)))  # noqa: S704


def audience(visibility: str, place: str, locale: str, *, all_here: bool = False) -> str:
    """Say whom a post is for: all of the site with the title `place`, or one of the API's four."""
    _ = translations(locale).gettext
    if all_here:
        return _("For %(place)s only") % {"place": place}
    words = {
        "public": _("For everyone"),
        "unlisted": _("For everyone who comes by"),
        "private": _("For followers"),
    }
    return words.get(visibility) or _("For those who are named in it")
