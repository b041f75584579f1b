"""Accounts as those who look after them list them: ours and others', in any state."""

from dataclasses import dataclass
from json import dumps

from storage.engine.ids import ActorId
from storage.engine.pagination import Page
from storage.engine.transaction import Reader

STATUSES = ("active", "pending", "disabled", "silenced", "suspended", "sensitized")
ORIGINS = ("local", "remote")

_IN_STATE = """CASE :status
    WHEN 'active' THEN w.effective_state = 'active'
        AND ifnull(ac.state = 'active' AND ac.frozen IS NULL, 1)
    WHEN 'pending' THEN w.effective_state = 'pending'
    WHEN 'disabled' THEN ac.state = 'disabled' OR ac.frozen IS NOT NULL
    WHEN 'silenced' THEN w.silenced <> 0
    WHEN 'suspended' THEN w.effective_state = 'suspended'
    WHEN 'sensitized' THEN w.sensitized
    WHEN 'shown' THEN w.effective_state = 'active'
    ELSE 1 END"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sought:
    """Criteria for accounts; None is any. Texts are beginnings, of e-mail addresses any part.

    `status` is one of STATUSES, or `shown`: whom others see, whatever was decided about them.
    """

    origin: str | None = None
    status: str | None = None
    roles: tuple[str, ...] = ()
    invited_by: ActorId | None = None
    name: str | None = None
    display_name: str | None = None
    domain: str | None = None
    email: str | None = None


def page_of(reader: Reader, sought: Sought, page: Page) -> list[ActorId]:
    """Newest first."""
    rows = reader.named(
        f"""
        SELECT w.id FROM actors w LEFT JOIN accounts ac ON ac.actor = w.id
        WHERE w.id < :below AND w.id > :above AND w.type <> 'Application'
        AND w.effective_state <> 'deleted' AND (w.host <> '' OR ac.actor IS NOT NULL)
        AND (:origin IS NULL OR (:origin = 'local') = (w.host = ''))
        AND ({_IN_STATE})
        AND (:roles = '[]' OR ac.role IN (SELECT value FROM json_each(:roles)))
        AND (:invited_by IS NULL OR ac.invited_by = :invited_by)
        AND (:name IS NULL OR instr(lower(w.name), lower(:name)) = 1)
        AND (:display_name IS NULL OR instr(lower(w.display_name), lower(:display_name)) = 1)
        AND (:domain IS NULL OR w.domain = lower(:domain))
        AND (:email IS NULL OR instr(lower(ac.email), lower(:email)) > 0)
        ORDER BY w.id {page.order} LIMIT :limit
        """,
        {
            **page.values,
            "origin": sought.origin,
            "status": sought.status,
            "roles": dumps(sought.roles),
            "invited_by": sought.invited_by,
            "name": sought.name,
            "display_name": sought.display_name,
            "domain": sought.domain,
            "email": sought.email,
        },
    )
    return sorted((ActorId(id_) for (id_,) in rows), reverse=True)
