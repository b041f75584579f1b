"""Who may see what (SECURITY 75): a table written by hand, and one predicate equal to its twin."""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import product

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from storage.communities import memberships
from storage.engine.ids import ActorId
from storage.engine.transaction import Reader, Writer
from storage.people import actors
from storage.posts import posts, visible_posts
from storage.posts.audiences import INSTANCE, NAMED, PUBLIC, Audience, AudienceKind
from storage.posts.posts import COLUMNS, Post, from_row
from storage.posts.visibility import FROM, Anonymous, Member, Peer, Steward, System, Viewer, can_see
from storage.queues import hosts
from tests.storage import cast
from tests.storage.raw import memory, undone, writer_on

RAW = memory()

# ---- the table. An answer is for the followers of whom it answers ----

EXPECTED = """
                   public  followers  answer  members  circle  instance  neighbours  named
anonymous          yes     -          -          -        -       -         -           -
author             yes     yes        yes        yes      yes     yes       yes         yes
follower           yes     yes        -          -        -       yes       yes         -
pending_follower   yes     -          -          -        -       yes       yes         -
parents_author     yes     -          yes        -        -       yes       yes         -
parents_follower   yes     -          yes        -        -       yes       yes         -
mentioned          yes     yes        yes        yes      yes     yes       yes         yes
blocked            -       -          -          -        -       -         -           -
stranger           yes     -          -          -        -       yes       yes         -
member             yes     -          -          yes      yes     yes       yes         -
paused_member      yes     -          -          -        -       yes       yes         -
followers_server   yes     yes        -          -        -       -         -           -
pendings_server    yes     -          -          -        -       -         -           -
parents_server     yes     -          yes        -        -       -         -           -
mentioneds_server  yes     yes        yes        yes      yes     -         yes         yes
members_server     yes     -          -          yes      yes     -         -           -
neighbours_server  yes     -          -          -        -       -         yes         -
blockeds_server    yes     -          -          -        -       -         -           -
blocked_signer     -       -          -          -        -       -         -           -
strangers_server   yes     -          -          -        -       -         -           -
refused_server     -       -          -          -        -       -         -           -
refused_subdomain  -       -          -          -        -       -         -           -
steward            yes     yes        yes        yes      yes     yes       yes         yes
system             yes     yes        yes        yes      yes     yes       yes         yes
"""

LOCAL = (
    *("author", "follower", "pending_follower", "parents_author", "parents_follower"),
    *("mentioned", "blocked", "stranger", "member", "paused_member"),
)
SERVERS = (
    *("followers", "pendings", "parents", "mentioneds", "members", "neighbours"),
    *("blockeds", "strangers"),
)


def table() -> dict[tuple[str, str], bool]:
    head, *lines = [line.split() for line in EXPECTED.strip().splitlines()]
    return {
        (kind, line[0]): cell == "yes"
        for line in lines
        for kind, cell in zip(head, line[1:], strict=True)
    }


@dataclass
class Stage:
    """Everybody of the table in their places; `who` by name, `viewers` by name."""

    writer: Writer
    who: dict[str, ActorId]
    viewers: dict[str, Viewer]
    audiences: dict[str, Audience]

    def say(self, kind: str, local_only: bool = False) -> Post:
        to = [self.who[name] for name in ("mentioned", "mentioneds", "blocked", "blockeds")]
        to += [self.who["refused"], self.who["subdomain"]]
        author, audience = self.who["author"], self.audiences[kind]
        return cast.post(self.writer, author, audience, to=to, local_only=local_only)


def stage(writer: Writer) -> Stage:
    who = {name: cast.actor(writer, name) for name in LOCAL}
    for name in SERVERS:
        kind = "Application" if name == "neighbours" else "Person"
        who[name] = cast.actor(writer, name, f"{name}.example", type=kind)
    who["refused"] = cast.actor(writer, "refused", "refused.example")
    who["subdomain"] = cast.actor(writer, "refused", "sub.refused.example:8443")
    hosts.set_tier(writer, "refused.example", "blocked")
    audiences = audiences_of(writer, who)
    relate(writer, who, audiences)
    viewers: dict[str, Viewer] = {name: Member(who[name]) for name in LOCAL}
    viewers |= {f"{name}_server": Peer(f"{name}.example") for name in SERVERS}
    viewers |= {
        "anonymous": Anonymous(),
        "steward": Steward(who["stranger"], "a report"),
        "system": System(),
        "blocked_signer": Peer("blockeds.example", who["blockeds"]),
        "refused_server": Peer("refused.example"),
        "refused_subdomain": Peer("sub.refused.example:8443"),
    }
    return Stage(writer, who, viewers, audiences)


def audiences_of(writer: Writer, who: dict[str, ActorId]) -> dict[str, Audience]:
    def collection(kind: AudienceKind) -> Audience:
        return Audience(kind, collection=memberships.make(writer, who["author"], kind))

    return {
        "public": PUBLIC,
        "followers": Audience("followers", owner=who["author"]),
        "answer": Audience("followers", owner=who["parents_author"]),
        "members": collection("members"),
        "circle": collection("circle"),
        "instance": INSTANCE,
        "neighbours": collection("neighbours"),
        "named": NAMED,
    }


def relate(writer: Writer, who: dict[str, ActorId], audiences: dict[str, Audience]) -> None:
    """Blocked ones are in every set, so that only the block keeps them out."""
    shut_out = ("blocked", "blockeds", "refused", "subdomain")
    for name in ("follower", "followers", *shut_out):
        cast.follow(writer, who[name], who["author"])
    for name in ("parents_follower", "parents", *shut_out):
        cast.follow(writer, who[name], who["parents_author"])
    for name in ("pending_follower", "pendings"):
        cast.follow(writer, who[name], who["author"], accepted=False)
    for kind in ("members", "circle"):
        put(writer, audiences[kind], who, ("member", "members", *shut_out))
        put(writer, audiences[kind], who, ("paused_member",), "paused")
    put(writer, audiences["neighbours"], who, ("neighbours", *shut_out))
    for name in ("blocked", "blockeds"):
        cast.block(writer, who["author"], who[name])


def put(
    writer: Writer,
    audience: Audience,
    who: dict[str, ActorId],
    names: tuple[str, ...],
    state: str = "active",
) -> None:
    assert audience.collection is not None
    for name in names:
        memberships.put(writer, audience.collection, who[name], state)


def answers(reader: Reader, viewer: Viewer, post: Post) -> set[bool]:
    """What each way of asking says."""
    return {
        visible_posts.by_id(reader, viewer, post.id) is not None,
        visible_posts.by_uri(reader, viewer, post.uri) is not None,
        post.id in visible_posts.many(reader, viewer, [post.id]),
        can_see(viewer, visible_posts.facts(reader, post)),
    }


def test_audiences_are_seen_by_whom_they_are_for() -> None:
    expected = table()
    with undone(RAW):
        cast_ = stage(writer_on(RAW))
        said = {kind: cast_.say(kind) for kind in cast_.audiences}
        assert set(expected) == set(product(cast_.audiences, cast_.viewers))
        for (kind, name), may in expected.items():
            found = answers(cast_.writer, cast_.viewers[name], said[kind])
            assert found == {may}, (kind, name)
    print(f"{len(expected)} cells of audience and viewer, four ways each")


def no_peer(name: str) -> bool:
    return not (name.endswith(("_server", "_subdomain")) or name == "blocked_signer")


def test_local_only_leaves_for_nobody() -> None:
    cells = 0
    with undone(RAW):
        cast_ = stage(writer_on(RAW))
        said = {kind: cast_.say(kind, local_only=True) for kind in cast_.audiences}
        for (kind, name), may in table().items():
            expected = may and no_peer(name) and name != "anonymous"
            found = answers(cast_.writer, cast_.viewers[name], said[kind])
            assert found == {expected}, (kind, name)
            cells += 1
    print(f"{cells} cells of what is local only")


def bury(cast_: Stage, post: Post) -> None:
    posts.bury(cast_.writer, post)


def suspend(cast_: Stage, post: Post) -> None:
    actors.set_moderation_state(cast_.writer, post.author, "suspended")


def leave(cast_: Stage, post: Post) -> None:
    actors.set_moderation_state(cast_.writer, post.author, "deleted")


@pytest.mark.parametrize("hide", [bury, suspend, leave])
def test_deleted_posts_and_gone_authors_are_seen_by_nobody(
    hide: Callable[[Stage, Post], None],
) -> None:
    with undone(RAW):
        cast_ = stage(writer_on(RAW))
        said = [cast_.say(kind) for kind in cast_.audiences]
        for post in said:
            hide(cast_, post)
        for viewer, post in product(cast_.viewers.values(), said):
            row = RAW.execute(f"SELECT {COLUMNS} FROM {FROM} WHERE p.id = ?", (post.id,)).fetchone()
            assert answers(cast_.writer, viewer, from_row(row)) == {False}


def test_deleted_post_is_told_to_whoever_could_see_it_only() -> None:
    with undone(RAW):
        cast_ = stage(writer_on(RAW))
        said = {kind: cast_.say(kind) for kind in cast_.audiences}
        for post in said.values():
            posts.bury(cast_.writer, post)
        for (kind, name), may in table().items():
            told = visible_posts.was_there(cast_.writer, cast_.viewers[name], said[kind].id)
            assert told is may, (kind, name)
        actors.set_moderation_state(cast_.writer, cast_.who["author"], "suspended")
        for viewer, post in product(cast_.viewers.values(), said.values()):
            assert not visible_posts.was_there(cast_.writer, viewer, post.id)


# ---- generated worlds ----

NAMES = ("a", "b", "c", "d")  # ours
ELSEWHERE = (("e", "one"), ("f", "one"), ("g", "two"), ("h", "sub.two"), ("i", "three:99"))
EVERYBODY = range(len(NAMES) + len(ELSEWHERE))
PEERS = tuple(sorted({host for _, host in ELSEWHERE} | {"four"}))
GROUPS = ("members", "circle", "neighbours")
SOMEBODY = st.sampled_from(EVERYBODY)
PAIRS = st.sets(st.tuples(SOMEBODY, SOMEBODY).filter(lambda pair: pair[0] != pair[1]), max_size=8)
SOME = st.sets(SOMEBODY, max_size=3)
STATES = st.sampled_from(["invited", "asked", "active", "active", "paused", "banned", "left"])


@dataclass(frozen=True)
class Saying:
    """One post of a generated world; people are numbers."""

    author: int
    kind: AudienceKind
    owner: int
    to: frozenset[int]
    local_only: bool
    deleted: bool


@dataclass(frozen=True)
class World:
    """Who follows, blocks, belongs to what and says what."""

    follows: dict[tuple[int, int], bool]
    blocks: frozenset[tuple[int, int]]
    members: dict[tuple[str, int], str]
    suspended: frozenset[int]
    refused: frozenset[str]
    posts: list[Saying]


KINDS = ("public", "followers", "instance", "named", *GROUPS)
SAYINGS = st.builds(
    Saying,
    author=SOMEBODY,
    kind=st.sampled_from(KINDS),
    owner=SOMEBODY,
    to=SOME.map(frozenset),
    local_only=st.booleans(),
    deleted=st.integers(0, 5).map(lambda n: n == 0),
)
WORLDS = st.builds(
    World,
    follows=PAIRS.flatmap(lambda pairs: st.fixed_dictionaries(dict.fromkeys(pairs, st.booleans()))),
    blocks=PAIRS.map(frozenset),
    members=st.dictionaries(st.tuples(st.sampled_from(GROUPS), SOMEBODY), STATES, max_size=10),
    suspended=st.sets(SOMEBODY, max_size=1).map(frozenset),
    refused=st.sets(st.sampled_from(["one", "two", "three"]), max_size=1).map(frozenset),
    posts=st.lists(SAYINGS, min_size=1, max_size=4),
)


def build(writer: Writer, world: World) -> tuple[list[ActorId], list[Post]]:
    who = [cast.actor(writer, name) for name in NAMES]
    who += [cast.actor(writer, name, host) for name, host in ELSEWHERE]
    groups = {kind: memberships.make(writer, who[0], kind) for kind in GROUPS}
    for (follower, target), accepted in world.follows.items():
        cast.follow(writer, who[follower], who[target], accepted)
    for one, other in world.blocks:
        cast.block(writer, who[one], who[other])
    for (kind, member), state in world.members.items():
        memberships.put(writer, groups[kind], who[member], state)
    for host in world.refused:
        hosts.set_tier(writer, host, "blocked")
    said = [say(writer, saying, who, groups) for saying in world.posts]
    for somebody in world.suspended:
        actors.set_moderation_state(writer, who[somebody], "suspended")
    return who, said


def say(writer: Writer, saying: Saying, who: list[ActorId], groups: dict[str, int]) -> Post:
    audience = Audience(
        saying.kind,
        owner=who[saying.owner] if saying.kind == "followers" else None,
        collection=groups.get(saying.kind),
    )
    to = [who[number] for number in saying.to]
    post = cast.post(writer, who[saying.author], audience, to, local_only=saying.local_only)
    if saying.deleted:
        posts.bury(writer, post)
    (row,) = writer.rows(f"SELECT {COLUMNS} FROM {FROM} WHERE p.id = ?", post.id)
    return from_row(row)


def viewers(who: list[ActorId]) -> list[Viewer]:
    ours = len(NAMES)
    found: list[Viewer] = [Anonymous(), System(), Steward(who[0], "a report")]
    found += [Member(actor) for actor in who[:ours]]
    found += [Peer(host) for host in PEERS]
    found += [Peer(host, signer) for signer, (_, host) in zip(who[ours:], ELSEWHERE, strict=True)]
    return found


COUNTED = {"cells": 0, "seen": 0, "worlds": 0}


@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(WORLDS)
def compare(world: World) -> None:
    with undone(RAW):
        writer = writer_on(RAW)
        who, said = build(writer, world)
        for viewer, post in product(viewers(who), said):
            seen = visible_posts.by_id(writer, viewer, post.id) is not None
            assert seen == can_see(viewer, visible_posts.facts(writer, post)), (viewer, post)
            COUNTED["cells"] += 1
            COUNTED["seen"] += seen
        COUNTED["worlds"] += 1


def test_predicate_and_its_twin_agree_in_every_world() -> None:
    COUNTED.update(cells=0, seen=0, worlds=0)
    compare()
    print("{worlds} worlds, {cells} cells of post and viewer, {seen} seen".format(**COUNTED))
    assert COUNTED["cells"] > 5000
    assert COUNTED["seen"] > 500
