"""Documents at fixed addresses: WebFinger, host-meta, NodeInfo, OAuth metadata."""

from aiohttp import web

from federation.errors import Malformed
from federation.resolve.webfinger import split_handle
from federation.vocabulary import own_addresses, uris
from federation.vocabulary.json_documents import Document
from server import VERSION
from server.access import scopes
from server.http.app_keys import DATABASE, SETTINGS
from server.http.errors import Refused
from server.http.guard import Route, shared_document
from server.http.responses import answer
from storage.engine import instance
from storage.engine.site import Site
from storage.engine.transaction import Reader
from storage.people import actors
from storage.people.actors import Actor
from storage.posts import visible_posts

AS = "application/activity+json"
NODEINFO = "http://nodeinfo.diaspora.software/ns/schema"
APPLICATION = "https://www.w3.org/ns/activitystreams#Application"
SERVICE = "https://www.w3.org/ns/activitystreams#Service"


async def webfinger(request: web.Request) -> web.Response:
    """RFC 7033: a handle or an address of ours → the actor. 404 for anything else."""
    resource = request.query.get("resource", "")
    if not resource:
        raise Refused(400, "Say whom you look for: ?resource=acct:name@server")
    if not _is_possible(resource):
        raise Refused(400, "That is no address: ?resource=acct:name@server")
    database = request.app[DATABASE]
    if resource.rstrip("/") == database.site.origin:
        return _jrd(_server(database.site, resource))
    found = await database.read(_find, resource)
    if found is None or found.effective_state in ("suspended", "pending"):
        raise Refused(404, "Nobody has that name here.")
    if found.effective_state == "deleted":
        raise Refused(410, "Whoever had that name has left.")
    return _jrd(_person(database.site, found))


def _is_possible(resource: str) -> bool:
    """Tell whether it could name anybody anywhere (RFC 7033 §4.2): an address, or a handle."""
    if resource.startswith(("http://", "https://")):
        return True
    try:
        name, _ = split_handle(resource.removeprefix("acct:"))
    except Malformed:
        return False
    return ":" not in name  # RFC 7565 §7


def _jrd(body: Document) -> web.Response:
    response = answer(body, content_type="application/jrd+json")
    response.headers["Cache-Control"] = "max-age=3600"
    return response


def _find(reader: Reader, resource: str) -> Actor | None:
    site = reader.site
    if resource.startswith(("http://", "https://")):
        return _by_address(reader, resource)
    try:
        name, domain = split_handle(resource.removeprefix("acct:"))
    except Malformed:
        return None
    if domain not in (site.domain.lower(), site.web_domain.lower()):
        return None
    if name.lower() == site.domain.lower():
        return actors.application(reader)
    return actors.by_handle(reader, name)


def _by_address(reader: Reader, address: str) -> Actor | None:
    found = actors.by_uri(reader, own_addresses.find_uri(reader, address) or address)
    return found if found is not None and found.is_local else None


def _person(site: Site, actor: Actor) -> Document:
    page = actor.url or uris.profile_page(site, actor.name)
    return {
        "subject": f"acct:{actor.name}@{site.domain}",
        "aliases": [page, actor.uri],
        "links": [
            {"rel": "http://webfinger.net/rel/profile-page", "type": "text/html", "href": page},
            {"rel": "self", "type": AS, "href": actor.uri},
        ],
    }


def _server(site: Site, resource: str) -> Document:
    """The server's own actor (FEP-d556)."""
    link = {"rel": SERVICE, "type": AS, "href": uris.application(site)}
    return {"subject": resource, "links": [link]}


async def host_meta(request: web.Request) -> web.Response:
    """RFC 6415, for those who still begin here; clients take our host from its template."""
    origin = request.app[SETTINGS].web_origin
    text = (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        '<XRD xmlns="http://docs.oasis-open.org/ns/xri/xrd-1.0">\n'
        f'  <Link rel="lrdd" template="{origin}/.well-known/webfinger?resource={{uri}}"/>\n'
        "</XRD>\n"
    )
    return web.Response(text=text, content_type="application/xrd+xml")


async def nodeinfo_links(request: web.Request) -> web.Response:
    origin = request.app[SETTINGS].web_origin
    links = [
        {"rel": f"{NODEINFO}/{version}", "href": f"{origin}/nodeinfo/{version}"}
        for version in ("2.0", "2.1")
    ]
    application = {"rel": APPLICATION, "href": uris.application(request.app[DATABASE].site)}
    return answer({"links": [*links, application]})


async def nodeinfo(request: web.Request) -> web.Response:
    """NodeInfo. How many we are is nobody's business: `users` is empty, never false (WIRE 2)."""
    version = request.match_info["version"]
    settings = request.app[SETTINGS]
    software: dict[str, str] = {"name": "kith", "version": VERSION}
    count = await request.app[DATABASE].read(visible_posts.count_local)
    response = answer(
        {
            "version": version,
            "software": software,
            "protocols": ["activitypub"],
            "services": {"inbound": [], "outbound": []},
            "openRegistrations": settings.registrations in ("open", "approval"),
            "usage": {"users": {}, "localPosts": count},
            # What we speak to clients, for those that know only a few names (megalodon).
            "metadata": {
                "nodeName": settings.title,
                "nodeDescription": settings.summary,
                "upstream": {"name": "mastodon"},
            },
        }
    )
    response.content_type = "application/json"
    response.headers["Cache-Control"] = "max-age=1800"
    return response


async def oauth_metadata(request: web.Request) -> web.Response:
    """RFC 8414."""
    origin = request.app[SETTINGS].web_origin
    return answer(
        {
            "issuer": f"{origin}/",
            "service_documentation": "https://docs.joinmastodon.org/",
            "authorization_endpoint": f"{origin}/oauth/authorize",
            "token_endpoint": f"{origin}/oauth/token",
            "revocation_endpoint": f"{origin}/oauth/revoke",
            "userinfo_endpoint": f"{origin}/oauth/userinfo",
            "app_registration_endpoint": f"{origin}/api/v1/apps",
            "scopes_supported": scopes.SUPPORTED,
            "response_types_supported": ["code"],
            "response_modes_supported": ["query"],
            "grant_types_supported": ["authorization_code", "client_credentials"],
            "token_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post"],
            "code_challenge_methods_supported": ["S256"],
        }
    )


async def change_password(request: web.Request) -> web.Response:
    raise web.HTTPFound("/settings#password")


async def health(request: web.Request) -> web.Response:
    """200 when the database answers and takes changes."""
    await request.app[DATABASE].read(instance.get, "domain")
    return web.Response(text="OK")


ROUTES: list[Route] = [
    shared_document("/.well-known/webfinger", webfinger),
    shared_document("/.well-known/host-meta", host_meta),
    shared_document("/.well-known/nodeinfo", nodeinfo_links),
    shared_document("/nodeinfo/{version:2\\.[01]}", nodeinfo),
    shared_document("/.well-known/oauth-authorization-server", oauth_metadata),
    shared_document("/.well-known/change-password", change_password),
    shared_document("/health", health, "health"),
]
