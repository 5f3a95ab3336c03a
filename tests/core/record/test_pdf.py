"""The record as a PDF, read again with a reader of PDFs."""

import io
import shutil
import sys
from pathlib import Path

import pytest

from core.errors import RefusalError
from core.monitoring.minute_file import NAME
from core.record import as_pdf, making
from core.record.as_pdf import _FONTS
from core.record.gathering import Asked
from tests.core.record.shelves import SOON, a_handled_case, a_life, facts, keep, made

pytest.importorskip("fpdf")
pypdf = pytest.importorskip("pypdf")

WITHOUT_CHINESE = list(Path("/usr/share/fonts").glob("truetype/dejavu/DejaVuSans.ttf"))  # where it is installed
needs_font = pytest.mark.skipif(
    not any(Path(path).is_file() for path in _FONTS), reason="no font with Chinese is installed"
)


@needs_font
def test_people_read_the_limits_the_gaps_the_days_and_who_signed_in_chinese(tmp_path: Path) -> None:
    a_life(tmp_path, [4.0, None, -18.5])
    keep(tmp_path, a_handled_case())
    reader = pypdf.PdfReader(io.BytesIO(made(tmp_path, "pdf")))
    text = "\n".join(page.extract_text() for page in reader.pages)
    for said in (
        "徐家汇店",
        "上限 high 8",
        "2026-11-23 16:01:00",
        "2026-11-23",
        "-18.50",
        "高温报警",
        "李 (uid:0)",
        "已移到别的柜",
        "处置 action · =cmd",
    ):
        assert said in text, said
    assert "负责人" in text


@needs_font
def test_its_font_is_embedded_and_only_what_is_used_of_it(tmp_path: Path) -> None:
    a_life(tmp_path, [4.0])
    content = made(tmp_path, "pdf")
    fonts = [
        font.get_object()["/DescendantFonts"][0].get_object()["/FontDescriptor"].get_object()
        for page in pypdf.PdfReader(io.BytesIO(content)).pages
        for font in page["/Resources"]["/Font"].values()
    ]
    assert fonts
    assert all("/FontFile2" in font or "/FontFile3" in font for font in fonts)
    assert len(content) < 200_000


@needs_font
def test_it_names_the_hash_of_the_json_record_of_the_same_facts(tmp_path: Path) -> None:
    a_life(tmp_path, [4.0])
    reader = pypdf.PdfReader(io.BytesIO(made(tmp_path, "pdf")))
    seal = made(tmp_path, "json").splitlines()[-1].decode().split('"')[3]
    assert seal in "".join(page.extract_text() for page in reader.pages).replace("\n", "")
    assert facts(tmp_path)["format"]


def test_what_is_no_font_is_refused_before_anything_is_read(tmp_path: Path) -> None:
    a_life(tmp_path, [4.0])
    bad = tmp_path / "bad.ttf"
    for path in (bad, tmp_path / "nowhere.ttf", *WITHOUT_CHINESE):
        shutil.copy(__file__, bad)
        with pytest.raises(RefusalError) as refusal:
            next(making.record(tmp_path / NAME, Asked(), "pdf", SOON, clock_synchronised=True, font=path))
        assert (refusal.value.status, refusal.value.code) == (409, "pdf_unavailable")
        assert str(path) in refusal.value.detail


def test_an_installed_font_that_cannot_be_used_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bad = tmp_path / "bad.ttf"
    shutil.copy(__file__, bad)
    monkeypatch.setattr(as_pdf, "_FONTS", (str(bad),))
    with pytest.raises(RefusalError) as refusal:
        as_pdf.Pages(None)
    assert str(bad) in refusal.value.detail


def test_without_the_extra_it_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "fpdf", None)
    with pytest.raises(RefusalError) as refusal:
        as_pdf.Pages(None)
    assert (refusal.value.status, refusal.value.code) == (409, "pdf_unavailable")
