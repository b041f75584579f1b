"""Times as others state them: held between 1970 and now (SECURITY 27)."""

from datetime import UTC, datetime

import pytest

from tests.federation.saying import follow, hear
from tests.federation.world import PUBLIC, Neighbour, Stranger
from tests.support.servers import Person, Place

TIMES = {
    "9999-12-31T23:59:59Z": "now",
    "2027-01-01T00:00:00Z": "now",
    "1969-12-31T23:59:59Z": "1970-01-01",
    "0001-01-01T00:00:00Z": "1970-01-01",
    "2026-11-20T08:00:00Z": "2026-11-20",
    "2026-11-20T08:00:00+14:00": "2026-11-19",
    "-0001-01-01T00:00:00Z": "now",
    "10000-01-01T00:00:00Z": "now",
    "yesterday": "now",
    "": "now",
}


@pytest.mark.parametrize("stated", [*TIMES, -1, 10**18, None, [], {"@value": "2026"}, True])
async def test_impossible_publication_time_is_now_or_1970(
    ours: Place, alice: Person, victim: Neighbour, vera: Stranger, stated: object
) -> None:
    await follow(alice, vera)
    note = vera.note(published=stated, updated=stated)
    assert (await hear(ours, vera, vera.says("Create", note)))[0] == "done"
    (seen,) = await alice.home()
    expected = TIMES.get(stated, "now") if isinstance(stated, str) else "now"
    day = victim.watch().date().isoformat() if expected == "now" else expected
    assert seen["created_at"][:10] == day
    milliseconds = int(seen["id"]) >> 16
    assert datetime.fromtimestamp(milliseconds / 1000, UTC) <= victim.watch()
    announced = vera.says("Announce", note["id"], to=[PUBLIC], published=stated)
    assert (await hear(ours, vera, announced))[0] == "done"


@pytest.mark.parametrize(
    ("stated", "expected"),
    [
        ("2026-11-24T07:00:00Z", "2026-11-24T07:00:00.000Z"),
        ("9999-12-31T23:59:59Z", "2026-11-24T08:00:00.000Z"),
        ("0001-01-01T00:00:00Z", "1970-01-01T00:00:00.000Z"),
        (None, "2026-11-24T08:00:00.000Z"),
    ],
)
async def test_impossible_edit_time_is_now_or_1970(
    ours: Place, alice: Person, vera: Stranger, stated: str | None, expected: str
) -> None:
    await follow(alice, vera)
    note = vera.note(published="1970-01-01T00:00:00Z")
    await hear(ours, vera, vera.says("Create", note))
    edited = note | {"content": "<p>Changed</p>", "updated": stated}
    assert (await hear(ours, vera, vera.says("Update", edited)))[0] == "done"
    assert (await alice.home())[0]["edited_at"] == expected
