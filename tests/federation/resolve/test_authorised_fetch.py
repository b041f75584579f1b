"""Who may fetch what: a private post goes to those who have it anyway (SECURITY 77, 78)."""

import pytest

from storage.engine.transaction import Writer
from storage.queues import hosts
from tests.federation.world import ACTIVITY, Neighbour, Stranger
from tests.support.servers import Person, Place, settle

Answer = tuple[int, bytes, dict[str, str]]

# These differ between any two answers.
APART = ("Date", "X-Request-ID")


async def anonymous(place: Place, path: str) -> Answer:
    async with place.client.get(path, headers={"Accept": ACTIVITY}) as answer:
        return answer.status, await answer.read(), dict(answer.headers)


def bare(answer: Answer) -> Answer:
    status, body, headers = answer
    return status, body, {name: v for name, v in headers.items() if name not in APART}


async def said(alice: Person, visibility: str) -> str:
    made = await alice.say("For some", visibility=visibility)
    return f"/posts/{made['id']}"


async def test_followers_server_gets_what_is_for_followers(
    ours: Place, alice: Person, vera: Stranger, victim: Neighbour
) -> None:
    path = await said(alice, "private")
    other = victim.person("other")
    for asker in (vera, other):  # whoever of that server asks
        status, body, headers = await asker.get(ours, path)
        assert status == 200
        assert b"For some" in body
        assert headers["Cache-Control"] == "private, no-store"


@pytest.mark.parametrize("visibility", ["private", "direct"])
async def test_hidden_post_looks_like_none(
    ours: Place, alice: Person, vera: Stranger, evil: Neighbour, visibility: str
) -> None:
    path = await said(alice, visibility)
    mallory = evil.person("mallory")
    missing = bare(await mallory.get(ours, "/posts/1"))
    assert missing[0] == 404
    assert bare(await mallory.get(ours, path)) == missing
    assert bare(await mallory.get(ours, f"{path}/replies")) == missing
    assert bare(await anonymous(ours, path)) == bare(await anonymous(ours, "/posts/1"))
    if visibility == "direct":
        assert bare(await vera.get(ours, path)) == missing


async def test_post_that_names_somebody_goes_to_their_server(
    ours: Place, alice: Person, vera: Stranger, evil: Neighbour
) -> None:
    mallory = evil.person("mallory")
    made = await alice.say("@mallory@evil.example Hello", visibility="direct")
    assert (await mallory.get(ours, f"/posts/{made['id']}"))[0] == 200
    assert (await vera.get(ours, f"/posts/{made['id']}"))[0] == 404


async def test_blocked_server_gets_nothing(ours: Place, alice: Person, vera: Stranger) -> None:
    private, public = await said(alice, "private"), await said(alice, "public")
    await ours.database.write(hosts.set_tier, "victim.example", "blocked")
    missing = bare(await vera.get(ours, "/posts/1"))
    assert missing[0] == 404
    outbox = f"/actors/{alice.id}/outbox"
    for path in (private, public, f"{public}/replies", outbox, f"{outbox}/page/0"):
        assert bare(await vera.get(ours, path)) == missing


async def test_blocked_signer_gets_nothing(ours: Place, alice: Person, vera: Stranger) -> None:
    private, public = await said(alice, "private"), await said(alice, "public")
    number = await alice.find("@vera@victim.example")
    await alice.post(f"/api/v1/accounts/{number}/block")
    assert (await vera.get(ours, private))[0] == 404
    assert (await vera.get(ours, public))[0] == 404


async def test_former_follower_is_no_reader(ours: Place, alice: Person, vera: Stranger) -> None:
    path = await said(alice, "private")
    follow = vera.says("Follow", alice.actor.uri)
    assert await vera.tell(ours, vera.says("Undo", follow)) == 202
    await settle(ours)
    assert (await vera.get(ours, path))[0] == 404


async def test_follower_who_waits_for_an_answer_is_none(
    ours: Place, alice: Person, evil: Neighbour
) -> None:
    await alice.call("PATCH", "/api/v1/accounts/update_credentials", json={"locked": True})
    mallory = evil.person("mallory")
    assert await mallory.tell(ours, mallory.says("Follow", alice.actor.uri)) == 202
    await settle(ours)
    assert (await mallory.get(ours, await said(alice, "private")))[0] == 404


@pytest.mark.parametrize("state", ["suspended", "deleted"])
async def test_suspended_signer_gets_nothing(
    ours: Place, alice: Person, vera: Stranger, state: str
) -> None:
    path = await said(alice, "private")
    assert (await vera.get(ours, path))[0] == 200

    def turn_out(writer: Writer) -> None:
        writer.execute("UPDATE actors SET moderation_state = ? WHERE uri = ?", state, vera.uri)

    await ours.database.write(turn_out)
    assert (await vera.get(ours, path))[0] == 404


async def test_bad_signature_is_none(
    ours: Place, alice: Person, vera: Stranger, evil: Neighbour
) -> None:
    """Answers that depend on a signature are not kept, either."""
    thief = Stranger(evil, "mallory", evil.person("mallory").pair)
    missing = bare(await thief.get(ours, "/posts/1", key_id=vera.key_id))
    private, public = await said(alice, "private"), await said(alice, "public")
    assert bare(await thief.get(ours, private, key_id=vera.key_id)) == missing
    status, _, headers = await thief.get(ours, public, key_id=vera.key_id)
    assert (status, headers["Cache-Control"]) == (200, "private, no-store")


async def test_gone_is_said_to_those_who_could_see_it(
    ours: Place, alice: Person, vera: Stranger, evil: Neighbour
) -> None:
    mallory = evil.person("mallory")
    private, public = await said(alice, "private"), await said(alice, "public")
    for path in (private, public):
        await alice.call("DELETE", f"/api/v1/statuses{path.removeprefix('/posts')}")
    assert (await vera.get(ours, private))[0] == 410
    assert bare(await mallory.get(ours, private)) == bare(await mallory.get(ours, "/posts/1"))
    assert (await anonymous(ours, private))[0] == 404
    assert (await mallory.get(ours, public))[0] == 410
    assert (await anonymous(ours, public))[0] == 410


async def test_activity_is_as_private_as_its_post(
    ours: Place, alice: Person, vera: Stranger, evil: Neighbour
) -> None:
    mallory = evil.person("mallory")
    for visibility, others in (("private", 404), ("public", 200)):
        await said(alice, visibility)
        number = await ours.database.read(lambda r: r.value("SELECT max(id) FROM activities"))
        status, body, headers = await vera.get(ours, f"/activities/{number}")
        assert (status, b"For some" in body) == (200, True)
        assert headers["Vary"] == "Accept, Signature"
        assert headers["Cache-Control"] == "private, no-store"
        assert (await mallory.get(ours, f"/activities/{number}"))[0] == others
        assert (await anonymous(ours, f"/activities/{number}"))[0] == others
    assert (await anonymous(ours, f"/activities/{number}"))[2]["Cache-Control"] == "max-age=180"


async def test_outbox_holds_what_is_for_everybody(
    ours: Place, alice: Person, vera: Stranger
) -> None:
    for visibility in ("public", "unlisted", "private", "direct", "local"):
        await alice.say(f"It is {visibility}", visibility=visibility)
    status, body, _ = await vera.get(ours, f"/actors/{alice.id}/outbox/page/0")
    assert status == 200
    found = [
        word
        for word in ("public", "unlisted", "private", "direct", "local")
        if f"It is {word}".encode() in body
    ]
    assert found == ["public", "unlisted"]
