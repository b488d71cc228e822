"""The cover as PNG: of Kaggle's size, the same bytes each time, and never without its text."""

from pathlib import Path

import pytest

from elec_assets.transforms.cover import cover
from elec_assets.transforms.cover_png import FONT, CoverFailed, cover_png
from elec_assets_tests.transforms.test_data_card import daily

TEXT = """<svg xmlns="http://www.w3.org/2000/svg" width="560" height="280">
<text y="50" font-family="sans-serif">{}</text></svg>"""


def test_the_cover_is_a_png_of_560_by_280() -> None:
    drawn = cover_png(cover("Elections on X and Google", "Posts a day", daily(9)))
    assert drawn.startswith(b"\x89PNG\r\n\x1a\n")
    assert drawn == cover_png(cover("Elections on X and Google", "Posts a day", daily(9)))
    assert (int.from_bytes(drawn[16:20]), int.from_bytes(drawn[20:24])) == (560, 280)


@pytest.mark.parametrize("text", ["Élections à Łódź", "Ωμέγα", "Київ", "Հայաստան"])
def test_text_of_many_scripts_is_drawn(text: str) -> None:
    assert cover_png(TEXT.format(text)) != cover_png(TEXT.format(""))


def test_a_missing_or_broken_font_is_refused_and_no_font_of_the_machine_is_taken(tmp_path: Path) -> None:
    """Without a font the text just vanished: a cover of lines alone, and no error."""
    broken = tmp_path / "broken.ttf"
    broken.write_bytes(FONT.read_bytes()[:1000])
    for font in (tmp_path / "none.ttf", broken):
        with pytest.raises(CoverFailed, match=rf"{font.name}: no font"):
            cover_png(cover("Elections", "s", daily(1)), font)


def test_what_is_no_svg_or_of_another_size_is_refused() -> None:
    with pytest.raises(CoverFailed, match="no SVG"):
        cover_png("<svg")
    with pytest.raises(CoverFailed, match=r"\(10, 20\).*560 x 280"):
        cover_png('<svg xmlns="http://www.w3.org/2000/svg" width="10" height="20"/>')
