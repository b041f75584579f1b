"""What others say to us, and what one of ours then sees."""

from federation.vocabulary.sanitize_html import plain
from storage.engine.transaction import Reader
from tests.federation.world import Document, Stranger, verdict
from tests.support.servers import Person, Place, settle


async def hear(place: Place, who: Stranger, document: Document) -> tuple[str, str]:
    """Let it be said, carried out, and judged."""
    assert await who.tell(place, document) == 202
    await settle(place)
    return await verdict(place, document)


async def follow(alice: Person, whom: Stranger) -> str:
    """Ask, and be accepted; their number here."""
    number = await alice.find(f"@{whom.name}@{whom.at.host}")
    await alice.post(f"/api/v1/accounts/{number}/follow")
    await settle(alice.place)
    uri = await alice.place.database.read(asked, whom.uri)
    assert (await hear(alice.place, whom, whom.says("Accept", uri)))[0] == "done"
    return number


def asked(reader: Reader, target: str) -> str:
    """The URI of the follow by which somebody was asked."""
    return str(
        reader.value(
            "SELECT f.uri FROM follows f JOIN actors w ON w.id = f.target WHERE w.uri = ?", target
        )
    )


async def homes(person: Person) -> list[str]:
    return [plain((one["reblog"] or one)["content"]) for one in await person.home()]
