"""What was decided about somebody, what their server says, and whether it is blocked."""

from itertools import product
from pathlib import Path

import pytest

from storage.engine import schema
from storage.engine.connection import WRITING, connect
from storage.engine.ids import ActorId
from storage.people import actors
from storage.people.actors import Actor, ActorState
from tests.storage.raw import memory, writer_on

BEFORE = 18
STATES: tuple[ActorState, ...] = ("pending", "active", "suspended", "deleted")
HOSTS = ("evil.example", "sub.evil.example", "fine.example")
OLD = (
    "INSERT INTO actors (id, uri, type, name, domain, host, inbox, created_at, state, own_state,"
    " suspended_there) VALUES (?, ?, 'Person', ?, ?, ?, 'i', 0, ?, ?, ?)"
)


def old_world(count: int = 1) -> list[tuple[object, ...]]:
    """Everybody there could be before migration 19, as the program of then wrote them."""
    rows: list[tuple[object, ...]] = []
    for _, decided, host, suspended in product(range(count), STATES, HOSTS, (0, 1)):
        hidden = "evil" in host or suspended
        shown = decided if decided == "deleted" or not hidden else "suspended"
        own = decided if hidden else None
        id_ = len(rows) + 1
        rows.append((id_, f"u:{id_}", f"n{id_}", host, host, shown, own, suspended))
    return rows


def test_older_file_says_of_everybody_what_it_said() -> None:
    raw = memory(up_to=BEFORE)
    raw.execute("INSERT INTO hosts (host, tier) VALUES ('evil.example', 'blocked')")
    rows = old_world()
    raw.executemany(OLD, rows)
    for number, script in schema.scripts().items():
        if number > BEFORE:
            raw.executescript(script.read_text())
    found = actors.many(writer_on(raw), map(ActorId, range(1, len(rows) + 1)))
    assert len(found) == len(rows) == 24
    for id_, _, _, host, _, state, own, suspended in rows:
        one = found[ActorId(int(str(id_)))]
        assert one.effective_state == state, host
        assert one.moderation_state == (own or state), host
        assert one.remote_suspended == bool(suspended), host
        assert one.host_blocked == ("evil" in str(host)), host


@pytest.mark.parametrize("decided", STATES)
@pytest.mark.parametrize("suspended", [False, True])
@pytest.mark.parametrize("blocked", [False, True])
def test_column_says_what_the_program_says(
    decided: ActorState, suspended: bool, blocked: bool
) -> None:
    writer = writer_on(memory())
    actor = Actor(
        id=ActorId(1),
        uri="u",
        type="Person",
        name="n",
        inbox="i",
        moderation_state=decided,
        remote_suspended=suspended,
        host_blocked=blocked,
    )
    actors.add(writer, actor)
    known = actors.by_id(writer, ActorId(1))
    assert known is not None
    column = writer.value("SELECT effective_state FROM actors WHERE id = 1")
    assert column == known.effective_state == actor.effective_state


async def test_whole_file_is_brought_up_to_date(tmp_path: Path) -> None:
    """Migration in the way in which a server does it, with a copy beside it."""
    raw = connect(tmp_path / "db", WRITING)
    for number, script in schema.scripts().items():
        if number <= BEFORE:
            raw.executescript(f"{script.read_text()}; PRAGMA user_version = {number}")
    raw.executemany(OLD, old_world(20))
    raw.commit()
    schema.migrate(raw, tmp_path / "db")
    assert raw.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    assert raw.execute("SELECT count(*) FROM actors").fetchone() == (480,)
    raw.close()
    assert (tmp_path / f"db.before-{BEFORE}").is_file()
