"""Every page in every state: whole, accessible by construction, and safe whatever people typed."""

import dataclasses
import html
from collections.abc import Iterator, Mapping
from html.parser import HTMLParser
from typing import Any

import pytest

from federation.vocabulary.sanitize_html import SafeHtml, from_text
from server.i18n.translations import available
from server.pages import scopes
from server.pages.render import environment, is_web, preload, render, safe_html
from server.pages.views import (
    AnswerView,
    FormView,
    LoginView,
    NewPasswordView,
    PostView,
    SignupView,
    hang_answers,
)
from tests.browser.garden import BEP, MEMBER, NOW, cases, post, settings
from tests.browser.garden_two_factor import WITH_SCRIPT

CASES = cases()
PARTS = {"base", "parts", "joining", "errors"}
BREAK_OUT = (
    "\"'></textarea></title><script>alert({n})</script><img src=x onerror=alert({n})>{{{{7*7}}}}"
)
OUR_SCRIPT = '<script src="/static/passkeys.js" defer></script>'
SCRIPT_URL = "javascript:alert({n})"
OTHER_HOST = "//evil.example/{n}"
CHOSEN_BY_CODE = {"registrations", "kind", "what", "state"}  # Literal types: nobody types these
NEVER_SAID = {"Frame.current_page"}  # compared, not shown
VOID = {"meta", "link", "input", "img", "br", "hr", "path", "circle", "rect"}

Path = tuple[str | int, ...]


class Read(HTMLParser):
    """A page as a browser would take it apart: elements with attributes, text, and nesting."""

    def __init__(self, page: str) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: list[tuple[str, dict[str, str]]] = []
        self.text: list[str] = []
        self.open: list[str] = []
        self.forms: list[list[tuple[str, dict[str, str]]]] = []
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        element = (tag, {name: value or "" for name, value in attrs})
        self.elements.append(element)
        if tag == "form":
            self.forms.append([])
        if "form" in [*self.open, tag]:
            self.forms[-1].append(element)
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag not in VOID:
            assert self.open and self.open[-1] == tag, f"</{tag}> closes {self.open[-3:]}"
            self.open.pop()

    def handle_data(self, data: str) -> None:
        self.text.append(data)

    def named(self, tag: str) -> list[dict[str, str]]:
        return [attributes for name, attributes in self.elements if name == tag]

    def values(self, attribute: str) -> list[str]:
        return [found[attribute] for _, found in self.elements if attribute in found]


def page_of(name: str, locale: str = "en") -> str:
    template, frame, view = CASES[name]
    return render(template, locale=locale, frame=frame, view=view)


def every_page() -> Iterator[tuple[str, str, Read]]:
    for name in CASES:
        for locale in available():
            yield name, locale, Read(page_of(name, locale))


def test_templates_have_a_case_each_and_compile() -> None:
    names = {name.removesuffix(".html") for name in environment().list_templates(["html"])}
    assert names - PARTS == {template for template, _, _ in CASES.values()}
    assert preload() == len(names)


def test_pages_are_whole_and_in_the_language_of_their_reader() -> None:
    cells = 0
    for name, locale, page in every_page():
        cells += 1
        assert page.open == [], (name, locale)
        assert page.named("html")[0] == {"lang": locale, "dir": "ltr"}
        assert len(page.named("h1")) == 1, (name, locale)
        assert len(page.named("main")) == 1
        assert len(page.named("title")) == 1
        assert all("alt" in picture for picture in page.named("img")), (name, locale)
    print(f"{cells} pages")


def test_german_pages_have_no_english_sentence_left() -> None:
    """What both languages share is what people wrote, and names."""
    options = ("Log in", "Settings", "Skip to", "What we agreed on", "Runs on", "Looked after")
    for name in CASES:
        page = page_of(name, "de")
        assert not [words for words in options if words in page], name


def test_ids_are_unique_and_whatever_refers_to_one_finds_it() -> None:
    references = 0
    for name, locale, page in every_page():
        ids = page.values("id")
        assert len(ids) == len(set(ids)), (name, locale)
        for attribute in ("for", "aria-labelledby", "aria-describedby"):
            for wanted in " ".join(page.values(attribute)).split():
                references += 1
                assert wanted in ids, (name, locale, attribute, wanted)
        for link in page.named("a"):
            if link["href"].startswith("#"):
                references += 1
                assert link["href"][1:] in ids, (name, locale, link["href"])
    print(f"{references} references")


def test_forms_post_to_this_host_with_the_token_of_their_reader() -> None:
    forms = 0
    for name, locale, page in every_page():
        _, frame, _ = CASES[name]
        for form in page.forms:
            forms += 1
            attributes = form[0][1]
            assert attributes["method"] == "post" and is_web(attributes["action"])
            assert attributes["action"].startswith("/")
            tokens = [a["value"] for _, a in form if a.get("name") == "csrf"]
            assert tokens == [frame.csrf], (name, locale, attributes)
    print(f"{forms} forms")
    assert forms > 50


def test_pages_need_no_script_no_inline_style_and_no_other_host() -> None:
    for name, locale, page in every_page():
        for tag, attributes in page.elements:
            assert tag not in ("style", "iframe", "object", "base"), (name, locale)
            if tag == "script":  # the one script that we have, for the browser's own dialogue
                assert CASES[name][0] in WITH_SCRIPT, (name, locale)
                assert attributes == {"src": "/static/passkeys.js", "defer": ""}
            assert "style" not in attributes, (name, locale, tag)
            assert not [a for a in attributes if a.startswith("on")], (name, locale, tag)
        loaded = page.values("src")
        loaded += [link["href"] for link in page.named("link") if link["rel"] != "alternate"]
        assert all(url.startswith("/") for url in loaded), (name, locale)


def test_password_is_never_sent_back() -> None:
    """Password stays out even when whoever fills the form forgets to leave it out."""
    typed = dict.fromkeys(("password", "current_password", "new_password"), "t0p secret")
    form = FormView("form", values=typed)
    forms: list[tuple[str, object]] = [
        ("login", LoginView(form)),
        ("signup", SignupView(form)),
        ("new_password", NewPasswordView("t0ken", form)),
        ("settings", settings(password=form)),
    ]
    for template, view in forms:
        assert "t0p secret" not in render(template, locale="en", frame=MEMBER, view=view), template


def test_mistakes_stand_on_top_are_counted_in_the_title_and_named_on_the_field() -> None:
    page = Read(page_of("signup-again"))
    notes = [a for a in page.named("div") if a.get("role") == "alert"]
    assert [note["tabindex"] for note in notes] == ["-1"]
    assert "autofocus" in notes[0]
    assert "".join(page.text).count("Two things to look at") == 2  # in the title and in the note
    wrong = [a for tag, a in page.elements if a.get("aria-invalid") == "true"]
    assert [field["name"] for field in wrong] == ["agreement", "username"]
    assert all(f"{field['id']}-says" in field["aria-describedby"] for field in wrong)
    assert {"value": "bep"}.items() <= wrong[1].items()


# ---- whatever people typed ----


def steps(value: Any) -> Iterator[tuple[str | int, Any]]:
    """What is one step below a value in a tree of views."""
    if dataclasses.is_dataclass(value):
        names = (field.name for field in dataclasses.fields(value))
        yield from ((name, getattr(value, name)) for name in names if name not in CHOSEN_BY_CODE)
    elif isinstance(value, Mapping):
        yield from value.items()
    elif isinstance(value, tuple):
        yield from enumerate(value)


def leaves(value: Any, kind: type, path: Path = ()) -> Iterator[Path]:
    """Paths of strings of exactly this kind in a tree of views."""
    if type(value) is kind:
        yield path
    for step, below in steps(value):
        yield from leaves(below, kind, (*path, step))


def sort_of(tree: Any, path: Path) -> str:
    """The class and the field that a leaf belongs to, such as Person.name."""
    found = ""
    for step in path:
        if dataclasses.is_dataclass(tree):
            found = f"{type(tree).__name__}.{step}"
        tree = dict(steps(tree))[step]
    return found


def planted(value: Any, path: Path, leaf: str) -> Any:
    """The tree with another string in one place."""
    if not path:
        return leaf
    step, rest = path[0], path[1:]
    if isinstance(value, tuple):
        assert isinstance(step, int)
        return (*value[:step], planted(value[step], rest, leaf), *value[step + 1 :])
    if isinstance(value, Mapping):
        return {**value, step: planted(value[step], rest, leaf)}
    return dataclasses.replace(value, **{str(step): planted(getattr(value, str(step)), rest, leaf)})


def with_everything_hostile(name: str, payload: str) -> tuple[Read, str, list[str]]:
    """The page with the payload in every string at once, each with a number of its own.

    Gives the page, its source, and the sort of each string by its number.
    """
    template, *tree = CASES[name]
    both: Any = tuple(tree)
    places = list(leaves(both, str))
    sorts = [sort_of(both, path) for path in places]
    for n, path in enumerate(places):
        both = planted(both, path, payload.format(n=n))
    page = render(template, locale="en", frame=both[0], view=both[1])
    return Read(page), page, sorts


def test_fields_of_pages_become_no_markup() -> None:
    cells, sorts, seen = 0, set(), set()
    for name in CASES:
        page, source, places = with_everything_hostile(name, BREAK_OUT)
        cells += len(places)
        sorts |= set(places)
        ours = [OUR_SCRIPT] if CASES[name][0] in WITH_SCRIPT and OUR_SCRIPT in source else []
        assert source.count("<script") == len(ours) and "<img src=x" not in source, name
        assert len(page.named("script")) == len(ours), name
        assert not [a for a in page.values("src") if a == "x"], name
        assert not [a for _, found in page.elements for a in found if a.startswith("on")], name
        said = "".join([*page.text, *(v for _, found in page.elements for v in found.values())])
        assert "{{7*7}}" in said and "{{49}}" not in said, name
        seen |= {sort for n, sort in enumerate(places) if f"alert({n})" in said}
    print(f"{cells} cells (field x page), {len(seen)} sorts of field seen as text: {sorted(seen)}")
    # Nothing escapes a sweep by not being on a page: only addresses and marks are never seen.
    assert {sort for sort in sorts - seen if "url" not in sort} == NEVER_SAID


@pytest.mark.parametrize("payload", [SCRIPT_URL, OTHER_HOST])
def test_fields_of_pages_become_no_address_that_is_not_of_the_web(payload: str) -> None:
    cells = 0
    for name in CASES:
        page, _, places = with_everything_hostile(name, payload)
        cells += len(places)
        links = [*page.values("href"), *page.values("src"), *page.values("action")]
        allowed = [url for url in links if url.startswith(("/", "#", "https://", "mailto:"))]
        assert links == allowed, name
        assert not [url for url in links if url.startswith("//")], name
    print(f"{cells} cells (field x page)")


def test_markup_that_the_sanitiser_did_not_make_is_never_rendered() -> None:
    cells = 0
    for template, frame, view in CASES.values():
        for path in leaves((frame, view), SafeHtml):
            hostile = planted((frame, view), path, "<b>not cleaned</b>")
            if not _shows(template, path):
                continue
            cells += 1
            with pytest.raises(TypeError, match="SafeHtml"):
                render(template, locale="en", frame=hostile[0], view=hostile[1])
    print(f"{cells} cells (markup x page)")
    assert cells > 30


def _shows(template: str, path: Path) -> bool:
    """Whether a page has the markup at this place on it: only their own page tells of a person."""
    if "purpose" in path:
        return template in ("landing", "about")
    if "bio" in path or "fields" in path:
        return template == "profile" and path[:2] == (1, "person")
    return True


def test_safe_html_takes_nothing_else() -> None:
    assert safe_html(from_text("a < b")) == "<p>a &lt; b</p>"
    for other in ("<b>plain</b>", None, 1, html):
        with pytest.raises(TypeError):
            safe_html(other)


@pytest.mark.parametrize(
    ("url", "good"),
    [
        ("/settings", True),
        ("https://garden.example/@bep", True),
        ("http://localhost:8000/x", True),
        ("//evil.example", False),
        ("/\\evil.example", False),
        ("/a\r\nb", False),
        ("javascript:alert(1)", False),
        (" javascript:alert(1)", False),
        ("data:text/html,x", False),
        ("https://", False),
        ("https://user:word@garden.example/", False),
        ("", False),
        (None, False),
    ],
)
def test_address_is_of_the_web_or_leads_nowhere(url: object, good: bool) -> None:
    assert is_web(url) is good


# ---- threads and scopes ----


def chain(*links: tuple[int, int]) -> list[tuple[PostView, str]]:
    return [(post(n, BEP, NOW, f"post {n}"), str(parent)) for n, parent in links]


def shape(answers: tuple[AnswerView, ...]) -> list[tuple[str, list[str]]]:
    return [(answer.post.id, [reply.id for reply in answer.replies]) for answer in answers]


def test_answers_hang_on_what_they_answer_and_deeper_ones_stay_flat() -> None:
    hung = hang_answers("1", chain((2, 1), (3, 2), (4, 1), (5, 3), (6, 2), (7, 99)))
    assert shape(hung) == [("2", ["3", "5", "6"]), ("4", []), ("7", [])]


def test_thread_of_any_depth_or_going_round_in_circles_is_hung() -> None:
    deep = hang_answers("0", chain(*((n, n - 1) for n in range(1, 5001))))
    assert len(deep[0].replies) == 4999
    assert hang_answers("1", chain((2, 3), (3, 2), (4, 4))) == ()


def test_scopes_that_are_asked_for_are_said() -> None:
    wide = scopes.may(("read", "write", "follow", "push"), "en")
    assert [line.point.split()[0] for line in wide] == ["Read", "Write", "Follow,", "Wake"]
    assert scopes.may(("read", "read:statuses"), "en") == scopes.may(("read",), "en")
    for name in (*scopes.LINES, "admin:read", "admin:write:reports", "something:new"):
        assert len(scopes.may((name, "push"), "de")) == (1 if name == "push" else 2), name
    assert "admin:read" in scopes.may(("admin:read",), "en")[0].covers
    assert "something:new" in scopes.may(("something:new",), "en")[0].point


def test_scopes_say_what_stays_out_of_reach() -> None:
    assert len(scopes.may_not(("read",), "en")) == 4
    assert len(scopes.may_not(("read", "write:media"), "en")) == 3
    assert len(scopes.may_not(("admin:read", "write"), "en")) == 2
