"""`make demo`: two communities whose members follow and answer each other, made by using them."""

import asyncio
import json
import os
import signal
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from federation.errors import FederationError
from federation.transport.http_client import HttpClient
from server.demo.localhost_resolver import LocalNames
from server.demo.script import PASSWORD, PLACES, SCENES, Place, Scene

KITH = (sys.executable, "-m", "server")
PATIENCE = 30.0  # seconds for a server to become healthy, or for a letter to arrive


@dataclass(frozen=True, slots=True)
class Community:
    """Server of one of the two communities, running."""

    place: Place
    environ: Mapping[str, str]
    process: Process

    @property
    def origin(self) -> str:
        return f"http://{self.place.domain}"

    async def kith(self, *arguments: str) -> Any:
        """Run a command beside the server."""
        child = await asyncio.create_subprocess_exec(
            *KITH, *arguments, "--json", env=self.environ, stdout=PIPE, stderr=PIPE
        )
        said, complaint = await child.communicate()
        if child.returncode:
            raise RuntimeError(complaint.decode().strip())
        return json.loads(said)


class Person:
    """A member with a client: everything is done by the API, as anybody would."""

    def __init__(
        self, community: Community, name: str, token: str, http_client: HttpClient
    ) -> None:
        self.name = name
        self.handle = f"@{name}@{community.place.domain}"
        self._origin = community.origin
        self._token = token
        self._http_client = http_client

    async def get(self, path: str, **parameters: str) -> Any:
        asked = urlencode({"access_token": self._token, **parameters})
        answer = await self._http_client.get(
            f"{self._origin}{path}?{asked}", accept="application/json"
        )
        return self._read(path, answer.status, answer.body)

    async def post(self, path: str, **form: str) -> Any:
        answer = await self._http_client.post(
            f"{self._origin}{path}",
            body=json.dumps(form).encode(),
            content_type="application/json",
            headers={"Authorization": f"Bearer {self._token}"},
        )
        return self._read(path, answer.status, answer.body)

    def _read(self, path: str, status: int, body: bytes) -> Any:
        if status != 200:
            raise RuntimeError(f"{path} answered {status}: {body[:200]!r}")
        return json.loads(body)

    async def follow(self, handle: str) -> None:
        found = await self.get("/api/v2/search", q=handle, resolve="true", type="accounts")
        (account,) = found["accounts"]
        await self.post(f"/api/v1/accounts/{account['id']}/follow")

    async def sees(self, words: str) -> str:
        """The number of the post with these words, once it has come into the home list."""
        for _ in range(int(PATIENCE * 5)):
            for status in await self.get("/api/v1/timelines/home", limit="40"):
                post = status["reblog"] or status
                if words in post["content"]:
                    return str(post["id"])
            await asyncio.sleep(0.2)
        raise RuntimeError(f"“{words}” did not reach {self.handle}")


People = dict[str, Person]


async def start(place: Place, folder: Path, http_client: HttpClient) -> Community:
    """Run a server and wait until it answers."""
    environ = {
        **{name: value for name, value in os.environ.items() if not name.startswith("KITH_")},
        "KITH_DATA_DIR": str(folder / place.folder),
        "KITH_DOMAIN": place.domain,
        "KITH_LISTEN": f"127.0.0.1:{place.port}",
        "KITH_DEVELOPMENT": "true",
        "KITH_RATE_LIMITS": "off",
        "KITH_TITLE": place.title,
        "KITH_SUMMARY": place.summary,
        "KITH_REGISTRATIONS": "open",
        "KITH_LOG_LEVEL": "warning",
    }
    process = await asyncio.create_subprocess_exec(
        *KITH, "serve", env=environ, stdout=DEVNULL, start_new_session=True
    )
    community = Community(place, environ, process)
    try:
        await _healthy(community, http_client)
    except BaseException:
        await end(community)
        raise
    return community


async def _healthy(community: Community, http_client: HttpClient) -> None:
    place = community.place
    for _ in range(int(PATIENCE * 5)):
        if community.process.returncode is not None:
            raise RuntimeError(f"{place.title} could not be started; is port {place.port} taken?")
        try:
            await http_client.get(f"{community.origin}/health", accept="text/plain")
            return
        except FederationError:
            await asyncio.sleep(0.2)
    raise RuntimeError(f"{place.title} does not answer")


async def end(community: Community) -> None:
    if community.process.returncode is None:
        community.process.terminate()
        await community.process.wait()


async def gather(community: Community, http_client: HttpClient) -> tuple[People, bool]:
    """Create the members of a community; return each with a token, and whether they are new."""
    there = {one["name"] for one in await community.kith("account", "list")}
    names = community.place.people
    new = not there.issuperset(names)
    for name in names:
        if name not in there:
            email = f"{name}@post.example"
            arguments = ["--email", email, "--password", PASSWORD]
            steward = ["--admin"] if name == names[0] else []
            await community.kith("account", "create", name, *arguments, *steward)
    people: People = {}
    for name in names:
        made = await community.kith("token", "create", name, "--scopes", "read write follow")
        people[name] = Person(community, name, made["access_token"], http_client)
    return people, new


async def play(people: People, scene: Scene) -> None:
    """Play a scene: one person says something; others hear it, answer, favourite, boost."""
    author = people[scene.author]
    visibility = {"visibility": scene.visibility} if scene.visibility else {}
    await author.post(
        "/api/v1/statuses", status=scene.words, spoiler_text=scene.warning, **visibility
    )
    known = scene.words.splitlines()[0][:30]
    for name, words in scene.answers:
        answered = await people[name].sees(known)
        await people[name].post(
            "/api/v1/statuses",
            status=f"{author.handle} {words}",
            in_reply_to_id=answered,
            **visibility,
        )
    for act, names in (("favourite", scene.heard_by), ("reblog", scene.passed_on_by)):
        for name in names:
            number = await people[name].sees(known)
            await people[name].post(f"/api/v1/statuses/{number}/{act}")


async def enliven(communities: list[Community], http_client: HttpClient) -> None:
    """Make everybody and everything, unless a run before this one did."""
    people: People = {}
    new = False
    for community in communities:
        made, fresh = await gather(community, http_client)
        people |= made
        new = new or fresh
    if not new:
        return
    for person in people.values():
        for other in people.values():
            if other is not person:
                await person.follow(other.handle)
    for scene in SCENES:
        await play(people, scene)


def announce(communities: list[Community]) -> None:
    for community in communities:
        place = community.place
        print(f"\n{place.title}: {community.origin}")
        for name in place.people:
            print(f"  {name}@post.example, or just {name}")
    print(f"\nEverybody's password is: {PASSWORD}\nCtrl-C ends both.", flush=True)


async def show(communities: list[Community]) -> None:
    """Start both, make them lively, and go on until cancelled."""
    folder = Path(os.environ.get("KITH_DEMO_DIR", "data/demo"))
    http_client = HttpClient(
        user_agent="Kith-demo",
        own_authority="demo.localhost",
        development=True,
        resolver=LocalNames(),
        allow_loopback=True,
    )
    async with http_client:
        for place in PLACES:
            made = await start(place, folder, http_client)
            communities.append(made)  # one by one, so that what runs is stopped
        await enliven(communities, http_client)
    announce(communities)
    await asyncio.Event().wait()


async def main() -> None:
    """Run both until Ctrl-C, which is heard at any time."""
    communities: list[Community] = []
    showing = asyncio.create_task(show(communities))
    for name in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(name, showing.cancel)
    try:
        with suppress(asyncio.CancelledError):
            await showing
    finally:
        await asyncio.gather(*map(end, communities))


if __name__ == "__main__":
    try:
        asyncio.run(main())
    except RuntimeError as error:
        sys.exit(f"demo: {error}")
