"""Reports that members make."""

from dataclasses import dataclass

from federation.activities import Flag
from federation.activities.flag import Told
from federation.outbound import outbox
from server.actions.finding import visible_actor
from server.refusals import Invalid, NotAllowed, NotThere
from storage.communities import charters
from storage.engine.ids import ActorId, PostId
from storage.engine.transaction import Reader, Writer
from storage.moderation import reports
from storage.moderation.reports import Category, Report
from storage.people import actors
from storage.people.actors import Actor
from storage.posts import visible_posts
from storage.posts.visibility import Member


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportParams:
    """Report as it was sent; `posts` and `rules` are numbers.

    `only_to`: to these servers it may be forwarded, None: to whichever it concerns.
    """

    target: ActorId
    posts: tuple[PostId, ...]
    rules: tuple[int, ...]
    comment: str
    category: Category
    forward: bool
    only_to: frozenset[str] | None = None


def create(writer: Writer, me: Actor, params: ReportParams) -> Report:
    """Tell those who look after this place, and the other server where that is wished.

    Raises NotThere, NotAllowed (about oneself) and Invalid.
    """
    target = visible_actor(writer, params.target)
    if target.id == me.id:
        raise NotAllowed
    ensure_rules(writer, params.rules)
    flag = Flag(
        id=outbox.new_uri(writer),
        actor=actors.application(writer).uri,
        about_whom=(target.uri, *_posts(writer, me, target, params.posts)),
        comment=params.comment,
        told=Told(me.id, params.category, params.rules, _goes_there(params, target)),
    )
    outbox.publish(writer, flag)
    made = reports.by_uri(writer, flag.id)
    if made is None:
        raise LookupError(flag.id)
    return made


def _goes_there(params: ReportParams, target: Actor) -> bool:
    """Whether their server hears of it: it is wished, and not for others only."""
    return params.forward and (params.only_to is None or target.domain in params.only_to)


def _posts(reader: Reader, me: Actor, target: Actor, wanted: tuple[PostId, ...]) -> list[str]:
    """URIs of the posts: by whom it is about, and all such as the reporter may see."""
    found = visible_posts.many(reader, Member(me.id), wanted)
    if len(found) < len(wanted):
        raise NotThere
    if any(one.author != target.id for one in found.values()):
        raise Invalid("One of these posts is by somebody else than the account you report.")
    return [one.uri for one in found.values()]


def ensure_rules(reader: Reader, rules: tuple[int, ...]) -> None:
    """Raise Invalid for a number that is none of our charter's."""
    charter = charters.current(reader, actors.community(reader).id)
    agreed = len(charter.commitments) if charter else 0
    if any(not 1 <= rule <= agreed for rule in rules):
        raise Invalid("One of these rules is not among ours.")
