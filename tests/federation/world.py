"""Ours, evil and victim: one server of ours among servers whose every word a test decides."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from io import BytesIO
from itertools import count
from typing import Any

from aiohttp import web
from aiohttp.test_utils import TestServer
from multidict import CIMultiDictProxy
from yarl import URL

from federation.transport import keys, signatures
from federation.vocabulary.json_documents import dump
from storage.engine.transaction import Reader, Row, Writer
from tests.support.clock import Watch
from tests.support.internet import Internet
from tests.support.servers import Place

AS = "https://www.w3.org/ns/activitystreams"
SECURITY = "https://w3id.org/security/v1"
PUBLIC = f"{AS}#Public"
ACTIVITY = "application/activity+json"

Document = dict[str, Any]
Answer = Callable[[web.Request], Awaitable[web.StreamResponse]]

# The books that every delivery is entered in, whatever becomes of it.
BOOKS = ("received", "signatures_seen", "hosts")
MOMENTS = ("fetched_at", "version")


@cache
def pair(number: int) -> keys.KeyPair:
    """Making a key takes 60 ms, so there are a few for all tests."""
    return keys.make_rsa()


_pairs = count()


@dataclass(frozen=True)
class Asked:
    """A request as a neighbour saw it."""

    method: str
    path: str
    headers: CIMultiDictProxy[str]
    body: bytes


@dataclass
class Neighbour:
    """A server that serves what it is given, and keeps a list of what it is asked."""

    host: str
    watch: Watch
    documents: dict[str, Mapping[str, Any]] = field(default_factory=dict)
    answers: dict[str, Answer] = field(default_factory=dict)
    handles: dict[str, str] = field(default_factory=dict)
    asked: list[Asked] = field(default_factory=list)
    status: int = 202
    headers: dict[str, str] = field(default_factory=dict)

    @property
    def origin(self) -> str:
        return f"http://{self.host}"

    async def handle(self, request: web.Request) -> web.StreamResponse:
        body = await request.read()
        self.asked.append(Asked(request.method, request.path_qs, request.headers, body))
        if request.path in self.answers:
            return await self.answers[request.path](request)
        if request.method == "POST":
            return web.Response(status=self.status, headers=self.headers)
        if request.path == "/.well-known/webfinger":
            return self._webfinger(request.query["resource"])
        document = self.documents.get(request.path)
        if document is None:
            return web.Response(status=404)
        return web.Response(body=dump(document), content_type=ACTIVITY)

    def _webfinger(self, resource: str) -> web.Response:
        address = self.handles.get(resource)
        if address is None:
            return web.Response(status=404)
        link = {"rel": "self", "type": ACTIVITY, "href": address}
        body = dump({"subject": resource, "links": [link]})
        return web.Response(body=body, content_type="application/jrd+json")

    def serves(self, document: Mapping[str, Any]) -> str:
        """Put it at its id."""
        self.documents[URL(document["id"]).path] = document
        return str(document["id"])

    def person(self, name: str, **more: Any) -> "Stranger":
        """Somebody with a key of their own, whom the server shows."""
        stranger = Stranger(self, name, pair(next(_pairs) % 6))
        self.serves(stranger.document(**more))
        self.handles[f"acct:{name}@{self.host}"] = stranger.uri
        return stranger

    @property
    def arrived(self) -> list[Asked]:
        return [one for one in self.asked if one.method == "POST"]

    def times_asked(self, path: str) -> int:
        return sum(one.path == path for one in self.asked)


_numbers = count(1)


@dataclass(frozen=True)
class Stranger:
    """An actor of a neighbour, who signs as they should."""

    at: Neighbour
    name: str
    pair: keys.KeyPair

    @property
    def uri(self) -> str:
        return f"{self.at.origin}/users/{self.name}"

    @property
    def key_id(self) -> str:
        return f"{self.uri}#main-key"

    def document(self, **more: Any) -> Document:
        return {
            "@context": [AS, SECURITY],
            "id": self.uri,
            "type": "Person",
            "preferredUsername": self.name,
            "inbox": f"{self.uri}/inbox",
            "outbox": f"{self.uri}/outbox",
            "followers": f"{self.uri}/followers",
            "endpoints": {"sharedInbox": f"{self.at.origin}/inbox"},
            "publicKey": {
                "id": self.key_id,
                "owner": self.uri,
                "publicKeyPem": self.pair.public_pem,
            },
        } | more

    def says(self, type_: str, what: object, **more: Any) -> Document:
        """An activity with an id of its own."""
        id_ = f"{self.at.origin}/activities/{next(_numbers)}"
        return {"@context": AS, "id": id_, "type": type_, "actor": self.uri, "object": what} | more

    def note(self, content: str = "<p>Hello</p>", **more: Any) -> Document:
        return {
            "@context": AS,
            "id": f"{self.at.origin}/notes/{next(_numbers)}",
            "type": "Note",
            "attributedTo": self.uri,
            "content": content,
            "to": [PUBLIC],
            "cc": [f"{self.uri}/followers"],
        } | more

    async def tell(
        self, place: Place, document: Mapping[str, Any] | bytes, inbox: str = "/inbox", **how: Any
    ) -> int:
        """Deliver it, signed by this actor; return the status."""
        return await self.signed_post(place, document, inbox, **how).send(place)

    def signed_post(
        self, place: Place, document: Mapping[str, Any] | bytes, inbox: str = "/inbox", **how: Any
    ) -> "Letter":
        """The signed request, to be sent once or more."""
        body = document if isinstance(document, bytes) else dump(document)
        signed = self.signed(place, "POST", inbox, body, **how)
        return Letter(inbox, body, {**signed, "Content-Type": ACTIVITY})

    async def get(self, place: Place, path: str, **how: Any) -> tuple[int, bytes, dict[str, str]]:
        """Ask for a document, signed; status, body and headers."""
        headers = {**self.signed(place, "GET", path, None, **how), "Accept": ACTIVITY}
        async with place.client.get(path, headers=headers) as answer:
            return answer.status, await answer.read(), dict(answer.headers)

    def signed(
        self, place: Place, method: str, path: str, body: bytes | None, *, key_id: str = ""
    ) -> Mapping[str, str]:
        return signatures.sign_request(
            method,
            f"http://{place.host}{path}",
            body,
            key_id=key_id or self.key_id,
            private_pem=self.pair.private_pem,
            now=self.at.watch(),
        )


@dataclass(frozen=True)
class Letter:
    """A request to an inbox of ours, to the byte."""

    inbox: str
    body: bytes
    headers: Mapping[str, str]

    async def send(self, place: Place) -> int:
        async with place.client.post(
            self.inbox, data=BytesIO(self.body), headers=dict(self.headers)
        ) as answer:
            return answer.status


async def neighbour(internet: Internet, watch: Watch, host: str) -> tuple[Neighbour, TestServer]:
    """A running server; whoever starts it closes it."""
    made = Neighbour(host, watch)
    app = web.Application(client_max_size=4 * 1024 * 1024)
    app.router.add_route("*", "/{path:.*}", made.handle)
    server = TestServer(app, host="127.0.0.1")
    await server.start_server()
    internet.ports[host] = int(server.port or 0)
    return made, server


Contents = dict[str, list[Row]]


def contents(reader: Reader, *, without: tuple[str, ...] = BOOKS) -> Contents:
    """Every row of every table but the books, without the columns that note a visit."""
    tables = reader.rows(
        "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT GLOB 'post_words*'"
        " ORDER BY name"
    )
    return {
        name: reader.rows(f"SELECT {_columns(reader, name)} FROM {name} ORDER BY 1")
        for (name,) in tables
        if name not in without
    }


def _columns(reader: Reader, table: str) -> str:
    found = [row[1] for row in reader.rows(f"PRAGMA table_info({table})")]
    return ", ".join(name for name in found if name not in MOMENTS)


def changed(before: Contents, after: Contents) -> dict[str, list[Row]]:
    """The rows by which two contents differ."""
    found = {
        name: [row for row in rows if row not in before[name]]
        + [row for row in before[name] if row not in rows]
        for name, rows in after.items()
    }
    return {name: rows for name, rows in found.items() if rows}


async def verdict(place: Place, document: Mapping[str, Any]) -> tuple[str, str]:
    """State and reason of what was taken in under this id; empty when it never was."""
    row = await place.database.read(
        lambda reader: reader.row(
            "SELECT state, ifnull(reason, '') FROM received WHERE uri = ?", document["id"]
        )
    )
    return (str(row[0]), str(row[1])) if row else ("", "")


def block_host(writer: Writer, host: str) -> None:
    writer.execute(
        "INSERT INTO hosts (host, tier) VALUES (?, 'blocked')"
        " ON CONFLICT (host) DO UPDATE SET tier = 'blocked'",
        host,
    )
