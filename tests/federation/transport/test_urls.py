"""Origins and the policy on URLs (SECURITY B15, D34)."""

from urllib.parse import urlsplit

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from yarl import URL

from federation.errors import Malformed
from federation.transport.urls import (
    MAXIMUM_LENGTH,
    Origin,
    canonical,
    host_of,
    may_contact,
    origin_of,
    same_origin,
)

MALFORMED = [
    # not http(s), or not absolute
    *("", "social.example", "//social.example/", "/path", "https:", "https:/social.example"),
    *("https:social.example", "https:///path", "ftp://social.example/", "file:///etc/passwd"),
    *("javascript:alert(1)", "data:text/plain,x", "httpſ://social.example/", "gopher://a.example"),
    *("view-source:https://social.example/", " https://social.example/", "https ://a.example/"),
    # userinfo
    *("https://user@social.example/", "https://user:pass@social.example/"),
    *("https://@social.example/", "https://:@social.example/", "https://victim.example@evil.org/"),
    *("https://a@b@c.example/"),
    # backslash and control characters
    *("https://evil.org\\@victim.example/", "https:\\\\evil.org/", "https://evil.org\\.a.example/"),
    *("https://social.example/a\\b", "https://social.example/\n", "https://soc\tial.example/"),
    *("https://social.example\r\nHost: x/", "https://social.example\x00/", "\x01https://a.org/"),
    *("https://social.example/\x7f", "https://social.example/\x85", "https://a.org/\ud800"),
    # trailing, leading and doubled dots
    *("https://social.example./", "https://social.example../", "https://.social.example/"),
    *("https://social..example/", "https://./", "https://127.0.0.1./"),
    # percent-encoded host
    *("https://social%2eexample/", "https://%73ocial.example/", "https://127.0.0.%31/"),
    *("https://[fe80::1%25eth0]/", "https://victim.example%00.evil.org/"),
    # IPv4 in other forms
    *("https://2130706433/", "https://0x7f000001/", "https://017700000001/", "https://127.1/"),
    *("https://127.0.1/", "https://0177.0.0.1/", "https://0x7f.0.0.1/", "https://127.0.0.0x1/"),
    *("https://127.0.0.01/", "https://127.0.0.256/", "https://1.2.3.4.5/", "https://a.0x/"),
    *("https://social.1/", "https://0/", "https://00000.0.0.0/", "https://999999999999/"),
    # IPv6 in other forms
    *("https://[::ffff:127.0.0.1]/", "https://[::ffff:7f00:1]/", "https://[::127.0.0.1]/"),
    *("https://[0:0:0:0:0:0:0:1]/", "https://[::0001]/", "https://[::1/", "https://::1/"),
    *("https://[]/", "https://[::1]a/", "https://[v1.a]/", "https://[::1]]/", "https://[1.2.3.4]/"),
    *("https://2001:db8::1/", "https://[2001:0db8::1]/", "https://[::7f00:1]/"),
    # full width, other dots, letters that stand for others
    *("https://ｓocial.example/", "https://social。example/", "https://127。0。0。1/"),
    *(
        "https://①②⑦.0.0.1/",
        "https://１２７.0.0.1/",
        "https://social．example/",
        "https://ⓔvil.org/",
    ),
    *(
        "https://\u212aith.example/",
        "https://ℯvil.org/",
        "https://so\u00adcial.example/",
        "https://℀.org/",
    ),
    *(
        "https://evil.org／.victim.example/",
        "https://a‥b.example/",
        "https://\u200bsocial.example/",
    ),
    # empty or impossible hosts and ports
    *("https://", "https:///", "https://?q", "https://#f", "https://:443/", "https://a b.example/"),
    *("https://social.example:/", "https://social.example:0/", "https://social.example:65536/"),
    *("https://social.example:0443/", "https://social.example:+443/", "https://a.example:44３/"),
    *("https://social.example:443:443/", "https://a.example:x/", "https://-a.example/"),
    *("https://a-.example/", "https://a,b.example/", "https://a'b.example/", "https://<a>.org/"),
    *(f"https://{'a' * 64}.example/", f"https://{'a.' * 127}example/", "https://a_b.exa!mple/"),
    "https://social.example/" + "a" * MAXIMUM_LENGTH,
]

READ = {
    "https://social.example": ("https", "social.example", 443),
    "HTTPS://Social.EXAMPLE/Path": ("https", "social.example", 443),
    "https://social.example:443/": ("https", "social.example", 443),
    "https://social.example:8443/": ("https", "social.example", 8443),
    "http://social.example:80/": ("http", "social.example", 80),
    "http://social.example:443/": ("http", "social.example", 443),
    "https://social.example?q": ("https", "social.example", 443),
    "https://evil.org#@victim.example/": ("https", "evil.org", 443),
    "https://social.example#f": ("https", "social.example", 443),
    "https://social.example/@alice": ("https", "social.example", 443),
    "https://social.example/?u=https://a@b": ("https", "social.example", 443),
    "https://bücher.example/": ("https", "xn--bcher-kva.example", 443),
    "https://BÜCHER.example/": ("https", "xn--bcher-kva.example", 443),
    "https://xn--bcher-kva.example/": ("https", "xn--bcher-kva.example", 443),
    "https://straße.example/": ("https", "xn--strae-oqa.example", 443),
    "https://例え.example/": ("https", "xn--r8jz45g.example", 443),
    "https://a_b.social.example/": ("https", "a_b.social.example", 443),
    "https://1social.example/": ("https", "1social.example", 443),
    "http://127.0.0.1:8000/": ("http", "127.0.0.1", 8000),
    "http://[::1]:8000/": ("http", "::1", 8000),
    "https://[2001:4860:4860::8888]/": ("https", "2001:4860:4860::8888", 443),
    "https://[2001:4860::ABCD]/": ("https", "2001:4860::abcd", 443),
}


def test_ambiguous_url_is_malformed() -> None:
    for url in MALFORMED:
        with pytest.raises(Malformed):
            origin_of(url)
        assert not may_contact(url, development=True)
        assert not same_origin(url, url)
    print(f"{len(MALFORMED)} cells")


@pytest.mark.parametrize(("url", "expected"), READ.items())
def test_origin_is_scheme_host_and_port(url: str, expected: tuple[str, str, int]) -> None:
    assert origin_of(url) == Origin(*expected)


def test_default_ports_are_dropped_in_writing() -> None:
    assert str(origin_of("https://social.example:443/x")) == "https://social.example"
    assert str(origin_of("http://social.example:443/x")) == "http://social.example:443"
    assert str(origin_of("http://[::1]:80/x")) == "http://[::1]"
    assert host_of("https://Social.example:8443/x") == "social.example:8443"
    assert host_of("https://social.example:443/x") == "social.example"


@pytest.mark.parametrize(
    ("a", "b", "same"),
    [
        ("https://a.example/1", "https://A.example:443/2", True),
        ("https://bücher.example/1", "https://xn--bcher-kva.example/2", True),
        ("https://a.example/", "http://a.example/", False),
        ("https://a.example/", "https://a.example:8443/", False),
        ("https://a.example/", "https://b.a.example/", False),
        ("https://a.example/", "https://a.example.evil.org/", False),
    ],
)
def test_origin_means_scheme_host_and_port(a: str, b: str, same: bool) -> None:
    assert same_origin(a, b) is same


@pytest.mark.parametrize(
    ("url", "sent"),
    [
        ("https://Social.example:443", "https://social.example/"),
        ("https://social.example?q=1", "https://social.example/?q=1"),
        ("https://social.example/a?", "https://social.example/a"),
        ("https://social.example/a#b", "https://social.example/a"),
        ("https://social.example/%7Ea/%2F/../b;c?d=e+f%20g&h", None),
        ("https://social.example//evil.org/@a:b", None),
        (
            "https://social.example/tags/日本 x",
            "https://social.example/tags/%E6%97%A5%E6%9C%AC%20x",
        ),
        ('https://social.example/"<>^`{|}', "https://social.example/%22%3C%3E%5E%60%7B%7C%7D"),
    ],
)
def test_url_is_sent_as_written_with_its_origin_normalised(url: str, sent: str | None) -> None:
    assert canonical(url) == (sent or url)
    assert canonical(canonical(url)) == canonical(url)


URLS = st.one_of(
    st.sampled_from([*MALFORMED, *READ]),
    st.builds(
        "{}{}{}{}{}".format,
        st.sampled_from(["http://", "https://", "HTTPS://", "http:/", "//"]),
        st.sampled_from(["", "", "", "user@", "a:b@", "[", "\t"]),
        st.text("abxn-._:%@\\[]１２０x07f。ſ\u212aüİıßςK😀\u0308\u200d", max_size=12),
        st.sampled_from(["", ".example", ":80", ":443", ":8443", ".1", "."]),
        st.text("/?#@:\\%a;&=+ é", max_size=8),
    ),
    st.text(max_size=30).map("https://{}".format),
)


@settings(max_examples=1000, deadline=None)
@given(URLS)
def test_accepted_url_is_read_alike_by_the_client_library_and_by_urllib(url: str) -> None:
    try:
        ours = origin_of(url)
    except Malformed:
        return
    for theirs in (URL(canonical(url), encoded=True), URL(url)):
        assert (theirs.scheme, theirs.raw_host, theirs.port) == (ours.scheme, ours.host, ours.port)
    assert str(URL(canonical(url), encoded=True)) == canonical(url)
    split = urlsplit(canonical(url))
    port = split.port or {"http": 80, "https": 443}[split.scheme]
    assert (split.scheme, split.hostname, port) == (ours.scheme, ours.host, ours.port)


def test_differential_corpus_is_large_enough_to_mean_something() -> None:
    """The parsers do differ about URLs that we refuse: that is why we refuse them."""
    differing = [url for url in MALFORMED if _by_yarl(url) != _by_urllib(url)]
    assert len(differing) >= 20
    print(f"{len(differing)} of {len(MALFORMED)} refused URLs are read differently by two parsers")


def _by_yarl(url: str) -> str | None:
    try:
        return URL(url).raw_host
    except ValueError:
        return None


def _by_urllib(url: str) -> str | None:
    try:
        return urlsplit(url).hostname
    except ValueError:
        return None


NEVER = [
    *("https://printer.local/", "https://db.internal/", "https://x.onion/", "https://a.i2p/"),
    *("https://router.lan/", "https://x.home.arpa/", "https://a.invalid/", "https://a.corp/"),
    *("https://x.localdomain/", "https://a.intranet/", "https://a.alt/", "https://1.in-addr.arpa/"),
    *("https://metadata.google.internal/", "https://INTERNAL/", "https://onion/"),
]
DEVELOPMENT = [
    *("http://localhost:8000/", "http://garden.localhost:8001/", "http://127.0.0.1:8000/"),
    *("http://[::1]:8000/", "http://social.org/", "https://social.org:8443/", "http://peer:8000/"),
    *("https://localhost/", "https://away.example/", "https://away.test/", "https://127.0.0.1/"),
    *("https://8.8.8.8/", "https://[2001:4860::1]/", "https://intranet-host/", "http://social.org"),
    *("https://social.org:80/", "http://social.org:443/"),
]
ALWAYS = [
    *("https://social.org/", "https://social.org:443/users/alice", "https://sub.social.org/?a=b"),
    *("https://bücher.social/", "https://local.social/", "https://localhost.social/"),
]


def test_policy_on_urls() -> None:
    for url in NEVER:
        assert not may_contact(url, development=True), url
        assert not may_contact(url, development=False), url
    for url in DEVELOPMENT:
        assert may_contact(url, development=True), url
        assert not may_contact(url, development=False), url
    for url in ALWAYS:
        assert may_contact(url, development=True), url
        assert may_contact(url, development=False), url
    print(f"{2 * len([*NEVER, *DEVELOPMENT, *ALWAYS])} cells")
