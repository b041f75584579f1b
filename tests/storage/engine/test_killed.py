import random
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from storage.engine.database import open_database
from storage.engine.site import Site

ROUNDS = 6


def write_until_killed(path: Path, name: str, lines: int, bytes_more: int) -> Iterator[str]:
    """Yield what was acknowledged. It is killed after some lines and some bytes of the next."""
    command = (sys.executable, "-m", "tests.support.scribe", path, name)
    with subprocess.Popen(command, stdout=subprocess.PIPE) as child:
        assert child.stdout
        said = b"".join(child.stdout.readline() for _ in range(lines))
        said += child.stdout.read(bytes_more)
        child.kill()
        said += child.stdout.read()
    for line in said.split(b"\n")[:-1]:
        yield line.decode()


async def test_killing_the_server_loses_nothing_it_has_acknowledged(
    tmp_path: Path, site: Site
) -> None:
    path, acknowledged = tmp_path / "db", set[str]()
    for seed in range(ROUNDS):  # each goes on with the file that the last one left
        chance = random.Random(seed)
        moment = chance.randrange(1, 1500), chance.randrange(4000)
        acknowledged.update(write_until_killed(path, f"{seed}", *moment))
        async with open_database(path, site) as database:
            assert await database.read(lambda r: r.value("PRAGMA integrity_check")) == "ok"
            rows = await database.read(lambda r: r.rows("SELECT uri FROM received"))
        found = {uri for (uri,) in rows}
        whole = {uri for uri in found if not uri.endswith("#half")}
        assert acknowledged <= whole
        assert found - whole == {f"{uri}#half" for uri in whole}, "a unit was cut in two"
    print(f"{ROUNDS} kills, {len(acknowledged)} acknowledged units, none lost")
    assert len(acknowledged) > ROUNDS
