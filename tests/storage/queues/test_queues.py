from datetime import timedelta

import pytest

from storage.engine.database import Database
from storage.engine.transaction import Reader, Row, Writer
from storage.lifecycle import retention
from storage.queues import deliveries, hosts, inbox
from storage.queues.deliveries import Delivery
from storage.queues.hosts import DEAD_AFTER_DAYS, HostState
from storage.queues.inbox import Received, Skipped, Verdict
from tests.storage import cast
from tests.storage.raw import memory, steps, writer_on
from tests.support.clock import Watch

MINUTE = timedelta(minutes=1)
DAY = timedelta(days=1)


BOB = "https://away.example/bob"


def heard(
    name: str,
    type_: str = "Like",
    actor: str = BOB,
    verdict: Verdict = "authentic",
    body: str = "{}",
) -> Received:
    uri = f"https://away.example/{name}"
    return Received(0, uri, actor, actor, "away.example", type_, verdict, body)


def put_into(writer: Writer, state: str) -> None:
    writer.execute("UPDATE received SET state = ?", state)


def kept_in(reader: Reader, state: str) -> Row | None:
    return reader.row("SELECT state, reason, body FROM received WHERE state = ?", state)


async def due(database: Database, *taken: int) -> list[Received]:
    return await database.read(inbox.next_due, Skipped(taken), "", 50)


async def keep(database: Database, one: Received) -> bool:
    return await database.write(inbox.keep, one)


async def close(database: Database, state: str, reason: str = "") -> None:
    (one,) = await due(database)
    await database.write(inbox.close, one, state, reason)


# ---- received ----


async def test_activity_is_news_once(database: Database) -> None:
    wakened: list[str] = []
    with database.changes.listen(inbox.RECEIVED, lambda change: wakened.append(change.key)):
        assert [await keep(database, heard("1", "Create")) for _ in range(3)] == [
            True,
            False,
            False,
        ]
    assert len(wakened) == 1
    for state in ("done", "refused", "held", "parked"):
        await database.write(put_into, state)
        assert not await keep(database, heard("1", "Create")), state
    assert await database.read(inbox.exists, heard("1").uri)
    assert not await database.read(inbox.exists, heard("2").uri)


@pytest.mark.parametrize("type_", ["Follow", "Like", "Announce", "Block"])
async def test_relation_may_be_said_again_once_it_was_carried_out(
    database: Database, type_: str
) -> None:
    assert await keep(database, heard("1", type_))
    assert not await keep(database, heard("1", type_, body="again"))
    await close(database, "done")
    assert await keep(database, heard("1", type_, actor="https://away.example/mallory"))
    await close(database, "done")  # an id is its actor's: mallory's is another
    assert not await keep(database, heard("1", "Create"))
    assert await keep(database, heard("1", type_, body="again"))
    (one,) = await due(database)
    assert (one.body, one.attempts) == ("again", 0)
    await close(database, "refused", "our rules")
    assert await keep(database, heard("1", type_))  # it had no effect, and now it may


async def test_false_copy_does_not_keep_the_true_one_out(database: Database) -> None:
    """Mallory forwards bob's activity, changed, before it arrives from bob's own server."""
    false = heard("1", "Create", verdict="hint", body="mallory's words")
    true = heard("1", "Create", body="bob's words")
    assert await keep(database, false)
    (begun,) = await due(database)
    assert await keep(database, true)
    assert not await database.read(inbox.is_due, begun)
    await database.write(inbox.close, begun, "refused", "its origin does not know it")
    (one,) = await due(database)
    assert (one.verdict, one.body) == ("authentic", "bob's words")
    for late in (true, false):
        assert not await keep(database, late)
    await close(database, "refused", "our rules")
    assert not await keep(database, true)


async def test_confirmed_hint_is_not_carried_out_twice(database: Database) -> None:
    assert await keep(database, heard("1", "Create", verdict="hint"))
    await close(database, "done")
    assert not await keep(database, heard("1", "Create"))


async def test_words_stay_while_somebody_has_to_decide(database: Database) -> None:
    for state, kept in (("done", None), ("refused", None), ("held", "{}"), ("parked", "{}")):
        await keep(database, heard(state, "Create"))
        await close(database, state, "because")
        assert await database.read(kept_in, state) == (state, "because", kept)
    assert await database.read(inbox.depth) == {"held": 1, "parked": 1}


async def test_delivery_that_is_taken_or_waits_is_not_given_out(
    database: Database, watch: Watch
) -> None:
    for name in "abc":
        await keep(database, heard(name))
    first, second, third = await due(database)
    assert [one.uri[-1] for one in (first, second, third)] == ["a", "b", "c"]
    assert await due(database, first.id, third.id) == [second]
    await database.write(inbox.postpone, first, MINUTE, "no answer")
    assert await due(database) == [second, third]
    watch.advance(MINUTE)
    *_, again = await due(database)
    assert (again.id, again.attempts) == (first.id, 1)
    await database.write(inbox.close, again)
    assert not await database.read(inbox.is_due, again)


async def test_signature_counts_once(database: Database, watch: Watch) -> None:
    until = int((watch.now + MINUTE).timestamp() * 1000)
    assert await database.write(inbox.first_use, "digest", until)
    assert not await database.write(inbox.first_use, "digest", until)
    await database.write(retention.forget)
    assert not await database.write(inbox.first_use, "digest", until)
    watch.advance(2 * MINUTE)
    await database.write(retention.forget)
    assert await database.write(inbox.first_use, "digest", until)


# ---- deliveries ----


def speaker(writer: Writer) -> int:
    row = writer.row("SELECT id FROM actors WHERE name = 'alice'")
    return int(row[0]) if row else cast.actor(writer, "alice")


def say(writer: Writer, object_: str, *hosts_: str, type_: str = "Create") -> None:
    """One activity with a delivery to each host."""
    activity = cast.said(writer, speaker(writer), object_, type_)
    for host in hosts_:
        deliveries.enqueue(writer, activity, host, f"https://{host}/inbox", object_)


def next_due(reader: Reader, *taken: int) -> list[Delivery]:
    """Two of each host that may be asked; whose turn it is, `dispatch` decides."""
    names = reader.rows("SELECT host FROM hosts WHERE due <= ? ORDER BY due", reader.now_ms)
    return [one for (host,) in names for one in deliveries.next_of(reader, host, taken, 2)]


def heading(arrived: list[Delivery]) -> list[tuple[str, str, str]]:
    return [(sent.host, sent.type, sent.object) for sent in arrived]


async def test_deliveries_about_one_thing_go_in_order_and_the_rest_overtakes(
    database: Database, watch: Watch
) -> None:
    for type_ in ("Create", "Update", "Delete"):
        await database.write(say, "post", "a", type_=type_)
    await database.write(say, "other", "a", "b")
    create, other, elsewhere = await database.read(next_due)
    assert heading([create, other]) == [("a", "Create", "post"), ("a", "Create", "other")]
    assert elsewhere.host == "b"
    assert heading(await database.read(next_due, create.id, other.id)) == [("b", "Create", "other")]
    await database.write(deliveries.postpone, create, 2 * MINUTE, "answered 500")
    assert heading(await database.read(next_due)) == [
        ("a", "Create", "other"),
        ("b", "Create", "other"),
    ]
    for sent in (other, elsewhere):
        await database.write(deliveries.settle, sent)
    assert await database.read(next_due) == []
    watch.advance(2 * MINUTE)
    said = []
    while arrived := await database.read(next_due):
        said.append(arrived[0].type)
        assert len(arrived) == 1
        await database.write(deliveries.settle, arrived[0])
    assert said == ["Create", "Update", "Delete"]


async def test_deliveries_of_one_moment_keep_their_order(database: Database) -> None:
    """65,536 numbers fit in a millisecond; what is said about one thing must not wrap round."""

    def many(writer: Writer) -> None:
        say(writer, "post", "a", type_="Create")
        for _ in range(66_000):
            writer.new_id()
        say(writer, "post", "a", type_="Update")

    await database.write(many)
    (first,) = await database.read(next_due)
    assert first.type == "Create"


async def test_order_holds_when_the_clock_is_set_back(database: Database, watch: Watch) -> None:
    await database.write(say, "post", "a", type_="Create")
    watch.advance(-DAY)
    await database.write(say, "post", "a", type_="Delete")
    assert await database.read(next_due) == []  # delayed, not lost
    watch.advance(DAY)
    (first,) = await database.read(next_due)
    assert first.type == "Create"


async def host_due(database: Database, host: str) -> int | None:
    value: int | None = await database.read(
        lambda r: r.value("SELECT due FROM hosts WHERE host = ?", host)
    )
    return value


async def test_host_is_due_only_when_a_delivery_may_go(database: Database, watch: Watch) -> None:
    await database.write(say, "post", "a", type_="Create")
    (create,) = await database.read(next_due)
    await database.write(deliveries.postpone, create, 5 * MINUTE, "answered 500")
    later = int((watch.now + 5 * MINUTE).timestamp() * 1000)
    await database.write(say, "post", "a", type_="Update")
    assert await host_due(database, "a") == later
    (first,) = await database.read(lambda r: r.rows("SELECT count(*) FROM deliveries"))
    assert first == (2,)
    watch.advance(5 * MINUTE)
    (create,) = await database.read(next_due)
    await database.write(deliveries.settle, create)
    (update,) = await database.read(next_due)
    await database.write(deliveries.settle, update)
    assert await host_due(database, "a") is None


async def test_inbox_hears_an_activity_once(database: Database) -> None:
    def twice(writer: Writer) -> None:
        activity = cast.said(writer, speaker(writer), "post")
        for _ in range(2):
            deliveries.enqueue(writer, activity, "a", "https://a/inbox", "post")

    await database.write(twice)
    assert len(await database.read(next_due)) == 1


async def test_closed_host_is_passed_over_until_it_opens(database: Database, watch: Watch) -> None:
    await database.write(say, "post", "dead", "alive")
    await database.write(hosts.record_failure, "dead", 10 * MINUTE, "no answer")
    assert [sent.host for sent in await database.read(next_due)] == ["alive"]
    await database.write(say, "more", "dead")
    assert [sent.host for sent in await database.read(next_due)] == ["alive"]
    watch.advance(10 * MINUTE)
    assert sorted(x.host for x in await database.read(next_due)) == ["alive", "dead", "dead"]


def enqueue_behind(arrived: int) -> int:
    raw = memory()
    writer = writer_on(raw)
    for number in range(arrived):
        say(writer, f"object {number}", "busy")
    return steps(raw, lambda: say(writer, "one more", "busy"))


def test_delivery_more_costs_the_same_however_many_wait() -> None:
    few, many = enqueue_behind(10), enqueue_behind(3_000)
    print(f"steps to add a delivery behind 10 / 3,000: {few} / {many}")
    assert many < 1.2 * few


async def test_refused_delivery_is_parked_and_may_be_tried_again(
    database: Database, watch: Watch
) -> None:
    for object_ in ("one", "two"):
        await database.write(say, object_, "a", "b")
    arrived = await database.read(next_due)
    assert len(arrived) == 4
    for sent in arrived:
        await database.write(deliveries.park, sent, "answered 400")
    assert await database.read(next_due) == []
    parked = await database.read(deliveries.list_parked)
    assert [(one.type, one.attempts, one.reason) for one in parked] == [
        ("Create", 1, "answered 400")
    ] * 4
    watch.advance(DAY)
    assert await database.write(deliveries.again, "a") == 2
    again = await database.read(next_due)
    assert {(x.host, x.attempts, x.created_at) for x in again} == {("a", 0, watch.now)}
    assert await database.write(deliveries.forget, "a") == 0
    assert await database.write(deliveries.forget) == 2
    depth = await database.read(deliveries.depth)
    assert (depth.due, depth.parked, depth.oldest) == (2, 0, watch.now)


async def test_week_old_delivery_is_given_up(database: Database, watch: Watch) -> None:
    await database.write(say, "old", "dead")
    watch.advance(6 * DAY)
    await database.write(say, "new", "dead")
    assert await database.write(deliveries.expire, watch.now - 7 * DAY) == 0
    watch.advance(DAY + MINUTE)
    assert await database.write(deliveries.expire, watch.now - 7 * DAY) == 1
    (left,) = await database.read(next_due)
    assert left.object == "new"
    (gone,) = await database.read(deliveries.list_parked)
    assert gone.reason == "nobody answered for seven days"
    assert await database.write(deliveries.again) == 1
    assert await database.write(deliveries.expire, watch.now - 7 * DAY) == 0


# ---- hosts ----


async def test_week_of_failures_makes_a_host_dead_and_any_answer_revives_it(
    database: Database, watch: Watch
) -> None:
    await database.write(say, "post", "a")
    for day in range(1, DEAD_AFTER_DAYS + 1):
        for _ in range(3):
            await database.write(hosts.record_failure, "a", MINUTE, "no answer")
        known = await database.read(hosts.get, "a")
        assert (known.failed_days, known.failures) == (day, 3 * day)
        assert known.is_dead is (day == DEAD_AFTER_DAYS)
        watch.advance(DAY)
    assert [one.host for one in await database.read(hosts.list_troubled)] == ["a"]
    await database.write(hosts.record_success, "a")
    known = await database.read(hosts.get, "a")
    assert (known.failures, known.failed_days, known.last_error, known.is_dead) == (
        0,
        0,
        None,
        False,
    )
    assert len(await database.read(next_due)) == 1
    assert await database.read(hosts.list_troubled) == []


async def test_speaking_host_is_tried_once_and_forgiven_nothing(
    database: Database, watch: Watch
) -> None:
    awake: list[str] = []
    await database.write(say, "post", "a")
    await database.write(hosts.record_failure, "a", DAY, "no answer")
    assert await database.read(next_due) == []
    with database.changes.listen(hosts.AWAKE, lambda change: awake.append(change.key)):
        for host in ("a", "a", "nobody.example"):
            await database.write(hosts.wake, host)
    assert awake == ["a"]
    assert len(await database.read(next_due)) == 1
    known = await database.read(hosts.get, "a")
    assert (known.failures, known.failed_days, known.last_error) == (1, 1, "no answer")
    # Whoever speaks to us does not make us remember them: the table stays bounded.
    assert await database.read(lambda r: r.value("SELECT count(*) FROM hosts")) == 1


@pytest.mark.parametrize(("failures", "hours"), [(1, 1), (6, 6), (24, 24), (90, 24)])
async def test_speaking_brings_a_probe_forward_more_seldom_the_more_of_them_failed(
    database: Database, watch: Watch, failures: int, hours: int
) -> None:
    """A host that speaks every half hour and never answers, for four days."""
    await database.write(say, "post", "a")
    for _ in range(failures):
        await database.write(hosts.record_failure, "a", 30 * DAY, "no answer")

    def speaks(writer: Writer) -> bool:
        hosts.wake(writer, "a")
        if not next_due(writer):
            return False
        writer.execute("UPDATE hosts SET open_at = ? WHERE host = 'a'", writer.now_ms + 10**10)
        hosts.schedule(writer, "a")
        return True

    probes = 0
    for _ in range(4 * 24 * 2):
        probes += await database.write(speaks)
        watch.advance(30 * MINUTE)
    assert probes == 4 * 24 // hours


async def test_waiting_host_is_waited_for_whatever_it_says(
    database: Database, watch: Watch
) -> None:
    await database.write(say, "post", "a")
    await database.write(lambda w: hosts.record_failure(w, "a", DAY, "answered 429", as_asked=True))
    for _ in range(23):
        watch.advance(60 * MINUTE)
        await database.write(hosts.wake, "a")
        assert await database.read(next_due) == []
    watch.advance(60 * MINUTE)
    assert len(await database.read(next_due)) == 1


async def test_standing_says_who_shares_places(database: Database, watch: Watch) -> None:
    async def standing() -> HostState:
        return (await database.read(hosts.get, "a")).standing

    assert await standing() is HostState.NEW
    await database.write(say, "post", "a")
    assert await standing() is HostState.NEW
    await database.write(hosts.record_success, "a")
    assert await standing() is HostState.KNOWN
    await database.write(hosts.record_fault, "a")
    assert await standing() is HostState.FAILING
    await database.write(hosts.record_success, "a")
    assert await standing() is HostState.KNOWN
    for _ in range(DEAD_AFTER_DAYS):
        assert await standing() in (HostState.KNOWN, HostState.FAILING)
        await database.write(hosts.record_failure, "a", MINUTE, "no answer")
        await database.write(hosts.wake, "a")
        watch.advance(DAY)
    assert await standing() is HostState.DEAD


async def test_tier_outlives_failures(database: Database) -> None:
    await database.write(hosts.set_tier, "a", "blocked")
    await database.write(hosts.record_failure, "a", MINUTE, "no answer")
    await database.write(hosts.record_success, "a")
    assert (await database.read(hosts.get, "a")).tier == "blocked"
    await database.write(hosts.set_tier, "a", None)
    assert not await database.read(hosts.is_blocked, "a")


@pytest.mark.parametrize(
    ("host", "blocked"),
    [
        ("bad.example", True),
        ("sub.bad.example", True),
        ("deep.sub.bad.example:8443", True),
        ("bad.example:8443", True),
        ("notbad.example", False),
        ("bad.example.org", False),
        ("example", False),
        ("", False),
    ],
)
async def test_blocked_domain_is_blocked_with_all_beneath(
    database: Database, host: str, blocked: bool
) -> None:
    await database.write(hosts.set_tier, "bad.example", "blocked")
    assert await database.read(hosts.is_blocked, host) is blocked
