"""Views for the templates: values ready to be said, with no way back to the database."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, tzinfo
from typing import Literal

from federation.vocabulary.sanitize_html import SafeHtml, plain
from server.pages.scopes import ScopeLine

Registrations = Literal["open", "approval", "invitation", "closed"]
Entered = Literal["in", "asked", "letter", "confirmed", "changed"]
Kind = Literal["person", "community", "service"]
DYES = 6
GIST_LENGTH = 60


@dataclass(frozen=True, slots=True)
class ProfileField:
    """A label and a value that somebody put on their profile."""

    name: str
    value: SafeHtml
    verified: datetime | None = None


@dataclass(frozen=True, slots=True)
class Person:
    """Person or group on a page: a member, a community, or somebody of another server.

    `handle` is as pages show it (@bep for ours, whole for others), `full_handle` always whole.
    """

    id: int
    name: str
    handle: str
    full_handle: str
    url: str
    is_local: bool = True
    kind: Kind = "person"
    avatar_url: str | None = None
    header_url: str | None = None
    bio: SafeHtml | None = None
    fields: tuple[ProfileField, ...] = ()
    since: datetime | None = None
    emojis: Mapping[str, str] = field(default_factory=dict)

    @property
    def called(self) -> str:
        """The name, or the handle of those who gave none."""
        return self.name.strip() or self.handle.removeprefix("@")

    @property
    def first(self) -> str:
        """The first name, for sentences; the whole name of a community."""
        return self.called if self.kind == "community" else self.called.split()[0]

    @property
    def dye(self) -> int:
        """The colour of their door (STYLE.md, `face`)."""
        return self.id % DYES + 1

    @property
    def initial(self) -> str:
        """The email on their door."""
        letters = (c for c in self.called + self.handle if c.isalnum())
        return next(letters, "·").upper()[:1]


@dataclass(frozen=True, slots=True)
class Steward:
    """Person who looks after the site, and what one goes to them for."""

    person: Person
    asks: str = ""


@dataclass(frozen=True, slots=True)
class Commitment:
    """A sentence that everyone here agreed on, with its explanation."""

    sentence: str
    explanation: str = ""


@dataclass(frozen=True, slots=True)
class Term:
    """A value in the community's own words."""

    label: str
    meaning: str


@dataclass(frozen=True, slots=True)
class CharterVersion:
    """An earlier charter, kept readable."""

    version: int
    agreed: date
    url: str


@dataclass(frozen=True, slots=True)
class Charter:
    """Purpose of the site and what its members agreed on (COMMUNITIES.md, 1)."""

    version: int
    agreed: date | None = None
    purpose: SafeHtml | None = None
    commitments: tuple[Commitment, ...] = ()
    terms: tuple[Term, ...] = ()
    question: str = ""
    earlier: tuple[CharterVersion, ...] = ()


@dataclass(frozen=True, slots=True)
class SiteView:
    """The place itself, as every page names it."""

    title: str
    summary: str
    domain: str
    zone: tzinfo
    charter: Charter
    contact: str | None = None
    stewards: tuple[Steward, ...] = ()
    cloth: int = 1
    registrations: Registrations = "closed"
    zone_name: str | None = None
    software: str = "Kith"
    source_url: str | None = None


@dataclass(frozen=True, slots=True)
class Frame:
    """Frame of every page: the site, the moment, and who is reading.

    `current_page` marks the link of the page in the navigation; `done` says what was just done;
    `shared` is for pages that caches keep: full dates, never "Today".
    """

    site: SiteView
    now: datetime
    csrf: str
    viewer: Person | None = None
    current_page: str = ""
    done: str | None = None
    shared: bool = False


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture, or another file that is linked; `width` and `height` in pixels."""

    url: str
    preview_url: str
    kind: Literal["image", "video", "audio", "other"] = "image"
    description: str = ""
    width: int | None = None
    height: int | None = None


@dataclass(frozen=True, slots=True)
class PollView:
    """Poll with (choice, votes); votes are said only when it is over, and where known."""

    choices: tuple[tuple[str, int | None], ...]
    multiple: bool
    over: bool
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class PostView:
    """A post as it is read. `answers` is said in words; nothing else about it is counted."""

    id: str
    url: str
    person: Person
    published: datetime
    html: SafeHtml
    audience: str | None = None
    cloth: int | None = None
    spoiler: str = ""
    language: str | None = None
    sensitive: bool = False
    pictures: tuple[Picture, ...] = ()
    answers: int = 0
    edited: datetime | None = None
    passed_on_by: Person | None = None
    emojis: Mapping[str, str] = field(default_factory=dict)
    poll: PollView | None = None

    @property
    def gist(self) -> str:
        """The warning, or the first words, for titles."""
        text = self.spoiler.strip() or " ".join(plain(self.html).split())
        cut = text[: GIST_LENGTH + 1].rpartition(" ")[0] or text[:GIST_LENGTH]
        return text if len(text) <= GIST_LENGTH else cut + "…"


@dataclass(frozen=True, slots=True)
class AnswerView:
    """An answer with everything that hangs on it, in order; deeper levels stay flat (STYLE.md)."""

    post: PostView
    replies: tuple[PostView, ...] = ()


def hang_answers(root: str, posts: Sequence[tuple[PostView, str]]) -> tuple[AnswerView, ...]:
    """Answers in two levels, from (post, id of what it answers), oldest first.

    What answers something that is not shown hangs on the root.
    """
    children: dict[str, list[PostView]] = {}
    shown = {root, *(post.id for post, _ in posts)}
    for post, parent in posts:
        children.setdefault(parent if parent in shown else root, []).append(post)
    return tuple(AnswerView(top, _beneath(top, children)) for top in children.pop(root, []))


def _beneath(top: PostView, children: dict[str, list[PostView]]) -> tuple[PostView, ...]:
    """Posts below a post, each answer straight after what it answers."""
    found: list[PostView] = []
    waiting = children.pop(top.id, [])[::-1]
    while waiting:
        post = waiting.pop()
        found.append(post)
        waiting += children.pop(post.id, [])[::-1]
    return tuple(found)


@dataclass(frozen=True, slots=True)
class FormView:
    """A form as it was sent: `name` prefixes its ids, `errors` has a sentence for each field.

    `said` is a sentence about the whole form. Passwords are never among the values.
    """

    name: str
    values: Mapping[str, str] = field(default_factory=dict)
    errors: Mapping[str, str] = field(default_factory=dict)
    said: str | None = None


@dataclass(frozen=True, slots=True)
class Choice:
    """Line of a select."""

    value: str
    label: str


@dataclass(frozen=True, slots=True)
class LandingView:
    """The front page: what was said in the open, newest first."""

    posts: tuple[PostView, ...] = ()
    more_url: str | None = None


@dataclass(frozen=True, slots=True)
class AboutView:
    """The charter page needs nothing but the site."""


@dataclass(frozen=True, slots=True)
class SignupView:
    """Sign-up, in the mode that `site.registrations` names; `invitation` comes from a link."""

    form: FormView = FormView("signup")
    invitation: str = ""


@dataclass(frozen=True, slots=True)
class SignupDoneView:
    """State after signing up: in, asked (the stewards), email (to open first), or confirmed by it.

    changed: a member has another address now.
    """

    state: Entered
    handle: str
    email: str = ""


@dataclass(frozen=True, slots=True)
class ConfirmView:
    """Whether an address is somebody's own; `token` is in the link of the email."""

    token: str
    email: str


@dataclass(frozen=True, slots=True)
class LoginView:
    """Log-in; `next` is a path on this host, checked by whoever fills it in."""

    form: FormView = FormView("login")
    next: str = ""


@dataclass(frozen=True, slots=True)
class ConsentView:
    """An app asks to be let in. `redirect` is the host (or scheme) one goes to, None for a code."""

    app: str
    may: tuple[ScopeLine, ...]
    may_not: tuple[str, ...]
    redirect: str | None
    website: str | None = None
    hidden: tuple[tuple[str, str], ...] = ()
    other_url: str = "/login"


@dataclass(frozen=True, slots=True)
class CodeView:
    """The code to carry over to an app by hand."""

    app: str
    code: str


@dataclass(frozen=True, slots=True)
class ProfileView:
    """Page of a person. `activity_url` is the same as ActivityPub, for programs."""

    person: Person
    posts: tuple[PostView, ...] = ()
    earlier_url: str | None = None
    newer_url: str | None = None
    cloth: int | None = None
    activity_url: str | None = None
    indexable: bool = False


@dataclass(frozen=True, slots=True)
class ThreadView:
    """A post with what it answers and what answers it."""

    post: PostView
    ancestors: tuple[PostView, ...] = ()
    answers: tuple[AnswerView, ...] = ()
    activity_url: str | None = None
    indexable: bool = False


@dataclass(frozen=True, slots=True)
class HashtagView:
    """Public posts of members with a hashtag; `tag` without its #."""

    tag: str
    posts: tuple[PostView, ...] = ()
    earlier_url: str | None = None


@dataclass(frozen=True, slots=True)
class SessionView:
    """A place where somebody is logged in; `device` in words, such as "Firefox on Linux"."""

    id: str
    device: str
    since: datetime
    last_used: datetime | None = None
    current: bool = False
    network: str = ""


@dataclass(frozen=True, slots=True)
class AppView:
    """An app that was let in."""

    id: str
    name: str
    may: tuple[ScopeLine, ...]
    let_in: datetime
    last_used: datetime | None = None


@dataclass(frozen=True, slots=True)
class SettingsView:
    """Settings that one can change about one's own account; the person is `frame.viewer`."""

    profile: FormView
    preferences: FormView
    password: FormView
    email: FormView
    address: str
    audiences: tuple[Choice, ...]
    languages: tuple[Choice, ...]
    sessions: tuple[SessionView, ...] = ()
    apps: tuple[AppView, ...] = ()
    field_slots: int = 4
    picture_megabytes: int = 16
    wanted: str | None = None  # the address that an email asks about

    @property
    def form_errors(self) -> int:
        """Number of things to look at, in all forms."""
        forms = (self.profile, self.preferences, self.password, self.email)
        return sum(len(form.errors) for form in forms)


@dataclass(frozen=True, slots=True)
class ResetView:
    """Asking for an email with a link to a new password."""

    form: FormView = FormView("reset")
    sent: bool = False


@dataclass(frozen=True, slots=True)
class NewPasswordView:
    """Choosing a new password with the token from the email."""

    token: str
    form: FormView = FormView("new-password")


@dataclass(frozen=True, slots=True)
class ErrorView:
    """Error page: `sentence` replaces the usual one, `reference` is for the stewards."""

    status: int
    sentence: str | None = None
    reference: str | None = None
    retry_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class TombstoneView:
    """Notice that a post or an account was taken down; never says by whom."""

    what: Literal["post", "account"] = "post"
