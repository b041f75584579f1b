"""The Garden of the prototypes as views: one realistic value for each page and each state."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from federation.vocabulary.sanitize_html import clean, clean_field, from_text
from server.pages import scopes
from server.pages.views import (
    AboutView,
    AppView,
    Charter,
    CharterVersion,
    Choice,
    CodeView,
    Commitment,
    ConsentView,
    ErrorView,
    FormView,
    Frame,
    HashtagView,
    LandingView,
    LoginView,
    Person,
    Picture,
    PollView,
    PostView,
    ProfileField,
    ProfileView,
    Registrations,
    SessionView,
    SettingsView,
    SignupView,
    SiteView,
    Steward,
    Term,
    ThreadView,
    TombstoneView,
    hang_answers,
)
from tests.browser.garden_moderation import desk
from tests.browser.garden_roads import roads
from tests.browser.garden_two_factor import letters, safety

ZONE = ZoneInfo("Europe/Stockholm")
NOW = datetime(2026, 11, 23, 12, 0, tzinfo=ZONE)
SILL = (
    "Four jam jars on a greenhouse sill, each with a bean seedling two leaves tall. Frost on the "
    "pane behind them, and the low sun coming through it."
)


def at(day: int, hour: int, minute: int = 0) -> datetime:
    """A moment in November 2026, in UTC as the tables have it."""
    return datetime(2026, 11, day, hour, minute, tzinfo=ZONE).astimezone(UTC)


def person(number: int, name: str, username: str, host: str = "", **more: Any) -> Person:
    """Somebody of ours, or of another host."""
    domain = host or "garden.example"
    return Person(
        id=number,
        name=name,
        handle=f"@{username}@{host}" if host else f"@{username}",
        full_handle=f"@{username}@{domain}",
        url=f"https://{domain}/@{username}",
        is_local=not host,
        **more,
    )


MARTA = person(
    6,
    "Marta Lindqvist",
    "marta",
    header_url="/media/sill.png",
    bio=from_text(
        "To have somewhere to say that the leeks failed and so did the week. I was a midwife for "
        "thirty years; I am good at waiting with people."
    ),
    fields=(
        ProfileField("Plot", from_text("9, by the pear tree")),
        ProfileField("Speaks", from_text("Svenska, English, a bit of Polish")),
        ProfileField(
            "Web page",
            clean_field('<a href="https://lindqvist.example" rel="me">lindqvist.example</a>'),
            at(2, 9),
        ),
    ),
    since=datetime(2023, 3, 14, tzinfo=UTC),
)
YUSUF = person(3, "Yusuf Demir", "yusuf")
OONA = person(2, "Oona Byrne", "oona")
BEP = person(4, "Bep de Wit", "bep")
INES = person(5, "Ines Carvalho", "ines")
SAMIRA = person(7, "Samira Haddad", "samira", "harbour.example", avatar_url="/media/sill.png")
WORKSHOP = person(
    8, "Workshop", "workshop", kind="community", bio=from_text("For people who would rather mend.")
)

CHARTER = Charter(
    version=4,
    agreed=date(2026, 10, 1),
    purpose=clean(
        "<p>Some of us have dug here for forty years. Some live three countries away and grow "
        "basil on a windowsill. We write to one another because someone will answer, and because "
        "on Saturday you can come and stand in the mud with us.</p>"
        "<p>Nobody is ranked here, and nothing is counted. You may be new, tired, wrong or "
        "proud.</p>"
    ),
    commitments=(
        Commitment("We say how it is.", "Good weeks and bad ones. Nobody has to shine here."),
        Commitment(
            "We answer.",
            "If you read something hard and have a minute, answer, even with one word.",
        ),
        Commitment(
            "We ask before we advise.",
            "“Do you want ideas, or an ear?” is always a good first reply.",
        ),
        Commitment(
            "What is said here stays here.",
            "No screenshots, no quoting elsewhere, unless the person says yes.",
        ),
        Commitment(
            "We lend, and we bring back.",
            "Tools, time, seedlings. If it broke, say so; we mend it together.",
        ),
        Commitment(
            "We speak to people before we speak about them.",
            "If that feels unsafe, a steward goes with you.",
        ),
    ),
    terms=(
        Term("Candour", "Telling the truth about yourself, kindly about others."),
        Term("Care", "Noticing, and doing the next small thing."),
        Term("Mutual aid", "Everyone gives, everyone asks. No debts are kept."),
        Term("Slowness", "Answers may take a day. Seasons take a year."),
        Term("Consent", "Ask first: about photos, quotes, visits and advice."),
        Term("Ecology", "No peat, no poison. Hedgehogs have right of way."),
    ),
    question="What do you hope to grow, or to find here?",
    earlier=(CharterVersion(3, date(2025, 2, 2), "/about/3"),),
)
SITE = SiteView(
    title="The Garden",
    summary=(
        "We share the allotments behind the old brickworks in Malmö, and a place to say how it is "
        "going: the slugs and the grief alike."
    ),
    domain="garden.example",
    zone=ZONE,
    charter=CHARTER,
    contact="stewards@garden.example",
    stewards=(
        Steward(MARTA, "Ask her about the charter, or when something went wrong between people."),
        Steward(YUSUF, "Compost, keys, the server, and which gate is open."),
        Steward(OONA, "Newcomers. She will probably be the first to write to you."),
    ),
    registrations="approval",
    source_url="https://code.example/kith",
)
BARE = SiteView(
    title="localhost:8000",
    summary="A place for people who know one another.",
    domain="localhost:8000",
    zone=UTC,
    charter=Charter(version=0),
    registrations="open",
)
VISITOR = Frame(site=SITE, now=NOW.astimezone(UTC), csrf="c5rf-of-a-visitor")
MEMBER = replace(VISITOR, csrf="c5rf-of-ines", viewer=INES)


def post(number: int, author: Person, moment: datetime, words: str, **more: Any) -> PostView:
    """A post, in paragraphs or in markup."""
    url = f"{author.url}/{number}"
    html = clean(words) if words.startswith("<") else from_text(words)
    return PostView(id=str(number), url=url, person=author, published=moment, html=html, **more)


APPLES = post(
    101,
    BEP,
    at(22, 16, 20),
    "The old Bramley gave its last apples today. I said thank you out loud and a man with a dog "
    "looked at me. Well. It’s been feeding us since my husband planted it in 1981, so it gets a "
    "thank you.",
    answers=4,
    language="en",
)
FROST = post(
    102,
    YUSUF,
    at(21, 9, 5),
    "First hard frost. If your fleece is still in the shed like mine was: the beans forgive you, "
    "mostly. There are twelve metres left on the hook by the door, take what you need.",
    answers=2,
    edited=at(21, 9, 20),
)
LONG = post(
    103,
    SAMIRA,
    datetime(2025, 12, 30, 23, 30, tzinfo=UTC),
    f"<p>Unbreakable: {'w' * 120} https://garden.example/{'a-very-long-path/' * 8}</p>"
    f"<pre><code>{'as it is, ' * 30}</code></pre><blockquote><p>said before</p></blockquote>"
    f'<p>to <a class="mention" href="https://x.example/">@{"somebody" * 9}</a></p>',
    passed_on_by=BEP,
    answers=13,
    pictures=(Picture("/media/bees.ogg", "/media/bees.ogg", "audio", "Bees in December"),),
)
DAD = post(
    201,
    INES,
    at(22, 22, 48),
    "Dad came home on Tuesday. I have told everyone at work that we are fine. We are not fine. He "
    "cannot do the stairs, so he sleeps next to the piano, and I sleep on the piano stool, more or "
    "less.\n\nPlot 14 is going to rack and ruin and I find that I mind that more than the rest. "
    "Isn’t that stupid. I don’t need advice, I just wanted it to be somewhere.",
    audience="For The Garden only",
    cloth=1,
    spoiler="A stay in hospital (my father, he is home now)",
)
ASKED = post(200, OONA, at(22, 20, 0), "How is everyone’s week, really?", audience="For everyone")
ANSWERS = (
    (
        post(
            202,
            BEP,
            at(22, 23, 5),
            "Not stupid. When Arie was ill I cried about a hose. It’s somewhere now, and I have "
            "read it twice.",
        ),
        "201",
    ),
    (
        post(
            203,
            INES,
            at(22, 23, 11),
            "About a hose. Thank you, Bep. I laughed and it woke him and then he laughed.",
        ),
        "202",
    ),
    (
        post(
            204,
            YUSUF,
            at(23, 7, 30),
            "I went by plot 14 on the way to work. I touched nothing, I only looked. It is not "
            "ruin, it is November. Your broad beans are up on the sill in the greenhouse, somebody "
            "has been watering them.",
            pictures=(
                Picture("/media/sill.png", "/media/sill.png", "image", SILL, 960, 600),
                Picture("/media/sill.png", "/media/sill.png", "image", "", 960, 600),
            ),
            sensitive=False,
        ),
        "201",
    ),
    (
        post(
            205,
            OONA,
            at(23, 7, 52),
            "It was me, I confess. Ines, would it help if some of us kept plot 14 until spring, or "
            "would that feel like being managed? Say no and it’s no.",
            poll=PollView((("Saturday", 3), ("Sunday", None)), multiple=False, over=True),
            pictures=(Picture("/media/sill.png", "/media/sill.png", "image", SILL, 960, 600),),
            sensitive=True,
        ),
        "204",
    ),
    (
        post(
            206,
            SAMIRA,
            at(23, 8, 15),
            "I slept on the floor beside my mother for a month. What helped was one person who "
            "came every Monday and never asked how it was.",
            spoiler="Also about an ill parent",
        ),
        "204",
    ),
)
MARTAS = (
    post(
        301,
        MARTA,
        at(23, 8, 40),
        "Garlic is in. My knees are out. If somebody could bring the long-handled dibber back to "
        "the shed I would love them, openly.",
        audience="For The Garden only",
        cloth=1,
    ),
    post(
        302,
        MARTA,
        at(19, 21, 12),
        "Today would have been a tenth birthday. I still plant a white crocus for each of them.",
        audience="For everyone",
        spoiler="Losing a patient, years ago",
    ),
    post(
        303,
        MARTA,
        at(15, 10, 30),
        "My mother’s mixer runs again. It needed one carbon brush and Tomasz’s patience.",
        audience="Workshop, for everyone",
        cloth=2,
    ),
    LONG,
)
AGAIN = FormView(
    "signup",
    values={
        "reason": "I moved to Malmö in August and know nobody but my landlord. My grandmother grew "
        "leeks. I’d like to learn that, and to have people to say good morning to.",
        "username": "bep",
        "email": "bep.k@post.example",
    },
    errors={
        "agreement": "We need your yes to the charter. If one of the six troubles you, write that "
        "below and Marta will talk it over with you.",
        "username": "“bep” belongs to somebody already. “bep_k” is free.",
    },
)
FOUND = FormView(
    "login",
    values={"login": "bep"},
    said="That name and that password do not belong together. Try again, or ask for a new one.",
)


def consent(*wanted: str, redirect: str | None = "app.lantern.example") -> ConsentView:
    """Lantern asks for scopes."""
    return ConsentView(
        app="Lantern",
        may=scopes.may(wanted, "en"),
        may_not=scopes.may_not(wanted, "en"),
        redirect=redirect,
        website="lantern.example",
        hidden=(("client_id", "lantern"), ("state", "a b&c")),
        other_url="/login?next=/oauth/authorize",
    )


def settings(**forms: FormView) -> SettingsView:
    """The settings of Ines, with other forms in place of the usual ones."""
    usual: dict[str, Any] = {
        "profile": FormView(
            "profile",
            values={
                "display_name": "Ines Carvalho",
                "note": "Piano, plot 14, and a father.",
                "field_name_1": "Plot",
                "field_value_1": "14",
                "locked": "1",
            },
        ),
        "preferences": FormView("preferences", values={"visibility": "private", "language": "pt"}),
        "password": FormView("password"),
        "email": FormView("email"),
    }
    return SettingsView(
        **(usual | forms),
        address="ines@post.example",
        audiences=(Choice("public", "Everyone"), Choice("private", "Followers")),
        languages=(Choice("en", "English"), Choice("pt", "Português"), Choice("sv", "Svenska")),
        sessions=(
            SessionView("s1", "Firefox on Linux", at(2, 9), at(23, 11), current=True),
            SessionView("s2", "Safari on an iPad", at(1, 9), at(22, 21, 30)),
            SessionView("s3", "curl", datetime(2025, 1, 1, tzinfo=UTC)),
        ),
        apps=(
            AppView(
                "a1", "Lantern", scopes.may(("read", "write", "follow", "push"), "en"), at(4, 9)
            ),
            AppView("a2", "Morning Digest", scopes.may(("read",), "en"), at(1, 9), at(23, 7)),
        ),
    )


def _mode(frame: Frame, mode: Registrations) -> Frame:
    return replace(frame, site=replace(frame.site, registrations=mode))


Case = tuple[str, Frame, object]
"""A template, the frame it stands in, and its view."""

_BARE = replace(VISITOR, site=BARE)


def _for_coming_in() -> dict[str, Case]:
    landing = LandingView((APPLES, FROST), "/tags/garden?before=1")
    return {
        "landing": ("landing", VISITOR, landing),
        "landing-shared": ("landing", replace(VISITOR, shared=True), landing),
        "landing-member": ("landing", MEMBER, landing),
        "landing-bare": ("landing", _BARE, LandingView()),
        "about": ("about", replace(VISITOR, current_page="about"), AboutView()),
        "about-bare": ("about", _BARE, AboutView()),
        "signup": ("signup", replace(VISITOR, current_page="signup"), SignupView()),
        "signup-again": ("signup", VISITOR, SignupView(AGAIN)),
        "signup-bare": ("signup", _BARE, SignupView()),
        "login": (
            "login",
            replace(VISITOR, current_page="login"),
            LoginView(next="/settings?a=1&b=2"),
        ),
        "login-again": ("login", VISITOR, LoginView(FOUND)),
        "consent": ("consent", MEMBER, consent("read", "write", "follow", "push")),
        "consent-narrow": (
            "consent",
            MEMBER,
            consent("read:statuses", "read:accounts", "admin:read", redirect=None),
        ),
        "code": ("code", MEMBER, CodeView("Lantern", "Zk3-" + "a1B2" * 10)),
    }


def _for_reading() -> dict[str, Case]:
    thread = ThreadView(
        DAD,
        ancestors=(ASKED,),
        answers=hang_answers("201", ANSWERS),
        activity_url="https://garden.example/posts/201",
    )
    return {
        "profile": ("profile", VISITOR, ProfileView(MARTA, MARTAS, "/@marta?before=303")),
        "profile-member": ("profile", MEMBER, ProfileView(BEP, newer_url="/@bep")),
        "profile-community": ("profile", VISITOR, ProfileView(WORKSHOP, (FROST,), cloth=2)),
        "profile-remote": ("profile", VISITOR, ProfileView(SAMIRA, (LONG,), indexable=True)),
        "thread": ("thread", VISITOR, thread),
        "thread-member": ("thread", MEMBER, replace(thread, ancestors=())),
        "hashtag": ("hashtag", VISITOR, HashtagView("apples", (APPLES, LONG), "/tags/apples?b=1")),
        "hashtag-empty": ("hashtag", VISITOR, HashtagView("dibbler")),
    }


def _for_oneself() -> dict[str, Case]:
    wrong = settings(
        profile=FormView("profile", errors={"display_name": "Thirty letters are the most."}),
        password=FormView(
            "password",
            errors={"current_password": "That is not the password until now."},
            said="Nothing was changed.",
        ),
    )
    return {
        "settings": ("settings", replace(MEMBER, current_page="settings"), settings()),
        "settings-done": (
            "settings",
            replace(MEMBER, viewer=replace(MARTA, avatar_url="/media/sill.png"), done="Saved."),
            replace(settings(), sessions=(), apps=()),
        ),
        "settings-again": ("settings", MEMBER, wrong),
        "settings-wanted": ("settings", MEMBER, replace(settings(), wanted="marta@new.example")),
        "gone-post": ("gone", VISITOR, TombstoneView()),
        "gone-account": ("gone", VISITOR, TombstoneView("account")),
    }


def _for_what_went_wrong() -> dict[str, Case]:
    soon = (NOW + timedelta(hours=2, minutes=20)).astimezone(UTC)
    numbers: dict[str, Case] = {
        f"error-{status}": ("error", VISITOR, ErrorView(status))
        for status in (400, 401, 403, 404, 410, 413, 422, 500, 503)
    }
    return numbers | {
        "error-429": ("error", VISITOR, ErrorView(429, retry_at=soon)),
        "error-word": ("error", MEMBER, ErrorView(500, reference="pear-4471")),
        "error-word-bare": ("error", _BARE, ErrorView(500, reference="pear-4471")),
        "error-said": ("error", MEMBER, ErrorView(422, "This picture is 48 MB; up to 16 fit.")),
    }


def cases() -> dict[str, Case]:
    """Every page and every state: name → (template, frame, view)."""
    modes: dict[str, Case] = {
        f"{template}-{mode}": (template, _mode(VISITOR, mode), view)
        for mode in ("open", "invitation", "closed")
        for template, view in (("landing", LandingView()), ("signup", SignupView()))
    }
    rooms: list[dict[str, Case]] = [
        _for_coming_in(),
        _for_reading(),
        _for_oneself(),
        safety(VISITOR, MEMBER),
        letters(VISITOR, MEMBER),
        roads(VISITOR, MEMBER, SAMIRA),
        desk(replace(MEMBER, viewer=MARTA), BEP, SAMIRA, (APPLES, FROST)),
        modes,
        _for_what_went_wrong(),
    ]
    return {name: case for room in rooms for name, case in room.items()}
