"""A browser's tab in which somebody of ours is logged in: pages, and forms with their token."""

import re
from dataclasses import dataclass
from io import BytesIO

from aiohttp import FormData

from storage.access import sessions
from storage.engine import ids
from tests.support.servers import Person, Place

HTML = "text/html,application/xhtml+xml,*/*;q=0.8"


@dataclass
class Tab:
    place: Place
    cookie: dict[str, str]
    csrf: str = ""

    @classmethod
    async def of(cls, person: Person) -> "Tab":
        secret = ids.secret()
        await person.place.database.write(sessions.start, secret, person.actor.id, "Firefox")
        return cls(person.place, {"Cookie": f"kith={secret}", "Accept": HTML})

    async def open(self, path: str) -> str:
        async with self.place.client.get(path, headers=self.cookie) as answer:
            assert answer.status == 200, (path, answer.status)
            text = await answer.text()
        found = re.search(r'name="csrf" value="([^"]+)"', text)
        self.csrf = found.group(1) if found else self.csrf
        return text

    async def sent(self, path: str, **fields: str | bytes) -> tuple[int, str]:
        """Send a form; bytes are a file. Status and page, without going on to another."""
        form = FormData(default_to_multipart=any(isinstance(v, bytes) for v in fields.values()))
        for name, value in {"csrf": self.csrf, **fields}.items():
            if isinstance(value, bytes):
                form.add_field(name, BytesIO(value), filename="file.csv", content_type="text/csv")
            else:
                form.add_field(name, value)
        async with self.place.client.post(
            path, headers=self.cookie, data=form, allow_redirects=False
        ) as answer:
            return answer.status, await answer.text()

    async def send(self, path: str, **fields: str | bytes) -> int:
        return (await self.sent(path, **fields))[0]
