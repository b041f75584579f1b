"""Lists of posts that have polls and quotes beside their words."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from storage.engine.transaction import Reader, Writer
from tests.support.servers import Person, Place

LISTS = (
    "/api/v1/accounts/{id}/statuses",
    "/api/v1/accounts/{id}/statuses?pinned=true",
    "/api/v1/timelines/home",
    "/api/v1/timelines/public",
)


@contextmanager
def counting(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """Every statement that a unit asks meanwhile."""
    asked: list[str] = []
    with monkeypatch.context() as patch:
        for name in ("rows", "named"):
            ask = getattr(Reader, name)

            def asks(reader: Reader, sql: str, *values: Any, ask: Any = ask) -> Any:
                asked.append(sql)
                return ask(reader, sql, *values)

            patch.setattr(Reader, name, asks)
        yield asked


def quote(writer: Writer, post: int, quoted: int) -> None:
    """Quote as if the post had arrived quoting: our members quote nothing yet."""
    writer.execute(
        "UPDATE posts SET quoted = (SELECT uri FROM posts WHERE id = ?) WHERE id = ?", quoted, post
    )
    writer.execute(
        "INSERT INTO approvals (id, kind, target, actor, request, state) SELECT ?, 'quote', ?,"
        " author, uri, 'approved' FROM posts WHERE id = ?",
        writer.new_id(),
        quoted,
        post,
    )


async def fill(alice: Person, count: int) -> None:
    for number in range(count):
        params = {"options": ["Leek", f"Kale {number}"], "expires_in": 3600}
        asked = await alice.say(f"Which of {number}?", poll=params)
        said = await alice.say(f"Look at {number}.")
        await alice.place.database.write(quote, int(said["id"]), int(asked["id"]))
        for post in (asked, said):
            await alice.ask("POST", f"/api/v1/statuses/{post['id']}/pin")


async def test_polls_and_quotes_are_read_in_as_many_statements_as_one(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    few, many = await place.person("few"), await place.person("many")
    for person, count in ((few, 1), (many, 20)):
        await fill(person, count)
    for path in LISTS:  # each asked before, so that what is kept once is kept
        figures = []
        for person in (few, many):
            await person.get(path.format(id=person.id), limit=40)
            with counting(monkeypatch) as asked:
                found = await person.get(path.format(id=person.id), limit=40)
            assert any(one["poll"] for one in found)
            assert any(one["quote"]["quoted_status"]["poll"] for one in found if one["quote"])
            figures.append(len(asked))
        print(path, figures)
        assert figures[0] == figures[1], path
