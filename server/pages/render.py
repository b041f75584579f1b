"""Pages from templates and views: escaped by default, in the reader's language."""

import functools
import re
from collections.abc import Callable, Mapping
from datetime import date, datetime
from pathlib import Path
from typing import Literal, cast

import jinja2
from jinja2.runtime import Context
from markupsafe import Markup

from federation.vocabulary import sanitize_html
from federation.vocabulary.sanitize_html import SafeHtml, from_line, safe_url
from server.i18n.translations import babel_locale, translations
from server.pages import formatting, paths
from server.pages.views import Frame, Person

TEMPLATES = Path(__file__).resolve().parent / "templates"
STATIC = Path(__file__).resolve().parent / "static"


def safe_html(value: object) -> Markup:
    """Mark what the sanitiser made as markup; anything else is a fault of ours."""
    if not isinstance(value, SafeHtml):
        raise TypeError(f"safe_html takes SafeHtml, not {type(value).__name__}")
    return Markup(value)  # noqa: S704 - the sanitiser vouches for it


def with_emoji(value: object, pictures: Mapping[str, str]) -> Markup:
    """Markup that the sanitiser made, with the emoji that it says."""
    safe_html(value)
    return safe_html(sanitize_html.with_emoji(cast(SafeHtml, value), pictures))


def line_with_emoji(text: str, pictures: Mapping[str, str]) -> Markup:
    """Plain text, escaped, with the emoji that it says."""
    return safe_html(sanitize_html.with_emoji(from_line(text), pictures))


def is_web(url: object) -> bool:
    """Whether an address is http(s), or a path on this host (SECURITY 52, 55)."""
    if isinstance(url, str) and url.startswith("/"):
        return not re.search(r"^//|[\x00-\x20\\]", url)
    return safe_url(url) is not None


def web(url: object) -> str:
    """The address when it is one of the web, otherwise one that leads nowhere."""
    return str(url) if is_web(url) else "#"


def first_sentence(text: str) -> str:
    """A sentence up to its end, for the list of mistakes."""
    return re.split(r"(?<=[.?])\s", text, maxsplit=1)[0]


def _frame(context: Context) -> Frame:
    return cast(Frame, context["frame"])


def _locale(context: Context) -> str:
    return cast(str, context["locale"])


@jinja2.pass_context
def _gettext(context: Context, message: str) -> str:
    return translations(_locale(context)).gettext(message)


@jinja2.pass_context
def _ngettext(context: Context, one: str, many: str, count: int) -> str:
    return translations(_locale(context)).ngettext(one, many, count)


@jinja2.pass_context
def _pgettext(context: Context, about: str, message: str) -> str:
    return translations(_locale(context)).pgettext(about, message)


@jinja2.pass_context
def _when(context: Context, moment: datetime) -> str:
    frame, locale = _frame(context), _locale(context)
    say = formatting.full if frame.shared else formatting.when
    return say(moment, frame.now, frame.site.zone, locale)


@jinja2.pass_context
def _day(context: Context, value: date) -> str:
    frame = _frame(context)
    return formatting.day(value, frame.now, frame.site.zone, _locale(context))


@jinja2.pass_context
def _long_day(context: Context, value: date) -> str:
    return formatting.long_day(value, _locale(context))


@jinja2.pass_context
def _month(context: Context, value: datetime) -> str:
    return formatting.month(value, _frame(context).site.zone, _locale(context))


@jinja2.pass_context
def _machine(context: Context, moment: datetime) -> str:
    return formatting.machine(moment, _frame(context).site.zone)


@jinja2.pass_context
def _number(context: Context, count: int) -> str:
    return formatting.number(count, _locale(context))


@jinja2.pass_context
def _answers(context: Context, count: int) -> str:
    return formatting.answers(count, _locale(context))


@jinja2.pass_context
def _form_errors(context: Context, count: int) -> str:
    return formatting.form_errors(count, _locale(context))


@jinja2.pass_context
def _join_as_list(
    context: Context, items: list[str], style: Literal["standard", "or"] = "standard"
) -> Markup:
    return formatting.join_as_list(items, _locale(context), style)


@jinja2.pass_context
def _zone_words(context: Context) -> str:
    site = _frame(context).site
    return site.zone_name or formatting.zone_words(site.zone, _locale(context))


def door_link(person: Person) -> Markup:
    """A first name that leads to its page."""
    return Markup('<a href="{}"><bdi>{}</bdi></a>').format(web(person.url), person.first)


FILTERS: Mapping[str, Callable[..., object]] = {
    "safe_html": safe_html,
    "illustrated": with_emoji,
    "illustrated_line": line_with_emoji,
    "web": web,
    "first_sentence": first_sentence,
    "door_link": door_link,
    "when": _when,
    "day": _day,
    "long_day": _long_day,
    "month": _month,
    "machine": _machine,
    "number": _number,
    "answers": _answers,
    "form_errors": _form_errors,
    "listed": _join_as_list,
}


@functools.cache
def environment() -> jinja2.Environment:
    """The templates, compiled once for all languages."""
    env = jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        extensions=["jinja2.ext.i18n"],
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    env.policies["ext.i18n.trimmed"] = True
    env.install_gettext_callables(  # type: ignore[attr-defined]
        _gettext, _ngettext, newstyle=True, pgettext=_pgettext
    )
    env.filters.update(FILTERS)
    env.tests["web"] = is_web
    env.globals.update(paths=paths, zone_words=_zone_words)
    return env


def preload() -> int:
    """Compile every template now, so that no reader waits for it; returns how many."""
    names = environment().list_templates(extensions=["html"])
    for name in names:
        environment().get_template(name)
    return len(names)


def render(template: str, *, locale: str, frame: Frame, view: object) -> str:
    """The page: `template` is a name such as "profile", `view` the value that it takes."""
    spoken_in = babel_locale(locale)
    return (
        environment()
        .get_template(f"{template}.html")
        .render(
            locale=locale,
            language=spoken_in.language,
            direction=spoken_in.text_direction,
            frame=frame,
            site=frame.site,
            view=view,
        )
    )
