"""Errors by which federation refuses, as one small tree.

FederationError
├── Malformed           it is not what it claims to be
│   ├── TooLarge        it is longer than we read
│   └── IsPage          it is a page for people
├── Forbidden           our rules, or theirs, say no
│   ├── AddressRefused  the host's address is not a public one
│   └── OwnAuthority    it is our own address: local objects come from the database
├── Unauthenticated     the request does not prove who sent it
├── Unreachable         the network, or the other server, did not answer; later may be better
│   └── Silent          it took our connection, or swallowed it, and let us wait
├── Busy                we have too much of this under way; it is not the other side's fault
├── Missing             the other server does not have it, or does not show it (404)
└── Gone                the other server says that it was deleted (410)
"""


class FederationError(Exception):
    """Refusal or inability of federation; the text is a plain reason without secrets."""


class Malformed(FederationError):
    """The document, URL or answer is not what it claims to be."""


class TooLarge(Malformed):
    """The answer is longer than we read, counted after decompression."""


class IsPage(Malformed):
    """A page came where a document was asked for; `url` is the address that answered, `body` it."""

    def __init__(self, reason: str, url: str, body: bytes) -> None:
        super().__init__(reason)
        self.url, self.body = url, body


class Forbidden(FederationError):
    """The actor may not do this, or we may not go there."""


class AddressRefused(Forbidden):
    """The address that would have been connected is not one we may talk to."""


class OwnAuthority(Forbidden):
    """The URL is on our own host, where the database answers, not the network."""


class Unauthenticated(FederationError):
    """The request does not prove who sent it."""


class Unreachable(FederationError):
    """Lack of any usable answer; trying later is reasonable."""


class Silent(Unreachable):
    """`host` did not answer in a fair time: whoever asks it next would wait as well."""

    def __init__(self, reason: str, host: str = "") -> None:
        super().__init__(reason)
        self.host = host


class Busy(FederationError):
    """Lack of a place for this now: our own trouble, never held against who asked (503)."""


class Missing(FederationError):
    """The other server answered 404."""


class Gone(FederationError):
    """The other server answered 410."""
