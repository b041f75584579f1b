"""What looks at pages: npm packages, Chromium, and a server for pages that are not served yet."""

import asyncio
import io
import json
import os
import shutil
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

import pytest
from aiohttp import web
from PIL import Image

from server.pages.render import STATIC
from tests.support.locks import alone

HERE = Path(__file__).resolve().parent
POLICY = (
    "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; "
    "base-uri 'none'; frame-ancestors 'none'"
)
CHROMIUM_NAMES = ("chromium", "chromium-browser", "google-chrome")
INSTALL_SECONDS = 120
LOOK_SECONDS = 500


@dataclass(frozen=True, slots=True)
class Page:
    """A page to look at; `cookie` is "name=value" of somebody who is logged in.

    Without `axe` only sideways scroll is looked for, as in a language with longer words.
    """

    name: str
    url: str
    cookie: str | None = None
    axe: bool = True


@dataclass(frozen=True, slots=True)
class Report:
    """What was found: the number of runs, of rules that passed, and a line for each finding."""

    runs: int
    passed: int
    findings: tuple[str, ...]


def missing(reason: str) -> None:
    """Skip with a reason, or fail where the means are required to be there."""
    if os.environ.get("REQUIRE_PEERS") == "1":
        pytest.fail(reason)
    pytest.skip(reason)


async def run(*command: str, given: bytes = b"", seconds: float) -> tuple[int, bytes, bytes]:
    process = await asyncio.create_subprocess_exec(
        *command,
        cwd=HERE,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        out, err = await asyncio.wait_for(process.communicate(given), seconds)
    except TimeoutError:
        process.kill()
        out, err = await process.communicate()
        return -1, out, err or b"took too long"
    return process.returncode or 0, out, err


def chromium() -> str:
    """The browser of this machine."""
    found = next(filter(None, map(shutil.which, CHROMIUM_NAMES)), None)
    if found is None:
        missing("no Chromium on this machine")
    return str(found)


async def install() -> None:
    """The npm packages, unless they are there already in the locked versions."""
    if not (shutil.which("node") and shutil.which("npm")):
        missing("no node and npm on this machine")
    locked = json.loads((HERE / "package-lock.json").read_text())["packages"]
    wanted = {name: entry["version"] for name, entry in locked.items() if name}
    if all(_installed(name) == version for name, version in wanted.items()):
        return
    quiet = ("--no-audit", "--no-fund", "--ignore-scripts")
    with alone(HERE):
        if all(_installed(name) == version for name, version in wanted.items()):
            return
        code, _, err = await run("npm", "ci", *quiet, seconds=INSTALL_SECONDS)
    if code:
        missing(f"npm ci did not work: {err.decode(errors='replace')[-300:]}")


def _installed(name: str) -> str | None:
    """The version of a package in the folder, None when it is not there."""
    path = HERE / name / "package.json"
    return json.loads(path.read_text()).get("version") if path.is_file() else None


async def look(pages: Sequence[Page], shots: Path | None = None) -> Report:
    """Run axe-core on the pages in both lights and widths, and look for sideways scroll at 320."""
    await install()
    job = {
        "chromium": chromium(),
        "shots": str(shots) if shots else None,
        "pages": [asdict(page) for page in pages],
    }
    given = json.dumps(job).encode()
    code, out, err = await run("node", "look.mjs", given=given, seconds=LOOK_SECONDS)
    assert code == 0, err.decode(errors="replace")[-2000:]
    said = json.loads(out)
    return Report(said["runs"], said["passed"], tuple(said["findings"]))


def _sill() -> bytes:
    """A picture of 960 by 600 pixels: morning light, in two colours."""
    made = io.BytesIO()
    Image.linear_gradient("L").resize((960, 600)).save(made, "PNG")
    return made.getvalue()


@asynccontextmanager
async def served(pages: Mapping[str, str]) -> AsyncIterator[str]:
    """Pages (name → HTML) on loopback with the strict policy; gives the base address."""
    sill = _sill()

    async def page(request: web.Request) -> web.Response:
        html = pages.get(request.match_info["name"])
        if html is None:
            raise web.HTTPNotFound
        script = "; script-src 'self'" if "<script" in html else ""
        policy = {"Content-Security-Policy": POLICY + script, "X-Content-Type-Options": "nosniff"}
        return web.Response(text=html, content_type="text/html", headers=policy)

    async def picture(request: web.Request) -> web.Response:
        return web.Response(body=sill, content_type="image/png")

    app = web.Application()
    app.router.add_static("/static", STATIC)
    app.router.add_get("/media/sill.png", picture)
    app.router.add_get("/p/{name}", page)
    runner = web.AppRunner(app)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()
