"""QR codes, as SVG that can stand in a page."""

import segno

# To try which of the eight masks suits a code best takes five times as long as to draw it, and a
# hall that waits has many drawn anew each second. Links hold signatures, which are as good as
# random: any mask suits them about as well as the best one does.
_MASK = 6


def qr_svg(text: str) -> str:
    """Return an `<svg>` element with a QR code of `text` that scales to the width it is given.

    Dark on light whatever the page's colours: many scanners do not read the reverse.
    `segno.DataOverflowError` when the text does not fit (about 2,300 bytes).
    """
    code = segno.make_qr(text, error="m", mask=_MASK)
    return code.svg_inline(
        dark="#000", light="#fff", border=4, omitsize=True, svgclass="qr", lineclass=None
    )
