"""The handle by which doors and jobs find what actions need."""

from aiohttp import web

from server.actions.services import Services

SERVICES = web.AppKey("services", Services)
