"""An authenticator in software: makes ES256 credentials and signs with them (WebAuthn Level 2)."""

import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any

import cbor2
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec

PRESENT, VERIFIED, ATTESTED = 1, 4, 64  # flags, §6.1


def encoded(data: bytes) -> str:
    return urlsafe_b64encode(data).rstrip(b"=").decode()


def decoded(text: str) -> bytes:
    return urlsafe_b64decode(text + "=" * (-len(text) % 4))


@dataclass
class Authenticator:
    """One device with one passkey. What it says can be bent by the test: `flags`, `origin`."""

    origin: str
    flags: int = PRESENT | VERIFIED
    count: int = 0
    credential_id: bytes = b"\x07" * 32
    user: bytes = b""
    key: ec.EllipticCurvePrivateKey = field(
        default_factory=lambda: ec.generate_private_key(ec.SECP256R1())
    )

    def _client_data(self, kind: str, challenge: str) -> bytes:
        said = {"type": kind, "challenge": challenge, "origin": self.origin, "crossOrigin": False}
        return json.dumps(said).encode()

    def _data(self, rp_id: str, attested: bytes = b"") -> bytes:
        """Authenticator data, §6.1."""
        flags = self.flags | (ATTESTED if attested else 0)
        head = sha256(rp_id.encode()).digest() + bytes([flags]) + self.count.to_bytes(4, "big")
        return head + attested

    def _public(self) -> bytes:
        """COSE_Key of EC2, ES256 (RFC 9053)."""
        numbers = self.key.public_key().public_numbers()
        x, y = numbers.x.to_bytes(32, "big"), numbers.y.to_bytes(32, "big")
        return cbor2.dumps({1: 2, 3: -7, -1: 1, -2: x, -3: y})

    def make(self, options: dict[str, Any]) -> str:
        """What navigator.credentials.create() gives, with attestation "none"."""
        self.user = decoded(options["user"]["id"])
        identified = len(self.credential_id).to_bytes(2, "big") + self.credential_id
        data = self._data(options["rp"]["id"], bytes(16) + identified + self._public())
        attestation = cbor2.dumps({"fmt": "none", "attStmt": {}, "authData": data})
        client_data = self._client_data("webauthn.create", options["challenge"])
        return self._said(clientDataJSON=client_data, attestationObject=attestation)

    def use(self, options: dict[str, Any]) -> str:
        """What navigator.credentials.get() gives."""
        self.count += 1
        client_data = self._client_data("webauthn.get", options["challenge"])
        data = self._data(options["rpId"])
        signed = data + sha256(client_data).digest()
        signature = self.key.sign(signed, ec.ECDSA(hashes.SHA256()))
        return self._said(
            clientDataJSON=client_data,
            authenticatorData=data,
            signature=signature,
            userHandle=self.user,
        )

    def _said(self, **response: bytes) -> str:
        said = {name: encoded(data) for name, data in response.items()}
        id_ = encoded(self.credential_id)
        return json.dumps({"id": id_, "rawId": id_, "type": "public-key", "response": said})
