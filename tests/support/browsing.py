"""A person with a browser, as far as pages without scripts need one: links, forms, cookies."""

from dataclasses import dataclass, field
from html.parser import HTMLParser
from urllib.parse import parse_qs, urljoin, urlsplit

import requests

from tests.support.process import HANGS

OOB = "urn:ietf:wg:oauth:2.0:oob"


@dataclass
class Form:
    """One form of a page with what it would send."""

    action: str
    method: str
    values: dict[str, str] = field(default_factory=dict)


class Forms(HTMLParser):
    """Collects the forms of a page."""

    def __init__(self) -> None:
        super().__init__()
        self.forms: list[Form] = []
        self.codes: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag == "form":
            self.forms.append(Form(given.get("action", ""), given.get("method", "get")))
        elif tag in {"input", "textarea", "select"} and self.forms and "name" in given:
            self.forms[-1].values.setdefault(given["name"], given.get("value", ""))
        if tag == "input" and given.get("id") == "code":
            self.codes.append(given.get("value", ""))


class Visitor:
    """Somebody who opens pages and sends forms."""

    def __init__(self, base: str) -> None:
        self.base = base
        self.session = requests.Session()
        self.page = requests.Response()

    def open(self, address: str) -> requests.Response:
        self.page = self.session.get(urljoin(self.base, address), timeout=HANGS)
        return self.page

    def forms(self) -> list[Form]:
        parser = Forms()
        parser.feed(self.page.text)
        return parser.forms

    def send(self, **values: str) -> requests.Response:
        """Send the form that has these fields; redirects to elsewhere are not followed."""
        fields = set(values) - {"answer"}
        (form,) = [one for one in self.forms() if fields <= set(one.values)][:1]
        target = urljoin(self.page.url, form.action)
        self.page = self.session.post(
            target, data=form.values | values, timeout=HANGS, allow_redirects=False
        )
        while self.page.is_redirect:
            there = urljoin(target, self.page.headers["Location"])
            if urlsplit(there).netloc != urlsplit(self.base).netloc:
                return self.page
            self.page = self.session.get(there, timeout=HANGS, allow_redirects=False)
        return self.page

    def let_in(self, authorize: str, name: str, password: str) -> str:
        """Log in and say yes to an app; return the code that it gets."""
        self.open(authorize)
        if any("password" in form.values for form in self.forms()):
            self.send(login=name, password=password)
        self.send(csrf=self._csrf(), answer="yes")
        if self.page.is_redirect:
            return parse_qs(urlsplit(self.page.headers["Location"]).query)["code"][0]
        parser = Forms()
        parser.feed(self.page.text)
        return parser.codes[0]

    def _csrf(self) -> str:
        return next(
            form.values["csrf"] for form in self.forms() if form.action.startswith("/oauth")
        )
