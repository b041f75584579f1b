"""Parameters that clients send to write, schedule and edit: parsed once, into values."""

from datetime import UTC, datetime

from federation.objects.interaction_policy import InteractionPolicy
from federation.vocabulary.language_tags import parse_language
from server.actions.posts import markup
from server.actions.posts.scheduled_statuses import NO_TIME, ensure_possible
from server.actions.posts.statuses import VISIBILITIES, StatusParams, Visibility
from server.api.media.params import parse_ids
from server.api.posts.interaction_policy import parse_interaction_policy
from server.api.posts.polls import parse_poll
from server.http.errors import unprocessable
from server.http.forms import Form
from storage.access.accounts import Preferences
from storage.engine.ids import ActorId

STAYS_HERE = ("\N{EYE}", "\N{EYE}\N{VARIATION SELECTOR-16}")  # at the end of a text (COMMUNITIES 4)


async def parse_text(form: Form, most: int) -> tuple[str, str]:
    """Text and content warning, held to the length that we take. Raises Refused, 422."""
    if form.values.get("quoted_status_id"):
        raise unprocessable("Quoting is not possible on this server yet. Nothing was posted.")
    text, spoiler = form.text("status") or "", form.text("spoiler_text") or ""
    alone = not (text.strip() or form.texts("media_ids") or form.group("poll"))
    if alone and spoiler.strip():
        text, spoiler = spoiler, ""  # a warning of nothing is the text
    if not text.strip() and not form.texts("media_ids"):
        raise unprocessable("Validation failed: Text can't be blank")
    long = await markup.measure(text, spoiler)
    if long > most:
        raise unprocessable(
            f"This is {long} characters long; we can take {most}. Nothing was posted."
        )
    return text, spoiler


def parse_visibility(form: Form, default: str | None = None) -> Visibility | None:
    """Visibility that was chosen, one that we know, else the default. Raises Refused, 422."""
    chosen = form.text("visibility") or default
    if chosen is not None and chosen not in VISIBILITIES:
        raise unprocessable("“visibility” should be public, unlisted, private, direct or local.")
    return chosen


def parse_status(
    form: Form,
    settings: Preferences,
    text: str,
    spoiler: str,
    now: datetime,
    application: int | None,
    usual_language: str | None,
) -> StatusParams:
    """Read the post asked for, completed from the member's defaults. Raises Refused, 422.

    A language that cannot be read is as none: what a client adds never refuses what was typed.
    """
    sensitive = form.flag("sensitive")
    return StatusParams(
        text=text,
        spoiler=spoiler,
        visibility=parse_visibility(form, settings.get("privacy", "public")) or "public",
        local_only=bool(form.flag("local_only")) or text.rstrip().endswith(STAYS_HERE),
        sensitive=bool(settings.get("sensitive")) if sensitive is None else sensitive,
        language=parse_language(form.text("language")) or usual_language,
        in_reply_to=form.post("in_reply_to_id"),
        poll=parse_poll(form, now),
        policies=parse_interaction_policy(
            form, InteractionPolicy(quote=settings.get("quote_policy", "public"))
        ),
        media=parse_ids(form),
        application=application,
        expected=parse_expected(form),
    )


def parse_expected(form: Form) -> frozenset[ActorId] | None:
    """Accounts that the text may mention; None where the client does not say."""
    return frozenset(form.actors("allowed_mentions")) if "allowed_mentions" in form else None


def parse_time(form: Form, now: datetime) -> datetime | None:
    """Time to post, or None where it is not for later. Raises Refused and Invalid: 422."""
    text = (form.text("scheduled_at", 100) or "").strip()
    if not text:
        return None
    try:
        found = datetime.fromisoformat(text)
        due = found.replace(tzinfo=found.tzinfo or UTC).astimezone(UTC)
    except (ValueError, OverflowError):
        raise unprocessable(NO_TIME) from None
    ensure_possible(due, now)
    return due
