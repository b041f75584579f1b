"""Passkeys (Web Authentication Level 2): what a browser is asked, and whether its answer is good.

The challenge of a ceremony is made from the secret in the browser's cookie, so an answer is good
in that browser only. Whoever uses one is verified by it: it is a whole log-in.

The library is imported where it is used: it takes 7 MB.
"""

import logging
from collections.abc import Iterable
from dataclasses import dataclass
from hashlib import sha256
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from server.settings.settings import Settings
from storage.access.second_factor import Passkey
from storage.engine.ids import ActorId
from storage.people.actors import Actor

if TYPE_CHECKING:
    from webauthn.helpers.structs import PublicKeyCredentialDescriptor

log = logging.getLogger(__name__)

LONGEST = 16_384  # characters of an answer
LONGEST_ID = 1023  # bytes of a credential's id (WebAuthn §4)
PATIENCE = 300_000  # milliseconds that a browser may take


@dataclass(frozen=True, slots=True)
class Made:
    """A new credential; `public_key` is COSE."""

    credential_id: bytes
    public_key: bytes
    sign_count: int


def _host(settings: Settings) -> str:
    """The relying party's id: the host alone, which can never change."""
    return urlsplit(settings.web_origin).hostname or settings.web_domain


def _challenge(secret: str) -> bytes:
    return sha256(f"passkey {secret}".encode()).digest()


def _handle(account: ActorId) -> bytes:
    return str(account).encode()


def _named(known: Iterable[Passkey]) -> "list[PublicKeyCredentialDescriptor]":
    from webauthn.helpers.structs import PublicKeyCredentialDescriptor

    return [PublicKeyCredentialDescriptor(one.credential_id) for one in known]


def creation(settings: Settings, secret: str, me: Actor, known: Iterable[Passkey]) -> str:
    """Options for the passkey that the browser is asked to make, as JSON."""
    import webauthn
    from webauthn.helpers.structs import (
        AuthenticatorSelectionCriteria,
        ResidentKeyRequirement,
        UserVerificationRequirement,
    )

    options = webauthn.generate_registration_options(
        rp_id=_host(settings),
        rp_name=settings.title,
        user_id=_handle(me.id),
        user_name=me.name,
        user_display_name=me.display_name or me.name,
        challenge=_challenge(secret),
        timeout=PATIENCE,
        authenticator_selection=AuthenticatorSelectionCriteria(
            resident_key=ResidentKeyRequirement.REQUIRED,
            require_resident_key=True,
            user_verification=UserVerificationRequirement.REQUIRED,
        ),
        exclude_credentials=_named(known),
    )
    return webauthn.options_to_json(options)


def request(settings: Settings, secret: str, known: Iterable[Passkey] = ()) -> str:
    """Proof the browser is asked for, as JSON. Without `known`, any passkey of this site."""
    import webauthn
    from webauthn.helpers.structs import UserVerificationRequirement

    options = webauthn.generate_authentication_options(
        rp_id=_host(settings),
        challenge=_challenge(secret),
        timeout=PATIENCE,
        allow_credentials=_named(known),
        user_verification=UserVerificationRequirement.REQUIRED,
    )
    return webauthn.options_to_json(options)


def verify_registration(settings: Settings, secret: str, said: str) -> Made | None:
    """Passkey that the browser made; None when its answer will not do."""
    import webauthn

    try:
        found = webauthn.verify_registration_response(
            credential=said,
            expected_challenge=_challenge(secret),
            expected_rp_id=_host(settings),
            expected_origin=settings.web_origin,
            require_user_verification=True,
        )
    except Exception as error:  # whatever a library says of bytes from anywhere: no
        log.info("a new passkey was refused: %s", type(error).__name__)
        return None
    if len(found.credential_id) > LONGEST_ID:
        return None
    return Made(found.credential_id, found.credential_public_key, found.sign_count)


def credential_id(said: str) -> bytes | None:
    """Id of the passkey that an answer says it is of; nothing is proved by it."""
    from webauthn.helpers import parse_authentication_credential_json

    try:
        return bytes(parse_authentication_credential_json(said).raw_id)
    except Exception as error:
        log.info("an answer of a passkey was not readable: %s", type(error).__name__)
        return None


def verify_assertion(settings: Settings, secret: str, said: str, known: Passkey) -> int | None:
    """Count of uses by the passkey itself; None when the answer will not do."""
    import webauthn
    from webauthn.helpers import parse_authentication_credential_json

    try:
        credential = parse_authentication_credential_json(said)
        found = webauthn.verify_authentication_response(
            credential=credential,
            expected_challenge=_challenge(secret),
            expected_rp_id=_host(settings),
            expected_origin=settings.web_origin,
            credential_public_key=known.public_key,
            credential_current_sign_count=known.sign_count,
            require_user_verification=True,
        )
    except Exception as error:
        log.info("a passkey was refused: %s", type(error).__name__)
        return None
    whose = credential.response.user_handle
    return found.new_sign_count if whose in (None, _handle(known.account)) else None
