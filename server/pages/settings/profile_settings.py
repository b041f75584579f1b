"""The forms of the settings page that change one's profile and one's defaults for writing."""

from aiohttp import web

from server.actions.people import profiles
from server.actions.people.profiles import InvalidProfile, ProfileParams
from server.http.errors import Refused
from server.http.forms import Form, form_of
from server.http.guard import Route, current_user, form_route
from server.pages import paths, site
from server.pages.settings import profile_forms, settings_page
from server.pages.settings.settings_page import Forms
from server.pages.views import FormView
from server.services import SERVICES

PICTURES_BODY = 34 * 1024 * 1024
"""Two pictures of the usual largest size, and the rest of the form."""


async def profile(request: web.Request) -> web.Response:
    """POST /settings/profile: who you are."""
    form = await form_of(request)
    usual = profile_forms.profile(current_user(request).me)
    again = await _save(request, form, profile_forms.parse_profile(form), usual)
    if again is not None:
        return await settings_page.show(request, Forms(profile=again))
    return _redirect(profile_forms.PROFILE)


async def preferences(request: web.Request) -> web.Response:
    """POST /settings/preferences: how you write."""
    form = await form_of(request)
    account = current_user(request).own_account
    usual = profile_forms.preferences(account, site.locale_of(request))
    again = await _save(request, form, profile_forms.parse_preferences(form), usual)
    if again is not None:
        return await settings_page.show(request, Forms(preferences=again))
    return _redirect(profile_forms.PREFERENCES)


async def _save(
    request: web.Request, form: Form, params: ProfileParams, usual: FormView
) -> FormView | None:
    """Change the profile; return None when it is done, otherwise the form as it was sent.

    The form says what is to be looked at.
    """
    try:
        await profiles.change(request.app[SERVICES], current_user(request).me, params)
    except InvalidProfile as error:
        return profile_forms.again(usual, form, error, site.locale_of(request))
    except Refused as error:
        if error.status not in (413, 422):
            raise  # not for what was sent: the disk, too many at once
        return profile_forms.refuse(usual, form, error.sentence)
    return None


def _redirect(name: str) -> web.Response:
    """Redirect to the page anew, so that loading it again sends nothing twice."""
    address = f"{paths.SETTINGS}?done={name}#{_PLACES[name]}"
    return web.Response(status=303, headers={"Location": address})


_PLACES = {profile_forms.PROFILE: "profile", profile_forms.PREFERENCES: "writing"}

ROUTES: list[Route] = [
    form_route(paths.SETTINGS_PROFILE, profile, body=PICTURES_BODY),
    form_route(paths.SETTINGS_PREFERENCES, preferences),
]
