"""A village to measure in: members who follow each other, and neighbours on other servers."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from aiohttp import ClientSession, DummyCookieJar, web
from aiohttp.test_utils import TestClient, TestServer

from federation.transport import signatures
from federation.vocabulary.json_documents import dump
from server.app import build_app
from server.settings.outside import Outside
from tests.benchmarks.load import Ask
from tests.federation.world import ACTIVITY, Document, Neighbour, Stranger
from tests.support.clock import Watch
from tests.support.servers import Person, Place, settings_for


class Now(Watch):
    """The time as it is."""

    def __call__(self) -> datetime:
        return datetime.now(UTC)


@dataclass(frozen=True)
class Member:
    """A member as a client knows them."""

    base: str
    id: str
    token: str
    name: str

    @property
    def host(self) -> str:
        return self.base.partition("://")[2]

    @property
    def uri(self) -> str:
        return f"{self.base}/actors/{self.id}"

    @property
    def headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.token}"}

    def asks(self, path: str) -> Ask:
        return Ask("GET", self.base + path, self.headers)

    def says(self, text: str, **more: str) -> Ask:
        return self.posts("/api/v1/statuses", status=text, **more)

    def posts(self, path: str, **form: str) -> Ask:
        headers = self.headers | {"Content-Type": "application/json"}
        return Ask("POST", self.base + path, headers, json.dumps(form).encode())

    async def call(self, session: ClientSession, ask: Ask) -> Any:
        async with session.request(
            ask.method, ask.url, headers=ask.headers, data=ask.body
        ) as answer:
            answer.raise_for_status()
            return await answer.json()


async def move_in(folder: Path, port: int, number: int) -> list[Member]:
    """Make the members before the server is started: a password takes its time on purpose."""
    host = f"localhost:{port}"
    app = build_app(settings_for(folder, host), Outside(), background=False)
    client = TestClient(TestServer(app), cookie_jar=DummyCookieJar(), headers={"Host": host})
    async with client:
        place = Place(host, app, client)
        people = [await place.person(f"member{one}") for one in range(number)]
        for person in people:
            await _meet(person, people)
    return [Member(f"http://{host}", one.id, one.token, one.actor.name) for one in people]


async def _meet(person: Person, people: list[Person]) -> None:
    for other in people:
        if other is not person:
            await person.follow(other)


@asynccontextmanager
async def neighbours(number: int) -> AsyncIterator[list[Stranger]]:
    """One person on each of so many servers, all of which are served from here."""
    served: dict[str, Neighbour] = {}

    async def answer(request: web.Request) -> web.StreamResponse:
        return await served[request.host].handle(request)

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", answer)
    server = TestServer(app, host="127.0.0.1")
    await server.start_server()
    try:
        people = []
        for one in range(number):
            neighbour = Neighbour(f"near{one}.localhost:{server.port}", Now())
            served[neighbour.host] = neighbour
            people.append(neighbour.person("vera"))
        yield people
    finally:
        await server.close()


def signed(stranger: Stranger, url: str) -> Ask:
    """A question for a document. Its signature is good for an hour, and for more than one GET."""
    headers = signatures.sign_request(
        "GET",
        url,
        None,
        key_id=stranger.key_id,
        private_pem=stranger.pair.private_pem,
        now=stranger.at.watch(),
    )
    return Ask("GET", url, {**headers, "Accept": ACTIVITY})


def signed_post(stranger: Stranger, base: str, document: Document) -> Ask:
    """An activity for the shared inbox, signed."""
    body, url = dump(document), f"{base}/inbox"
    signed = signatures.sign_request(
        "POST",
        url,
        body,
        key_id=stranger.key_id,
        private_pem=stranger.pair.private_pem,
        now=stranger.at.watch(),
    )
    return Ask("POST", url, {**signed, "Content-Type": ACTIVITY}, body)
