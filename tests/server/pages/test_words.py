"""Times, numbers and sentences as they are said, and catalogues that leave nothing out."""

import re
from datetime import UTC, date, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from babel.messages.catalog import Catalog, Message
from babel.messages.extract import extract_from_dir
from babel.messages.frontend import parse_mapping_cfg
from babel.messages.pofile import read_po

from server.i18n.translations import (
    LOCALE_DIR,
    available,
    babel_locale,
    choose_locale,
    find_locale,
    translations,
)
from server.pages import formatting
from server.pages.settings import choices

ZONE = ZoneInfo("Europe/Stockholm")
NOW = datetime(2026, 11, 23, 11, 0, tzinfo=UTC)


def moment(*parts: int) -> datetime:
    return datetime(*parts, tzinfo=ZONE).astimezone(UTC)  # type: ignore[misc,arg-type]


@pytest.mark.parametrize(
    ("parts", "english", "german"),
    [
        ((2026, 11, 23, 8, 40), "Today, 08:40", "Heute, 08:40"),
        ((2026, 11, 22, 22, 48), "Yesterday, 22:48", "Gestern, 22:48"),
        ((2026, 11, 24, 0, 1), "Tomorrow, 00:01", "Morgen, 00:01"),
        (
            (2026, 11, 19, 21, 12),
            "Thursday 19\u00a0November, 21:12",
            "Donnerstag, 19.\u00a0November, 21:12",
        ),
        (
            (2025, 12, 31, 23, 59),
            "Wednesday 31\u00a0December 2025, 23:59",
            "Mittwoch, 31.\u00a0Dezember 2025, 23:59",
        ),
    ],
)
def test_times_are_as_one_would_say_them(parts: tuple[int, ...], english: str, german: str) -> None:
    assert formatting.when(moment(*parts), NOW, ZONE, "en") == english
    assert formatting.when(moment(*parts), NOW, ZONE, "de") == german


def test_today_is_a_day_of_the_zone_and_not_of_utc() -> None:
    late = datetime(2026, 11, 22, 23, 30, tzinfo=UTC)
    assert formatting.when(late, NOW, ZONE, "en") == "Today, 00:30"
    assert formatting.when(late, NOW, UTC, "en") == "Yesterday, 23:30"


def test_shared_pages_have_the_full_date_and_machines_the_offset() -> None:
    assert formatting.full(NOW, NOW, ZONE, "en") == "Monday 23\u00a0November, 12:00"
    assert formatting.machine(NOW, ZONE) == "2026-11-23T12:00:00+01:00"


def test_days_months_and_zones() -> None:
    assert formatting.day(NOW, NOW, ZONE, "en") == "23\u00a0November"
    assert formatting.day(date(2025, 2, 2), NOW, ZONE, "de") == "2.\u00a0Februar 2025"
    assert formatting.long_day(date(2026, 10, 1), "en") == "1\u00a0October 2026"
    assert formatting.month(NOW, ZONE, "de") == "November 2026"
    assert formatting.zone_words(ZONE, "en") == "Central European Time"
    assert [formatting.zone_words(zone, "de") for zone in (UTC, ZoneInfo("Etc/UTC"))] == [
        "UTC",
        "UTC",
    ]


def test_answers_are_said_in_words_up_to_twelve() -> None:
    said = [formatting.answers(n, "en") for n in (1, 4, 12, 13, 4000)]
    assert said == [
        "One answer",
        "Four answers",
        "Twelve answers",
        "More than twelve answers",
        "More than twelve answers",
    ]
    assert [formatting.answers(n, "de") for n in (1, 2)] == ["Eine Antwort", "Zwei Antworten"]
    assert formatting.form_errors(1, "en") == "One thing to look at"
    assert formatting.number(13, "en") == "13"


def test_lists_are_sentences_and_each_item_is_escaped() -> None:
    names = ["Marta", "Yusuf", "Oona"]
    assert formatting.join_as_list(names, "en") == "Marta, Yusuf and Oona"
    assert formatting.join_as_list(names, "de", "or") == "Marta, Yusuf oder Oona"
    assert formatting.join_as_list(["<b>", "{0}"], "en") == "&lt;b&gt; and {0}"


def test_audience_is_said() -> None:
    assert formatting.audience("public", "The Garden", "en") == "For everyone"
    assert formatting.audience("public", "The Garden", "en", all_here=True) == "For The Garden only"
    assert formatting.audience("private", "The Garden", "de") == "Für die, die folgen"
    assert formatting.audience("direct", "The Garden", "en") == "For those who are named in it"


@pytest.mark.parametrize(
    ("header", "locale"),
    [
        (None, "en"),
        ("", "en"),
        ("de", "de"),
        ("de-AT,en;q=0.5", "de"),
        ("DE_de", "de"),
        ("sv, de;q=0.3, en;q=0.2", "de"),
        ("de;q=0.1, en;q=0.9", "en"),
        ("de;q=0", "en"),
        ("fr, *;q=0.5, de;q=0.1", "en"),
        ("de;q=nan", "en"),
        ("de;q=inf", "en"),
        ("de;q=, ,;;;=,\x00,\u202e", "en"),
        (",".join(["xx"] * 100_000), "en"),
    ],
)
def test_locale_is_the_best_that_there_is(header: str | None, locale: str) -> None:
    assert choose_locale(header, available()) == locale


def test_locale_that_nobody_translated_is_served_in_the_source_language() -> None:
    for name in ("tlh", "../../etc", "", "de/../en", "x" * 10_000):
        assert find_locale(name) == "en"
        assert translations(name).gettext("Log in") == "Log in"
        assert babel_locale(name).language == "en"
    assert translations("de-CH").gettext("Log in") == "Anmelden"


# ---- nothing left out ----


def extracted() -> set[tuple[str, ...]]:
    """Every sentence in the code and the templates of the server, as pybabel would find them."""
    server = LOCALE_DIR.parents[1]
    with (LOCALE_DIR / "babel.cfg").open() as source:
        methods, options = parse_mapping_cfg(source)  # type: ignore[no-untyped-call]
    found = extract_from_dir(server, methods, options)
    return {_key(message, context) for _, _, message, _, context in found}


def forms(message: object) -> tuple[str, ...]:
    """A sentence in its singular and plural, or in its only form."""
    return tuple(map(str, message)) if isinstance(message, tuple | list) else (str(message or ""),)


def _key(message: object, context: str | None) -> tuple[str, ...]:
    return (context or "", *forms(message))


def catalogue(locale: str) -> Catalog:
    with Path(LOCALE_DIR, locale, "LC_MESSAGES", "kith.po").open("rb") as source:
        return read_po(source, locale=locale, abort_invalid=True)


def sentences(locale: str) -> list[Message]:
    return [message for message in catalogue(locale) if message.id]


@pytest.mark.parametrize("locale", available())
def test_catalogue_has_every_sentence_and_none_that_is_said_no_more(locale: str) -> None:
    wanted = extracted()
    kept = {_key(message.id, message.context) for message in sentences(locale)}
    assert wanted - kept == set(), "missing"
    assert kept - wanted == set(), "leftover"
    assert not any(message.fuzzy for message in sentences(locale))
    print(f"{len(wanted)} sentences in {locale}")
    assert len(wanted) > 200


def test_sentences_are_translated_with_the_same_places_to_fill() -> None:
    for locale in set(available()) - {"en"}:
        for message in sentences(locale):
            source, said = forms(message.id), forms(message.string)
            assert all(said), message.id
            wanted = set(re.findall(r"%\(\w+\)s", source[-1]))
            assert set(re.findall(r"%\(\w+\)s", said[-1])) == wanted, message.id


def test_sentences_do_not_shout_or_say_oops() -> None:
    """STYLE.md, Voice: never these, in any language."""
    unkind = re.compile(
        r"!|\boops\b|\binvalid\b|\bplease note\b|successful|ungültig|erfolgreich", re.I
    )
    for locale in available():
        for message in sentences(locale):
            for text in (*forms(message.id), *forms(message.string)):
                assert not unkind.search(text), text


def test_settings_offer_audiences_and_languages_by_name() -> None:
    assert choices.audiences("The Garden", "de")[0].label == "Für alle"
    offered = {choice.value: choice.label for choice in choices.languages("de")}
    assert offered["sv"] == "Schwedisch"
    assert len(offered) > 150
