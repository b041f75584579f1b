"""Pins as others say them, and what they show first when they become known (SECURITY 17, 44)."""

from datetime import timedelta
from typing import Any

import pytest

from federation.resolve import featured_posts
from federation.resolve.background import Background
from federation.resolve.resolver import Budget
from federation.vocabulary.sanitize_html import plain
from server.http.app_keys import RESOLVER
from tests.federation.saying import follow, hear
from tests.federation.world import Document, Neighbour, Stranger, changed, contents
from tests.support.servers import Person, Place


def pinning(at: Neighbour, name: str) -> Stranger:
    return at.person(name, featured=f"{at.origin}/users/{name}/featured")


async def fetched(ours: Place) -> None:
    while await featured_posts.learn_next(ours.database, ours.app[RESOLVER], Background("test")):
        pass


async def pinned(alice: Person, number: str) -> list[str]:
    found = await alice.get(f"/api/v1/accounts/{number}/statuses", pinned="true")
    return [plain(one["content"]) for one in found]


async def test_pin_is_what_is_added_to_ones_own_featured(
    ours: Place, alice: Person, victim: Neighbour, evil: Neighbour
) -> None:
    vera, mallory = pinning(victim, "vera"), pinning(evil, "mallory")
    number = await follow(alice, vera)
    await follow(alice, mallory)
    await fetched(ours)
    said = vera.note("<p>Mine</p>")
    direct = vera.note("<p>For you</p>", to=[alice.actor.uri], cc=[])
    for note in (said, direct):
        await hear(ours, vera, vera.says("Create", note))
    wrong = (
        (said, f"{vera.uri}/collections/tags"),
        (said, f"{vera.uri}/followers"),
        (said, f"{mallory.uri}/featured"),
        (said, f"{alice.actor.uri}/featured"),
        (direct, f"{vera.uri}/featured"),
    )
    for verb in ("Add", "Remove"):
        before = await ours.database.read(contents)
        for what, target in wrong:
            await hear(ours, vera, vera.says(verb, what["id"], target=target))
        assert changed(before, await ours.database.read(contents)) == {}
        await hear(ours, vera, vera.says("Add", said["id"], target=f"{vera.uri}/featured"))
    for verb, expected in (("Add", ["Mine"]), ("Add", ["Mine"]), ("Remove", []), ("Remove", [])):
        claim = vera.says(verb, said["id"], target=f"{vera.uri}/featured")
        assert (await hear(ours, vera, claim))[0] == "done"
        assert await pinned(alice, number) == expected


async def test_pins_beyond_many_are_left_out(ours: Place, alice: Person, victim: Neighbour) -> None:
    vera = pinning(victim, "vera")
    number = await follow(alice, vera)
    for at in range(25):
        said = vera.note(f"<p>{at}</p>")
        await hear(ours, vera, vera.says("Create", said))
        await hear(ours, vera, vera.says("Add", said["id"], target=f"{vera.uri}/featured"))
    assert len(await pinned(alice, number)) == 20


def collection(uri: str, **more: Any) -> Document:
    return {
        "@context": "https://www.w3.org/ns/activitystreams",
        "id": uri,
        "type": "OrderedCollection",
    } | more


@pytest.mark.parametrize("paged", [True, False])
async def test_pins_are_five_of_their_own_and_no_more(
    ours: Place, alice: Person, victim: Neighbour, evil: Neighbour, paged: bool
) -> None:
    vera, mallory = pinning(victim, "vera"), pinning(evil, "mallory")
    theirs = mallory.note("<p>Theirs</p>")
    evil.serves(theirs)
    direct = vera.note("<p>For few</p>", to=[f"{vera.uri}/someone"], cc=[])
    own = [vera.note(f"<p>{at}</p>") for at in range(9)]
    for note in (direct, *own):
        victim.serves(note)
    items = [theirs["id"], direct["id"], *(note["id"] for note in own)]
    uri = f"{vera.uri}/featured"
    if paged:
        page = collection(f"{uri}/1", type="OrderedCollectionPage", orderedItems=items, next=uri)
        victim.serves(page)
        victim.serves(collection(uri, first=page["id"]))
    else:
        victim.serves(collection(uri, orderedItems=items))
    number = await alice.find("@vera@victim.example")
    await fetched(ours)
    assert await pinned(alice, number) == ["0", "1", "2", "3"]
    assert sum(one.path.startswith("/notes/") for one in victim.asked) == 5
    assert evil.asked == []


@pytest.mark.parametrize(
    "more",
    [
        {"first": "http://victim.example/users/vera/featured"},
        {"first": {"id": "x"}},
        {"orderedItems": "nonsense"},
        {"orderedItems": [1, None, {"id": 7}]},
        {},
    ],
)
async def test_collection_of_any_shape_does_no_harm(
    ours: Place, alice: Person, victim: Neighbour, more: dict[str, Any]
) -> None:
    vera = pinning(victim, "vera")
    victim.serves(collection(f"{vera.uri}/featured", **more))
    number = await alice.find("@vera@victim.example")
    await fetched(ours)
    assert await pinned(alice, number) == []
    assert victim.times_asked("/users/vera/featured") <= 8


async def test_featured_of_another_server_fetches_nothing_as_theirs(
    ours: Place, alice: Person, victim: Neighbour, evil: Neighbour
) -> None:
    vera = victim.person("vera", featured=f"{evil.origin}/featured")
    said = vera.note("<p>Mine</p>")
    victim.serves(said)
    evil.serves(collection(f"{evil.origin}/featured", orderedItems=[said["id"]]))
    number = await alice.find(f"@{vera.name}@victim.example")
    await fetched(ours)
    assert await pinned(alice, number) == []
    assert evil.asked == []


async def test_pins_are_read_again_with_a_refresh(
    ours: Place, alice: Person, victim: Neighbour
) -> None:
    vera = pinning(victim, "vera")
    number = await follow(alice, vera)
    await fetched(ours)
    first, second = vera.note("<p>First</p>"), vera.note("<p>Second</p>")
    featured = f"{vera.uri}/featured"
    for said in (first, second):
        victim.serves(said)
    victim.serves(collection(featured, orderedItems=[first["id"]]))
    await ours.app[RESOLVER].refresh(vera.uri, Budget())
    await fetched(ours)
    assert await pinned(alice, number) == [], "they were looked at a moment ago"
    for listed, expected in (
        ([first], ["First"]),
        ([second, first], ["Second", "First"]),
        ([second], ["Second"]),
        ([], []),
    ):
        victim.serves(collection(featured, orderedItems=[said["id"] for said in listed]))
        victim.watch.advance(timedelta(hours=13))
        await ours.app[RESOLVER].refresh(vera.uri, Budget())
        await fetched(ours)
        assert await pinned(alice, number) == expected
