"""Whether what a supervisor opens may come from a picture, and that from anywhere."""

from urllib.parse import urlsplit

from flask import current_app, request

from timApp.request.networks import is_in_networks


def is_near() -> bool:
    """Tell whether a link that is scanned where the request comes from need not be confirmed.

    See `timApp.defaultconfig.SESSIONS_LINK_NETWORKS`.
    """
    networks = current_app.config["SESSIONS_LINK_NETWORKS"]
    return not networks or is_in_networks(request.remote_addr, networks)


def comes_from_here() -> bool:
    """Tell whether a page of this site has led here, and no picture, other site or typed address.

    Browsers say so in ``Sec-Fetch-Site``, over plain HTTP in ``Referer`` alone.
    """
    site = request.headers.get("Sec-Fetch-Site")
    if site is not None:
        return site == "same-origin"
    return urlsplit(request.headers.get("Referer", "")).netloc == request.host
