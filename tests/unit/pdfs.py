"""PDF documents written by hand: pictures placed on a page, fields of a form, a password."""

from __future__ import annotations

import base64
import zlib
from collections.abc import Sequence

from making import white


def written(objects: Sequence[bytes]) -> bytes:
    """A document of objects numbered from 1, of which the first is the catalogue."""
    data, places = b"%PDF-1.7\n", []
    for number, body in enumerate(objects, 1):
        places.append(len(data))
        data += b"%d 0 obj\n%s\nendobj\n" % (number, body)
    table = b"".join(b"%010d 00000 n \n" % place for place in places)
    head = b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1)
    trailer = b"trailer <</Size %d /Root 1 0 R>>\nstartxref\n%d\n%%%%EOF\n" % (len(objects) + 1, len(data))
    return data + head + table + trailer


def stream(entries: bytes, content: bytes) -> bytes:
    """A stream object."""
    return b"<<%s /Length %d>>\nstream\n%s\nendstream" % (entries, len(content), content)


FONT = b"<</Type /Font /Subtype /Type1 /BaseFont /Helvetica>>"
MARKS = b"<</Type /Font /Subtype /Type1 /BaseFont /ZapfDingbats>>"
PAGES = b"<</Type /Pages /Kids [3 0 R] /Count 1>>"


def pdf(content: bytes, size: tuple[int, int], pictures: Sequence[tuple[int, int]] = ()) -> bytes:
    """A page of a size in points; its content places the pictures /I0, /I1 ... and the font /F0."""
    names = b" ".join(b"/I%d %d 0 R" % (n, 6 + n) for n in range(len(pictures)))
    page = (
        b"<</Type /Page /Parent 2 0 R /MediaBox [0 0 %d %d] /Contents 4 0 R "
        b"/Resources <</Font <</F0 5 0 R>> /XObject <<%s>>>>>>" % (*size, names)
    )
    return written([b"<</Type /Catalog /Pages 2 0 R>>", PAGES, page, stream(b"", content), FONT, *map(_grey, pictures)])


def _grey(size: tuple[int, int]) -> bytes:
    entries = b"/Type /XObject /Subtype /Image /Width %d /Height %d /ColorSpace /DeviceGray /BitsPerComponent 8 " % size
    return stream(entries + b"/Filter /FlateDecode", zlib.compress(white(size[1], size[0])[:, :, 0].tobytes(), 1))


def form(has_form: bool, has_appearance: bool) -> bytes:
    """A page with a text field, a marked box and a line of ink, all at the same place from the page's left edge."""
    catalogue = b"<</Type /Catalog /Pages 2 0 R>>"
    if has_form:
        fields = b"/Fields [6 0 R 7 0 R] /DR <</Font <</F0 4 0 R /F1 5 0 R>>>> /DA (/F0 18 Tf 0 g)"
        catalogue = b"<</Type /Catalog /Pages 2 0 R /AcroForm <<%s>>>>" % fields
    page = b"<</Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Annots [6 0 R 7 0 R 8 0 R]>>"
    text, mark = (b"/AP <</N 9 0 R>>", b"/AP <</N <</Yes 10 0 R>>>>") if has_appearance else (b"", b"")
    widget = b"<</Type /Annot /Subtype /Widget /F 4 "
    resources = b"/Resources <</Font <</F0 4 0 R /F1 5 0 R>>>> "
    objects = [
        catalogue,
        PAGES,
        page,
        FONT,
        MARKS,
        widget + b"/FT /Tx /T (name) /V (Ada) /DA (/F0 18 Tf 0 g) /Rect [150 690 400 720] %s>>" % text,
        widget + b"/FT /Btn /T (box) /V /Yes /AS /Yes /DA (/F1 18 Tf 0 g) /Rect [150 640 170 660] %s>>" % mark,
        b"<</Type /Annot /Subtype /Ink /F 4 /InkList [[150 400 200 420 250 400 300 420]] /C [0 0 1] /BS <</W 3>> "
        b"/Rect [140 390 310 430]>>",
        stream(b"/Type /XObject /Subtype /Form /BBox [0 0 250 30] " + resources, b"BT /F0 18 Tf 2 8 Td (Ada) Tj ET"),
        stream(b"/Type /XObject /Subtype /Form /BBox [0 0 20 20] " + resources, b"BT /F1 18 Tf 2 3 Td (4) Tj ET"),
    ]
    return written(objects)


def fields(*entries: bytes, has_form: bool = True) -> bytes:
    """A page of 612 by 792 points with these fields, each given by its entries; /F0 is Helvetica, /F1 has marks."""
    names = b" ".join(b"%d 0 R" % (6 + n) for n in range(len(entries)))
    catalogue = b"<</Type /Catalog /Pages 2 0 R>>"
    if has_form:
        known = b"/Fields [%s] /DR <</Font <</F0 4 0 R /F1 5 0 R>>>> /NeedAppearances true" % names
        catalogue = b"<</Type /Catalog /Pages 2 0 R /AcroForm <<%s>>>>" % known
    page = b"<</Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Annots [%s]>>" % names
    return written(
        [catalogue, PAGES, page, FONT, MARKS, *(b"<</Type /Annot /Subtype /Widget %s>>" % e for e in entries)]
    )


LOCKED = zlib.decompress(
    base64.b85decode(
        "c-"
        "n=MO>WyT5QX<T#caGxMGk*N0fHBaW1wh@7*5+wkOjpbSA{DD5(6YXPA}49byswx#I_1ALP?PDIPV+rk&Df0eZk+!Z1MZgufG`w23"
        "`F<t18Ghb{7UfQnrwPetrm$U)f~$-"
        "42$^EVO<s#F^o$du$VM$UiiGfIASA_5NUf;hn7FKWm#pn+A|C?LGzH*vsyTD2%QG$NPR{^i+2Escjg#$KDZ@7|Z3n(X5Z0_4yduU"
        "HV2szHas@^z`1_6js4?e)0^d5B5hkdS5?ZDQZSJcyE(!z3u&x%h5o70~Ml>PMLxk<CL-"
        "{Y7umdh!|?aed$bH3!{VJr4w9e?X|N}Izf*vN=8fBzy)U`Zc91lU!aN>V~tD|2A#CgSVaSCjGl4Lv|$Xnl)5ZgT?WayWCgd<mz>G"
        "cNXLo!m4Z9v^3;czG0+)14$w*o1rd%Kr*%&=?Mc(}OyeldG{oXuD`#5jZL_Bw$4IwbHy)j7TW_160W{?AS8!KJN(L>b#F(uqq!`Q"
        "E8{|a{MycqRZ&%Q{xo%zm{E$FR9j1M@eVP(btjHFN>zj4<4*((0Q~"
    )
)
"""A page that opens with the password `open`."""
