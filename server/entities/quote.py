"""Quoted posts, as `Quote`: for those who may see them, where nobody objects."""

from collections.abc import Callable, Collection, Mapping

from server.entities import shapes
from server.entities.json_parts import Rendered
from storage.engine.ids import NOBODY, PostId
from storage.engine.transaction import Reader
from storage.posts import quotes
from storage.posts.quotes import Shown
from storage.posts.visibility import Member, Viewer

Render = Callable[[Reader, Viewer, Collection[PostId]], Mapping[PostId, Rendered]]

_STATES = {
    "approved": "accepted",
    "pending": "pending",
    "rejected": "rejected",
    "revoked": "revoked",
}


def many(
    reader: Reader, viewer: Viewer, posts: Collection[PostId], render: Render
) -> dict[PostId, shapes.Quote]:
    """Quotes by the number of the quoting post; `render` makes statuses the viewer may see."""
    me = viewer.actor if isinstance(viewer, Member) else NOBODY
    known = quotes.find_many(reader, list(posts), me)
    states = {post: _state(one) for post, one in known.items()}
    wanted = {one.target for post, one in known.items() if states[post] == "accepted"}
    rendered = render(reader, viewer, wanted) if wanted else {}
    return {post: _quote(known.get(post), states.get(post, "pending"), rendered) for post in posts}


def _quote(one: Shown | None, state: str, rendered: Mapping[PostId, Rendered]) -> shapes.Quote:
    shown = rendered.get(one.target) if one is not None and state == "accepted" else None
    if state == "accepted" and shown is None:
        state = "unauthorized"
    return {"state": state, "quoted_status": shown}


def _state(one: Shown) -> str:
    hindrances = {
        "deleted": one.deleted,
        "unauthorized": one.refused,
        "blocked_account": one.blocked,
        "blocked_domain": one.host_blocked,
        "muted_account": one.muted,
    }
    return next((state for state, there in hindrances.items() if there), _STATES[one.state])
