"""Site of this instance: the domain of its handles and the origin of its URIs."""

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Site:
    """`domain` stands in handles (alice@domain), `web_domain` in URIs; they may differ.

    `secret` seals addresses of media that not everybody may open; it is never in the database.
    """

    domain: str
    web_domain: str
    scheme: str = "https"
    secret: str = field(default="", repr=False, compare=False)

    @property
    def origin(self) -> str:
        return f"{self.scheme}://{self.web_domain}"

    def owns(self, uri: str) -> bool:
        return uri.startswith(f"{self.origin}/") or uri == self.origin
