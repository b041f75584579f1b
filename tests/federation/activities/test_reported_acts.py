"""Activities as other servers write them, from public reports and real peers."""

from datetime import timedelta
from typing import Any

import pytest

from federation.vocabulary.own_addresses import find_uri
from tests.federation.saying import follow, hear, homes
from tests.federation.world import AS, PUBLIC, Document, Neighbour, Stranger
from tests.support.servers import Person, Place, settle

MINUTE = timedelta(minutes=1)


async def is_told(person: Person, type_: str) -> int:
    return sum(one["type"] == type_ for one in await person.get("/api/v1/notifications"))


async def test_create_by_name_is_fetched_and_kept(
    ours: Place, alice: Person, victim: Neighbour, vera: Stranger
) -> None:
    await follow(alice, vera)
    note = vera.note("<p>By name</p>")
    victim.serves(note)
    assert (await hear(ours, vera, vera.says("Create", note["id"])))[0] == "done"
    assert await homes(alice) == ["By name"]
    victim.serves(note | {"content": "<p>Changed</p>", "updated": "2026-11-24T08:00:00Z"})
    assert (await hear(ours, vera, vera.says("Update", note["id"])))[0] == "done"
    assert await homes(alice) == ["Changed"]


async def test_create_by_name_of_somebody_else_or_of_nobody_we_hear_fetches_nothing(
    ours: Place, alice: Person, evil: Neighbour, victim: Neighbour, vera: Stranger
) -> None:
    await follow(alice, vera)
    mallory = evil.person("mallory")
    of_vera, own = vera.note(), mallory.note()
    victim.serves(of_vera)
    evil.serves(own)
    assert (await hear(ours, mallory, mallory.says("Create", own["id"])))[0] == "refused"
    assert evil.times_asked("/notes/" + own["id"].rpartition("/")[2]) == 0
    await follow(alice, mallory)
    assert (await hear(ours, mallory, mallory.says("Create", of_vera["id"])))[0] == "refused"
    assert await homes(alice) == []


async def test_undo_of_what_has_no_id_is_by_actor_and_object(
    ours: Place, alice: Person, vera: Stranger
) -> None:
    said = await alice.say("Hello")
    for type_, count in (("Like", "favourites_count"), ("Announce", "reblogs_count")):
        about: dict[str, Any] = {"type": type_, "actor": vera.uri, "object": said["uri"]}
        if type_ == "Announce":
            about |= {"to": [PUBLIC]}
        whole = {"@context": AS, "id": f"{vera.uri}/{type_}", **about}
        assert (await hear(ours, vera, whole))[0] == "done"
        assert (await alice.get(f"/api/v1/statuses/{said['id']}"))[count] == 1
        assert (await hear(ours, vera, vera.says("Undo", about)))[0] == "done", type_
        assert (await alice.get(f"/api/v1/statuses/{said['id']}"))[count] == 0


@pytest.mark.parametrize("form", ["{o}/@alice", "{o}/@alice/", "{O}/@ALICE", "{o}/users/alice"])
async def test_page_of_a_member_means_the_member(
    ours: Place, alice: Person, vera: Stranger, form: str
) -> None:
    origin = f"http://{ours.host}"
    address = form.format(o=origin, O=origin.replace("ours", "Ours"))
    mention = {"type": "Mention", "href": address, "name": "@alice"}
    direct = vera.note("<p>For you</p>", to=[address], cc=[], tag=[mention])
    assert (await hear(ours, vera, vera.says("Create", direct)))[0] == "done"
    assert await is_told(alice, "mention") == 1
    (told,) = [one for one in await alice.get("/api/v1/notifications") if one["type"] == "mention"]
    assert told["status"]["visibility"] == "direct"
    assert [one["acct"] for one in told["status"]["mentions"]] == ["alice"]
    victor = vera.at.person("victor")
    assert (await hear(ours, victor, victor.says("Follow", address)))[0] == "done"
    assert await is_told(alice, "follow") == 2


async def test_page_of_a_post_means_the_post(ours: Place, alice: Person, vera: Stranger) -> None:
    said = await alice.say("Hello")
    answer = vera.note("<p>Yes</p>", inReplyTo=said["url"])
    assert (await hear(ours, vera, vera.says("Create", answer)))[0] == "done"
    assert (await hear(ours, vera, vera.says("Like", said["url"])))[0] == "done"
    found = await alice.get(f"/api/v1/statuses/{said['id']}")
    assert (found["replies_count"], found["favourites_count"]) == (1, 1)
    assert (
        await hear(
            ours,
            vera,
            vera.says("Undo", {"type": "Like", "actor": vera.uri, "object": said["url"]}),
        )
    )[0] == "done"
    assert (await alice.get(f"/api/v1/statuses/{said['id']}"))["favourites_count"] == 0


async def test_addresses_of_others_and_of_nothing_mean_nothing(ours: Place, alice: Person) -> None:
    origin = f"http://{ours.host}"
    cells = {
        f"{origin}/@alice": alice.actor.uri,
        f"{origin}/@alice@{ours.host}": alice.actor.uri,
        f"{origin}:80/@alice?x=1#y": alice.actor.uri,
        f"{origin}/actors/{alice.actor.id}/": alice.actor.uri,
        f"{origin}/users/alice/statuses/7": f"{origin}/posts/7",
        f"{origin}/@nobody": None,
        f"{origin}/@alice@away.example": None,
        f"{origin}/@alice/followers": None,
        f"{origin}.evil.example/@alice": None,
        f"http://alice@{ours.host}/@alice": None,
        f"{origin}/about": None,
        "http://[broken/@alice": None,
        "mailto:alice": None,
        "": None,
    }
    for address, uri in cells.items():
        assert await ours.database.read(find_uri, address) == uri, address


async def test_pins_without_an_id_are_heard_each_time(
    ours: Place, alice: Person, victim: Neighbour
) -> None:
    vera = victim.person("vera", featured=f"{victim.origin}/users/vera/featured")
    number = await follow(alice, vera)
    note = vera.note("<p>Pinned</p>")
    victim.serves(note)
    assert (await hear(ours, vera, vera.says("Create", note)))[0] == "done"

    async def pinned() -> int:
        await settle(ours)
        return len(await alice.get(f"/api/v1/accounts/{number}/statuses", pinned="true"))

    for type_, many in (("Add", 1), ("Remove", 0), ("Add", 1), ("Add", 1), ("Remove", 0)):
        nameless = {
            "@context": AS,
            "type": type_,
            "actor": vera.uri,
            "object": note["id"],
            "target": f"{vera.uri}/featured",
        }
        victim.watch.advance(MINUTE)
        assert await vera.tell(ours, nameless) == 202
        assert await pinned() == many, type_


async def test_author_and_audience_may_stand_on_the_create_only(
    ours: Place, alice: Person, vera: Stranger
) -> None:
    await follow(alice, vera)
    note = vera.note("<p>Around</p>")
    around = {name: note.pop(name) for name in ("to", "cc")}
    del note["attributedTo"]
    assert (await hear(ours, vera, vera.says("Create", note, **around)))[0] == "done"
    (status,) = await alice.home()
    assert (status["account"]["acct"], status["visibility"]) == ("vera@victim.example", "public")


async def test_audience_of_the_create_widens_nothing(
    ours: Place, alice: Person, vera: Stranger
) -> None:
    await follow(alice, vera)
    followers = [f"{vera.uri}/followers"]
    for narrow in ({"to": followers, "cc": []}, {"to": [], "cc": followers}):
        note = vera.note("<p>Few</p>", **narrow)
        assert (await hear(ours, vera, vera.says("Create", note, to=[PUBLIC])))[0] == "done"
    assert {one["visibility"] for one in await alice.home()} == {"private"}


# ---- what groups pass on (FEP-1b12: Lemmy, PieFed, NodeBB, Mbin) ----


def passes_on(group: Stranger, inner: Document) -> Document:
    bare = {name: value for name, value in inner.items() if name != "@context"}
    return group.says("Announce", bare, to=[PUBLIC], cc=[f"{group.uri}/followers"])


async def test_answer_that_a_group_passes_on_is_told(
    ours: Place, alice: Person, evil: Neighbour, victim: Neighbour, vera: Stranger
) -> None:
    group = evil.person("gardeners", type="Group")
    said = await alice.say("Hello group")
    answer = vera.note("<p>An answer</p>", inReplyTo=said["uri"])
    victim.serves(answer)
    inner = vera.says("Create", answer | {"content": "<p>Forged</p>"})
    assert (await hear(ours, group, passes_on(group, inner)))[0] == "done"
    (told,) = (await alice.get(f"/api/v1/statuses/{said['id']}/context"))["descendants"]
    assert "An answer" in told["content"]
    changed = answer | {"content": "<p>Changed</p>", "updated": "2026-11-24T08:00:00Z"}
    victim.serves(changed)
    assert (await hear(ours, group, passes_on(group, vera.says("Update", answer))))[0] == "done"
    (told,) = (await alice.get(f"/api/v1/statuses/{said['id']}/context"))["descendants"]
    assert "Changed" in told["content"]


async def test_post_in_a_group_that_is_followed_is_kept_and_nobody_is_told(
    ours: Place, alice: Person, evil: Neighbour, victim: Neighbour, vera: Stranger
) -> None:
    group = evil.person("gardeners", type="Group")
    page = vera.note("<p>Leek</p>", type="Page", name="About leek", audience=group.uri)
    victim.serves(page)
    inner = vera.says("Create", page)
    assert (await hear(ours, group, passes_on(group, inner)))[0] == "refused"
    assert victim.times_asked(page["id"].removeprefix(victim.origin)) == 0
    await follow(alice, group)
    assert (await hear(ours, group, passes_on(group, inner)))[0] == "done"
    assert await homes(alice) == []
    found = await alice.get("/api/v2/search", q=page["id"], resolve="true")
    assert "Leek" in found["statuses"][0]["content"]


async def test_group_is_believed_in_nothing(
    ours: Place, alice: Person, evil: Neighbour, victim: Neighbour, vera: Stranger
) -> None:
    group = evil.person("gardeners", type="Group")
    await follow(alice, group)
    said = await alice.say("Hello group")
    forged = vera.note("<p>Forged</p>", inReplyTo=said["uri"])
    inner = vera.says("Create", forged)
    assert (await hear(ours, group, passes_on(group, inner)))[0] == "refused"
    like = vera.says("Like", said["uri"])
    assert (await hear(ours, group, passes_on(group, like)))[0] == "refused"
    other = evil.person("other")
    evil.serves(own := other.note("<p>Mine</p>", inReplyTo=said["uri"]))
    inner = vera.says("Create", own | {"attributedTo": vera.uri})
    assert (await hear(ours, group, passes_on(group, inner)))[0] == "refused"
    shown = await alice.get(f"/api/v1/statuses/{said['id']}")
    assert (shown["replies_count"], shown["favourites_count"]) == (0, 0)


async def test_like_that_a_group_passes_on_counts_when_its_origin_has_it(
    ours: Place, alice: Person, evil: Neighbour, victim: Neighbour, vera: Stranger
) -> None:
    group = evil.person("gardeners", type="Group")
    said = await alice.say("Hello group")
    like = vera.says("Like", said["uri"])
    victim.serves(like)
    assert (await hear(ours, group, passes_on(group, like)))[0] == "done"
    assert (await alice.get(f"/api/v1/statuses/{said['id']}"))["favourites_count"] == 1


async def test_deletion_that_a_group_passes_on_counts_when_its_origin_has_it_no_more(
    ours: Place, alice: Person, evil: Neighbour, victim: Neighbour, vera: Stranger
) -> None:
    """Whoever deleted it: a moderator of the group, too."""
    group, moderator = evil.person("gardeners", type="Group"), evil.person("other")
    await follow(alice, vera)
    note = vera.note("<p>Soon gone</p>")
    victim.serves(note)
    assert (await hear(ours, vera, vera.says("Create", note)))[0] == "done"
    inner = moderator.says("Delete", note["id"])
    assert (await hear(ours, group, passes_on(group, inner)))[0] == "refused"
    assert await homes(alice) == ["Soon gone"]
    del victim.documents[note["id"].removeprefix(victim.origin)]
    assert (await hear(ours, group, passes_on(group, inner)))[0] == "done"
    assert await homes(alice) == []


@pytest.mark.parametrize("type_", ["Dislike", "Lock", "Undo", "Follow"])
async def test_dislikes_and_undos_in_announces_are_fetched_from_nobody(
    ours: Place, alice: Person, evil: Neighbour, victim: Neighbour, vera: Stranger, type_: str
) -> None:
    group = evil.person("gardeners", type="Group")
    await follow(alice, group)
    said = await alice.say("Hello group")
    inner = vera.says(type_, said["uri"])
    assert (await hear(ours, group, passes_on(group, inner)))[0] == "refused"
    assert [one.path for one in victim.asked if one.method == "GET"] == []
