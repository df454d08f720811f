"""Unsigned PDFs, written byte by byte, so that each case decides its own structure."""

import random
import zlib

PAGE_TEXT = "BT /F1 14 Tf 60 760 Td (DU LIEU THU NGHIEM - a document made for tests) Tj ET"


def stream(data: bytes, entries: str = "") -> bytes:
    """A stream object's text."""
    return b"<< %s /Length %d >>\nstream\n" % (entries.encode(), len(data)) + data + b"\nendstream"


def objects(*, catalog: str = "", page: str = "", text: str = PAGE_TEXT, more: dict | None = None) -> dict[int, bytes]:
    """One page with a line of text. `catalog` and `page` are further entries, `more` further objects from 7 up."""
    made = {
        1: f"<< /Type /Catalog /Pages 2 0 R {catalog} >>".encode(),
        2: b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        3: f"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 4 0 R "
        f"/Resources << /Font << /F1 5 0 R >> >> {page} >>".encode(),
        4: stream(text.encode()),
        5: b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
        6: b"<< /Title (Test document) /Producer (sogoc tests) >>",
    }
    made.update(more or {})
    return made


IDS = "/ID [<00112233445566778899aabbccddeeff> <00112233445566778899aabbccddeeff>]"


def body(made: dict[int, bytes], version: str) -> tuple[bytearray, dict[int, int]]:
    """Header and objects, and where each object begins."""
    out = bytearray(f"%PDF-{version}\n".encode() + b"%\xe2\xe3\xcf\xd3\n")
    offsets = {}
    for number, text in sorted(made.items()):
        offsets[number] = len(out)
        out += b"%d 0 obj\n" % number + text + b"\nendobj\n"
    return out, offsets


def table(offsets: dict[int, int], size: int) -> bytes:
    """A classic cross-reference table."""
    lines = [b"xref\n0 %d\n" % size, b"0000000000 65535 f \n"]
    for number in range(1, size):
        if number in offsets:
            lines.append(b"%010d 00000 n \n" % offsets[number])
        else:
            lines.append(b"0000000000 00000 f \n")
    return b"".join(lines)


def classic(made: dict[int, bytes], version: str = "1.7") -> bytes:
    """A PDF with a cross-reference table."""
    out, offsets = body(made, version)
    size = max(made) + 1
    start = len(out)
    out += table(offsets, size)
    out += f"trailer\n<< /Size {size} /Root 1 0 R /Info 6 0 R {IDS} >>\nstartxref\n{start}\n%%EOF\n".encode()
    return bytes(out)


def packed(made: dict[int, bytes], number: int) -> tuple[bytes, dict[int, int]]:
    """An object stream of `made` as object `number`, and each object's index in it."""
    parts, head, at = [], [], 0
    for inner, text in sorted(made.items()):
        head.append(f"{inner} {at}")
        parts.append(text + b"\n")
        at += len(text) + 1
    first = (" ".join(head) + "\n").encode()
    data = zlib.compress(first + b"".join(parts))
    text = stream(data, f"/Type /ObjStm /N {len(made)} /First {len(first)} /Filter /FlateDecode")
    return text, {inner: index for index, inner in enumerate(sorted(made))}


def xref_stream(entries: dict[int, tuple[int, int, int]], number: int, more: str) -> bytes:
    """A cross-reference stream of (type, offset or container, generation or index), as object `number`."""
    rows = b"".join(
        bytes([kind]) + where.to_bytes(4, "big") + index.to_bytes(2, "big")
        for kind, where, index in (entries.get(n, (0, 0, 65535 if n == 0 else 0)) for n in range(number + 1))
    )
    return stream(
        zlib.compress(rows),
        f"/Type /XRef /Size {number + 1} /W [1 4 2] /Root 1 0 R /Info 6 0 R {IDS} {more} /Filter /FlateDecode",
    )


def compressed(made: dict[int, bytes]) -> bytes:
    """A PDF 1.5 with an object stream and a cross-reference stream."""
    streams = {n: t for n, t in made.items() if t.rstrip().endswith(b"endstream")}
    plain = {n: t for n, t in made.items() if n not in streams}
    container = max(made) + 1
    text, indexes = packed(plain, container)
    out, offsets = body({**streams, container: text}, "1.5")
    entries = {n: (1, at, 0) for n, at in offsets.items()} | {n: (2, container, i) for n, i in indexes.items()}
    start, number = len(out), container + 1
    entries[number] = (1, start, 0)
    out += b"%d 0 obj\n" % number + xref_stream(entries, number, "") + b"\nendobj\n"
    out += b"startxref\n%d\n%%%%EOF\n" % start
    return bytes(out)


def hybrid(made: dict[int, bytes]) -> bytes:
    """A table for old readers, and a cross-reference stream beside it in which an object stream's objects stand."""
    hidden = {6: made[6]}
    shown = {n: t for n, t in made.items() if n not in hidden}
    container = max(made) + 1
    text, indexes = packed(hidden, container)
    out, offsets = body({**shown, container: text}, "1.5")
    number, stream_at = container + 1, len(out)
    entries = {n: (2, container, i) for n, i in indexes.items()}
    out += b"%d 0 obj\n" % number + xref_stream(entries, number, "") + b"\nendobj\n"
    start = len(out)
    out += table(offsets | {number: stream_at}, number + 1)
    out += (
        f"trailer\n<< /Size {number + 1} /Root 1 0 R /Info 6 0 R {IDS} /XRefStm {stream_at} >>\n"
        f"startxref\n{start}\n%%EOF\n"
    ).encode()
    return bytes(out)


def one_page() -> bytes:
    """The document of most cases."""
    return classic(objects())


def with_form() -> bytes:
    """A text field beside the line of text."""
    field = (
        b"<< /Type /Annot /Subtype /Widget /FT /Tx /T (So) /Rect [60 600 260 620] /F 4 /P 3 0 R /DA (/F1 12 Tf 0 g) "
        b"/V () >>"
    )
    return classic(
        objects(
            catalog="/AcroForm << /Fields [7 0 R] /DR << /Font << /F1 5 0 R >> >> /DA (/F1 12 Tf 0 g) >>",
            page="/Annots [7 0 R]",
            more={7: field},
        )
    )


def with_spare_page() -> bytes:
    """A second content stream that no page shows, for an update that shows it."""
    return classic(objects(more={7: stream(b"BT /F1 14 Tf 60 760 Td (Another text that nobody signed for) Tj ET")}))


def large(size: int) -> bytes:
    """A picture of `size` bytes that does not compress."""
    noise = random.Random(20221118).randbytes(size)
    picture = stream(
        noise, f"/Type /XObject /Subtype /Image /Width {size} /Height 1 /BitsPerComponent 8 /ColorSpace /DeviceGray"
    )
    return classic(objects(page="", more={7: picture}))


def active(kind: str) -> bytes:
    """A document that acts when it is opened."""
    if kind == "javascript":
        return classic(objects(catalog="/OpenAction 7 0 R", more={7: b"<< /S /JavaScript /JS (app.alert\\(1\\)) >>"}))
    if kind == "javascript-names":
        return compressed(
            objects(
                catalog="/Names << /JavaScript << /Names [(a) 7 0 R] >> >>",
                more={7: b"<< /S /JavaScript /JS (app.alert\\(1\\)) >>"},
            )
        )
    if kind == "launch":
        link = b"<< /Type /Annot /Subtype /Link /Rect [0 0 100 100] /A << /S /Launch /F (cmd.exe) >> >>"
        return classic(objects(page="/Annots [7 0 R]", more={7: link}))
    if kind == "submit":
        action = b"<< /S /SubmitForm /F << /FS /URL /F (http://test.invalid/) >> >>"
        return classic(objects(catalog="/OpenAction 7 0 R", more={7: action}))
    assert kind == "embedded-file"
    return classic(
        objects(
            catalog="/Names << /EmbeddedFiles << /Names [(a.txt) 7 0 R] >> >>",
            more={
                7: b"<< /Type /Filespec /F (a.txt) /EF << /F 8 0 R >> >>",
                8: stream(b"attached", "/Type /EmbeddedFile"),
            },
        )
    )


def malformed() -> dict[str, bytes]:
    """Files that say that they are PDFs and cannot be read, or only with effort."""
    whole = one_page()
    kids = objects()
    kids[2] = b"<< /Type /Pages /Kids [2 0 R] /Count 1 >>"
    deep = b"[" * 200_000 + b"]" * 200_000
    bomb = zlib.compress(zlib.compress(zlib.compress(b"\0" * 100_000_000, 9), 9), 9)
    return {
        "empty": b"",
        "header-only": b"%PDF-1.7\n",
        "truncated": whole[: len(whole) // 2],
        "xref-beyond": whole.replace(b"startxref\n", b"startxref\n99"),
        "xref-loop": whole.replace(b"/Root 1 0 R", b"/Root 1 0 R /Prev %d" % whole.rindex(b"xref\n0")),
        "pages-loop": classic(kids),
        "deep": classic(objects(more={7: deep})),
        "bomb": classic(objects(more={7: stream(bomb, "/Filter [/FlateDecode /FlateDecode /FlateDecode]")})),
        "noise": b"%PDF-1.7\n" + random.Random(1).randbytes(20_000),
    }
