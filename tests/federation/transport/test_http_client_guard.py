"""Door outwards: where it leads, and where it never does (SECURITY D32-36, B23, D38)."""

import ast
import datetime as dt
import ssl
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
from aiohttp import web
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from federation.errors import (
    AddressRefused,
    FederationError,
    Forbidden,
    Malformed,
    OwnAuthority,
    Unreachable,
)
from federation.transport.http_client import (
    MAXIMUM_ADDRESSES,
    HttpClient,
    load_trusted_certificates,
)
from federation.transport.ip_policy import loopback
from tests.support.internet import LOOPBACK, Internet

OWN_PORT = 8000
SPECIAL = [
    *("0.0.0.0", "10.0.0.1", "100.100.100.200", "127.0.0.1", "168.63.129.16", "169.254.169.254"),
    *("172.16.0.1", "192.0.0.192", "192.0.2.1", "192.31.196.1", "192.52.193.1", "192.88.99.1"),
    *("192.168.0.1", "192.175.48.1", "198.18.0.1", "198.51.100.1", "203.0.113.1", "224.0.0.1"),
    *(
        "240.0.0.1",
        "255.255.255.255",
        "::",
        "::1",
        "::7f00:1",
        "::ffff:0:7f00:1",
        "64:ff9b::7f00:1",
    ),
    *(
        "64:ff9b:1::1",
        "100::1",
        "2001::1",
        "2001:2::1",
        "2001:20::1",
        "2001:db8::1",
        "2002:7f00:1::",
    ),
    *("2620:4f:8000::1", "3fff::1", "5f00::1", "fc00::1", "fd00:ec2::254", "fe80::1", "fec0::1"),
    *("ff02::1", "::ffff:127.0.0.1", "::ffff:169.254.169.254"),
]
Address = tuple[str, int]
connections: list[Address] = []


def _note(event: str, arguments: tuple[object, ...]) -> None:
    if event == "socket.connect" and isinstance(address := arguments[1], tuple):
        connections.append((str(address[0]), int(address[1])))


sys.addaudithook(_note)


@pytest.fixture
def connected() -> Iterator[list[Address]]:
    """Addresses that anything in this process tried to connect to."""
    connections.clear()
    yield connections
    connections.clear()


@pytest.fixture
async def internet() -> AsyncIterator[Internet]:
    """good.example answers; /to?url= redirects there; no connection is kept."""
    internet = Internet()
    app = web.Application()
    app.router.add_get("/", _good)
    app.router.add_get("/to", _redirect)
    async with internet.serving(app, "good.example"):
        yield internet


async def _good(_: web.Request) -> web.Response:
    response = web.Response(text="good")
    response.force_close()
    return response


async def _redirect(request: web.Request) -> web.Response:
    return web.Response(status=302, headers={"Location": request.query["url"]})


def http_client(
    internet: Internet, *, own: str = f"home.example:{OWN_PORT}", **options: bool
) -> HttpClient:
    settings = {"development": True, "allow_loopback": True} | options
    return HttpClient(user_agent="Kith/test", own_authority=own, resolver=internet, **settings)


async def refused(http_client: HttpClient, url: str, *kinds: type[FederationError]) -> None:
    with pytest.raises(kinds or AddressRefused):
        await http_client.get(url, accept="*/*", deadline=1)


def literal(address: str) -> str:
    return f"[{address}]" if ":" in address else address


async def test_special_addresses_are_never_connected_by_any_way(
    internet: Internet, connected: list[Address]
) -> None:
    """Loopback is allowed here, too, so that the ways in work; our own port never is."""
    cells = 0
    good = internet.ports["good.example"]
    async with http_client(internet) as out:
        for number, address in enumerate(SPECIAL):
            host = f"special{number}.example"
            internet.answer(host, [address], port=OWN_PORT)
            # A literal that wraps an IPv4 address is refused as a URL already.
            await refused(out, f"http://{literal(address)}:{OWN_PORT}/", AddressRefused, Malformed)
            await refused(out, f"http://{host}/")
            await refused(out, f"http://good.example/to?url=http://{host}/")
            internet.answer(host, [address, SPECIAL[number - 1]], port=OWN_PORT)
            await refused(out, f"http://{host}/")
            internet.answer(host, [LOOPBACK], [address], port=good)
            assert (await out.get(f"http://{host}/", accept="*/*")).status == 200
            internet.ports[host] = OWN_PORT
            await refused(out, f"http://{host}/")
            cells += 5
            if ":" not in address:
                internet.answer(host, [f"::ffff:{address}"], port=OWN_PORT)
                await refused(out, f"http://{host}/")
                cells += 1
    assert set(connected) == {(LOOPBACK, good)}
    assert len(connected) == len(SPECIAL) + 1  # before each rebinding, and one that is kept
    print(f"{cells} cells: {len(SPECIAL)} addresses, literal, A, AAAA, set, redirect, rebinding")


async def test_mixed_answer_connects_the_allowed_address_only(
    internet: Internet, connected: list[Address]
) -> None:
    good = internet.ports["good.example"]
    cells = [address for address in SPECIAL if not loopback(address)]
    async with http_client(internet) as out:
        for number, address in enumerate(cells):
            order = [address, LOOPBACK] if number % 2 else [LOOPBACK, address]
            internet.answer("mixed.example", order, port=good)
            assert (await out.get("http://mixed.example/", accept="*/*")).status == 200
    assert connected == [(LOOPBACK, good)] * len(cells)
    print(f"{len(cells)} cells")


async def test_loopback_without_leave_is_refused_like_others(
    internet: Internet, connected: list[Address]
) -> None:
    cells = ["127.0.0.1", "127.1.2.3", "::1", "::ffff:127.0.0.1"]
    async with http_client(internet, allow_loopback=False) as out:
        for address in cells:
            internet.answer("inside.example", [address], port=internet.ports["good.example"])
            await refused(out, "http://inside.example/")
            await refused(out, f"http://{literal(address)}/", AddressRefused, Malformed)
        await refused(out, "http://good.example/")
    assert connected == []
    print(f"{2 * len(cells) + 1} cells")


async def test_host_with_a_dead_and_a_special_address_is_unreachable_not_refused(
    internet: Internet, connected: list[Address]
) -> None:
    internet.answer("half.example", [LOOPBACK, "10.0.0.1"], port=1)
    async with http_client(internet) as out:
        await refused(out, "http://half.example/", Unreachable)
    assert {host for host, _ in connected} == {LOOPBACK}


async def test_host_with_very_many_addresses_costs_few_connections(
    internet: Internet, connected: list[Address]
) -> None:
    many = [f"127.0.1.{number}" for number in range(1, 200)]
    internet.answer("many.example", many, port=1)
    async with http_client(internet) as out:
        await refused(out, "http://many.example/", Unreachable)
    assert 0 < len(set(connected)) <= MAXIMUM_ADDRESSES
    assert len(connected) <= MAXIMUM_ADDRESSES**2


async def test_systems_own_resolver_is_guarded_too(internet: Internet) -> None:
    url = f"http://localhost:{internet.ports['good.example']}/"
    for leave in (True, False):
        async with HttpClient(
            user_agent="Kith/test",
            own_authority="home.example",
            development=True,
            allow_loopback=leave,
        ) as out:
            if leave:
                assert (await out.get(url, accept="*/*")).body == b"good"
            else:
                await refused(out, url)


@pytest.mark.parametrize("path", ["", "/", "/actors/1", "/a?b#c"])
@pytest.mark.parametrize("host", ["home.example:8000", "HOME.example:8000"])
async def test_host_of_ours_is_never_asked(
    internet: Internet, connected: list[Address], host: str, path: str
) -> None:
    internet.answer("home.example", [LOOPBACK], port=internet.ports["good.example"])
    async with http_client(internet) as out:
        await refused(out, f"http://{host}{path}", OwnAuthority)
        with pytest.raises(OwnAuthority):
            await out.post(f"http://{host}{path}", body=b"", content_type="text/plain")
        await refused(out, f"http://good.example/to?url=http://{host}/", OwnAuthority)
    assert "home.example" not in internet.asked
    assert len(connected) == 1


@pytest.mark.parametrize(
    "url", ["https://home.social/x", "http://home.social/", "https://home.social:443/"]
)
async def test_host_of_ours_without_a_port_is_known_by_both_default_ports(
    internet: Internet, url: str
) -> None:
    async with http_client(internet, own="home.social") as out:
        await refused(out, url, OwnAuthority)
    assert internet.asked == []


async def test_rules_for_production_urls_hold_before_anything_is_resolved(
    internet: Internet, connected: list[Address]
) -> None:
    cells = [
        *("http://social.org/", "https://social.org:8443/", "https://social.org:80/"),
        *(
            "https://localhost/",
            "https://a.localhost/",
            "https://printer.local/",
            "https://x.onion/",
        ),
        *("https://a.internal/", "https://intranet/", "https://127.0.0.1/", "https://[::1]/"),
        *("https://8.8.8.8/", "https://[2001:4860:4860::8888]/", "https://away.test/"),
        *(
            "https://a@social.org/",
            "https://2130706433/",
            "https://0x7f.1/",
            "https://ｓocial.org/",
        ),
        *("https://social.org./", "https://social.org\\@evil.org/", "ftp://social.org/", ""),
    ]
    async with http_client(internet, development=False) as out:
        for url in cells:
            await refused(out, url, Forbidden, Malformed)
            with pytest.raises((Forbidden, Malformed)):
                await out.post(url, body=b"", content_type="text/plain")
    assert (internet.asked, connected) == ([], [])
    print(f"{2 * len(cells)} cells")


# TLS


def _certificate(
    name: str, key: ec.EllipticCurvePrivateKey, issuer: tuple[str, ec.EllipticCurvePrivateKey]
) -> x509.Certificate:
    """Certificate with all that RFC 5280 asks for: since Python 3.13 one without it is refused."""
    start = dt.datetime(2020, 1, 1, tzinfo=dt.UTC)
    root = issuer[0] == name
    identified = x509.SubjectKeyIdentifier.from_public_key(key.public_key())
    signed_by = x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer[1].public_key())
    usage = x509.KeyUsage(
        digital_signature=True,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=root,
        crl_sign=root,
        encipher_only=False,
        decipher_only=False,
    )
    builder = x509.CertificateBuilder(
        issuer_name=x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, issuer[0])]),
        subject_name=x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)]),
        public_key=key.public_key(),
        serial_number=x509.random_serial_number(),
        not_valid_before=start,
        not_valid_after=start + dt.timedelta(days=36500),
    )
    return (
        builder.add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), False)
        .add_extension(x509.BasicConstraints(ca=root, path_length=None), True)
        .add_extension(usage, True)
        .add_extension(identified, False)
        .add_extension(signed_by, False)
        .sign(issuer[1], hashes.SHA256())
    )


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, ssl.SSLContext]:
    """A certificate authority's file, and a server's context for secure.social."""
    folder = tmp_path_factory.mktemp("tls")
    issuer = ("Test Authority", ec.generate_private_key(ec.SECP256R1()))
    key = ec.generate_private_key(ec.SECP256R1())
    pem = serialization.Encoding.PEM
    (folder / "ca.pem").write_bytes(_certificate(issuer[0], issuer[1], issuer).public_bytes(pem))
    private = key.private_bytes(
        pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    chain = _certificate("secure.social", key, issuer).public_bytes(pem)
    (folder / "server.pem").write_bytes(private + chain)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(folder / "server.pem")
    return folder / "ca.pem", context


@pytest.fixture
def trust(
    authority: tuple[Path, ssl.SSLContext], monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[[], None]]:
    """Call it to trust that authority from here on."""

    def begin() -> None:
        monkeypatch.setenv("SSL_CERT_FILE", str(authority[0]))
        load_trusted_certificates.cache_clear()

    yield begin
    load_trusted_certificates.cache_clear()


async def test_tls_is_verified_against_the_systems_authorities_in_production(
    authority: tuple[Path, ssl.SSLContext], trust: Callable[[], None]
) -> None:
    context = authority[1]
    internet, app = Internet(), web.Application()
    app.router.add_get("/", _good)
    app.router.add_get("/to", _redirect)
    async with internet.serving(app, "secure.social", "other.social", ssl=context):
        async with http_client(internet, development=False) as out:
            with pytest.raises(Unreachable, match="certificate"):
                await out.get("https://secure.social/", accept="*/*")
        trust()
        async with http_client(internet, development=False) as out:
            assert (await out.get("https://secure.social/", accept="*/*")).body == b"good"
            with pytest.raises(Unreachable, match="certificate"):
                await out.get("https://other.social/", accept="*/*")


async def test_redirect_never_leads_from_https_to_http(
    authority: tuple[Path, ssl.SSLContext], trust: Callable[[], None], internet: Internet
) -> None:
    context = authority[1]
    app = web.Application()
    app.router.add_get("/to", _redirect)
    trust()
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(internet.serving(app, "secure.social", ssl=context))
        out = await stack.enter_async_context(http_client(internet))
        await refused(out, "https://secure.social/to?url=http://good.example/", Forbidden)
        answer = await out.get("http://good.example/to?url=http://good.example/", accept="*/*")
        assert answer.status == 200
    assert internet.asked.count("good.example") == 1


# Nothing of the surroundings


async def test_proxies_netrc_and_cookies_have_no_part(
    internet: Internet, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, connected: list[Address]
) -> None:
    seen: list[dict[str, str]] = []

    async def show(request: web.Request) -> web.Response:
        seen.append(dict(request.headers))
        response = web.Response()
        response.set_cookie("session", "tracked")
        return response

    netrc = tmp_path / "netrc"
    netrc.write_text("default login alice password planted\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    for name in ("http_proxy", "HTTP_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.9.9.9:9/")
    app = web.Application()
    app.router.add_get("/", show)
    async with internet.serving(app, "show.example"), http_client(internet) as out:
        for _ in range(3):
            await out.get("http://show.example/", accept="*/*")
    assert {address for address, _ in connected} == {LOOPBACK}
    for headers in seen:
        assert set(headers) == {"Host", "User-Agent", "Accept", "Accept-Encoding"}
        assert headers["User-Agent"] == "Kith/test"
        assert headers["Host"] == "show.example"
    assert len(seen) == 3


CLIENTS = frozenset(
    [
        *("aiohttp.client", "aiohttp.client_reqrep", "aiohttp.connector", "aiohttp.request"),
        *("aiohttp.TCPConnector", "aiohttp.UnixConnector", "aiohttp.ThreadedResolver"),
        *("asyncio.open_connection", "ftplib", "http.client", "httpcore", "httpx", "pycurl"),
        *("requests", "socket.create_connection", "urllib.request", "urllib3"),
    ]
)


def clients_in(tree: ast.AST) -> set[str]:
    """Dotted names of HTTP client APIs that a module uses."""
    names: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
        elif isinstance(node, ast.Attribute):
            names.add(ast.unparse(node))
    return {name for name in names if name in CLIENTS or name.startswith("aiohttp.Client")}


@pytest.mark.parametrize(
    "source",
    [
        "import aiohttp\nasync def f():\n    async with aiohttp.ClientSession() as s: ...",
        "from aiohttp import ClientSession",
        "from aiohttp.client import ClientSession as S",
        "import urllib.request",
        "from urllib.request import urlopen",
        "from http import client",
        "import requests",
        "import aiohttp\naiohttp.request('GET', 'x')",
        "import asyncio\nasyncio.open_connection('a', 1)",
        "from socket import create_connection",
    ],
)
def test_search_for_other_clients_finds_them(source: str) -> None:
    assert clients_in(ast.parse(source))


def test_client_connections_are_opened_in_one_module() -> None:
    root = Path(__file__).parents[3]
    modules = [
        path
        for package in ("server", "federation", "storage")
        for path in (root / package).rglob("*.py")
    ]
    users = {
        path.relative_to(root).as_posix(): found
        for path in modules
        if (found := clients_in(ast.parse(path.read_text())))
    }
    errors = users.pop("federation/transport/failures.py")  # what a client raises, and no client
    assert all("Error" in str(name) for name in errors), errors
    assert set(users) == {"federation/transport/http_client.py"}, users
    print(f"{len(modules)} modules")
