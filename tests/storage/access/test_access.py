from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from storage.access import accounts, challenges, known_devices, oauth, sessions
from storage.access.accounts import ACCESS
from storage.access.oauth import App, Code
from storage.communities import charters
from storage.communities.charters import Charter, Commitment
from storage.engine import ids, instance
from storage.engine.database import Database
from storage.engine.errors import Conflict
from storage.engine.ids import ActorId
from storage.engine.transaction import Writer
from storage.lifecycle import retention
from storage.media import attachments
from storage.media.attachments import Media
from storage.people import actors, keys
from storage.people.actors import Field
from storage.people.keys import Key
from storage.posts import idempotency, posts
from storage.reading import markers
from tests.storage import cast
from tests.storage.raw import memory, writer_on
from tests.support.clock import Watch

HOUR = timedelta(hours=1)
DAY = timedelta(days=1)


def fresh() -> Writer:
    return writer_on(memory(), Watch())


def an_app(writer: Writer, secret: str) -> int:
    id_ = writer.new_id()
    uris = ("https://app.example/back",)
    oauth.add(
        writer, App(id_, f"client {id_}", oauth.hash_secret(secret), "App", None, uris, "read")
    )
    return id_


# ---- nothing secret is kept ----

ISSUED = ("token", "code", "session", "reset", "invitation", "app secret")


def issue_everything(writer: Writer, secrets: dict[str, str]) -> int:
    alice = cast.account(writer, "alice")
    app = an_app(writer, secrets["app secret"])
    token = oauth.issue(writer, secrets["token"], app, alice, "read")
    expires = writer.now + HOUR
    code = Code(app, alice, "https://app.example/back", "read", "challenge", expires)
    oauth.add_code(writer, secrets["code"], code)
    oauth.code_used(writer, secrets["code"], token)
    sessions.start(writer, secrets["session"], alice, "Firefox")
    sessions.offer_reset(writer, secrets["reset"], alice, HOUR)
    sessions.invite(writer, secrets["invitation"], alice, 3, HOUR)
    return alice


async def test_issued_secrets_are_in_no_file(database: Database, tmp_path: Path) -> None:
    secrets = {name: ids.secret() for name in ISSUED}
    await database.write(issue_everything, secrets)
    assert await database.read(oauth.token, secrets["token"])
    assert await database.read(oauth.code, secrets["code"])
    assert await database.read(sessions.find, secrets["session"])
    assert await database.read(sessions.reset_of, secrets["reset"])
    assert (await database.write(sessions.use_invitation, secrets["invitation"]))[0]
    await database.vacuum_into(tmp_path / "copy")
    files = [path for path in tmp_path.iterdir() if path.is_file()]
    assert {"db", "db-wal", "copy"} <= {path.name for path in files}
    content = b"".join(path.read_bytes() for path in files)
    hashes = [oauth.hash_secret(secret) for secret in secrets.values()]
    assert all(hash_.encode() in content for hash_ in hashes)  # so we looked in the right place
    assert [name for name in ISSUED if secrets[name].encode() in content] == []


# ---- accounts ----


def test_account_is_found_by_name_and_by_address_in_any_case() -> None:
    writer = fresh()
    alice = cast.account(writer, "alice")
    for login in ("alice", "ALICE", "@alice", " alice@mail.example ", "Alice@Mail.Example"):
        found = accounts.by_login(writer, login)
        assert found and found.actor == alice, login
    cast.actor(writer, "bob", "away.example")
    for login in ("bob", "", "@", "alice@home.example"):
        assert accounts.by_login(writer, login) is None


def test_name_and_an_address_belong_to_one() -> None:
    writer = fresh()
    cast.account(writer, "alice")
    with pytest.raises(Conflict, match="email"):
        cast.account(writer, "other", email="ALICE@mail.example")
    with pytest.raises(Conflict, match="name"):
        cast.actor(writer, "Alice")
    theirs = actors.by_id(writer, cast.actor(writer, "alice", "away.example"))
    assert theirs
    with pytest.raises(Conflict, match="uri"):
        actors.add(writer, replace(theirs, id=ActorId(5), name="other"))
    found = actors.by_handle(writer, "ALICE", "AWAY.example")
    assert found and found.acct == "alice@away.example"


def test_settings_are_added_to() -> None:
    writer = fresh()
    alice = cast.account(writer, "alice")
    accounts.set_settings(writer, alice, {"privacy": "private", "sensitive": True})
    accounts.set_settings(writer, alice, {"sensitive": False})
    found = accounts.by_actor(writer, alice)
    assert found and found.settings == {"privacy": "private", "sensitive": False}


async def test_end_of_access_is_told(database: Database) -> None:
    told: list[str] = []
    alice = await database.write(lambda writer: cast.account(writer, "alice"))
    with database.changes.listen(ACCESS, lambda change: told.append(change.key)):
        await database.write(accounts.set_password, alice, "new")
        await database.write(accounts.set_state, alice, "disabled")
        await database.write(accounts.set_role, alice, "steward")
        await database.write(oauth.revoke_all, alice)
        await database.write(sessions.end_all, alice)
    assert told == [str(alice)] * 5
    found = await database.read(accounts.by_actor, alice)
    assert found and (found.password, found.state, found.role) == ("new", "disabled", "steward")


def test_stewards_and_admins_are_known() -> None:
    writer = fresh()
    steward, admin, gone = (
        cast.account(writer, name, role=role, state=state)
        for name, role, state in (
            ("steward", "steward", "active"),
            ("admin", "admin", "active"),
            ("gone", "admin", "disabled"),
        )
    )
    cast.account(writer, "member")
    assert accounts.stewards(writer) == [admin, steward]
    assert gone not in accounts.stewards(writer)
    assert len(accounts.everyone(writer, "active")) == 3
    assert actors.count_local(writer) == 3
    accounts.record_use(writer, admin)
    assert accounts.active_since(writer, writer.now_ms) == 1


# ---- actors ----


def test_actor_is_read_as_written_and_changes_are_counted() -> None:
    writer = fresh()
    alice = actors.by_id(writer, cast.actor(writer, "alice", fields=(Field("a", "<b>b</b>", "b"),)))
    assert alice and alice.fields == (Field("a", "<b>b</b>", "b"),)
    actors.update(writer, alice)
    actors.set_moderation_state(writer, alice.id, "suspended")
    again = actors.by_uri(writer, alice.uri)
    assert again and (again.version, again.effective_state) == (3, "suspended")
    assert actors.many(writer, [alice.id, ActorId(5)]) == {alice.id: again}
    assert actors.ids_by_uri(writer, [alice.uri, "u:nobody"]) == {alice.uri: alice.id}


def test_names_are_searched_for_as_text_not_as_patterns() -> None:
    writer = fresh()
    for name in ("al_ice", "alxice"):
        cast.actor(writer, name)
    assert [one.name for one in actors.named_like(writer, "al_", None, 10)] == ["al_ice"]
    assert actors.named_like(writer, "%", None, 10) == []
    assert len(actors.named_like(writer, "al", "", 10)) == 2


def test_key_stays_with_whom_it_belongs_to() -> None:
    writer = fresh()
    alice, mallory = cast.actor(writer, "alice"), cast.actor(writer, "mallory", "away.example")
    keys.add(writer, Key("u:key", alice, "rsa", "public", "private"))
    keys.add(writer, Key("u:key", mallory, "rsa", "mallory's"))
    keys.add(writer, Key("u:key", alice, "rsa", "other"))
    assert keys.signing(writer, alice).public == "public"
    keys.add(writer, Key("u:theirs", mallory, "rsa", "one"))
    keys.add(writer, Key("u:theirs", mallory, "rsa", "two"))
    found = keys.by_uri(writer, "u:theirs")
    assert found and (found.actor, found.public) == (mallory, "two")
    trent = cast.actor(writer, "trent", "away.example")
    keys.add(writer, Key("u:theirs", trent, "rsa", "proven"))  # was only claimed before
    found = keys.by_uri(writer, "u:theirs")
    assert found and (found.actor, found.public) == (trent, "proven")
    keys.forget_others(writer, mallory, [])
    assert len(keys.of_actor(writer, trent)) == 1
    keys.forget_others(writer, trent, [])
    keys.forget_others(writer, alice, [])
    assert keys.of_actor(writer, mallory) == []
    assert len(keys.of_actor(writer, alice)) == 1


# ---- apps, tokens, codes ----


def test_token_is_known_until_it_is_taken_back() -> None:
    writer = fresh()
    alice, bob = cast.account(writer, "alice"), cast.account(writer, "bob")
    app = an_app(writer, "app secret")
    one = oauth.issue(writer, "one", app, alice, "read")
    own = oauth.issue(writer, "own", app, None, "read")
    oauth.token_used(writer, one)
    found = oauth.token(writer, "one")
    assert found and (found.account, found.app_name, found.last_used_at) == (
        alice,
        "App",
        writer.now,
    )
    assert not oauth.revoke(writer, one, bob)
    assert oauth.revoke(writer, one, alice)
    assert oauth.token(writer, "one") is None
    assert oauth.revoke(writer, own)
    oauth.issue(writer, "two", app, alice, "read")
    oauth.issue(writer, "three", app, bob, "read")
    oauth.revoke_all(writer, alice)
    assert oauth.tokens_of(writer, alice) == []
    assert len(oauth.tokens_of(writer, bob)) == 1


def test_code_remembers_what_it_was_exchanged_for() -> None:
    writer = fresh()
    alice, app = cast.account(writer, "alice"), an_app(writer, "app secret")
    known = oauth.by_id(writer, app)
    assert known
    assert oauth.by_client_id(writer, known.client_id) == known
    made = Code(app, alice, "https://app.example/back", "read", "challenge", writer.now + HOUR)
    oauth.add_code(writer, "code", made)
    assert oauth.code(writer, "code") == made
    assert oauth.code(writer, "other") is None
    token = oauth.issue(writer, "token", app, alice, "read")
    oauth.code_used(writer, "code", token)
    used = oauth.code(writer, "code")
    assert used and (used.token, used.used_at) == (token, writer.now)


# ---- sessions, links, invitations ----


def test_session_lasts_while_it_is_used() -> None:
    writer = fresh()
    alice, bob = cast.account(writer, "alice"), cast.account(writer, "bob")
    site = sessions.start(writer, "here", alice, "Firefox")
    there = sessions.start(writer, "there", alice, "Phone")
    writer.now += sessions.LASTS - HOUR
    sessions.record_use(writer, site)
    writer.now += HOUR
    assert sessions.find(writer, "here")
    assert sessions.find(writer, "there") is None
    assert not sessions.end(writer, site, bob)
    sessions.end_all(writer, alice, but=site)
    assert [one.id for one in sessions.of_account(writer, alice)] == [site]
    assert not sessions.end(writer, there, alice)
    assert sessions.end(writer, site, alice)
    assert sessions.find(writer, "here") is None


def test_link_for_a_new_password_is_the_last_one_and_ends() -> None:
    writer = fresh()
    alice = cast.account(writer, "alice")
    sessions.offer_reset(writer, "first", alice, HOUR)
    sessions.offer_reset(writer, "second", alice, HOUR)
    assert sessions.reset_of(writer, "first") is None
    assert sessions.reset_of(writer, "second") == alice
    writer.now += HOUR
    assert sessions.reset_of(writer, "second") is None
    sessions.offer_reset(writer, "third", alice, HOUR)
    sessions.forget_links(writer, alice)
    assert sessions.reset_of(writer, "third") is None


def test_invitation_serves_so_many_for_so_long() -> None:
    writer = fresh()
    alice = cast.account(writer, "alice")
    sessions.invite(writer, "two", alice, 2, HOUR)
    assert [sessions.use_invitation(writer, "two") for _ in range(3)] == [
        (True, alice),
        (True, alice),
        (False, None),
    ]
    sessions.invite(writer, "late", None, 9, HOUR)
    assert sessions.use_invitation(writer, "late") == (True, None)
    writer.now += HOUR
    assert sessions.use_invitation(writer, "late") == (False, None)
    assert sessions.use_invitation(writer, "unknown") == (False, None)


# ---- and the small things ----


def test_small_things_are_kept() -> None:
    writer = fresh()
    alice = cast.account(writer, "alice")
    markers.put(writer, alice, "home", 5)
    markers.put(writer, alice, "home", 7)
    (marker,) = markers.of(writer, alice)
    assert (marker.last_read, marker.version) == (7, 2)
    file = Media(1, alice, "avatar", "a.webp", "image/webp", 10, 1, 1)
    attachments.add(writer, file)
    assert attachments.by_file(writer, "a.webp") == file
    assert attachments.files(writer) == [("a.webp", 10)]
    attachments.remove(writer, "a.webp")
    assert attachments.by_file(writer, "a.webp") is None
    instance.put(writer, "key", "value")
    assert (instance.get(writer, "key"), instance.get(writer, "other")) == ("value", None)


def test_charter_comes_into_force() -> None:
    writer = fresh()
    alice = cast.account(writer, "alice")
    for version, wait in ((1, timedelta(0)), (2, DAY)):
        charters.add(
            writer,
            Charter(
                id=version,
                uri=f"u:{version}",
                owner=alice,
                version=version,
                name="Garden",
                purpose="To grow.",
                commitments=(Commitment("Be kind.", "As to a guest."),),
                question="Why?",
                published_at=writer.now,
                in_force_at=writer.now + wait,
            ),
        )
        charters.agree(writer, version, alice)
        charters.agree(writer, version, alice)
    found = charters.current(writer, alice)
    assert found and found.version == 1
    writer.now += DAY
    found = charters.current(writer, alice)
    assert found and (found.version, found.commitments[0].hint) == (2, "As to a guest.")
    assert charters.current(writer, ActorId(12345)) is None


def test_key_makes_one_post_an_hour() -> None:
    writer = fresh()
    alice = cast.account(writer, "alice")
    assert idempotency.claim(writer, alice, "key")
    idempotency.keep(writer, alice, "key", 1)
    assert idempotency.earlier(writer, alice, "key") == 1
    assert not idempotency.claim(writer, alice, "key")
    assert idempotency.earlier(writer, alice, "other") is None
    writer.now += HOUR
    assert idempotency.earlier(writer, alice, "key") is None
    assert idempotency.claim(writer, alice, "key")
    idempotency.keep(writer, alice, "key", 2)
    assert idempotency.earlier(writer, alice, "key") == 2


# ---- what is forgotten in time ----

FORGOTTEN = {
    "received": timedelta(days=30),
    "early_deletes": timedelta(days=30),
    "deliveries": timedelta(days=37),
    "activities": timedelta(days=37),
    "codes": DAY + HOUR,
    "resets": HOUR,
    "sessions": timedelta(days=60),
    "idempotency": HOUR,
    "signatures_seen": HOUR,
    "challenges": HOUR,
    "known_places": timedelta(days=365),
    "known_devices": timedelta(days=400),
}


def fill(writer: Writer) -> None:
    """A row in each table that is pruned; in deliveries one that waits, and one parked."""
    alice = issue_everything(writer, {name: name for name in ISSUED})
    challenges.begin(writer, "begun", "second", HOUR, ActorId(alice))
    for place, later in (("old", 0), ("newest", 1)):
        writer.execute(
            "INSERT INTO known_places VALUES (?, ?, ?)", alice, place, writer.now_ms + later
        )
    known_devices.know(writer, ActorId(alice), "device")
    idempotency.claim(writer, ActorId(alice), "key")
    posts.expect_delete(writer, "u:1", "u:bob", "away.example")
    soon = writer.now_ms + 3_600_000
    writer.execute("INSERT INTO signatures_seen VALUES ('digest', ?)", soon)
    for state in ("due", "held", "done", "refused", "parked"):
        writer.execute(
            "INSERT INTO received (id, uri, actor, signer, host, type, verdict, body, state, due,"
            " received_at) VALUES (?, ?, '', '', '', 'Like', 'hint', '', ?, 0, ?)",
            writer.new_small_id(),
            state,
            state,
            writer.now_ms,
        )
    post = cast.post(writer, ActorId(alice))
    for type_ in ("Create", "Follow", "Announce", "Like", "Undo"):
        about = post.id if type_ == "Create" else None
        activity = cast.said(writer, alice, "u:object", type_, about)
        writer.execute(
            "INSERT INTO deliveries (id, activity, host, inbox, object, state, due, created_at)"
            " VALUES (?, ?, 'a', 'a', 'o', ?, 0, ?)",
            writer.new_id(),
            activity,
            "due" if type_ == "Undo" else "parked",
            writer.now_ms,
        )


def left(writer: Writer) -> dict[str, int]:
    return {table: writer.value(f"SELECT count(*) FROM {table}") for table in FORGOTTEN}


@pytest.mark.parametrize("table", FORGOTTEN)
def test_rows_of_each_kind_are_forgotten_in_their_time(table: str) -> None:
    writer = fresh()
    fill(writer)
    before = left(writer)
    writer.now += FORGOTTEN[table] - timedelta(seconds=1)
    retention.forget(writer)
    assert left(writer)[table] == before[table]
    writer.now += timedelta(seconds=2)
    while retention.forget(writer):
        pass
    assert left(writer)[table] < before[table]


def test_waiting_rows_are_never_forgotten() -> None:
    writer = fresh()
    fill(writer)
    writer.now += timedelta(days=400)
    while retention.forget(writer):
        pass
    states = {state for (state,) in writer.rows("SELECT state FROM received")}
    assert states == {"due", "held"}
    assert writer.rows("SELECT state FROM deliveries") == [("due",)]
    kept = {type_ for (type_,) in writer.rows("SELECT type FROM activities")}
    assert kept == {"Create", "Follow", "Announce", "Undo"}
    assert writer.rows("SELECT hash FROM known_places") == [("newest",)]
    assert writer.rows("PRAGMA foreign_key_check") == []


def test_forgetting_goes_in_slices() -> None:
    writer = fresh()
    writer.execute_many(
        "INSERT INTO signatures_seen VALUES (?, 0)", [(str(n),) for n in range(1200)]
    )
    assert [retention.forget(writer) for _ in range(4)] == [500, 500, 200, 0]
