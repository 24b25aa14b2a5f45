"""The head of the pages, which leads to the parts of the site."""

import re

from tests.site import Site

PARTS = {
    "/supervise": "Supervise",
    "/administer": "Overview",
    "/administer/sessions": "Sessions",
    "/administer/exams": "Exams",
    "/administer/documents": "Documents",
    "/administer/people": "People",
    "/my-sessions": "My sessions",
}
BELOW = {
    "/supervise/person?user=supervisor": "Supervise",
    "/administer/failed-logins": "Overview",
    "/administer/record": "Overview",
    "/administer/person?user=supervisor": "Sessions",
    "/administer/people/account?user=supervisor": "People",
}


def test_the_head_marks_the_page_that_is_open_or_the_part_it_belongs_to(site: Site) -> None:
    """One entry, and none on a page that is of no part."""
    site.add_supervisor()
    site.add_admin()
    admin = site.logged_in("admin")
    for pages, mark in ((PARTS, "page"), (BELOW, "true")):
        for address, words in pages.items():
            text = admin.get_page(address).text
            marked = re.findall(r'<a [^>]*aria-current="(page|true)">([^<]*)</a>', text)
            assert (mark, words) in marked, address
            head = text[: text.index("</header>")]
            assert head.count("aria-current") == 1, address
    assert "aria-current" not in admin.get_page("/").text
