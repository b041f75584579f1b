"""Services that actions may ask for beside a unit: everything that takes time, in one value."""

from dataclasses import dataclass

from federation.resolve.resolver import Resolver
from server.media.store import MediaFolder
from server.settings.settings import Settings
from storage.engine.clock import Clock
from storage.engine.database import Database


@dataclass(frozen=True, slots=True)
class Services:
    """Made once, when the server starts. `resolver` asks other servers; `media` keeps files."""

    database: Database
    resolver: Resolver
    media: MediaFolder
    settings: Settings
    clock: Clock
