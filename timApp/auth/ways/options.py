"""Whether the options say enough of each way to log in."""

from collections.abc import Mapping
from typing import Any

from timApp.util.errors import ConfigError

#: By the option that switches a way on: what it cannot do without.
_NEEDED = {
    "OIDC_ISSUER": ("OIDC_CLIENT_ID", "OIDC_CLIENT_SECRET", "SITE_URL"),
    "TRUSTED_HEADER": ("TRUSTED_HEADER_FROM",),
    "LTI_PLATFORMS": ("SITE_URL",),
    "SAML_IDP_METADATA": ("SITE_URL",),
}
#: Those of whom browsers come back with another site's form, which would be read on the way.
_FOR_HTTPS = ("LTI_PLATFORMS", "SAML_IDP_METADATA")
_HEADERS = ("TRUSTED_HEADER_REAL_NAME", "TRUSTED_HEADER_EMAIL", "TRUSTED_HEADER_GROUPS")


def check_ways(config: Mapping[str, Any]) -> None:
    """Raise `ConfigError` for a way that lacks something, and for a site without any."""
    for way, names in _NEEDED.items():
        for name in names if config[way] else ():
            if not config[name]:
                raise ConfigError(f"{way}: {name} is missing.", field=way)
    for way in _FOR_HTTPS:
        if config[way] and not config["SITE_URL"].startswith("https://"):
            raise ConfigError(f"{way}: SITE_URL has to begin with https://.", field=way)
    for name in _HEADERS:
        if config[name] is not None and config["TRUSTED_HEADER"] is None:
            raise ConfigError(f"{name}: TRUSTED_HEADER is missing.", field=name)
    if (config["SAML_KEY_FILE"] is None) != (config["SAML_CERT_FILE"] is None):
        message = "SAML_KEY_FILE: it goes with SAML_CERT_FILE, and one of them is missing."
        raise ConfigError(message, field="SAML_KEY_FILE")
    platforms = [(one["issuer"], one["client_id"]) for one in config["LTI_PLATFORMS"]]
    if len(platforms) != len(set(platforms)):
        message = "LTI_PLATFORMS: two of them have the same issuer and client_id."
        raise ConfigError(message, field="LTI_PLATFORMS")
    if not config["LOCAL_PASSWORDS"] and not any(config[way] for way in _NEEDED):
        ways = ", ".join(_NEEDED)
        message = f"LOCAL_PASSWORDS: without any of {ways} nobody could log in."
        raise ConfigError(message, field="LOCAL_PASSWORDS")
