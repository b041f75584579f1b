from federation.vocabulary.sanitize_html import plain
from tests.support.servers import Place, settle

Places = tuple[Place, Place]


async def test_post_reaches_a_follower_on_another_server(places: Places) -> None:
    home, away = places
    alice, bob = await home.person("alice"), await away.person("bob")
    relationship = await alice.follow(bob)
    assert relationship["requested"] is True
    await settle(home, away)
    number = await alice.find(bob.handle)
    (relationship,) = await alice.get("/api/v1/accounts/relationships", **{"id[]": number})
    assert relationship["following"] is True
    assert await bob.notified() == [("follow", "alice@home.example")]
    await bob.say("Garlic is in. My knees are out. #garden")
    await settle(home, away)
    (seen,) = await alice.home()
    assert plain(seen["content"]) == "Garlic is in. My knees are out. #garden"
    assert seen["account"]["acct"] == "bob@away.example"
    assert [tag["name"] for tag in seen["tags"]] == ["garden"]
