"""Draws a small bar chart that may stand in a page of this site."""

from collections.abc import Sequence

import pygal
from markupsafe import Markup
from pygal.etree import etree
from pygal.style import Style

# In units of the picture, which are pixels on a phone; static/plot.css has the font's size too.
_WIDTH, _HEIGHT = 360, 130
_FONT_SIZE = 12
_STYLE = Style(label_font_size=_FONT_SIZE, major_label_font_size=_FONT_SIZE)


def bar_chart(name: str, values: Sequence[int], labels: Sequence[str], label_step: int) -> Markup:
    """Return an SVG element with a bar for each value, and every so-many-th label, the last too.

    `name` is what the picture is called for those who do not see it. Colours and fonts are up to
    the page's style sheet: what pygal adds of styles and scripts, which the page's security policy
    forbids, is left out.
    """
    top = _round_up(max(values))
    chart = pygal.Bar(
        style=_STYLE,
        js=(),
        width=_WIDTH,
        height=_HEIGHT,
        margin=4,
        explicit_size=False,
        no_prefix=True,
        show_legend=False,
        show_minor_x_labels=False,
        truncate_label=-1,
        range=(0, top),
        y_labels=(0, top // 2, top),
        classes=("plot",),
    )
    chart.x_labels = labels
    chart.x_labels_major = labels[::-1][::label_step]
    chart.add(None, values)
    picture = chart.render_tree()
    _clean(picture)
    picture.attrib.pop("id")
    picture.set("role", "img")
    picture.set("aria-label", name)
    return Markup(etree.tostring(picture, encoding="unicode"))  # noqa: S704 - escaped by etree


def _clean(parent: etree.Element) -> None:
    """Keep what is drawn; let each bar tell its label and value when it is pointed at."""
    for element in list(parent):
        kind = element.get("class", "") if isinstance(element.tag, str) else "comment"
        if kind in {"comment", "titles", "tooltip"} or element.tag in {"defs", "title"}:
            parent.remove(element)
        elif kind == "bar":
            said = {one.get("class"): one.text or "" for one in element if one.tag == "desc"}
            for one in element.findall("desc"):
                element.remove(one)
            title = etree.SubElement(element, "title")
            title.text = f"{said.get('x_label', '')}: {said.get('value', '')}"
        else:
            _clean(element)


def _round_up(number: int) -> int:
    """Return an even round number that is not smaller, for the end of an axis; at least 2."""
    power = 1
    while number > 10 * power:
        power *= 10
    return next(digit * power for digit in (2, 4, 6, 8, 10) if digit * power >= number)
