"""One activity that cannot be carried out is set aside, and holds up nothing (SECURITY 49)."""

from datetime import timedelta
from pathlib import Path

import pytest

from federation.inbound.processing import PAUSES
from storage.engine.transaction import Reader, Writer
from storage.queues import inbox
from tests.federation.world import neighbour
from tests.support.clock import Watch
from tests.support.internet import Internet
from tests.support.servers import Place, serving, settle

DAY = timedelta(days=1)


def spoil(writer: Writer, uri: str) -> None:
    """Make our own database fail at this one like from now on."""
    writer.execute(
        "CREATE TRIGGER spoilt BEFORE INSERT ON favourites WHEN new.uri = '" + uri + "'"
        " BEGIN SELECT RAISE(ABORT, 'spoilt'); END"
    )


def depth(reader: Reader) -> dict[str, int]:
    return {state: count for state, count in inbox.depth(reader).items() if count}


async def rounds(place: Place, watch: Watch, many: int) -> None:
    for _ in range(many):
        await settle(place)
        watch.advance(DAY)


async def test_failing_activity_is_parked_and_what_came_after_it_is_done(
    tmp_path: Path, internet: Internet, watch: Watch, caplog: pytest.LogCaptureFixture
) -> None:
    evil, server = await neighbour(internet, watch, "evil.example")
    mallory = evil.person("mallory")
    async with serving(tmp_path, "ours.example", internet, watch) as ours:
        alice = await ours.person("alice")
        bad, good = await alice.say("Leeks."), await alice.say("Apples.")
        poison = mallory.says("Like", bad["uri"])
        await ours.database.write(spoil, str(poison["id"]))
        assert await mallory.tell(ours, poison) == 202
        assert await mallory.tell(ours, mallory.says("Like", good["uri"])) == 202
        await rounds(ours, watch, 1)
        counts = [
            (await alice.get(f"/api/v1/statuses/{one['id']}"))["favourites_count"]
            for one in (bad, good)
        ]
        assert counts == [0, 1]
        assert await ours.database.read(depth) == {"due": 1}
        faults = [one for one in caplog.records if "could not be carried out" in one.message]
        assert len(faults) == 1
    async with serving(tmp_path, "ours.example", internet, watch) as again:
        await rounds(again, watch, len(PAUSES))
        assert await again.database.read(depth) == {"parked": 1}
        said = await mallory.tell(again, mallory.says("Announce", good["uri"]))
        assert said == 202
        await rounds(again, watch, len(PAUSES) + 2)
        assert await again.database.read(depth) == {"parked": 1}
    faults = [one for one in caplog.records if "could not be carried out" in one.message]
    assert len(faults) == len(PAUSES) + 1
    await server.close()
