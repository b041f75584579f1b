"""What an independent peer signs badly, or in somebody else's name, comes to nothing."""

from itertools import count
from typing import Any

import pytest

from tests.federation.world import changed, contents, verdict
from tests.peers.harness import Fedify
from tests.support.servers import Person, settle

_numbers = count(1)

BATTERY: dict[str, dict[str, Any]] = {
    "another body than was signed": {"spoil": "body"},
    "no digest": {"spoil": "digest"},
    "two hours old": {"age": 7200},
    "an hour ahead": {"age": -3600},
    "a key that its owner does not list": {"keyId": "{frida}#another-key"},
    "a key of nobody": {"keyId": "{peer}/users/nobody#main-key"},
    "the key of one of ours": {"keyId": "{alice}#main-key"},
    "no signature": {"signed": "none"},
    "a scheme that we do not read": {"signed": "rfc9421"},
    "a scheme that we do not read, and another body": {"signed": "rfc9421", "spoil": "body"},
}


def like(frida: Fedify, what: str, **more: str) -> dict[str, str]:
    id_ = f"{frida.address}#like-{next(_numbers)}"
    context = "https://www.w3.org/ns/activitystreams"
    head = {"@context": context, "id": id_, "type": "Like", "actor": frida.address}
    return head | {"object": what} | more


async def said_to_a_follower(alice: Person, frida: Fedify) -> str:
    await frida.tell("follow", object=alice.handle)
    await settle(alice.place)
    said = await alice.say("Like this, if you can")
    await settle(alice.place)
    return str(said["uri"])


@pytest.mark.parametrize("how", BATTERY.values(), ids=BATTERY.keys())
async def test_bad_signature_is_refused_and_changes_nothing(
    alice: Person, frida: Fedify, how: dict[str, Any]
) -> None:
    database, inbox = alice.place.database, f"{alice.actor.uri}/inbox"
    what = await said_to_a_follower(alice, frida)
    names = {"frida": frida.address, "peer": frida.base, "alice": alice.actor.uri}
    given = {k: v.format(**names) if isinstance(v, str) else v for k, v in how.items()}
    before = await database.read(contents, without=("hosts",))
    answer = await frida.tell("raw", inbox=inbox, activity=like(frida, what), **given)
    await settle(alice.place)
    assert answer["status"] == 401, answer
    assert changed(before, await database.read(contents, without=("hosts",))) == {}


async def test_activity_signed_well_is_carried_out(alice: Person, frida: Fedify) -> None:
    """Proof that the battery refuses what it refuses for its signature."""
    what = await said_to_a_follower(alice, frida)
    inbox, activity = f"{alice.actor.uri}/inbox", like(frida, what)
    answer = await frida.tell("raw", inbox=inbox, activity=activity)
    await settle(alice.place)
    assert answer["status"] == 202
    assert await alice.notified() == [
        ("favourite", f"frida@localhost:{frida.port}"),
        ("follow", f"frida@localhost:{frida.port}"),
    ]


async def test_activity_in_the_name_of_others_does_nothing(alice: Person, frida: Fedify) -> None:
    """A good signature of one actor for the words of another is a hint, and nobody confirms it."""
    database, inbox = alice.place.database, f"{alice.actor.uri}/inbox"
    what = await said_to_a_follower(alice, frida)
    bob = await alice.place.person("bob")
    before = await database.read(contents)
    for actor, id_ in (
        (f"{frida.base}/users/georg", f"{frida.base}/likes/georg"),
        ("http://localhost:1/users/nobody", "http://localhost:1/likes/1"),
        (bob.actor.uri, f"http://{alice.place.host}/likes/bob"),
    ):
        activity = like(frida, what, actor=actor, id=id_)
        answer = await frida.tell("raw", inbox=inbox, activity=activity)
        await settle(alice.place)
        assert answer["status"] == 202
        assert (await verdict(alice.place, activity))[0] in ("refused", "due")
        assert changed(before, await database.read(contents)) == {}
