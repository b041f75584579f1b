"""Passkeys with a real browser: our script, its dialogue, and a virtual authenticator."""

import json
from pathlib import Path

from storage.engine.clock import system_clock
from tests.browser import harness
from tests.browser.test_pages_in_a_browser import garden
from tests.support.clock import Watch
from tests.support.servers import PASSWORD


async def test_browser_makes_a_passkey_and_logs_in_with_it(tmp_path: Path, watch: Watch) -> None:
    await harness.install()
    watch.now = system_clock()  # a browser keeps cookies by its own clock
    async with garden(tmp_path / "garden", watch) as place:
        await place.person("ines")
        job = {
            "chromium": harness.chromium(),
            "base": f"http://{place.host}",
            "password": PASSWORD,
        }
        given = json.dumps(job).encode()
        code, out, err = await harness.run("node", "passkeys.mjs", given=given, seconds=120)
    assert code == 0, err.decode(errors="replace")[-2000:]
    assert json.loads(out) == {
        "added": "/settings/safety?done=added",
        "entered": "/settings",
        "proved": "/settings/safety",
        "unverified": "/login/passkey",
        "plain": "A passkey needs JavaScript, which your browser does not run here."
        " Your password works without it.",
        "findings": [],
    }
