"""The forms of the settings page that are about one's profile and how one writes: both ways."""

from dataclasses import replace

from server.actions.people.profiles import (
    MOST_FIELDS,
    REMOVED,
    InvalidProfile,
    ProfileParams,
    Removed,
)
from server.http.forms import Form
from server.i18n.translations import N_, translations
from server.pages.views import FormView
from storage.access.accounts import Account, Preferences
from storage.people.actors import Actor, Field

PROFILE = "profile"
PREFERENCES = "preferences"
DONE = {
    PROFILE: N_("Saved. That is how people see you now."),
    PREFERENCES: N_("Saved. New posts begin like this from now on."),
}
"""What the settings page says after `?done=…`, for the two forms of this module."""

_SLOTS = range(1, MOST_FIELDS + 1)
_EMPTY = Field("", "")


def done_sentence(name: str | None, locale: str) -> str | None:
    """The sentence for one of our forms that has just been kept."""
    return translations(locale).gettext(DONE[name]) if name in DONE else None


# ---- what the forms show ----


def profile(actor: Actor) -> FormView:
    """Form of the user's profile, as they wrote it."""
    values = {
        "display_name": actor.display_name,
        "note": actor.summary_source or "",
        "locked": "1" if actor.locked else "",
    }
    lines = (*actor.fields, *(_EMPTY for _ in _SLOTS))
    for slot, line in zip(_SLOTS, lines, strict=False):
        values |= {f"field_name_{slot}": line.name, f"field_value_{slot}": line.source}
    return FormView(PROFILE, values)


def preferences(account: Account, locale: str) -> FormView:
    """Form of how one writes; who chose no language writes in that of the page."""
    settings = account.settings
    values = {
        "visibility": settings.get("privacy", "public"),
        "language": settings.get("language") or locale.partition("_")[0].partition("-")[0],
    }
    return FormView(PREFERENCES, values)


def again(view: FormView, form: Form, error: InvalidProfile, locale: str) -> FormView:
    """The form as it was sent, with a sentence at each field that something is wrong with."""
    _ = translations(locale).gettext
    return replace(
        view,
        values={name: form.text(name) or "" for name in view.values},
        errors={one.name: one.sentence_in(_(one.sentence)) for one in error.found},
    )


def refuse(view: FormView, form: Form, sentence: str) -> FormView:
    """The form as it was sent, with a sentence about the whole of it."""
    return replace(
        view, values={name: form.text(name) or "" for name in view.values}, said=sentence
    )


# ---- what the forms ask for ----


def parse_profile(form: Form) -> ProfileParams:
    """Read the changes that a member wants. An empty box is a no; an empty file is no file."""
    return ProfileParams(
        display_name=form.text("display_name") or "",
        note=form.text("note") or "",
        fields=tuple(_line(form, slot) for slot in _SLOTS),
        flags={"locked": bool(form.flag("locked"))},
        avatar=_picture(form, "avatar"),
        header=_picture(form, "header"),
    )


def _line(form: Form, slot: int) -> tuple[str, str]:
    return form.text(f"field_name_{slot}") or "", form.text(f"field_value_{slot}") or ""


def _picture(form: Form, name: str) -> bytes | Removed | None:
    """A new picture goes before the wish to take the old one down."""
    upload = form.upload(name)
    if upload is not None and upload.data:
        return upload.data
    return REMOVED if form.flag(f"{name}_remove") else None


def parse_preferences(form: Form) -> ProfileParams:
    given: Preferences = {
        "privacy": form.text("visibility") or "",
        "language": form.text("language") or "",
    }
    return ProfileParams(settings=given)
