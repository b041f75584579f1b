"""Golden wire: every document that we send, as it is sent, is a file in tests/wire/sent.

A journey makes them all on a real server; then each is compared with its file, key order included.
Numbers of ours become their place in the document (1, 2, …) and keys of others become fixed ones.
WIRE_UPDATE=1 writes the files anew: look at the difference before it is committed.
"""

import os
import re
from base64 import b64encode
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson
import pytest
from aiohttp import FormData

from federation.activities import Delete
from federation.activity import _TYPES as VERBS
from federation.activity import parse_activity
from federation.objects import actor as actor_object
from federation.objects import note
from federation.outbound import outbox
from federation.vocabulary.contexts import SENT
from federation.vocabulary.json_documents import kind, read
from server import VERSION
from server.actions.lifecycle import account_moves
from server.cli import commands
from server.moderation import account_decisions
from server.moderation.account_decisions import COMMAND_LINE, Verdict
from server.services import SERVICES
from storage.engine.transaction import Reader, Writer
from storage.media import emojis
from storage.people import actors
from tests.federation.world import ACTIVITY, Neighbour, Stranger, neighbour
from tests.server.media.test_processing import corners, encoded
from tests.support.clock import Watch
from tests.support.internet import Internet
from tests.support.reading import normalise
from tests.support.servers import Person, Place, serving, settle

FOLDER = Path(__file__).parent / "sent"
_NUMBER = re.compile(r"(?<![0-9])[0-9]{15,20}(?![0-9])")
_RANDOM = re.compile(r"(?<![0-9a-f])[0-9a-f]{32}(?![0-9a-f])")
_PEM = re.compile(r"(-----BEGIN PUBLIC KEY-----\\n)[^-]*(-----END)")
_MULTIBASE = re.compile(r"z6Mk[1-9A-HJ-NP-Za-km-z]{44}")


def stable(body: bytes) -> str:
    """The document for reading, without what differs from run to run."""
    text = body.decode()
    if text.startswith("{"):
        assert orjson.dumps(orjson.loads(body)) == body  # so the order of keys is in the file
        text = orjson.dumps(orjson.loads(body), option=orjson.OPT_INDENT_2).decode() + "\n"
    seen: dict[str, str] = {}
    text = _RANDOM.sub("0…", text)  # first: one in a hundred looks like a number in its midst
    text = _NUMBER.sub(lambda found: seen.setdefault(found[0], str(len(seen) + 1)), text)
    text = _PEM.sub(r"\1…\n\2", text).replace("…\n", "…\\n")
    return _MULTIBASE.sub("z6Mk…", text).replace(f'"{VERSION}"', '"VERSION"')


@dataclass
class Journey:
    """Alice of ours, vera who follows her, and everything that left our server."""

    alice: Person
    vera: Stranger
    sent: dict[str, bytes] = field(default_factory=dict)

    @property
    def place(self) -> Place:
        return self.alice.place

    async def caught(self, *names: str) -> None:
        """What was delivered since the last time, in the order of these names (by type)."""
        await settle(self.place)
        arrived = [one.body for one in self.vera.at.arrived]
        self.vera.at.asked.clear()
        found = sorted(arrived, key=lambda body: names.index(_name_of(body, names)))
        assert len(found) == len(names), (names, arrived)
        self.sent |= dict(zip(names, found, strict=True))

    async def fetched(self, name: str, path: str, accept: str = ACTIVITY) -> None:
        async with self.place.client.get(path, headers={"Accept": accept}) as answer:
            assert answer.status == 200, (path, await answer.text())
            self.sent[name] = await answer.read()

    async def hears(self, document: dict[str, Any]) -> None:
        assert await self.vera.tell(self.place, document) == 202
        await settle(self.place)

    async def number(self, uri: str) -> int:
        found = await self.place.database.read(
            lambda reader: reader.value("SELECT id FROM posts WHERE uri = ?", uri)
        )
        return int(found)


def _name_of(body: bytes, names: tuple[str, ...]) -> str:
    document = orjson.loads(body)
    inner = document["object"]
    parts = [document["type"], inner.get("type", "") if isinstance(inner, dict) else ""]
    return next(
        name
        for name in names
        if name.split("-")[: len(parts)] == parts or name.split("-")[0] == parts[0]
    )


async def relations(journey: Journey) -> None:
    alice, vera = journey.alice, journey.vera
    await journey.hears(vera.says("Follow", alice.actor.uri, id=f"{vera.uri}#follow"))
    await journey.caught("Accept-Follow")
    number = await alice.find("@vera@victim.example")
    for verb, name in (("follow", "Follow"), ("unfollow", "Undo-Follow")):
        await alice.post(f"/api/v1/accounts/{number}/{verb}")
        await journey.caught(name)
    for verb, name in (("block", "Block"), ("unblock", "Undo-Block")):
        await alice.post(f"/api/v1/accounts/{number}/{verb}")
        await journey.caught(*([name] if verb == "unblock" else [name, "Reject-Follow"]))
    await journey.hears(vera.says("Follow", alice.actor.uri, id=f"{vera.uri}#again"))
    await settle(journey.place)
    vera.at.asked.clear()


async def posts(journey: Journey) -> list[str]:
    alice, made = journey.alice, []
    for visibility in ("public", "unlisted", "private", "direct"):
        said = await alice.say(
            f"@vera@victim.example It is {visibility} #Garden & https://example.org/a?b=c",
            visibility=visibility,
            language="en",
        )
        await journey.caught(f"Create-Note-{visibility}")
        made.append(str(said["id"]))
    await alice.say("Some leek", spoiler_text="Food", sensitive=True)
    await journey.caught("Create-Note-warning")
    theirs = journey.vera.note(id=f"{journey.vera.at.origin}/notes/a", to=[alice.actor.uri])
    await journey.hears(journey.vera.says("Create", theirs))
    await alice.say("@vera@victim.example Yes", in_reply_to_id=await journey.number(theirs["id"]))
    await journey.caught("Create-Note-answer")
    return made


async def reactions(journey: Journey) -> None:
    theirs = journey.vera.note(id=f"{journey.vera.at.origin}/notes/b")
    theirs |= {"cc": [journey.alice.actor.uri]}
    await journey.hears(journey.vera.says("Create", theirs))
    path = f"/api/v1/statuses/{await journey.number(theirs['id'])}"
    for verb, name in (
        ("favourite", "Like"),
        ("unfavourite", "Undo-Like"),
        ("reblog", "Announce"),
        ("unreblog", "Undo-Announce"),
    ):
        await journey.alice.post(f"{path}/{verb}")
        await journey.caught(name)


async def posts_in_full(journey: Journey) -> None:
    """A poll asked and changed, a pin put and taken away, a vote, and consent to a quote."""
    alice, vera = journey.alice, journey.vera
    params = {"options": ["Leek", "Kale"], "expires_in": 3600}
    asked = await alice.say("Which soup?", poll=params, interaction_policy={"reply": "followers"})
    await journey.caught("Create-Question")
    path = f"/api/v1/statuses/{asked['id']}"
    changed = {"status": "Which soup tonight?", "poll": {**params, "multiple": True}}
    await alice.call("PUT", path, json=changed)
    await journey.caught("Update-Question")
    for verb, name in (("pin", "Add"), ("unpin", "Remove")):
        await alice.post(f"{path}/{verb}")
        await journey.caught(name)
    options = [{"type": "Note", "name": name} for name in ("Leek", "Kale")]
    theirs = vera.note(id=f"{vera.at.origin}/notes/c", type="Question", oneOf=options)
    await journey.hears(vera.says("Create", theirs | {"cc": [alice.actor.uri]}))
    number = await journey.number(theirs["id"])
    await alice.post(f"/api/v1/polls/{number}/votes", choices=[1])
    await journey.caught("Create-Note-vote")
    for policy, answer in (("public", "Accept"), ("nobody", "Reject")):
        quoting = vera.note(id=f"{vera.at.origin}/notes/{policy}", quote=asked["uri"])
        await alice.call(
            "PUT", f"{path}/interaction_policy", json={"quote_approval_policy": policy}
        )
        await settle(journey.place)
        vera.at.asked.clear()
        asking = f"{vera.at.origin}/asking/{policy}"
        request = vera.says("QuoteRequest", asked["uri"], id=asking, instrument=quoting)
        await journey.hears(request)
        await journey.caught(f"{answer}-QuoteRequest")
        if answer == "Accept":
            stamp = orjson.loads(journey.sent["Accept-QuoteRequest"])["result"]
            await journey.fetched("QuoteAuthorization", stamp.removeprefix("http://ours.example"))


async def pictures(journey: Journey) -> None:
    """Pictures for everybody and for few, with an emoji."""
    alice, place = journey.alice, journey.place
    given = {"name": "leek", "picture": b64encode(encoded(corners(50, 50), "PNG")).decode()}
    await commands.run(place.app, "emoji add", given)
    for visibility in ("public", "private"):
        form = FormData({"description": "Four corners", "focus": "0.5,-0.25"})
        form.add_field("file", encoded(corners(), "PNG"), filename="a.png")
        made = await alice.call("POST", "/api/v2/media", data=form)
        await alice.say("Look :leek:", visibility=visibility, media_ids=[made["id"]])
        await journey.caught(f"Create-Note-pictures-{visibility}")
    number = await place.database.read(lambda reader: emojis.ours(reader)[0].id)
    await journey.fetched("Emoji", f"/emojis/{number}")


def application(reader: Reader) -> str:
    return actors.application(reader).uri


async def documents(journey: Journey, post: str) -> None:
    alice = f"/actors/{journey.alice.id}"
    number = await journey.place.database.read(
        lambda reader: reader.value("SELECT min(id) FROM activities WHERE type = 'Create'")
    )
    group = await journey.place.database.read(lambda reader: actors.community(reader).id)
    for name, path in {
        "actor-Application": "/actor",
        "actor-Person": alice,
        "actor-Group": f"/actors/{group}",
        "Note": f"/posts/{post}",
        "replies": f"/posts/{post}/replies",
        "activity": f"/activities/{number}",
        "outbox": f"{alice}/outbox",
        "outbox-page": f"{alice}/outbox/page/0",
        "followers": f"{alice}/followers",
        "following": f"{alice}/following",
        "featured": f"{alice}/featured",
        "webfinger": "/.well-known/webfinger?resource=acct:alice@ours.example",
        "webfinger-server": "/.well-known/webfinger?resource=http://ours.example",
        "host-meta": "/.well-known/host-meta",
        "nodeinfo-links": "/.well-known/nodeinfo",
        "nodeinfo-2.0": "/nodeinfo/2.0",
        "nodeinfo-2.1": "/nodeinfo/2.1",
    }.items():
        await journey.fetched(name, path)


async def turned_out(journey: Journey) -> None:
    """A report that is told on; a suspension, and that it is taken back."""
    alice, place = journey.alice, journey.place
    number = await alice.find("@vera@victim.example")
    given = {"account_id": number, "comment": "She calls my leeks onions.", "forward": True}
    await alice.post("/api/v1/reports", **given)
    await journey.caught("Flag")
    verdict = Verdict(action="suspend", email=False)
    await place.database.write(account_decisions.decide, COMMAND_LINE, alice.actor.id, verdict)
    await journey.caught("Update-Person-suspended")
    await journey.fetched("actor-suspended", f"/actors/{alice.id}")
    await place.database.write(account_decisions.undo, COMMAND_LINE, alice.actor.id, "suspend")
    await journey.caught("Update-Person-restored")


async def moved_on(journey: Journey) -> None:
    """Move to another account, which names this one."""
    alice, place = journey.alice, journey.place
    journey.vera.at.person("alicia", alsoKnownAs=[alice.actor.uri])
    await account_moves.move(place.app[SERVICES], alice.actor.id, "@alicia@victim.example")
    await journey.caught("Move", "Update-Person-moved")


def leave(writer: Writer, uri: str) -> None:
    outbox.publish(writer, Delete(id=outbox.new_uri(writer), actor=uri, what=uri))


@pytest.fixture
async def victim(watch: Watch) -> AsyncIterator[tuple[Internet, Neighbour]]:
    internet = Internet()
    async with AsyncExitStack() as stack:
        made, server = await neighbour(internet, watch, "victim.example")
        stack.push_async_callback(server.close)
        yield internet, made


@pytest.fixture
async def sent(
    tmp_path: Path, watch: Watch, victim: tuple[Internet, Neighbour]
) -> dict[str, bytes]:
    internet, other = victim
    async with serving(tmp_path, "ours.example", internet, watch) as place:
        alice = await place.person("alice")
        journey = Journey(alice, other.person("vera"))
        await relations(journey)
        profile = {
            "display_name": "Alice",
            "note": "I garden. #leek",
            "fields_attributes": {"0": {"name": "Plot", "value": "Number 7"}},
        }
        await alice.call("PATCH", "/api/v1/accounts/update_credentials", json=profile)
        await journey.caught("Update-Person")
        made = await posts(journey)
        await reactions(journey)
        await posts_in_full(journey)
        await pictures(journey)
        await documents(journey, made[0])
        await alice.call("DELETE", f"/api/v1/statuses/{made[0]}")
        await journey.caught("Delete-Tombstone")
        await turned_out(journey)
        await moved_on(journey)
        await place.database.write(leave, alice.actor.uri)
        await journey.caught("Delete-actor")
    return journey.sent


def _suffix(body: bytes) -> str:
    return "json" if body.startswith(b"{") else "xml"


async def test_documents_that_we_send_are_what_the_files_say(sent: dict[str, bytes]) -> None:
    found = {f"{name}.{_suffix(body)}": stable(body) for name, body in sent.items()}
    if os.environ.get("WIRE_UPDATE") == "1":
        for old in FOLDER.iterdir():
            old.unlink()
        for name, text in found.items():
            (FOLDER / name).write_text(text)
    assert {path.name for path in FOLDER.iterdir()} == set(found)
    differing = [name for name, text in found.items() if (FOLDER / name).read_text() != text]
    assert differing == [], "look at the difference that WIRE_UPDATE=1 makes"
    print(f"\n{len(found)} documents")


def test_verbs_are_all_among_them() -> None:
    types = {part for path in FOLDER.iterdir() for part in path.stem.split("-")}
    assert set(VERBS) <= types


@pytest.mark.parametrize("path", sorted(FOLDER.glob("*.json")), ids=lambda path: path.stem)
def test_documents_of_ours_are_understood_and_state_one_of_six_contexts(path: Path) -> None:
    document = normalise(read(path.read_bytes()))
    if "@context" not in document:
        assert path.stem.startswith(("webfinger", "nodeinfo"))
        return
    assert document["@context"] in SENT.values()
    if kind(document) in VERBS:
        parse_activity(document)
    elif kind(document) in actor_object.TYPES:
        actor_object.parse(document)
    elif kind(document) in note.TYPES:
        note.parse(document)
    else:
        others = ("Collection", "OrderedCollection", "OrderedCollectionPage")
        assert kind(document) in (*others, "QuoteAuthorization", "Emoji")
