"""Accounts that a member wants to see nothing of: blocked or muted, or on hosts they block.

Said once, for every statement that lists what others did. `:viewer` is the member (0 for anybody
else), `:now` the moment; `w` is who wrote it, `y` who shared it or otherwise brought it.
"""

from collections.abc import Iterable
from json import dumps

from storage.engine.ids import ActorId
from storage.engine.transaction import Reader

HIDDEN = (
    "SELECT target FROM blocks WHERE actor = :viewer UNION ALL SELECT target FROM mutes"
    " WHERE actor = :viewer AND (expires_at IS NULL OR expires_at > :now)"
)

# A host is blocked with everything below it; a handle's domain counts as the host does.
_OF_HOST_OF_AUTHOR = (
    "SELECT 1 FROM user_domain_blocks z WHERE z.account = :viewer AND (z.host IN (w.host, w.domain)"
    " OR substr(w.host, -length(z.host) - 1) = '.' || z.host"
    " OR substr(w.domain, -length(z.host) - 1) = '.' || z.host)"
)
_OF_HOST_OF_BOOSTER = (
    "SELECT 1 FROM user_domain_blocks z WHERE z.account = :viewer AND (z.host IN (y.host, y.domain)"
    " OR substr(y.host, -length(z.host) - 1) = '.' || z.host"
    " OR substr(y.domain, -length(z.host) - 1) = '.' || z.host)"
)
# As one term, of which SQLite makes no plan: no statement begins with whom one wants to see.
HOST_NOT_HIDDEN = f"iif(w.host = '', 1, NOT EXISTS ({_OF_HOST_OF_AUTHOR}))"
NOT_HIDDEN = f"iif(w.id IN ({HIDDEN}), 0, {HOST_NOT_HIDDEN})"

# What a suspended actor boosts is in nobody's list either (SECURITY 84).
BOOSTER_NOT_HIDDEN = (
    f"(y.effective_state = 'active' AND y.id NOT IN ({HIDDEN})"
    f" AND (+y.host = '' OR NOT EXISTS ({_OF_HOST_OF_BOOSTER})))"
)

# Of somebody who did something, which a mute may leave to be told: blocks always count.
TOLD = (
    "+w.id NOT IN (SELECT target FROM blocks WHERE actor = :viewer UNION ALL SELECT target"
    " FROM mutes WHERE actor = :viewer AND notifications"
    f" AND (expires_at IS NULL OR expires_at > :now)) AND {HOST_NOT_HIDDEN}"
)


def among(reader: Reader, viewer: ActorId, people: Iterable[ActorId]) -> frozenset[int]:
    """People among these of whom the viewer wants to see nothing, now."""
    rows = reader.named(
        "SELECT w.id FROM actors w WHERE w.id IN (SELECT value FROM json_each(:people))"
        f" AND NOT ({NOT_HIDDEN})",
        {"people": dumps(sorted(set(people))), "viewer": viewer, "now": reader.now_ms},
    )
    return frozenset(id_ for (id_,) in rows)


def of_hosts(reader: Reader, viewer: ActorId, people: Iterable[ActorId]) -> frozenset[int]:
    """People among these whose host the viewer blocks."""
    rows = reader.named(
        "SELECT w.id FROM actors w WHERE w.id IN (SELECT value FROM json_each(:people))"
        f" AND NOT {HOST_NOT_HIDDEN}",
        {"people": dumps(sorted(set(people))), "viewer": viewer},
    )
    return frozenset(id_ for (id_,) in rows)


def is_host_hidden(reader: Reader, viewer: ActorId, actor: ActorId) -> bool:
    """Whether the viewer blocks the host of an actor."""
    return bool(of_hosts(reader, viewer, [actor]))
