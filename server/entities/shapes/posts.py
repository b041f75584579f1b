"""Statuses and what hangs on them, as the API shows them."""

from typing import NotRequired, TypedDict

from federation.vocabulary.media_urls import Placeholder
from server.entities.json_parts import Rendered
from server.entities.shapes.people import Account, CustomEmoji


class MediaSize(TypedDict):
    width: int
    height: int
    size: str
    aspect: float


class MediaFocus(TypedDict):
    x: float
    y: float


class MediaMeta(TypedDict):
    focus: MediaFocus
    original: NotRequired[MediaSize]
    small: NotRequired[MediaSize]


class MediaAttachment(TypedDict):
    """Addresses are placeholders where not everybody may open the file (media_urls)."""

    id: str
    type: str
    url: str | Placeholder | None
    preview_url: str | Placeholder | None
    remote_url: str | None
    preview_remote_url: None
    text_url: None
    meta: MediaMeta
    description: str | None
    blurhash: str | None


class PollOption(TypedDict):
    title: str
    votes_count: int | None


class Poll(TypedDict):
    id: str
    expires_at: str | None
    expired: bool
    multiple: bool
    votes_count: int
    voters_count: int | None
    options: list[PollOption]
    emojis: list[CustomEmoji]
    voted: NotRequired[bool]
    own_votes: NotRequired[list[int]]


class Quote(TypedDict):
    state: str
    quoted_status: Rendered | None


class StatusMention(TypedDict):
    id: str
    username: str
    url: str
    acct: str


class StatusTag(TypedDict):
    name: str
    url: str


class StatusApplication(TypedDict):
    name: str
    website: str | None


class InteractionPolicy(TypedDict):
    """Words of ours (docs of our words on the wire): who may do what with a post."""

    reply: str
    favourite: str
    reblog: str
    quote: str


class QuoteApproval(TypedDict):
    automatic: list[str]
    manual: list[str]
    current_user: str


class StatusPolicies(TypedDict):
    interaction_policy: InteractionPolicy
    quote_approval: QuoteApproval


class StatusBasics(StatusPolicies):
    """Members of a `Status` that the row of the post tells."""

    id: str
    created_at: str
    sensitive: bool
    spoiler_text: str
    visibility: str
    language: str | None
    uri: str
    url: str
    content: str
    edited_at: str | None
    card: None
    local_only: bool


class StatusText(StatusBasics):
    """Members of a `Status` that all viewers see alike: those that are cached as bytes."""

    media_attachments: list[MediaAttachment]
    emojis: list[CustomEmoji]
    mentions: list[StatusMention]
    tags: list[StatusTag]
    application: StatusApplication | None


class StatusTail(TypedDict):
    """Members of a `Status` that depend on who looks."""

    in_reply_to_id: str | None
    in_reply_to_account_id: str | None
    replies_count: int
    reblogs_count: int
    favourites_count: int
    quotes_count: int
    favourited: NotRequired[bool]
    reblogged: NotRequired[bool]
    bookmarked: NotRequired[bool]
    muted: NotRequired[bool]
    filtered: NotRequired[Rendered]
    pinned: NotRequired[bool]


class Context(TypedDict):
    ancestors: list[Rendered]
    descendants: list[Rendered]


class StatusSource(TypedDict):
    id: str
    text: str
    spoiler_text: str


class StatusEditPollOption(TypedDict):
    title: str


class StatusEditPoll(TypedDict):
    options: list[StatusEditPollOption]


class StatusEditQuestion(TypedDict):
    """Poll of a version that has one: a part, so that it keeps its place among the members."""

    poll: NotRequired[StatusEditPoll]


class StatusEdit(StatusEditQuestion):
    content: str
    spoiler_text: str
    sensitive: bool
    created_at: str
    account: Account
    media_attachments: Rendered
    emojis: list[CustomEmoji]


class ScheduledPoll(TypedDict):
    options: list[str]
    expires_in: int
    multiple: bool
    hide_totals: bool


class ScheduledStatusParams(TypedDict):
    text: str
    poll: ScheduledPoll | None
    media_ids: list[str] | None
    sensitive: bool
    spoiler_text: str
    visibility: str
    local_only: bool
    in_reply_to_id: int | None
    language: str | None
    application_id: int
    scheduled_at: None
    idempotency: str | None
    with_rate_limit: bool
    quoted_status_id: None
    quote_approval_policy: str


class ScheduledStatus(TypedDict):
    id: str
    scheduled_at: str
    params: ScheduledStatusParams
    media_attachments: list[MediaAttachment]


class TagHistory(TypedDict):
    day: str
    uses: str
    accounts: str


class Tag(TypedDict):
    id: str
    name: str
    url: str
    history: list[TagHistory]
    following: NotRequired[bool]
    featuring: NotRequired[bool]
