"""What a fetched document proves, and how much is fetched at all (SECURITY B, C29, D37, E43)."""

import re
from collections.abc import Awaitable, Callable, Mapping
from datetime import timedelta
from typing import Any

import pytest
from aiohttp import web

from federation.errors import FederationError, Missing
from federation.resolve.resolver import ANCESTORS, FETCHES, Budget, Resolver
from federation.vocabulary.json_documents import dump
from federation.vocabulary.sanitize_html import plain
from server.http.app_keys import RESOLVER
from server.routes import ROUTES
from storage.engine.transaction import Reader
from storage.people import actors
from storage.posts import posts
from storage.queues import hosts
from tests.federation.world import ACTIVITY, AS, Document, Neighbour, Stranger, verdict
from tests.support.internet import Internet
from tests.support.servers import Person, Place, settle


@pytest.fixture
def resolver(ours: Place) -> Resolver:
    return ours.app[RESOLVER]


def words(reader: Reader, uri: str) -> str | None:
    known = posts.by_uri(reader, uri)
    return plain(known.content) if known else None


def leads(evil: Neighbour, path: str, location: str) -> str:
    async def answer(_: web.Request) -> web.Response:
        return web.Response(status=302, headers={"Location": location})

    evil.answers[path] = answer
    return f"{evil.origin}{path}"


def shows(at: Neighbour, path: str, document: Mapping[str, Any], type_: str | None = None) -> str:
    """Serve it at some address, whatever its id, as whatever type."""

    async def answer(_: web.Request) -> web.Response:
        headers = {"Content-Type": ACTIVITY if type_ is None else type_}
        return web.Response(body=dump(document), headers=headers)

    at.answers[path] = answer
    return f"{at.origin}{path}"


# ---- final address and id (SECURITY 14) ----


class Case:
    """Evil's mallory wrote `own`, victim's vera `hers`; `forged` has her id and other words."""

    def __init__(self, evil: Neighbour, victim: Neighbour) -> None:
        self.evil, self.victim = evil, victim
        self.own = evil.person("mallory").note("<p>own</p>")
        self.vera = victim.person("vera")
        self.hers = self.vera.note("<p>hers</p>")
        self.forged = self.hers | {"content": "<p>forged</p>"}


Prepare = Callable[[Case], tuple[str, str]]  # → what is asked for, and the id to look at


def as_it_should_be(case: Case) -> tuple[str, str]:
    return case.evil.serves(case.own), case.own["id"]


def with_a_fragment(case: Case) -> tuple[str, str]:
    return case.evil.serves(case.own) + "#there", case.own["id"]


def an_alias(case: Case) -> tuple[str, str]:
    case.evil.serves(case.own)
    return shows(case.evil, "/@mallory/1", case.own), case.own["id"]


def an_alias_with_other_words(case: Case) -> tuple[str, str]:
    """The id is asked, and its words count."""
    case.evil.serves(case.own)
    return shows(case.evil, "/@m/1", case.own | {"content": "<p>else</p>"}), case.own["id"]


def an_alias_of_what_is_not_there(case: Case) -> tuple[str, str]:
    return shows(case.evil, "/@mallory/1", case.own), case.own["id"]


def a_copy_elsewhere(case: Case) -> tuple[str, str]:
    case.victim.serves(case.hers)
    return shows(case.evil, "/copy", case.forged), case.hers["id"]


def a_copy_of_what_is_not_there(case: Case) -> tuple[str, str]:
    return shows(case.evil, "/copy", case.forged), case.hers["id"]


def a_redirect_to_the_id(case: Case) -> tuple[str, str]:
    return leads(case.evil, "/go", case.victim.serves(case.hers)), case.hers["id"]


def a_redirect_at_home(case: Case) -> tuple[str, str]:
    return leads(case.evil, "/go", case.evil.serves(case.own)), case.own["id"]


def an_open_redirect(case: Case) -> tuple[str, str]:
    """Victim's server leads wherever one asks it to, and evil claims her id there."""
    forged = shows(case.evil, "/forged", case.forged)
    return leads(case.victim, "/go", forged), case.hers["id"]


def an_open_redirect_at_the_id(case: Case) -> tuple[str, str]:
    forged = shows(case.evil, "/forged", case.forged)
    leads(case.victim, case.hers["id"].removeprefix(case.victim.origin), forged)
    return case.hers["id"], case.hers["id"]


def an_alias_of_an_alias(case: Case) -> tuple[str, str]:
    case.evil.serves(case.own)
    middle = shows(case.evil, "/middle", case.own)
    return shows(case.evil, "/start", case.own | {"id": middle}), case.own["id"]


def no_id(case: Case) -> tuple[str, str]:
    nameless = {name: value for name, value in case.own.items() if name != "id"}
    return shows(case.evil, "/nameless", nameless), case.own["id"]


def an_id_of_ours(case: Case) -> tuple[str, str]:
    claimed = "http://ours.example/posts/1"
    return shows(case.evil, "/ours", case.own | {"id": claimed}), claimed


def another_port(case: Case) -> tuple[str, str]:
    claimed = case.own["id"].replace("evil.example", "evil.example:8080")
    return shows(case.evil, "/port", case.own | {"id": claimed}), claimed


def an_author_elsewhere(case: Case) -> tuple[str, str]:
    return case.evil.serves(case.own | {"attributedTo": case.vera.uri}), case.own["id"]


PERMUTATIONS: list[tuple[Prepare, str | None]] = [
    (as_it_should_be, "own"),
    (with_a_fragment, "own"),
    (an_alias, "own"),
    (an_alias_with_other_words, "own"),
    (an_alias_of_what_is_not_there, None),
    (a_copy_elsewhere, "hers"),
    (a_copy_of_what_is_not_there, None),
    (a_redirect_to_the_id, "hers"),
    (a_redirect_at_home, "own"),
    (an_open_redirect, None),
    (an_open_redirect_at_the_id, None),
    (an_alias_of_an_alias, None),
    (no_id, None),
    (an_id_of_ours, None),
    (another_port, None),
    (an_author_elsewhere, None),
]


@pytest.mark.parametrize(("prepare", "expected"), PERMUTATIONS)
async def test_document_speaks_for_the_address_that_it_came_from(
    ours: Place,
    resolver: Resolver,
    evil: Neighbour,
    victim: Neighbour,
    prepare: Prepare,
    expected: str | None,
) -> None:
    asked, id_ = prepare(Case(evil, victim))
    if expected is None:
        with pytest.raises(FederationError):
            await resolver.post(asked)
    else:
        await resolver.post(asked)
    assert await ours.database.read(words, id_) == expected


PROFILE = f'profile="{AS}"'
TYPES = {
    "application/activity+json": True,
    "Application/Activity+JSON": True,
    "application/activity+json; charset=utf-8": True,
    f"application/ld+json; {PROFILE}": True,
    f"application/ld+json; charset=utf-8; {PROFILE}": True,
    "application/ld+json": False,
    'application/ld+json; profile="http://other.example/"': False,
    "application/json": False,
    "application/jrd+json": False,
    "text/html": False,
    "text/plain": False,
    "image/png": False,
    "application/activity+json, text/html": False,
    f"text/plain; {PROFILE}": False,
    "": False,
}


@pytest.mark.parametrize("type_", TYPES)
async def test_activitypub_is_what_calls_itself_so(
    ours: Place, resolver: Resolver, evil: Neighbour, type_: str
) -> None:
    """A server that lets people upload files must not lend them its name (SECURITY 29)."""
    note = evil.person("mallory").note("<p>own</p>")
    shows(evil, note["id"].removeprefix(evil.origin), note, type_)
    if TYPES[type_]:
        await resolver.post(note["id"])
    else:
        with pytest.raises(FederationError):
            await resolver.post(note["id"])
    assert (await ours.database.read(words, note["id"]) is not None) is TYPES[type_]


async def test_blocked_server_is_not_reached_by_detours(
    ours: Place, resolver: Resolver, evil: Neighbour, victim: Neighbour
) -> None:
    mallory = evil.person("mallory")
    await resolver.actor(mallory.uri)  # so that only the post is to be had
    await ours.database.write(hosts.set_tier, "evil.example", "blocked")
    note = mallory.note()
    own = evil.serves(note)
    evil.asked.clear()
    for asked in (shows(victim, "/copy", note), own):
        with pytest.raises(FederationError):
            await resolver.post(asked)
        assert evil.asked == []
    with pytest.raises(FederationError):
        await resolver.post(leads(victim, "/go", own))
    assert await ours.database.read(words, own) is None


# ---- handles (SECURITY 22) ----


async def acct(resolver: Resolver, uri: str) -> str:
    return (await resolver.actor(uri)).acct


def says_of_itself(at: Neighbour, resource: str, subject: str, address: str) -> None:
    """A webfinger answer whose subject is another than was asked for."""

    async def answer(request: web.Request) -> web.Response:
        if request.query["resource"] != resource:
            return web.Response(status=404)
        link = {"rel": "self", "type": ACTIVITY, "href": address}
        body = dump({"subject": subject, "links": [link]})
        return web.Response(body=body, content_type="application/jrd+json")

    at.answers["/.well-known/webfinger"] = answer


@pytest.mark.parametrize(
    "subject",
    [
        "acct:mallory@victim.example",  # where nobody has that name
        "acct:vera@victim.example",  # where somebody else has it
        "acct:alice@ours.example",  # one of ours
        "acct:mallory@ours.example",
        "acct:mallory@",
        "mallory",
        "",
    ],
)
async def test_handle_that_its_domain_does_not_confirm_is_not_given(
    ours: Place, alice: Person, resolver: Resolver, evil: Neighbour, victim: Neighbour, subject: str
) -> None:
    name = "vera" if "vera" in subject else "alice" if "alice" in subject else "mallory"
    victim.person("vera")
    stranger = evil.person(name)
    says_of_itself(evil, f"acct:{name}@evil.example", subject, stranger.uri)
    assert await acct(resolver, stranger.uri) == f"{name}@evil.example"
    known = await ours.database.read(actors.by_handle, "alice", "")
    assert known is not None
    assert known.uri == alice.actor.uri


async def test_handle_on_another_domain_is_given_when_both_sides_say_so(
    resolver: Resolver, evil: Neighbour, victim: Neighbour
) -> None:
    stranger = evil.person("mallory")
    says_of_itself(evil, "acct:mallory@evil.example", "acct:mallory@victim.example", stranger.uri)
    victim.handles["acct:mallory@victim.example"] = stranger.uri
    assert await acct(resolver, stranger.uri) == "mallory@victim.example"


async def test_handle_of_evil_that_leads_to_somebody_else_finds_them_under_their_own(
    resolver: Resolver, evil: Neighbour, victim: Neighbour
) -> None:
    vera = victim.person("vera")
    evil.handles["acct:vera@evil.example"] = vera.uri
    found = await resolver.handle("vera", "evil.example")
    assert (found.uri, found.acct) == (vera.uri, "vera@victim.example")


async def test_handle_that_somebody_has_is_not_bound_anew(
    ours: Place, resolver: Resolver, victim: Neighbour
) -> None:
    vera = victim.person("vera")
    assert await acct(resolver, vera.uri) == "vera@victim.example"
    other = f"{victim.origin}/users/other"
    victim.serves(vera.document(id=other, inbox=f"{other}/inbox", publicKey=None))
    victim.handles["acct:vera@victim.example"] = other
    with pytest.raises(FederationError):
        await resolver.actor(other)
    known = await ours.database.read(actors.by_handle, "vera", "victim.example")
    assert known is not None
    assert known.uri == vera.uri


async def test_type_of_an_actor_does_not_change(resolver: Resolver, evil: Neighbour) -> None:
    """Type, handle and URI stay as they were first learned; the rest follows the document."""
    mallory = evil.person("mallory")
    await resolver.actor(mallory.uri)
    evil.serves(mallory.document(type="Group", preferredUsername="vera", name="New"))
    found = await resolver.refresh(mallory.uri, Budget())
    assert (found.type, found.acct) == ("Person", "mallory@evil.example")
    assert found.display_name == "New"


async def test_known_actor_is_looked_at_again_after_a_day(
    resolver: Resolver, evil: Neighbour
) -> None:
    mallory = evil.person("mallory")
    await resolver.handle("mallory", "evil.example")
    evil.serves(mallory.document(name="New"))
    assert (await resolver.handle("mallory", "evil.example")).display_name == ""
    evil.watch.advance(timedelta(days=2))
    assert (await resolver.handle("mallory", "evil.example")).display_name == "New"
    evil.documents.clear()
    evil.watch.advance(timedelta(days=2))
    assert (await resolver.handle("mallory", "evil.example")).display_name == "New"


# ---- what is ours (SECURITY 23) ----


async def test_documents_of_ours_are_not_asked_for(
    ours: Place, alice: Person, resolver: Resolver, internet: Internet
) -> None:
    assert (await resolver.actor(alice.actor.uri)).uri == alice.actor.uri
    assert (await resolver.handle("alice", "OURS.example")).uri == alice.actor.uri
    for uri in ("http://ours.example/actors/1", "http://ours.example/posts/1"):
        with pytest.raises(Missing):
            await resolver.actor(uri)
        with pytest.raises(FederationError):
            await resolver.post(uri)
        with pytest.raises(FederationError):
            await resolver.need(uri, Budget())
    assert internet.asked == []


# ---- how much (SECURITY 43) ----


class Endless(dict[str, Mapping[str, Any]]):
    """Posts that answer each other for ten thousand steps, by one author or by one each."""

    def __init__(self, mallory: Stranger, *, authors: bool) -> None:
        super().__init__({f"/users/{mallory.name}": mallory.document()})
        self._mallory, self._authors = mallory, authors

    def get(self, path: str, default: Any = None) -> Any:
        if found := re.fullmatch(r"/notes/([0-9]+)", path):
            return self._note(int(found[1]))
        if found := re.fullmatch(r"/users/author([0-9]+)", path):
            return Stranger(self._mallory.at, f"author{found[1]}", self._mallory.pair).document()
        return super().get(path, default)

    def _note(self, number: int) -> Document:
        origin = self._mallory.at.origin
        author = f"{origin}/users/author{number}" if self._authors else self._mallory.uri
        return self._mallory.note(
            id=f"{origin}/notes/{number}",
            attributedTo=author,
            inReplyTo=f"{origin}/notes/{number + 1}" if number < 10_000 else None,
        )


@pytest.mark.parametrize("authors", [False, True])
async def test_answers_by_the_thousand_are_followed_a_few_steps(
    ours: Place, resolver: Resolver, evil: Neighbour, authors: bool
) -> None:
    """Post that was asked for is kept, however little of what it answers."""
    evil.documents = Endless(evil.person("mallory"), authors=authors)
    await resolver.post(f"{evil.origin}/notes/1")
    assert await ours.database.read(words, f"{evil.origin}/notes/1") == "Hello"
    assert len(evil.asked) <= FETCHES
    print(f"\n{len(evil.asked)} requests for a chain of 10,000")


@pytest.mark.parametrize("depth", [0, 3, ANCESTORS])
async def test_steps_are_limited_however_much_may_be_fetched(
    resolver: Resolver, evil: Neighbour, depth: int
) -> None:
    evil.documents = Endless(evil.person("mallory"), authors=False)
    await resolver.post(f"{evil.origin}/notes/1", Budget(fetches=100, depth=depth))
    assert sum(one.path.startswith("/notes/") for one in evil.asked) == 1 + depth
    assert Budget().depth == ANCESTORS == 8


@pytest.mark.parametrize("authors", [False, True])
async def test_answer_to_ten_thousand_answers_is_taken_in(
    ours: Place, alice: Person, evil: Neighbour, authors: bool
) -> None:
    mallory = evil.person("mallory")
    evil.documents = Endless(mallory, authors=authors)
    note = mallory.note(to=[alice.actor.uri], inReplyTo=f"{evil.origin}/notes/1")
    create = mallory.says("Create", note)
    assert await mallory.tell(ours, create) == 202
    await settle(ours)
    assert await verdict(ours, create) == ("done", "")
    assert len(evil.asked) <= FETCHES + 2  # the signer's key and handle come before


async def test_bomb_of_mentions_asks_for_few(ours: Place, alice: Person, evil: Neighbour) -> None:
    mallory = evil.person("mallory")
    crowd = [evil.person(f"crowd{number}") for number in range(500)]
    tags = [{"type": "Mention", "href": one.uri, "name": f"@{one.name}"} for one in crowd]
    to = [alice.actor.uri, *(one.uri for one in crowd)]
    create = mallory.says("Create", mallory.note(to=to, tag=tags))
    assert await mallory.tell(ours, create) == 202
    await settle(ours)
    assert await verdict(ours, create) == ("done", "")
    assert len(evil.asked) <= FETCHES + 2
    print(f"\n{len(evil.asked)} requests for 500 mentions")


async def test_parent_is_kept_though_what_it_answers_is_gone(
    ours: Place, resolver: Resolver, evil: Neighbour, victim: Neighbour
) -> None:
    mallory = evil.person("mallory")
    for above in (
        f"{evil.origin}/nothing",
        "http://nowhere.example/1",
        "http://ours.example/posts/1",
    ):
        uri = evil.serves(mallory.note(inReplyTo=above))
        await resolver.post(uri)
        assert await ours.database.read(words, uri) == "Hello"


# ---- who asks (SECURITY 37) ----

_QUERY = {
    "q": "@mallory@evil.example",
    "resolve": "true",
    "acct": "mallory@evil.example",
    "uri": "http://evil.example/users/mallory",
    "url": "http://evil.example/notes/1",
    "resource": "acct:mallory@evil.example",
    "id": "1",
}
_SAMPLES = {"which": "followers", "version": "2.1", "name": "mallory@evil.example"}


def _filled(path: str) -> str:
    return re.sub(
        r"\{(\w+)(:(?:[^{}]|\{[^{}]*\})*)?\}", lambda found: _SAMPLES.get(found[1], "1"), path
    )


async def test_anonymous_request_makes_us_ask_nobody(
    ours: Place, alice: Person, evil: Neighbour, internet: Internet
) -> None:
    evil.serves(evil.person("mallory").note())
    bare: Mapping[str, str] = {}
    attempts: list[Mapping[str, str]] = [bare, {"Authorization": "Bearer wrong"}]
    cells = 0
    send: Callable[..., Awaitable[Any]] = ours.client.request
    for route in ROUTES:
        for headers in attempts:
            for given in ({"data": _QUERY}, {"json": _QUERY}):
                cells += 1
                answer = await send(
                    route.method,
                    _filled(route.path),
                    params=_QUERY,
                    headers={"Accept": ACTIVITY, **headers},
                    allow_redirects=False,
                    **({} if route.method in ("GET", "HEAD") else given),
                )
                assert answer.status < 500, (route.method, route.path, await answer.text())
                answer.release()
    await settle(ours)
    assert internet.asked == []
    assert evil.asked == []
    print(f"\n{cells} cells: {len(ROUTES)} routes")
