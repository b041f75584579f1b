"""Ways to a document that begin at a page, or at a host-meta file (RFC 6415)."""

import pytest
from aiohttp import web

from federation.errors import FederationError
from federation.resolve.resolver import Budget, Resolver
from federation.transport.pools import Pool
from federation.vocabulary.html_links import document_of, lrdd_template
from server.http.app_keys import RESOLVER
from storage.people import actors
from storage.posts import posts
from tests.federation.world import ACTIVITY, Neighbour, Stranger
from tests.support.servers import Person, Place

XRD = (
    '<XRD xmlns="http://docs.oasis-open.org/ns/xri/xrd-1.0"><Link rel="lrdd" template="{}"/></XRD>'
)


@pytest.fixture
def resolver(ours: Place) -> Resolver:
    return ours.app[RESOLVER]


def answers(at: Neighbour, path: str, text: str, type_: str = "text/html") -> str:
    async def answer(_: web.Request) -> web.Response:
        return web.Response(text=text, content_type=type_)

    at.answers[path] = answer
    return f"{at.origin}{path}"


def links(href: str, type_: str = ACTIVITY, rel: str = "alternate") -> str:
    return f"<!DOCTYPE html><html><head><link rel='{rel}' type='{type_}' href='{href}'></head>"


async def shown(alice: Person, address: str) -> list[str]:
    found = await alice.get("/api/v2/search", q=address, resolve="true")
    return [post["uri"] for post in found["statuses"]]


async def test_page_that_names_its_document_is_found_by_search(
    alice: Person, vera: Stranger
) -> None:
    note = vera.note("Behind a page.")
    vera.at.serves(note)
    path = note["id"].removeprefix(vera.at.origin)
    assert await shown(alice, answers(vera.at, "/@vera/1", links(path))) == [note["id"]]


async def test_page_speaks_for_no_other_server(
    ours: Place, alice: Person, vera: Stranger, evil: Neighbour
) -> None:
    """A page may lead anywhere; what is there is believed as if it had been asked for itself."""
    note = vera.note("Mine.")
    vera.at.serves(note)
    assert await shown(alice, answers(evil, "/1", links(note["id"]))) == [note["id"]]
    forged = vera.note("Forged.")
    evil.documents["/forged"] = forged
    assert await shown(alice, answers(evil, "/2", links("/forged"))) == []
    assert not await ours.database.read(posts.exists, forged["id"])


@pytest.mark.parametrize(
    "page",
    [
        links("/self"),
        links("http://ours.example/actors/1"),
        links("http://[/"),
        links("/note", type_="text/html"),
        links("/note", rel="stylesheet"),
        "<p>Nothing",
        "<![" * 10,
    ],
)
async def test_page_that_leads_nowhere_is_not_found(
    alice: Person, evil: Neighbour, page: str
) -> None:
    assert await shown(alice, answers(evil, "/self", page)) == []
    assert evil.times_asked("/self") <= 2


async def test_page_is_followed_for_members_only(
    resolver: Resolver, vera: Stranger, evil: Neighbour
) -> None:
    note = vera.note("Not for workers.")
    vera.at.serves(note)
    address = answers(evil, "/1", links(note["id"]))
    with pytest.raises(FederationError):
        await resolver.post(address, Budget(pool=Pool.BACKGROUND))
    assert vera.at.times_asked(note["id"].removeprefix(vera.at.origin)) == 0


async def test_host_meta_says_who_answers_for_a_domain(
    ours: Place, resolver: Resolver, vera: Stranger, evil: Neighbour
) -> None:
    resource = f"acct:vera@{evil.host}"
    vera.at.handles[resource] = vera.uri
    template = f"{vera.at.origin}/.well-known/webfinger?resource={{uri}}"
    answers(evil, "/.well-known/host-meta", XRD.format(template), "application/xrd+xml")
    assert (await resolver.handle("vera", evil.host)).uri == vera.uri
    known = await ours.database.read(actors.by_uri, vera.uri)
    assert known and known.domain == vera.at.host  # who she is, her own host says


@pytest.mark.parametrize(
    "template", ["", "http://ours.example/.well-known/webfinger?resource={uri}", "no place"]
)
async def test_host_meta_that_names_nobody_is_a_name_that_is_not_there(
    resolver: Resolver, evil: Neighbour, template: str
) -> None:
    answers(evil, "/.well-known/host-meta", XRD.format(template), "application/xrd+xml")
    with pytest.raises(FederationError):
        await resolver.handle("nobody", evil.host)


def test_first_link_that_fits_counts() -> None:
    page = links("/a", "text/html") + links("/b", 'application/ld+json; profile="x"') + links("/c")
    assert document_of(page.encode(), "https://a.example/x") == "https://a.example/c"
    assert lrdd_template(b"<Link rel='lrdd' template='https://a.example/'/>") == ""
