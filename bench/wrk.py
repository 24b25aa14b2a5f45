"""wrk, which asks more than a generator in Python can, of servers that are written in C."""

import re
import shutil
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path

_RATE = re.compile(r"Requests/sec: +([0-9.]+)")
#: Sends the cookies of a file, a line each, in turn.
_SCRIPT = """\
local requests, turn = {{}}, 0
function init()
  for line in io.lines("{cookies}") do
    requests[#requests + 1] = wrk.format("GET", "{path}", {{ Host = "127.0.0.1", Cookie = line }})
  end
end
function request()
  turn = turn % #requests + 1
  return requests[turn]
end
"""


def has_wrk() -> bool:
    """Tell whether it is installed."""
    return shutil.which("wrk") is not None


def asking(
    folder: Path, port: int, path: str, cookies: Sequence[str], connections: int
) -> Callable[[], float]:
    """Return what asks for a path for a second, and returns how many requests were answered.

    That raises `RuntimeError` if any of the answers was not 200, or did not come.
    """
    (folder / f"{port}.cookies").write_text("\n".join(cookies) + "\n")
    script = folder / f"{port}.lua"
    script.write_text(_SCRIPT.format(cookies=folder / f"{port}.cookies", path=path))
    command = ["wrk", "-t", "1", "-c", str(connections), "-d", "1s", "-s", str(script)]
    command.append(f"http://127.0.0.1:{port}")

    def ask() -> float:
        written = subprocess.run(command, check=True, capture_output=True, text=True).stdout
        found = _RATE.search(written)
        if found is None or "Non-2xx" in written or "Socket errors" in written:
            raise RuntimeError(written)
        return float(found[1])

    return ask
