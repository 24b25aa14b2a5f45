"""QR codes, as SVG that can stand in a page."""

import segno


def qr_svg(text: str) -> str:
    """Return an `<svg>` element with a QR code of `text` that scales to the width it is given.

    Dark on light whatever the page's colours: many scanners do not read the reverse.
    `segno.DataOverflowError` when the text does not fit (about 2,300 bytes).
    """
    code = segno.make_qr(text, error="m")
    return code.svg_inline(
        dark="#000", light="#fff", border=4, omitsize=True, svgclass="qr", lineclass=None
    )
