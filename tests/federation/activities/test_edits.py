"""Edits as others say them: newer only, never wider, kept with what was before (SECURITY 80)."""

from typing import Any

import pytest

from federation.vocabulary.sanitize_html import plain
from tests.federation.saying import follow, hear, homes
from tests.federation.world import PUBLIC, Neighbour
from tests.support.servers import Person, Place, settle


async def test_older_edit_has_no_effect(ours: Place, alice: Person, victim: Neighbour) -> None:
    vera = victim.person("vera")
    await follow(alice, vera)
    said = vera.note("<p>First</p>", published="2026-11-24T07:00:00Z")
    await hear(ours, vera, vera.says("Create", said))
    newest = said | {"content": "<p>Third</p>", "updated": "2026-11-24T07:30:00Z"}
    assert (await hear(ours, vera, vera.says("Update", newest)))[0] == "done"
    for when in ("2026-11-24T07:20:00Z", "2026-11-24T06:00:00Z", "1969-01-01T00:00:00Z"):
        late = said | {"content": "<p>Second</p>", "updated": when}
        assert (await hear(ours, vera, vera.says("Update", late)))[0] == "refused"
    assert await homes(alice) == ["Third"]
    (seen,) = await alice.home()
    assert seen["edited_at"] == "2026-11-24T07:30:00.000Z"
    history = await alice.get(f"/api/v1/statuses/{seen['id']}/history")
    assert [plain(one["content"]) for one in history] == ["First", "Third"]


async def test_edit_from_the_future_was_made_now(
    ours: Place, alice: Person, victim: Neighbour
) -> None:
    vera = victim.person("vera")
    await follow(alice, vera)
    said = vera.note("<p>First</p>")
    await hear(ours, vera, vera.says("Create", said))
    later = said | {"content": "<p>Second</p>", "updated": "9999-01-01T00:00:00Z"}
    await hear(ours, vera, vera.says("Update", later))
    (seen,) = await alice.home()
    assert seen["edited_at"] == "2026-11-24T08:00:00.000Z"
    assert (await hear(ours, vera, vera.says("Update", said | {"content": "<p>Third</p>"})))[
        0
    ] == "done"


@pytest.mark.parametrize("said_again", [True, False])
async def test_edit_never_widens_an_audience(
    ours: Place, alice: Person, victim: Neighbour, said_again: bool
) -> None:
    vera = victim.person("vera")
    await follow(alice, vera)
    dora = await ours.person("dora")
    few = {"to": [f"{vera.uri}/followers"], "cc": []}
    said = vera.note("<p>First</p>", **few)
    await hear(ours, vera, vera.says("Create", said))
    wide = said | {"content": "<p>Second</p>", "to": [PUBLIC], "cc": few["to"]}
    narrow = wide | few
    await hear(ours, vera, vera.says("Update", wide if not said_again else narrow))
    (seen,) = await alice.home()
    assert (plain(seen["content"]), seen["visibility"]) == ("Second", "private")
    assert (await dora.ask("GET", f"/api/v1/statuses/{seen['id']}"))[0] == 404


async def test_narrowing_edit_leaves_former_recipients(
    ours: Place, alice: Person, victim: Neighbour
) -> None:
    vera = victim.person("vera")
    await follow(alice, vera)
    dora = await ours.person("dora")
    said = vera.note("<p>First</p>")
    await hear(ours, vera, vera.says("Create", said))
    (seen,) = await alice.home()
    path = f"/api/v1/statuses/{seen['id']}"
    await dora.post(f"{path}/reblog")
    await dora.post(f"{path}/bookmark")
    narrow = said | {"to": [f"{vera.uri}/followers"], "cc": []}
    assert (await hear(ours, vera, vera.says("Update", narrow)))[0] == "done"
    now = await alice.get(path)
    assert (now["visibility"], now["reblogs_count"]) == ("private", 0)
    assert (await dora.ask("GET", path))[0] == 404
    assert await dora.get("/api/v1/bookmarks") == []
    assert await dora.home() == []
    for surface in ("/api/v1/timelines/public", f"/api/v1/accounts/{dora.id}/statuses", path):
        async with ours.client.get(surface) as answer:
            found: Any = await answer.json()
        assert found in ([], {"error": "Record not found"})


async def test_edit_may_speak_to_somebody_new(
    ours: Place, alice: Person, victim: Neighbour
) -> None:
    vera = victim.person("vera")
    dora = await ours.person("dora")
    await follow(alice, vera)
    said = vera.note("<p>First</p>")
    await hear(ours, vera, vera.says("Create", said))
    assert await dora.notified() == []
    tag = {"type": "Mention", "href": dora.actor.uri, "name": "@dora@ours.example"}
    changed = said | {
        "content": "<p>@dora, too</p>",
        "tag": [tag],
        "cc": [*said["cc"], dora.actor.uri],
    }
    for _ in range(2):
        await hear(ours, vera, vera.says("Update", changed))
    assert await dora.notified() == [("mention", "vera@victim.example")]
    (seen,) = await alice.home()
    assert [one["acct"] for one in seen["mentions"]] == ["dora"]


async def test_edit_of_what_is_for_followers_lets_nobody_else_in(
    ours: Place, alice: Person, victim: Neighbour
) -> None:
    vera = victim.person("vera")
    dora = await ours.person("dora")
    await follow(alice, vera)
    said = vera.note("<p>First</p>", to=[f"{vera.uri}/followers"], cc=[])
    await hear(ours, vera, vera.says("Create", said))
    tag = {"type": "Mention", "href": dora.actor.uri, "name": "@dora@ours.example"}
    changed = said | {"content": "<p>@dora, too</p>", "tag": [tag], "cc": [dora.actor.uri]}
    await hear(ours, vera, vera.says("Update", changed))
    (seen,) = await alice.home()
    assert seen["content"] == "<p>@dora, too</p>"
    assert await dora.notified() == []
    for path in ("", "/history"):
        assert (await dora.ask("GET", f"/api/v1/statuses/{seen['id']}{path}"))[0] == 404


async def test_edit_of_an_unknown_post_makes_nothing(
    ours: Place, alice: Person, victim: Neighbour
) -> None:
    vera = victim.person("vera")
    await follow(alice, vera)
    said = vera.note("<p>Second</p>", updated="2026-11-24T07:30:00Z")
    assert (await hear(ours, vera, vera.says("Update", said)))[0] == "refused"
    await settle(ours)
    assert await alice.home() == []
