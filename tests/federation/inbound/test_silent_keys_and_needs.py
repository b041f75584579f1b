"""Others are silent and many: whoever names hosts that never answer holds up themselves (L)."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta

import pytest
from aiohttp import web

from federation.errors import Busy, Unauthenticated, Unreachable
from federation.inbound import processing
from federation.inbound.processing import MOST_WAITING_OF_SOURCE
from federation.resolve.background import Background, Errand
from federation.resolve.resolver import Budget
from federation.transport.http_client import Fetched
from federation.transport.pools import POOLS, Pool
from federation.transport.signatures import Request
from federation.transport.sources import network_of
from server.http.app_keys import COURIER, HTTP_CLIENT, INBOX, PROCESSOR, RESOLVER
from storage.engine.transaction import Writer
from storage.queues import inbox as received
from tests.federation.world import Document, Neighbour, Stranger, verdict
from tests.support.clock import Watch
from tests.support.internet import Internet
from tests.support.servers import Person, Place, settle


class Silence:
    """Hosts that take every connection and every request, and answer when the test lets them."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.ends = asyncio.Event()

    async def handle(self, request: web.Request) -> web.Response:
        self.asked.append(f"http://{request.host}{request.path}")
        await self.ends.wait()
        return web.Response(status=404)


@asynccontextmanager
async def silent(internet: Internet, *hosts: str) -> AsyncIterator[Silence]:
    made, app = Silence(), web.Application()
    app.router.add_route("*", "/{path:.*}", made.handle)
    async with internet.serving(app, *hosts):
        try:
            yield made
        finally:
            made.ends.set()


async def all_taken(tasks: list["asyncio.Task[bool]"], asked: list[str], many: int) -> None:
    """Wait until so many requests are under way."""
    async with asyncio.timeout(10):
        while len(asked) < many and not all(task.done() for task in tasks):
            await asyncio.sleep(0.01)


def naming(stranger: Stranger, hosts: list[str], **more: str) -> Document:
    """A note by somebody who is followed, which answers and mentions people on these hosts."""
    people = [f"http://{host}/users/x" for host in hosts]
    said = stranger.note(
        inReplyTo=f"http://{hosts[0]}/notes/1",
        tag=[{"type": "Mention", "href": uri, "name": "@x"} for uri in people],
        **more,
    )
    return stranger.says("Create", said)


async def follow(alice: Person, stranger: Stranger) -> None:
    number = await alice.find(f"@{stranger.name}@{stranger.at.host}")
    await alice.post(f"/api/v1/accounts/{number}/follow")


# ---- applying never waits (90) ----


async def test_workers_that_apply_do_not_wait_for_what_an_activity_needs(
    ours: Place, alice: Person, evil: Neighbour, victim: Neighbour, internet: Internet
) -> None:
    """Forty such notes first, then an honest like: it is done while they still wait."""
    hosts = [f"silent{one}.example" for one in range(9)]
    mallories = [evil.person(f"mallory{one}") for one in range(4)]
    for one in mallories:
        await follow(alice, one)
    post = await alice.say("Apples.")
    vera = victim.person("vera")
    processor = ours.app[PROCESSOR]
    async with silent(internet, *hosts) as silence:
        for number in range(40):
            assert (
                await mallories[number % 4].tell(ours, naming(mallories[number % 4], hosts)) == 202
            )
        like = vera.says("Like", post["uri"])
        assert await vera.tell(ours, like) == 202
        tasks = [asyncio.create_task(processor.prepare_next()) for _ in range(4)]
        while await processor.process_next():
            pass
        assert await verdict(ours, like) == ("done", "")
        tasks += [asyncio.create_task(processor.prepare_next()) for _ in range(12)]
        await all_taken(tasks, silence.asked, 6)
        assert processor.preparing.places.in_use == 2  # all of one domain
        assert len(processor.preparing) <= MOST_WAITING_OF_SOURCE
        silence.ends.set()
        await asyncio.gather(*tasks)
    await settle(ours)


async def test_note_of_another_server_is_fetched_beside_those_that_hang(
    ours: Place, alice: Person, evil: Neighbour, victim: Neighbour, internet: Internet
) -> None:
    vera, others = victim.person("vera"), [evil.person(f"m{one}") for one in range(6)]
    for one in (vera, *others):
        await follow(alice, one)
    root = vera.note("<p>Root</p>")
    victim.serves(root)
    processor = ours.app[PROCESSOR]
    async with silent(internet, "silent.example") as silence:
        for one in others:
            assert await one.tell(ours, naming(one, ["silent.example"])) == 202
        answer = vera.says("Create", vera.note(inReplyTo=root["id"]))
        assert await vera.tell(ours, answer) == 202
        while await processor.process_next():
            pass
        hanging = [asyncio.create_task(processor.prepare_next()) for _ in range(3)]
        await asyncio.wait(hanging, timeout=10, return_when=asyncio.FIRST_COMPLETED)
        while await processor.process_next():
            pass
        assert await verdict(ours, answer) == ("done", "")
        silence.ends.set()
        await asyncio.gather(*hanging)
    await settle(ours)


async def test_late_document_is_left_out_and_its_host_is_not_asked_again(
    ours: Place,
    alice: Person,
    evil: Neighbour,
    internet: Internet,
    watch: Watch,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """One deadline for all of it together; the note is there without what hangs."""
    monkeypatch.setattr(processing, "GRACE", 0.0)
    mallory = evil.person("mallory")
    await follow(alice, mallory)
    processor, resolver = ours.app[PROCESSOR], ours.app[RESOLVER]
    async with silent(internet, "silent.example") as silence:
        said = naming(mallory, ["silent.example"])
        assert await mallory.tell(ours, said) == 202
        assert await processor.process_next()
        work = processor.preparing.take()
        assert work is not None
        work.budget.until = asyncio.get_running_loop().time() + 0.2  # of its ten seconds
        processor.preparing.add(work)
        await settle(ours)
        assert await verdict(ours, said) == ("done", "")
        assert len(silence.asked) == 2  # the post that it answers, and whom it mentions
        resolver.silent.note("silent.example")
        again = naming(mallory, ["silent.example"])
        assert await mallory.tell(ours, again) == 202
        await settle(ours)
        assert await verdict(ours, again) == ("done", "")
        assert len(silence.asked) == 2
        watch.advance(timedelta(minutes=6))
        assert not resolver.silent.is_silent("silent.example")


async def test_domain_with_several_silent_names_is_silent_as_a_whole(ours: Place) -> None:
    silent_hosts = ours.app[RESOLVER].silent
    for number in range(3):
        assert not silent_hosts.is_silent("another.evil.example")
        silent_hosts.note(f"name{number}.evil.example")
    assert silent_hosts.is_silent("another.evil.example")
    assert not silent_hosts.is_silent("other.example")
    with pytest.raises(Busy, match="let us wait"):
        budget = Budget(pool=Pool.BACKGROUND)
        await ours.app[RESOLVER].object("http://another.evil.example/notes/1", budget)
    silent_hosts.note("other.example")
    silent_hosts.record_answer("other.example")
    assert not silent_hosts.is_silent("other.example")
    for number in range(20_000):
        silent_hosts.note(f"host{number}.example")
    assert len(silent_hosts) == 10_000


async def test_unwanted_activity_fetches_nothing(
    ours: Place, alice: Person, evil: Neighbour, victim: Neighbour, internet: Internet
) -> None:
    mallory, vera = evil.person("mallory"), victim.person("vera")
    async with silent(internet, "silent.example") as silence:
        unwanted = [
            naming(mallory, ["silent.example"]),
            mallory.says("Announce", "http://silent.example/notes/1"),
            mallory.says("Update", naming(mallory, ["silent.example"])["object"]),
            mallory.says("Add", "http://silent.example/notes/1", target=f"{mallory.uri}/featured"),
            mallory.says(
                "QuoteRequest", "http://silent.example/notes/1", instrument=f"{mallory.uri}/n/1"
            ),
        ]
        hints = [  # said by vera in mallory's name: they would have to be confirmed
            naming(mallory, ["silent.example"]),
            mallory.says("Announce", "http://silent.example/notes/1"),
            mallory.says("Delete", f"{mallory.at.origin}/notes/404"),
        ]
        assert await mallory.tell(ours, mallory.says("Like", "http://ours.example/posts/1")) == 202
        assert await vera.tell(ours, vera.says("Like", "http://ours.example/posts/1")) == 202
        await settle(ours)
        evil.asked.clear()
        for speaker, documents in ((mallory, unwanted), (vera, hints)):
            for document in documents:
                assert await speaker.tell(ours, document) == 202
                await settle(ours)
                state, reason = await verdict(ours, document)
                assert state == "refused", (document["type"], reason)
        assert silence.asked == []
        assert evil.asked == []


# ---- whose turn it is, and how much may wait (89) ----


async def test_activities_of_one_server_hide_nothing_of_another(
    ours: Place, alice: Person, evil: Neighbour, victim: Neighbour
) -> None:
    """Three hundred of one, by many actors, and one of another behind them: it is second."""
    post = await alice.say("Apples.")
    vera = victim.person("vera")

    def flood(writer: Writer) -> None:
        for number in range(300):
            uri = f"http://evil.example/likes/{number}"
            actor = f"http://evil.example/users/u{number}"
            row = received.Received(0, uri, actor, actor, "evil.example", "Like", "hint", "{}")
            assert received.keep(writer, row)

    await ours.database.write(flood)
    like = vera.says("Like", post["uri"])
    assert await vera.tell(ours, like) == 202
    processor = ours.app[PROCESSOR]
    for _ in range(2):
        assert await processor.process_next()
    assert await verdict(ours, like) == ("done", "")


async def test_domain_has_room_for_so_much_and_is_told_to_come_again(
    ours: Place, alice: Person, evil: Neighbour, victim: Neighbour
) -> None:
    mallory, vera = evil.person("mallory"), victim.person("vera")
    ours.app[INBOX].backlog.most = 5
    post = await alice.say("Apples.")
    statuses = [await mallory.tell(ours, mallory.says("Like", post["uri"])) for _ in range(7)]
    assert statuses == [202] * 5 + [503] * 2
    assert await vera.tell(ours, vera.says("Like", post["uri"])) == 202
    await settle(ours)
    ours.app[INBOX].backlog._counted = None  # a second has passed
    assert await mallory.tell(ours, mallory.says("Like", post["uri"])) == 202


# ---- keys (A4, 92) ----


async def test_requests_whose_key_hosts_hang_keep_nobody_else_waiting(
    ours: Place, alice: Person, evil: Neighbour, victim: Neighbour, internet: Internet
) -> None:
    """Two hundred of them: search, deliveries and another server's first words go on."""
    hosts = [f"keys{one}.example" for one in range(4)]
    vera, http_client = victim.person("vera"), ours.app[HTTP_CLIENT]
    await follow(alice, vera)
    await settle(ours)
    async with silent(internet, *hosts) as silence:
        mallory = evil.person("mallory")
        like = mallory.says("Like", alice.actor.uri)
        hanging = [
            asyncio.create_task(
                mallory.tell(
                    ours, like, key_id=f"http://{hosts[number % 4]}/users/u{number}#main-key"
                )
            )
            for number in range(200)
        ]
        most, each = POOLS[Pool.KEYS]
        async with asyncio.timeout(20):
            while http_client.places[Pool.KEYS].in_use < min(most, 4 * each):
                await asyncio.sleep(0.01)
        assert len(silence.asked) <= 4 * each
        assert await alice.find("@vera@victim.example")
        victim.person("wendy")
        assert await alice.find("@wendy@victim.example")  # she was not known
        await alice.say("Pears.")
        while await ours.app[COURIER].deliver_due():
            pass
        assert len(victim.arrived) > 0
        walt = victim.person("walt")
        assert await walt.tell(ours, walt.says("Like", alice.actor.uri)) == 202
        silence.ends.set()
        statuses = set(await asyncio.gather(*hanging))
    assert statuses <= {401, 503}


async def test_missing_place_is_said_to_be_our_trouble(
    ours: Place, alice: Person, evil: Neighbour
) -> None:
    inbox, mallory = ours.app[INBOX], evil.person("mallory")
    like = mallory.says("Like", alice.actor.uri)
    inbox.by_domain.most = 0
    assert await mallory.tell(ours, like) == 503
    status, _, headers = await mallory.get(ours, f"/posts/{alice.id}")
    assert status == 503
    assert "Retry-After" in headers
    inbox.by_domain.most = 256
    keys = ours.app[HTTP_CLIENT].places[Pool.KEYS]
    keys.most = keys.waiting = 0
    assert await mallory.tell(ours, like) == 503
    assert evil.asked == []
    keys.most = 32
    evil.watch.advance(timedelta(minutes=6))
    assert await mallory.tell(ours, like) == 202


async def test_network_has_few_places_however_many_domains_it_names(
    ours: Place, alice: Person, evil: Neighbour, internet: Internet
) -> None:
    hosts = [f"name.domain{one}.example" for one in range(6)]
    inbox, mallory = ours.app[INBOX], evil.person("mallory")
    inbox.by_network.each = 3
    network = network_of("9.9.9.9")
    like = mallory.says("Like", alice.actor.uri)

    async def told(host: str) -> type[Exception] | None:
        sent = mallory.signed_post(ours, like, key_id=f"http://{host}/u#key")
        given = Request("POST", "/inbox", list(sent.headers.items()), sent.body, network)
        try:
            await inbox.take_in(given)
        except (Busy, Unauthenticated) as error:
            return type(error)
        return None

    async with silent(internet, *hosts) as silence:
        tasks = [asyncio.create_task(told(host)) for host in hosts]
        async with asyncio.timeout(10):
            while sum(task.done() for task in tasks) < 3 or len(silence.asked) < 3:
                await asyncio.sleep(0.01)
        assert len(silence.asked) == 3
        assert {task.result() for task in tasks if task.done()} == {Busy}
        silence.ends.set()
        assert Unauthenticated in await asyncio.gather(*tasks)


async def test_deadline_holds_for_a_key_and_all_that_comes_with_it(
    ours: Place, evil: Neighbour, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The actor answers, and then nobody confirms the handle: the key is had all the same."""
    mallory = evil.person("mallory")
    budget = Budget(fetches=5, pool=Pool.KEYS, patience=0.5)
    http_client, given = ours.app[HTTP_CLIENT], list[float]()
    ask = http_client.jrd

    async def noted(address: str, *, deadline: float, pool: Pool) -> Fetched:
        given.append(deadline)
        return await ask(address, deadline=deadline, pool=pool)

    monkeypatch.setattr(http_client, "jrd", noted)

    async def never(_: web.Request) -> web.Response:
        await asyncio.Event().wait()
        raise AssertionError

    evil.answers["/.well-known/webfinger"] = never
    found = await ours.app[RESOLVER].refresh(mallory.uri, budget)
    assert (found.name, found.domain) == ("mallory", "evil.example")
    assert [0 < one <= 0.5 for one in given] == [True]
    with pytest.raises(Unreachable, match="in time"):
        budget.seconds_left()


# ---- pools (89) ----


async def test_pool_that_is_used_up_is_our_trouble_and_blames_nobody(
    ours: Place, internet: Internet
) -> None:
    http_client = ours.app[HTTP_CLIENT]
    places = http_client.places[Pool.BACKGROUND]
    places.most = 1
    async with silent(internet, "silent.example", "other.example"):
        with places.hold("x"), pytest.raises(Busy):
            await http_client.get(
                "http://other.example/", accept="*/*", deadline=0.05, pool=Pool.BACKGROUND
            )
        with pytest.raises(Unreachable):
            await http_client.get(
                "http://silent.example/", accept="*/*", deadline=0.05, pool=Pool.BACKGROUND
            )


async def test_domain_holds_few_places_of_each_pool(ours: Place, internet: Internet) -> None:
    http_client, names = ours.app[HTTP_CLIENT], [f"name{one}.evil.example" for one in range(40)]
    async with silent(internet, *names) as silence:
        for pool in (Pool.KEYS, Pool.ACTIVITIES, Pool.MEMBERS, Pool.PICTURES, Pool.BACKGROUND):
            before = len(silence.asked)
            tasks = [
                asyncio.create_task(http_client.get(f"http://{name}/", accept="*/*", pool=pool))
                for name in names
            ]
            async with asyncio.timeout(10):
                while len(silence.asked) - before < POOLS[pool][1]:
                    await asyncio.sleep(0.01)
            await asyncio.sleep(0)
            assert http_client.places[pool].in_use == POOLS[pool][1]
            assert http_client.places[pool].in_queue <= POOLS[pool][0]
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            assert (http_client.places[pool].in_use, http_client.places[pool].in_queue) == (0, 0)


# ---- the background ----


async def test_errands_of_one_domain_keep_no_others_waiting() -> None:
    """Ten for hosts of one domain that hang come first; then one for another: it is done."""
    background, done, ends = Background("test"), list[str](), asyncio.Event()

    async def do(uri: str) -> None:
        if "silent" in uri:
            await ends.wait()
        done.append(uri)

    uris = [f"http://name{one}.silent.example/x" for one in range(10)] + ["http://good.example/x"]
    errands = [Errand(number, uri, uri) for number, uri in enumerate(uris)]
    hanging = asyncio.create_task(background.do_next(errands, do))
    await asyncio.sleep(0)
    assert await background.do_next(errands, do)
    assert done == ["http://good.example/x"]
    assert not await background.do_next(errands[:10], do)
    assert background.places.in_use == 1
    ends.set()
    assert await hanging
    assert background.places.in_use == 0


async def test_errand_that_fails_leaves_its_place() -> None:
    background = Background("test")

    async def fail(_: str) -> None:
        raise ValueError

    for _ in range(2):
        with pytest.raises(ValueError):
            await background.do_next([Errand(1, "nowhere", "x")], fail)
    assert background.places.in_use == 0
