"""Real servers in one process, on a small internet of their own, with a clock that tests move."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from aiohttp import DummyCookieJar, TCPConnector, web
from aiohttp.test_utils import TestClient, TestServer

from server.access import account_creation, passwords
from server.access.account_creation import Keys, Newcomer
from server.app import FILE, build_app
from server.http.app_keys import COURIER, DATABASE, PROCESSOR, SETTINGS
from server.settings.outside import Outside
from server.settings.settings import Settings, load
from storage.access import oauth
from storage.access.accounts import Role
from storage.engine import ids
from storage.engine.database import Database
from storage.engine.ids import ActorId
from storage.engine.transaction import Writer
from storage.people.actors import Actor
from tests.support.clock import Watch
from tests.support.internet import Internet

PASSWORD = "a short sentence to remember"
ALL = "read write follow push"
Client = TestClient[web.Request, web.Application]

# What takes long and comes out alike is made once for all tests of a process.
_keys: dict[str, Keys] = {}
_hashed: dict[str, str] = {}
_first_starts: dict[tuple[str, str], bytes] = {}


@dataclass
class Person:
    """Somebody of ours with a token."""

    place: "Place"
    actor: Actor
    token: str

    @property
    def id(self) -> str:
        return str(self.actor.id)

    @property
    def handle(self) -> str:
        return f"@{self.actor.name}@{self.place.host}"

    async def call(self, method: str, path: str, **given: Any) -> Any:
        """Call the API as they would; what is not a success is a failure of the test."""
        status, body = await self.ask(method, path, **given)
        assert status == 200, (method, path, status, body)
        return body

    async def ask(self, method: str, path: str, **given: Any) -> tuple[int, Any]:
        headers = {"Authorization": f"Bearer {self.token}", **given.pop("headers", {})}
        async with self.place.client.request(method, path, headers=headers, **given) as answer:
            return answer.status, await answer.json()

    async def get(self, path: str, **parameters: Any) -> Any:
        return await self.call("GET", path, params=parameters)

    async def post(self, path: str, **form: Any) -> Any:
        return await self.call("POST", path, json=form)

    async def say(self, text: str, **more: Any) -> Any:
        return await self.post("/api/v1/statuses", status=text, **more)

    async def home(self) -> list[Any]:
        found: list[Any] = await self.get("/api/v1/timelines/home")
        return found

    async def notified(self) -> list[tuple[str, str]]:
        """(type, by whom), newest first, without the community's own."""
        found = await self.get("/api/v1/notifications")
        return [(one["type"], one["account"]["acct"]) for one in found]

    async def find(self, handle: str) -> str:
        """The number of somebody by handle, looked up if need be."""
        found = await self.get("/api/v2/search", q=handle, resolve="true", type="accounts")
        assert len(found["accounts"]) == 1, (handle, found)
        return str(found["accounts"][0]["id"])

    async def follow(self, other: "Person") -> Any:
        number = other.id if other.place is self.place else await self.find(other.handle)
        return await self.post(f"/api/v1/accounts/{number}/follow")


@dataclass
class Place:
    """One server of the test internet."""

    host: str
    app: web.Application
    client: Client
    people: dict[str, Person] = field(default_factory=dict)

    @property
    def database(self) -> Database:
        return self.app[DATABASE]

    @property
    def app_folder(self) -> Path:
        """Folder where the server keeps everything."""
        return self.app[SETTINGS].data_dir

    async def person(self, name: str, *, role: Role = "member", scopes: str = ALL) -> Person:
        """Make a member, as signing up does, with a token for a client."""
        hashed = await hashed_password()
        made = await keys_of(f"{name}@{self.host}")
        newcomer = Newcomer(name=name, email=f"{name}@post.example", password=hashed, role=role)
        actor = await self.database.write(account_creation.join, newcomer, made)
        secret = await self.database.write(give_token, actor.id, scopes)
        self.people[name] = Person(self, actor, secret)
        return self.people[name]

    async def work(self) -> bool:
        """Carry out what came, deliver what waits; whether there was anything."""
        processor = self.app[PROCESSOR]
        received = await processor.process_next()
        prepared = await processor.prepare_next()
        delivered = await self.app[COURIER].deliver_due()
        return received or prepared or delivered


async def hashed_password() -> str:
    """`PASSWORD` as the server keeps it."""
    if PASSWORD not in _hashed:
        _hashed[PASSWORD] = await passwords.hash_password(PASSWORD)
    return _hashed[PASSWORD]


async def keys_of(handle: str) -> Keys:
    """Keys of their own for everybody, and the same in every test."""
    if handle not in _keys:
        _keys[handle] = await account_creation.make_keys()
    return _keys[handle]


def give_token(writer: Writer, account: ActorId | None, scopes: str = ALL) -> str:
    """An app and a token of it; the secret is shown once."""
    client, secret = ids.secret(), ids.secret()
    app = oauth.App(
        writer.new_id(),
        client,
        oauth.hash_secret(ids.secret()),
        "Lantern",
        None,
        ("urn:ietf:wg:oauth:2.0:oob",),
        scopes,
    )
    oauth.add(writer, app)
    oauth.issue(writer, secret, app.id, account, scopes)
    return secret


def settings_for(folder: Path, domain: str, **more: str) -> Settings:
    environ = {
        "KITH_DATA_DIR": str(folder),
        "KITH_DOMAIN": domain,
        "KITH_DEVELOPMENT": "true",
        "KITH_RATE_LIMITS": "off",
        "KITH_SECRET": "0123456789abcdef" * 4,
    }
    return load(environ | {f"KITH_{name.upper()}": value for name, value in more.items()})


@asynccontextmanager
async def serving(
    folder: Path, host: str, internet: Internet, watch: Watch, **settings: str
) -> AsyncIterator[Place]:
    """A server under a host name of the test internet, whose jobs the test runs."""
    outside = Outside(clock=watch, resolver=internet, monotonic=watch.monotonic)
    await start_before(folder, host, settings)
    app = build_app(settings_for(folder, host, **settings), outside, background=False)
    client = TestClient(
        TestServer(app, host="127.0.0.1"),
        cookie_jar=DummyCookieJar(),
        headers={"Host": host},
        connector=TCPConnector(limit=0),  # as many callers as a test likes
    )
    async with client:
        internet.ports[host] = int(client.port or 0)
        yield Place(host, app, client)


async def start_before(folder: Path, host: str, settings: dict[str, str]) -> None:
    """Let a new folder hold what the first start left there a minute before all tests."""
    if folder.exists():
        return
    key = (host, repr(sorted(settings.items())))
    if key not in _first_starts:
        earlier = Watch()
        earlier.advance(-timedelta(minutes=1))
        with TemporaryDirectory() as first:
            made = settings_for(Path(first), host, **settings)
            app = build_app(made, Outside(clock=earlier, resolver=Internet()), background=False)
            async with TestServer(app, host="127.0.0.1"):
                pass
            _first_starts[key] = Path(first, FILE).read_bytes()
    folder.mkdir(parents=True, mode=0o700)
    (folder / FILE).write_bytes(_first_starts[key])


async def settle(*places: Place, rounds: int = 200) -> None:
    """Let everybody work until nothing more is to be done."""
    for _ in range(rounds):
        if not any([await place.work() for place in places]):
            return
    raise AssertionError("the servers do not come to rest")
