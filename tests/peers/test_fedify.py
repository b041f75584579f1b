"""Our server and one on Fedify, an implementation that shares nothing with ours."""

from dataclasses import replace
from typing import Any

from federation.activities import Update
from federation.objects import actor as actor_object
from federation.outbound import outbox
from federation.vocabulary.sanitize_html import plain
from storage.engine.ids import ActorId
from storage.engine.transaction import Writer
from storage.people import actors, keys
from tests.peers.harness import Fedify, fedify_peer
from tests.support.servers import Person, Place, settle


async def friends(alice: Person, frida: Fedify) -> str:
    """Let both follow each other; frida's number here."""
    await frida.tell("follow", object=alice.handle)
    await settle(alice.place)
    number = await alice.find(frida.handle)
    await alice.post(f"/api/v1/accounts/{number}/follow")
    await settle(alice.place)
    return number


async def relationship(alice: Person, number: str) -> dict[str, Any]:
    (found,) = await alice.get("/api/v1/accounts/relationships", **{"id[]": number})
    return dict(found)


def rename(writer: Writer, id_: ActorId, title: str) -> None:
    """Rename somebody as the settings do it."""
    known = actors.by_id(writer, id_)
    assert known is not None
    changed = replace(known, display_name=title)
    actors.update(writer, changed)
    document = actor_object.render(writer.site, changed, keys.of_actor(writer, id_), "")
    said = Update(id=outbox.new_uri(writer), actor=known.uri, profile=changed, rendered=document)
    outbox.publish(writer, said)


async def texts(person: Person) -> list[str]:
    return [plain(one["content"]) for one in await person.home()]


async def test_peer_finds_us_by_webfinger_and_follows(alice: Person, frida: Fedify) -> None:
    found = await frida.tell("find", object=alice.handle)
    assert found["preferredUsername"] == "alice"
    assert found["id"] == alice.actor.uri
    await frida.tell("follow", object=alice.handle)
    await settle(alice.place)
    assert await alice.notified() == [("follow", f"frida@localhost:{frida.port}")]
    (accepted,) = await frida.arrived("Accept")
    assert accepted["activity"]["object"]["actor"] == frida.address
    state = await frida.tell("state")
    assert state["following"][alice.actor.uri]["state"] == "accepted"


async def test_follow_of_a_peer_and_unfollow(alice: Person, frida: Fedify) -> None:
    number = await friends(alice, frida)
    standing = await relationship(alice, number)
    assert (standing["following"], standing["followed_by"]) == (True, True)
    assert (await frida.tell("state"))["followers"] == [alice.actor.uri]
    await alice.post(f"/api/v1/accounts/{number}/unfollow")
    await frida.tell("unfollow", object=alice.actor.uri)
    await settle(alice.place)
    standing = await relationship(alice, number)
    assert (standing["following"], standing["followed_by"]) == (False, False)
    assert len(await frida.arrived("Undo")) == 1
    assert (await frida.tell("state"))["followers"] == []


async def test_post_of_a_peer_reaches_home_and_notifications(alice: Person, frida: Fedify) -> None:
    await friends(alice, frida)
    await frida.tell("post", content="<p>For everybody</p>")
    await frida.tell("post", content="<p>For those who follow</p>", visibility="followers")
    named = f'<p><a href="{alice.actor.uri}" class="u-url mention">@alice</a> For you</p>'
    await frida.tell("post", content=named, visibility="direct", mention=[alice.handle])
    await settle(alice.place)
    seen = await alice.home()
    assert [(plain(one["content"]), one["visibility"]) for one in seen] == [
        ("@alice For you", "direct"),
        ("For those who follow", "private"),
        ("For everybody", "public"),
    ]
    assert (await alice.notified())[0] == ("mention", f"frida@localhost:{frida.port}")
    (mention,) = seen[0]["mentions"]
    assert mention["acct"] == "alice"


async def test_post_of_ours_reaches_the_peer(alice: Person, frida: Fedify) -> None:
    await friends(alice, frida)
    await alice.say("For everybody #garden")
    await settle(alice.place)
    await alice.say("For those who follow", visibility="private", spoiler_text="careful")
    await settle(alice.place)
    await alice.say(f"{frida.handle} For you", visibility="direct")
    await settle(alice.place)
    notes = [one["activity"]["object"] for one in await frida.arrived("Create")]
    assert [plain(note["content"]) for note in notes] == [
        "For everybody #garden",
        "For those who follow",
        "@frida For you",
    ]
    assert notes[1]["summary"] == "careful"
    assert notes[2]["to"] == [frida.address]


async def test_reactions_of_a_peer_are_seen_and_taken_back(alice: Person, frida: Fedify) -> None:
    await friends(alice, frida)
    said = await alice.say("Like me")
    await settle(alice.place)
    uri, path = said["uri"], f"/api/v1/statuses/{said['id']}"
    for verb, count, told in (
        ("like", "favourites_count", "favourite"),
        ("announce", "reblogs_count", "reblog"),
    ):
        done = await frida.tell(verb, object=uri)
        await settle(alice.place)
        assert (await alice.get(path))[count] == 1
        assert (await alice.notified())[0] == (told, f"frida@localhost:{frida.port}")
        await frida.tell(verb, object=uri, undo=True, id=done["activity"])
        await settle(alice.place)
        assert (await alice.get(path))[count] == 0


async def test_reactions_of_ours_reach_the_peer_and_are_taken_back(
    alice: Person, frida: Fedify
) -> None:
    await friends(alice, frida)
    posted = await frida.tell("post", content="<p>Like me</p>")
    await settle(alice.place)
    (seen,) = await alice.home()
    for verb in ("favourite", "reblog", "unfavourite", "unreblog"):
        await alice.post(f"/api/v1/statuses/{seen['id']}/{verb}")
        await settle(alice.place)
    for type_ in ("Like", "Announce"):
        (arrived,) = await frida.arrived(type_)
        assert arrived["activity"]["object"] == posted["id"]
    undone = [one["activity"]["object"]["type"] for one in await frida.arrived("Undo")]
    assert undone == ["Like", "Announce"]


async def test_answers_make_a_thread_on_both_sides(alice: Person, frida: Fedify) -> None:
    await friends(alice, frida)
    posted = await frida.tell("post", content="<p>A question</p>")
    await settle(alice.place)
    (seen,) = await alice.home()
    said = await alice.say(f"{frida.handle} An answer", in_reply_to_id=seen["id"])
    await settle(alice.place)
    (arrived,) = await frida.arrived("Create")
    assert arrived["activity"]["object"]["inReplyTo"] == posted["id"]
    await frida.tell("post", content="<p>Thanks</p>", answers=said["uri"], mention=[alice.handle])
    await settle(alice.place)
    context = await alice.get(f"/api/v1/statuses/{seen['id']}/context")
    assert [plain(one["content"]) for one in context["descendants"]] == [
        "@frida An answer",
        "Thanks",
    ]


async def test_boost_of_its_old_private_and_public_posts(alice: Person, frida: Fedify) -> None:
    """What we fetch from it is asked for with a signature that it accepts."""
    public = await frida.tell("post", content="<p>Before you came</p>")
    private = await frida.tell("post", content="<p>Not yours</p>", visibility="followers")
    await frida.tell("follow", object=alice.handle)
    await settle(alice.place)
    found = await alice.get("/api/v2/search", q=public["id"], resolve="true", type="statuses")
    assert [plain(one["content"]) for one in found["statuses"]] == ["Before you came"]
    await alice.get("/api/v2/search", q=private["id"], resolve="true", type="statuses")
    asked = (await frida.tell("state"))["asked"]
    assert {one["signer"] for one in asked} == {f"http://{alice.place.host}/actor"}


async def test_deletes_go_both_ways(alice: Person, frida: Fedify) -> None:
    await friends(alice, frida)
    posted = await frida.tell("post", content="<p>Not for long</p>")
    said = await alice.say("Nor this")
    await settle(alice.place)
    assert await texts(alice) == ["Nor this", "Not for long"]
    await frida.tell("delete", object=posted["id"])
    await alice.call("DELETE", f"/api/v1/statuses/{said['id']}")
    await settle(alice.place)
    assert await texts(alice) == []
    (arrived,) = await frida.arrived("Delete")
    assert arrived["activity"]["object"]["id"] == said["uri"]


async def test_block_of_ours_reaches_the_peer(alice: Person, frida: Fedify) -> None:
    number = await friends(alice, frida)
    await alice.post(f"/api/v1/accounts/{number}/block")
    await settle(alice.place)
    (arrived,) = await frida.arrived("Block")
    assert arrived["activity"]["object"] == frida.address
    assert (await frida.tell("state"))["following"][alice.actor.uri]["state"] == "rejected"
    await frida.tell("post", content="<p>Do you hear?</p>", mention=[alice.handle])
    await settle(alice.place)
    assert await texts(alice) == []
    await alice.post(f"/api/v1/accounts/{number}/unblock")
    await settle(alice.place)
    assert "Block" in [one["activity"]["object"]["type"] for one in await frida.arrived("Undo")]


async def test_block_of_a_peer_is_heeded(alice: Person, frida: Fedify) -> None:
    number = await friends(alice, frida)
    await frida.tell("block", object=alice.actor.uri)
    await settle(alice.place)
    standing = await relationship(alice, number)
    assert (standing["blocked_by"], standing["following"], standing["followed_by"]) == (
        True,
        False,
        False,
    )


async def test_changed_profiles_go_both_ways(alice: Person, frida: Fedify) -> None:
    number = await friends(alice, frida)
    await frida.tell("rename", title="Frida the Second")
    await alice.place.database.write(rename, alice.actor.id, "A.")
    await settle(alice.place)
    seen = await alice.get(f"/api/v1/accounts/{number}")
    assert seen["display_name"] == "Frida the Second"
    (arrived,) = await frida.arrived("Update")
    assert arrived["activity"]["object"]["name"] == "A."


async def test_documents_of_ours_make_the_peer_ask_nowhere_else(
    alice: Person, frida: Fedify
) -> None:
    """Our contexts are known to it: it fetches none, and nothing from any other machine."""
    await friends(alice, frida)
    await alice.say("Read me")
    await settle(alice.place)
    hosts = {one["url"].split("/")[2] for one in (await frida.tell("state"))["went"]}
    assert hosts == {alice.place.host}


async def test_peer_knocks_a_second_time_where_the_first_is_not_read(
    home: Place, alice: Person
) -> None:
    """It begins with RFC 9421, which we refuse, and comes again with what we read; or begins so."""
    for first, knocks in (("rfc9421", {401, 202}), ("cavage", {202})):
        with fedify_peer("--first-knock", first) as frida:
            await frida.tell("follow", object=alice.handle)
            await settle(home)
            state = await frida.tell("state")
            assert state["following"][alice.actor.uri]["state"] == "accepted"
            posted = {one["status"] for one in state["went"] if one["method"] == "POST"}
            assert posted == knocks
