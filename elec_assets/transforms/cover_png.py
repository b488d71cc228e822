"""The cover as PNG, which is what Kaggle takes: drawn with a packaged font, so that no machine's own fonts matter.

Same SVG, same bytes, with the same version of resvg-py. DejaVu Sans has Latin, Greek, Cyrillic, Armenian, Georgian,
Arabic and Hebrew letters; those of other scripts are drawn as boxes.
"""

import struct
from pathlib import Path

import resvg_py

from elec_assets.transforms.cover import HEIGHT, WIDTH

FONT = Path(__file__).with_name("fonts") / "DejaVuSans.ttf"
_FAMILY = "DejaVu Sans"
_SIGNATURE = b"\x89PNG\r\n\x1a\n"
# Width and height stand in the first chunk, IHDR, whose data begins here (PNG, third edition, 11.2.1).
_SIZE_AT = 16
_PROBE = '<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"><text y="9">{}</text></svg>'


class CoverFailed(ValueError):
    """The cover cannot be drawn; the text says why and what to do."""


def cover_png(svg: str, font: Path = FONT) -> bytes:
    """An SVG of 560 x 280 as PNG of the same size.

    Args:
        svg: as `cover.cover` makes it.
        font: a font file; all text is drawn with it.

    Raises:
        CoverFailed: there is no such font, it is no font, or the SVG is none or of another size.
    """
    # Without a font, or with a broken one, resvg leaves all text out and says nothing.
    if not font.is_file() or _drawn(_PROBE.format("H"), font) == _drawn(_PROBE.format(" "), font):
        raise CoverFailed(f"{font}: no font, and the cover would have no text; install elec_assets anew")
    drawn = _drawn(svg, font)
    size = struct.unpack(">II", drawn[_SIZE_AT : _SIZE_AT + 8]) if drawn.startswith(_SIGNATURE) else None
    if size != (WIDTH, HEIGHT):
        raise CoverFailed(f"the cover is drawn as {size}; Kaggle's size is {WIDTH} x {HEIGHT}")
    return drawn


def _drawn(svg: str, font: Path) -> bytes:
    try:
        made = resvg_py.svg_to_bytes(
            svg_string=svg,
            skip_system_fonts=True,
            font_files=[str(font)],
            font_family=_FAMILY,
            sans_serif_family=_FAMILY,
        )
    except ValueError as error:
        raise CoverFailed(f"the cover is no SVG that can be drawn ({error}); report it with the title") from error
    return bytes(made)
