"""Apache with mod_auth_openidc, which keeps logins in memory that its workers share."""

import grp
import json
import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import httpx

from bench.nginx import FILE, add_file
from bench.server import PROJECT, Server, free_port, started, wait_until_it_answers

_PROGRAM, _MODULES = Path("/usr/sbin/apache2"), Path("/usr/lib/apache2/modules")
_MODULE = _MODULES / "mod_auth_openidc.so"
_PROVIDER = PROJECT / "tests" / "oidc"
_SECRET = "a secret for measurements, which is long enough"
_LOADED = ("mpm_event", "authz_core", "authz_user", "authn_core", "auth_openidc")
_CONFIGURATION = """\
{modules}
ServerName 127.0.0.1
ServerRoot {folder}
PidFile httpd.pid
ErrorLog log
Listen 127.0.0.1:{port}
DocumentRoot {folder}
{user}
OIDCProviderMetadataURL http://127.0.0.1:{provider}/.well-known/openid-configuration
OIDCClientID timapp
OIDCClientSecret "{secret}"
OIDCRedirectURI http://127.0.0.1:{port}/oidc/callback
OIDCCryptoPassphrase "{secret}"
OIDCSessionType server-cache
OIDCCacheType shm
OIDCPKCEMethod S256
OIDCRemoteUserClaim sub
<Location />
  AuthType openid-connect
  Require valid-user
</Location>
"""


def is_missing() -> str | None:
    """Return what is not here and has to be; None if all is."""
    if not _PROGRAM.exists() or not _MODULE.exists():
        return "Apache with mod_auth_openidc (Debian: libapache2-mod-auth-openidc)"
    if shutil.which("node") is None or not (_PROVIDER / "node_modules").exists():
        return "the OpenID provider (make tests/oidc/node_modules)"
    return None


@contextmanager
def openidc_apache(folder: Path, people: int) -> Iterator[tuple[Server, Sequence[str]]]:
    """Yield Apache that gives the file of `bench.nginx` to whoever is logged in at a provider.

    And the cookies of so many people who are.
    """
    add_file(folder)
    port, provider = free_port(), free_port()
    is_root = os.getuid() == 0
    text = _CONFIGURATION.format(
        modules="\n".join(f"LoadModule {one}_module {_MODULES}/mod_{one}.so" for one in _LOADED),
        folder=folder,
        port=port,
        provider=provider,
        secret=_SECRET,
        user=f"User nobody\nGroup {grp.getgrgid(65534).gr_name}" if is_root else "",
    )
    (folder / "httpd.conf").write_text(text, "utf-8")
    said = {"port": provider, "site": f"http://127.0.0.1:{port}", "secret": _SECRET}
    said |= {"kid": "bench", "sent": str(folder / "sent")}
    at_provider = ["node", str(_PROVIDER / "provider.mjs"), json.dumps(said)]
    apache = [str(_PROGRAM), "-D", "FOREGROUND", "-d", str(folder), "-f", "httpd.conf"]
    with (
        started(at_provider, {}, folder / "provider.log") as first,
        started(apache, {}, folder / "apache.log") as second,
    ):
        wait_until_it_answers(provider, "/.well-known/openid-configuration", first)
        wait_until_it_answers(port, "/", second)
        cookies = [_logged_in(f"http://127.0.0.1:{port}", f"user{one}") for one in range(people)]
        yield Server(port, second.pid), cookies


def _logged_in(address: str, name: str) -> str:
    """Return the cookie of somebody who has logged in."""
    with httpx.Client(follow_redirects=True, headers={"Accept": "text/html"}) as browser:
        form = browser.get(f"{address}{FILE}")
        page = browser.post(form.url, data={"prompt": "login", "login": name, "password": "x"})
        page.raise_for_status()
        return f"mod_auth_openidc_session={browser.cookies['mod_auth_openidc_session']}"
