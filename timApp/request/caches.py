"""What becomes of pages in the caches of browsers."""

from flask import Response


def forget_pages(response: Response) -> None:
    """Have the browser forget what it keeps of this site's pages, for Back not to show it.

    Source: the W3C's "Clear Site Data". Browsers do so over HTTPS only, and none of this site's
    pages may be kept (``no-store``); some keep a page for Back all the same.
    """
    response.headers["Clear-Site-Data"] = '"cache"'
