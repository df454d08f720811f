"""What an attacker, or an accident, does to a signed PDF. Bytes in, bytes out."""

import re
from dataclasses import dataclass
from io import BytesIO

from pyhanko.pdf_utils import generic
from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
from pyhanko.pdf_utils.reader import PdfFileReader

from documents import stream


@dataclass
class Signature:
    """Where the last signature of a file stands: the hole is `data[hole:end]`, with its angle brackets."""

    hole: int
    end: int
    total: int
    byte_range: re.Match

    def cms(self, data: bytes) -> bytes:
        """The hole's content, padding included."""
        return bytes.fromhex(data[self.hole + 1 : self.end - 1].decode())


def find(data: bytes, which: int = -1) -> Signature:
    """The signature whose byte range is the `which`-th in the file."""
    match = list(re.finditer(rb"/ByteRange\s*\[\s*(\d+)\s+(\d+)\s+(\d+)\s+(\d+)\s*\]", data))[which]
    _, first, second, length = (int(group) for group in match.groups())
    return Signature(first, second, second + length, match)


def flip(data: bytes, at: int) -> bytes:
    """One byte changed."""
    return data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :]


def flip_text(data: bytes) -> bytes:
    """One letter of the page's text changed."""
    return flip(data, data.index(b"made for tests"))


def der_length(cms: bytes) -> int:
    """Length of the DER value that `cms` begins with."""
    size = cms[1]
    if size < 0x80:
        return 2 + size
    return 2 + (size & 0x7F) + int.from_bytes(cms[2 : 2 + (size & 0x7F)], "big")


def put_cms(data: bytes, found: Signature, cms: bytes) -> bytes:
    """Another CMS into the hole, padded with zeros."""
    room = found.end - found.hole - 2
    text = cms.hex().encode()
    assert len(text) <= room, "the hole is too small"
    return data[: found.hole + 1] + text.ljust(room, b"0") + data[found.end - 1 :]


def flip_signature_value(data: bytes) -> bytes:
    """One bit of the signature value changed; it stands last in a CMS without unsigned attributes."""
    found = find(data)
    cms = found.cms(data)
    cms = cms[: der_length(cms)]
    return put_cms(data, found, flip(cms, len(cms) - 9))


def garbage_after_cms(data: bytes) -> bytes:
    """Bytes behind the CMS that are not padding."""
    found = find(data)
    cms = found.cms(data)
    return put_cms(data, found, cms[: der_length(cms)] + b"\0\0not a signature\0")


def cut_cms(data: bytes) -> bytes:
    """The CMS ends in its middle."""
    found = find(data)
    cms = found.cms(data)
    return put_cms(data, found, cms[: der_length(cms) // 2])


def set_byte_range(data: bytes, values: tuple) -> bytes:
    """Another byte range, in the place of the old one."""
    found = find(data)
    text = b"/ByteRange [" + b" ".join(str(value).encode() for value in values) + b"]"
    old = found.byte_range
    room = old.end() - old.start()
    after = data[old.end() :]
    spare = len(after) - len(after.lstrip(b" "))
    assert len(text) <= room + spare
    return data[: old.start()] + text.ljust(room) + after[max(0, len(text) - room) :]


def update(data: bytes, change) -> bytes:
    """An incremental update by pyHanko's own writer."""
    writer = IncrementalPdfFileWriter(BytesIO(data), strict=False)
    change(writer)
    out = BytesIO()
    writer.write(out)
    return out.getvalue()


def change_metadata(data: bytes) -> bytes:
    def change(writer):
        info = writer.trailer["/Info"]
        info["/Title"] = generic.pdf_string("Another title")
        writer.update_container(info)

    return update(data, change)


def change_page(data: bytes) -> bytes:
    def change(writer):
        text = b"BT /F1 14 Tf 60 760 Td (Altered after signing) Tj ET"
        page = writer.root["/Pages"]["/Kids"][0]
        page["/Contents"] = writer.add_object(generic.StreamObject(stream_data=text))
        writer.update_container(page)

    return update(data, change)


def show_spare(data: bytes) -> bytes:
    """The page shows content that was in the signed file, and not shown."""

    def change(writer):
        page = writer.root["/Pages"]["/Kids"][0]
        page["/Contents"] = generic.IndirectObject(7, 0, writer)
        writer.update_container(page)

    return update(data, change)


def add_page(data: bytes) -> bytes:
    def change(writer):
        pages = writer.root["/Pages"]
        first = pages["/Kids"][0]
        text = b"BT /F1 14 Tf 60 760 Td (A page added after signing) Tj ET"
        added = generic.DictionaryObject({key: value for key, value in first.items() if key != "/Annots"})
        added["/Contents"] = writer.add_object(generic.StreamObject(stream_data=text))
        pages["/Kids"].append(writer.add_object(added))
        pages["/Count"] = generic.NumberObject(2)
        writer.update_container(pages)

    return update(data, change)


def add_annotation(data: bytes) -> bytes:
    def change(writer):
        page = writer.root["/Pages"]["/Kids"][0]
        note = generic.DictionaryObject(
            {
                generic.pdf_name("/Type"): generic.pdf_name("/Annot"),
                generic.pdf_name("/Subtype"): generic.pdf_name("/FreeText"),
                generic.pdf_name("/Rect"): generic.ArrayObject(map(generic.NumberObject, (60, 700, 400, 780))),
                generic.pdf_name("/Contents"): generic.pdf_string("Not approved"),
                generic.pdf_name("/DA"): generic.pdf_string("/F1 12 Tf 0 g"),
            }
        )
        annotations = generic.ArrayObject(page.get("/Annots", generic.ArrayObject()))
        annotations.append(writer.add_object(note))
        page["/Annots"] = annotations
        writer.update_container(page)

    return update(data, change)


def fill_field(data: bytes) -> bytes:
    def change(writer):
        fields = writer.root["/AcroForm"]["/Fields"]
        field = next(field for field in (entry.get_object() for entry in fields) if field.get("/T") == "So")
        field["/V"] = generic.pdf_string("42")
        writer.update_container(field)

    return update(data, change)


def add_script(data: bytes) -> bytes:
    def change(writer):
        writer.root["/OpenAction"] = writer.add_object(
            generic.DictionaryObject(
                {
                    generic.pdf_name("/S"): generic.pdf_name("/JavaScript"),
                    generic.pdf_name("/JS"): generic.pdf_string("app.alert(1)"),
                }
            )
        )
        writer.update_root()

    return update(data, change)


def signature_object(data: bytes) -> int:
    """The number of the last signature's object."""
    embedded = PdfFileReader(BytesIO(data), strict=False).embedded_signatures[-1]
    return embedded.sig_field.raw_get("/V").idnum


def append_raw(data: bytes, made: dict[int, bytes], *, xref: bool = True) -> bytes:
    """An update written by hand: objects, and a table and trailer unless `xref` is off."""
    out = bytearray(data)
    if not out.endswith(b"\n"):
        out += b"\n"
    previous = int(re.findall(rb"startxref\s+(\d+)", data)[-1])
    offsets = {}
    for number, text in sorted(made.items()):
        offsets[number] = len(out)
        out += b"%d 0 obj\n" % number + text + b"\nendobj\n"
    if not xref:
        return bytes(out)
    start = len(out)
    size = max(int(size) for size in re.findall(rb"/Size (\d+)", data))
    out += b"xref\n" + b"".join(b"%d 1\n%010d 00000 n \n" % (n, at) for n, at in sorted(offsets.items()))
    out += b"trailer\n<< /Size %d /Root 1 0 R /Info 6 0 R /Prev %d >>\n" % (max(size, max(made) + 1), previous)
    out += b"startxref\n%d\n%%%%EOF\n" % start
    return bytes(out)


ALTERED_TEXT = stream(b"BT /F1 14 Tf 60 760 Td (Altered after signing) Tj ET")


def signature_copy(data: bytes, entries: bytes = b"") -> bytes:
    """The text of the last signature's dictionary."""
    found = find(data)
    hole = data[found.hole : found.end]
    return (
        b"<< /Type /Sig /Filter /Adobe.PPKLite /SubFilter /ETSI.CAdES.detached %s /Contents %s "
        b"/ByteRange [0 %d %d %d] >>" % (entries, hole, found.hole, found.end, found.total - found.end)
    )


def isa_without_xref(data: bytes) -> bytes:
    """Incremental saving attack: objects behind the end, which only a reader that rebuilds the table would see."""
    return append_raw(data, {4: ALTERED_TEXT}, xref=False)


def isa_with_copied_signature(data: bytes) -> bytes:
    """The page's content changed by an update that also repeats the signature's dictionary word for word."""
    return append_raw(data, {4: ALTERED_TEXT, signature_object(data): signature_copy(data)})


def shadowed_signature(data: bytes) -> bytes:
    """The signature's object is replaced by one whose byte range covers a file that was never signed."""
    number = signature_object(data)
    found = find(data)
    fake = (
        b"<< /Type /Sig /Filter /Adobe.PPKLite /SubFilter /ETSI.CAdES.detached /Contents %s /ByteRange [0 %d %d 0] >>"
    )
    return append_raw(data, {number: fake % (data[found.hole : found.end], found.hole, found.end)})


def forged_dictionary(data: bytes, kind: str) -> bytes:
    """Universal signature forgery: the dictionary is replaced by one that lacks what would be checked."""
    found = find(data)
    hole = data[found.hole : found.end]
    byte_range = b"/ByteRange [0 %d %d %d]" % (found.hole, found.end, found.total - found.end)
    bodies = {
        "no-contents": byte_range,
        "null-contents": byte_range + b" /Contents null",
        "empty-contents": byte_range + b" /Contents <>",
        "zero-contents": byte_range + b" /Contents <00000000>",
        "no-byte-range": b"/Contents " + hole,
        "null-byte-range": b"/Contents " + hole + b" /ByteRange null",
        "negative-byte-range": b"/Contents " + hole + b" /ByteRange [0 -1 -1 -1]",
        "text-byte-range": b"/Contents " + hole + b" /ByteRange [a b c d]",
        "huge-byte-range": b"/Contents " + hole + b" /ByteRange [0 99999999999999999999 1 99999999999999999999]",
    }
    text = b"<< /Type /Sig /Filter /Adobe.PPKLite /SubFilter /ETSI.CAdES.detached " + bodies[kind] + b" >>"
    return append_raw(data, {4: ALTERED_TEXT, signature_object(data): text})


def wrapped(data: bytes) -> bytes:
    """Signature wrapping: both signed parts stay, word for word, and the room between them grows.

    The second part still ends in the old `startxref`, so a table of the attacker's own is put exactly where that points.
    It shows another page, and a signature whose byte range leaves the room out.
    """
    found = find(data)
    first, hole, second = data[: found.hole], data[found.hole : found.end], data[found.end : found.total]
    table_at = int(re.findall(rb"startxref\s+(\d+)", second)[-1])
    reader = PdfFileReader(BytesIO(data), strict=False)
    number = signature_object(data)
    size = int(reader.trailer["/Size"])
    offsets = {}
    for key in range(1, size):
        entry = reader.xrefs[generic.Reference(key, 0)]
        if entry is not None:
            offsets[key] = entry

    def build(moved: int) -> tuple[bytes, int]:
        out = bytearray(first + hole)
        out += b" >>\nendobj\n"
        out += b" " * (table_at - len(out))
        room = len(out)
        # The table has a fixed length, so what follows it can be placed before it is written.
        length = len(b"xref\n0 %d\n" % size) + 20 * size
        tail = b"trailer\n<< /Size %d /Root 1 0 R /Info 6 0 R >>\n" % size
        at = room + length + len(tail)
        made = {}
        shift = moved - found.end
        texts = {
            4: ALTERED_TEXT,
            number: b"<< /Type /Sig /Filter /Adobe.PPKLite /SubFilter /ETSI.CAdES.detached /Contents %s "
            b"/ByteRange [0 %d %010d %d] >>" % (hole, found.hole, moved, len(second)),
        }
        objects = bytearray()
        for key, text in texts.items():
            made[key] = at + len(objects)
            objects += b"%d 0 obj\n" % key + text + b"\nendobj\n"
        lines = [b"0000000000 65535 f \n"]
        for key in range(1, size):
            where = made.get(key)
            if where is None and key in offsets:
                where = offsets[key] if offsets[key] < found.hole else offsets[key] + shift
            lines.append(b"%010d 00000 n \n" % where if where is not None else b"0000000000 65535 f \n")
        out += b"xref\n0 %d\n" % size + b"".join(lines) + tail + objects
        return bytes(out), len(out)

    _, moved = build(0)
    out, again = build(moved)
    assert again == moved
    return out + second
