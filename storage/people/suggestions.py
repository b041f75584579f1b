"""People whom a member might want to know: ours who want to be found, never ranked."""

from collections.abc import Sequence
from json import dumps

from storage.engine.ids import ActorId
from storage.engine.transaction import Reader, Writer
from storage.people.hidden_accounts import NOT_HIDDEN

_FINDABLE = (
    "w.host = '' AND w.type IN ('Person', 'Service') AND w.discoverable"
    " AND w.effective_state = 'active' AND NOT w.silenced"
)


def of(reader: Reader, me: ActorId, most: int, offset: int = 0) -> list[ActorId]:
    """Newest first: whom they neither follow, nor asked to, nor want to see no more of."""
    rows = reader.named(
        f"""
        SELECT w.id FROM actors w WHERE {_FINDABLE} AND w.id <> :viewer AND {NOT_HIDDEN}
        AND w.moved_to IS NULL
        AND NOT EXISTS (SELECT 1 FROM blocks b WHERE b.actor = w.id AND b.target = :viewer)
        AND NOT EXISTS (SELECT 1 FROM follows f
        WHERE f.follower = :viewer AND f.target = w.id)
        AND NOT EXISTS (SELECT 1 FROM dismissed_suggestions ds
        WHERE ds.account = :viewer AND ds.target = w.id)
        ORDER BY w.id DESC LIMIT :most OFFSET :offset
        """,
        {"viewer": me, "now": reader.now_ms, "most": most, "offset": offset},
    )
    return [id_ for (id_,) in rows]


def dismiss(writer: Writer, me: ActorId, target: ActorId) -> None:
    writer.execute(
        "INSERT INTO dismissed_suggestions (account, target) VALUES (?, ?) ON CONFLICT DO NOTHING",
        me,
        target,
    )


_DISCOVERABLE = (
    "w.type IN ('Person', 'Service') AND w.discoverable AND w.effective_state = 'active'"
    " AND NOT w.silenced"
)
_OURS = "w.host = ''"
_ANYBODY = "1"
_BY_NEWEST_POST = "ifnull(ct.newest, 0) DESC, w.id DESC"
_BY_ARRIVAL = "w.id DESC"


def directory(
    reader: Reader, viewer: ActorId, most: int, offset: int, *, local: bool, new: bool
) -> list[ActorId]:
    """People who want to be found, as the viewer (0: anybody) wants to see them."""
    where = _OURS if local else _ANYBODY
    order = _BY_ARRIVAL if new else _BY_NEWEST_POST
    rows = reader.named(
        "SELECT w.id FROM actors w JOIN account_counts ct ON ct.actor = w.id"
        f" WHERE {_DISCOVERABLE} AND {where} AND {NOT_HIDDEN}"
        f" ORDER BY {order} LIMIT :most OFFSET :offset",
        {"viewer": viewer, "now": reader.now_ms, "most": most, "offset": offset},
    )
    return [id_ for (id_,) in rows]


MOST_FAMILIAR = 10


def familiar(reader: Reader, me: ActorId, wanted: Sequence[int]) -> dict[ActorId, list[ActorId]]:
    """Followers of each person whom the member follows, a few of them.

    Nobody's who hide whom they follow, or who follows them.
    """
    rows = reader.named(
        f"""
        SELECT target, id FROM (SELECT j.value AS target, w.id, row_number() OVER
        (PARTITION BY j.value ORDER BY f.id DESC) AS place FROM json_each(:wanted) j
        JOIN actors y ON y.id = j.value AND NOT y.hide_collections
        JOIN follows f ON f.target = j.value AND f.state = 'accepted'
        JOIN follows ff ON ff.target = f.follower AND ff.follower = :viewer
        AND ff.state = 'accepted' JOIN actors w ON w.id = f.follower
        WHERE NOT w.hide_collections AND w.effective_state = 'active' AND {NOT_HIDDEN})
        WHERE place <= :most ORDER BY target, place
        """,
        {
            "wanted": dumps(list(wanted)),
            "viewer": me,
            "now": reader.now_ms,
            "most": MOST_FAMILIAR,
        },
    )
    found: dict[ActorId, list[ActorId]] = {}
    for target, id_ in rows:
        found.setdefault(target, []).append(id_)
    return found
