#!/usr/bin/env python3
"""Makes the evidence files of a season folder, once: `demo.py data/hanam-2022`.

Writes `evidence/AGENCY/*.pdf` and `evidence/anchors.pem`, and fills the column `sha256` of `evidence.csv`. Needs fpdf2 2.8.9
beside `requirements.txt`, and the font DejaVu Sans. The keys are new each time and are thrown away, so the digests are
other ones each time: run it again only to replace the files.
"""

import asyncio
import csv
import hashlib
import logging
import os
import sys
import tempfile
from datetime import datetime
from io import BytesIO
from pathlib import Path

from fontTools import subset
from fpdf import FPDF
from freezegun import freeze_time
from pyhanko.pdf_utils import generic
from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
from pyhanko.sign.fields import SigSeedSubFilter
from pyhanko.sign.signers.pdf_signer import PdfSignatureMetadata, PdfSigner

import peer
from pki import COUNTRY, Pki, authority, extended, pem_of, utc

FONT = Path(os.environ.get("SOGOC_DEMO_FONT", "/usr/share/fonts/truetype/dejavu/DejaVuSans.ttf"))
MARK = "DỮ LIỆU THỬ NGHIỆM – KHÔNG CÓ GIÁ TRỊ PHÁP LÝ"
NOTES = ("(đã ký số bằng chứng thư thử nghiệm của cơ quan)", "(chưa ký số)")
AGENCIES = {
    "so-xay-dung": "Sở Xây dựng",
    "so-cong-thuong": "Sở Công Thương",
    "so-van-hoa-the-thao-va-du-lich": "Sở Văn hóa, Thể thao và Du lịch",
}
BYTES_MAX = 40_000
# Hexadecimal digits for a signature, certificates and a time stamp: about 7,700 are used.
HOLE = 8600

# Agency, leaf, file name as in evidence.csv; when it was signed; number and date, heading, subject, paragraphs, signatory.
DOCUMENTS = [
    {
        "agency": "so-xay-dung",
        "leaf": "1.5",
        "file": "1.5_quyet-dinh-cong-nhan-sang-kien-hoac-van-ban-xac-nhan-hieu-qua-ap.pdf",
        "issuer": "SỞ XÂY DỰNG",
        "number": "Số: 01/QĐ-TEST",
        "place": "Hà Nam, ngày 14 tháng 10 năm 2022",
        "signed": "2022-10-14T09:15:00+07:00",
        "heading": "QUYẾT ĐỊNH",
        "subject": "Về việc công nhận sáng kiến, giải pháp mới trong cải cách hành chính năm 2022",
        "text": [
            "Theo kết quả xét duyệt của Hội đồng sáng kiến Sở Xây dựng;",
            "Điều 1. Công nhận 02 sáng kiến trong thực hiện cải cách hành chính năm 2022:",
            "1. Bộ hướng dẫn nộp hồ sơ cấp giấy phép xây dựng trực tuyến theo từng bước.",
            "2. Bảng theo dõi hạn giải quyết hồ sơ dùng chung giữa các phòng chuyên môn.",
            "Điều 2. Các phòng, đơn vị thuộc Sở áp dụng từ ngày ký.",
        ],
        "signatory": "GIÁM ĐỐC",
    },
    {
        "agency": "so-xay-dung",
        "leaf": "1.5",
        "file": "1.5_gt-14_bien-ban-hop-hoi-dong-sang-kien.pdf",
        "issuer": "SỞ XÂY DỰNG",
        "number": "Số: 02/BB-TEST",
        "place": "Hà Nam, ngày 10 tháng 11 năm 2022",
        "signed": None,
        "heading": "BIÊN BẢN",
        "subject": "Họp Hội đồng sáng kiến Sở Xây dựng",
        "text": [
            "Thành phần: Chủ tịch Hội đồng, các ủy viên, thư ký Hội đồng.",
            "Nội dung: xét công nhận sáng kiến thứ ba trong cải cách hành chính năm 2022: nhắn tin cho tổ chức, "
            "cá nhân khi có kết quả giải quyết hồ sơ.",
            "Kết luận: Hội đồng thống nhất đề nghị công nhận. Quyết định công nhận đang trình ký.",
        ],
        "signatory": "THƯ KÝ HỘI ĐỒNG",
    },
    {
        "agency": "so-xay-dung",
        "leaf": "1.5",
        "file": "1.5_kn-01_quyet-dinh-cong-nhan-sang-kien-thu-ba.pdf",
        "issuer": "SỞ XÂY DỰNG",
        "number": "Số: 03/QĐ-TEST",
        "place": "Hà Nam, ngày 18 tháng 11 năm 2022",
        "signed": "2022-11-18T15:40:00+07:00",
        "heading": "QUYẾT ĐỊNH",
        "subject": "Về việc công nhận sáng kiến thứ ba trong cải cách hành chính năm 2022",
        "text": [
            "Theo biên bản họp Hội đồng sáng kiến Sở Xây dựng ngày 10 tháng 11 năm 2022;",
            "Điều 1. Công nhận sáng kiến: nhắn tin cho tổ chức, cá nhân khi có kết quả giải quyết hồ sơ.",
            "Điều 2. Cùng với 02 sáng kiến đã được công nhận, năm 2022 Sở Xây dựng có 03 sáng kiến được công nhận.",
        ],
        "signatory": "GIÁM ĐỐC",
    },
    {
        "agency": "so-cong-thuong",
        "leaf": "5.4.2",
        "file": "5.4.2_ke-hoach-tu-kiem-tra-cong-vu.pdf",
        "issuer": "SỞ CÔNG THƯƠNG",
        "number": "Số: 04/KH-TEST",
        "place": "Hà Nam, ngày 10 tháng 3 năm 2022",
        "signed": "2022-03-10T10:05:00+07:00",
        "heading": "KẾ HOẠCH",
        "subject": "Tự kiểm tra công vụ, văn hóa công sở năm 2022",
        "text": [
            "1. Nội dung: việc chấp hành giờ làm việc, tiếp nhận và trả kết quả, văn hóa công sở.",
            "2. Số cuộc tự kiểm tra trong năm: 02 cuộc.",
            "3. Báo cáo kết quả với lãnh đạo Sở trong mười ngày sau mỗi cuộc.",
        ],
        "signatory": "GIÁM ĐỐC",
        "altered": "bytes",
    },
    {
        "agency": "so-van-hoa-the-thao-va-du-lich",
        "leaf": "3.1.1",
        "file": "3.1.1_ke-hoach-kiem-soat-tthc-nam-2022.pdf",
        "issuer": "SỞ VĂN HÓA, THỂ THAO VÀ DU LỊCH",
        "number": "Số: 05/KH-TEST",
        "place": "Hà Nam, ngày 25 tháng 1 năm 2022",
        "signed": "2022-01-25T14:30:00+07:00",
        "heading": "KẾ HOẠCH",
        "subject": "Kiểm soát thủ tục hành chính năm 2022",
        "text": [
            "1. Cập nhật, công khai thủ tục hành chính thuộc phạm vi quản lý của Sở.",
            "2. Tiếp nhận, xử lý phản ánh, kiến nghị về quy định hành chính.",
            "3. Thời hạn báo cáo: trước ngày 15 tháng 12 năm 2022.",
        ],
        "signatory": "GIÁM ĐỐC",
        "altered": "update",
    },
    {
        "agency": "so-tai-nguyen-va-moi-truong",
        "leaf": "3.1.1",
        "file": "3.1.1_du-thao-ke-hoach-ra-soat-danh-gia-tthc-nam-2022.pdf",
        "issuer": "SỞ TÀI NGUYÊN VÀ MÔI TRƯỜNG",
        "number": "Số:      /KH-TEST (dự thảo)",
        "place": "Hà Nam, ngày      tháng      năm 2022",
        "signed": None,
        "heading": "KẾ HOẠCH (DỰ THẢO)",
        "subject": "Rà soát, đánh giá thủ tục hành chính năm 2022",
        "text": [
            "1. Rà soát các thủ tục hành chính trong lĩnh vực đất đai, môi trường.",
            "2. Đề xuất phương án đơn giản hóa trước ngày 30 tháng 9 năm 2022.",
        ],
        "signatory": "GIÁM ĐỐC",
    },
]


def document_texts():
    """Everything that is on a page."""
    for document in DOCUMENTS:
        yield from document["text"]
        yield from (document[key] for key in ("issuer", "number", "place", "heading", "subject", "signatory"))


def font_for(texts) -> BytesIO:
    """The font with the letters that all pages need, without hints: a third of the size."""
    options = subset.Options(hinting=False, layout_features=[], name_IDs=["*"], notdef_outline=True)
    font = subset.load_font(FONT, options)
    subsetter = subset.Subsetter(options)
    subsetter.populate(text="".join(texts))
    subsetter.subset(font)
    out = BytesIO()
    subset.save_font(font, out, options)
    return out


def page(document: dict, text: list[str]) -> bytes:
    """One A4 page."""
    made = FPDF(format="A4")
    made.set_compression(
        document.get("altered") != "bytes"
    )  # so that a changed byte changes a figure, and not the page
    made.set_creation_date(datetime.fromisoformat(document["signed"] or "2022-11-10T08:00:00+07:00"))
    made.set_title(f"{document['heading']}: {document['subject']}")
    with tempfile.NamedTemporaryFile(suffix=".ttf") as font:
        font.write(font_for([MARK, *document_texts(), "UBND TỈNH HÀ NAM –", *NOTES]).getvalue())
        font.flush()
        made.add_font("DejaVu", fname=font.name)
    made.set_margins(25, 20, 20)
    made.add_page()
    made.set_font("DejaVu", size=9)
    made.cell(0, 6, MARK, border=1, align="C", new_x="LMARGIN", new_y="NEXT")
    made.ln(4)
    made.set_font("DejaVu", size=11)
    for line in (f"UBND TỈNH HÀ NAM – {document['issuer']}", document["number"]):
        made.cell(0, 7, line, new_x="LMARGIN", new_y="NEXT")
    made.cell(0, 7, document["place"], align="R", new_x="LMARGIN", new_y="NEXT")
    made.ln(6)
    made.set_font("DejaVu", size=14)
    made.cell(0, 9, document["heading"], align="C", new_x="LMARGIN", new_y="NEXT")
    made.set_font("DejaVu", size=11)
    made.multi_cell(0, 7, document["subject"], align="C", new_x="LMARGIN", new_y="NEXT")
    made.ln(5)
    for paragraph in text:
        made.multi_cell(0, 7, paragraph, new_x="LMARGIN", new_y="NEXT")
        made.ln(1)
    made.ln(8)
    made.cell(0, 7, document["signatory"], align="R", new_x="LMARGIN", new_y="NEXT")
    made.cell(0, 7, NOTES[0] if document["signed"] else NOTES[1], align="R", new_x="LMARGIN", new_y="NEXT")
    return bytes(made.output())


def demo_pki(folder: Path) -> Pki:
    """Authorities in force from 2020 to 2049 whose lists last as long, and agencies' certificates for three years."""
    authority_name = {**COUNTRY, "organization-name": "SOGOC TEST CA (dữ liệu thử nghiệm, không có giá trị pháp lý)"}
    validity = {"valid-from": "2020-01-01T00:00:00+0000", "valid-to": "2049-12-31T23:59:59+0000"}
    signer_validity = {"valid-from": "2021-09-01T00:00:00+0000", "valid-to": "2024-09-01T00:00:00+0000"}
    entities = {
        "root": {**authority_name, "common-name": "SOGOC TEST CA root (demo)"},
        "interm": {**authority_name, "common-name": "SOGOC TEST CA (demo)"},
        "tsa-ca": {**authority_name, "common-name": "SOGOC TEST TSA CA (demo)"},
        "tsa": {**authority_name, "common-name": "SOGOC TEST TSA (demo)"},
        "ocsp": {**authority_name, "common-name": "SOGOC TEST OCSP (demo)"},
    }
    certs = {
        "root": authority("root", "root", "root") | {"validity": validity},
        "interm": authority("interm", "root", "interm", **{"ocsp-service": "ocsp"}) | {"validity": validity},
        "tsa-ca": authority("tsa-ca", "root", "tsa-ca") | {"validity": validity},
        "tsa": extended("tsa", "tsa-ca", "time_stamping", validity=validity),
        "ocsp": {"subject": "ocsp", "issuer": "interm", "validity": validity, "profiles": ["ocsp-responder"]},
    }
    keys = {"root": "p-384", "interm": "p-256", "tsa-ca": "p-256", "tsa": "p-256", "ocsp": "p-256"}
    for agency, name in AGENCIES.items():
        entities[agency] = {
            **COUNTRY,
            "organization-name": name,
            "organizational-unit-name": "Dữ liệu thử nghiệm",
            "common-name": f"{name} (TEST)",
        }
        certs[agency] = {
            "subject": agency,
            "issuer": "interm",
            "validity": signer_validity,
            "profiles": ["digsig-commitment"],
        }
        keys[agency] = "rsa-2048"
    thirty_years = {"simulated-update-schedule": "P10950D"}
    services = {
        "crl-repo": {
            name: {"for-issuer": name, "signing-key": name, **thirty_years} for name in ("root", "interm", "tsa-ca")
        },
        "ocsp": {"ocsp": {"for-issuer": "interm", "responder-cert": "ocsp", "validity-period": {"days": 7}}},
        "time-stamping": {"tsa": {"signing-key": "tsa", "signing-cert": "tsa"}},
    }
    return Pki(folder, entities, certs, services, keys)


def sign(pki: Pki, data: bytes, agency: str, at: datetime) -> bytes:
    """A PAdES B-LTA signature: with time stamp, revocation information, and an archive time stamp over both."""
    with freeze_time(at):
        context = pki.signing_context(
            at,
            "root",
            crls=[pki.crl("root", at), pki.crl("tsa-ca", at)],
            ocsps=[pki.ocsp(agency, at)],
            others=["interm", "tsa-ca"],
        )
        signer = PdfSigner(
            PdfSignatureMetadata(
                field_name="ChuKySo",
                md_algorithm="sha256",
                subfilter=SigSeedSubFilter.PADES,
                embed_validation_info=True,
                use_pades_lta=True,
                validation_context=context,
                location="Hà Nam",
            ),
            signer=pki.signer(agency),
            timestamper=pki.time_stamper(at),
        )
        out = BytesIO()
        asyncio.run(signer.async_sign_pdf(IncrementalPdfFileWriter(BytesIO(data)), output=out, bytes_reserved=HOLE))
        return out.getvalue()


def alter_bytes(document: dict, plain: bytes, signed: bytes) -> bytes:
    """`02 cuộc` becomes `03 cuộc` in the signed file: the byte in which the pages of both texts differ."""
    other = page(document, [line.replace("02 cuộc", "03 cuộc") for line in document["text"]])
    end = plain.index(b"endstream")
    differing = [at for at in range(end) if plain[at] != other[at]]
    assert len(other) == len(plain) and len(differing) == 1, "both figures must have appeared on the page before"
    at = differing[0]
    return signed[:at] + other[at : at + 1] + signed[at + 1 :]


def alter_by_update(signed: bytes) -> bytes:
    """A line through the deadline, drawn by an incremental update after the signature."""
    writer = IncrementalPdfFileWriter(BytesIO(signed))
    first = writer.root["/Pages"]["/Kids"][0]
    line = generic.StreamObject(stream_data=b"q 1 w 74 566 m 383 566 l S Q")
    contents = generic.ArrayObject([first.raw_get("/Contents"), writer.add_object(line)])
    first["/Contents"] = contents
    writer.update_container(first)
    out = BytesIO()
    writer.write(out)
    return out.getvalue()


def fill_digests(table: Path, digests: dict[tuple[str, str, str], str]) -> None:
    """The last column of evidence.csv; every other byte of a line stays."""
    lines = table.read_text(encoding="utf-8").split("\n")
    header = next(csv.reader([lines[0]]))
    filled = header[-1] == "sha256"
    columns = header if filled else [*header, "sha256"]
    out, left = [",".join(columns)], dict(digests)
    for line in lines[1:]:
        if not line:
            continue
        row = dict(zip(header, next(csv.reader([line]))))
        key = (row["agency"], row["leaf"], row["file_name"])
        kept = line.rsplit(",", 1)[0] if filled else line
        out.append(f"{kept},{left.pop(key, '')}")
    assert not left, f"no row for {sorted(left)}"
    table.write_bytes(("\n".join(out) + "\n").encode())


def main() -> int:
    if len(sys.argv) != 2:
        print("usage: demo.py SEASON-FOLDER", file=sys.stderr)
        return 2
    season = Path(sys.argv[1])
    folder = season / "evidence"
    folder.mkdir(exist_ok=True)
    logging.disable(logging.WARNING)
    digests = {}
    with tempfile.TemporaryDirectory() as keys:
        pki = demo_pki(Path(keys))
        (folder / "anchors.pem").write_bytes(pem_of([pki.cert("root")]))
        for document in DOCUMENTS:
            data = plain = page(document, document["text"])
            if document["signed"]:
                at = datetime.fromisoformat(document["signed"]).astimezone(utc("2022-01-01").tzinfo)
                data = sign(pki, data, document["agency"], at)
            if document.get("altered") == "bytes":
                data = alter_bytes(document, plain, data)
            elif document.get("altered") == "update":
                data = alter_by_update(data)
            assert len(data) < BYTES_MAX, f"{document['file']}: {len(data)} bytes, at most {BYTES_MAX}"
            (folder / document["agency"]).mkdir(exist_ok=True)
            (folder / document["agency"] / document["file"]).write_bytes(data)
            digests[document["agency"], document["leaf"], document["file"]] = hashlib.sha256(data).hexdigest()
    fill_digests(season / "evidence.csv", digests)
    for document in DOCUMENTS:
        for at in ("2022-12-20T00:00:00Z", "2026-06-01T00:00:00Z", "2045-01-01T00:00:00Z"):
            case = {"file": f"{document['agency']}/{document['file']}", "anchors": "anchors.pem", "judged_at": at}
            word = peer.judge(case, folder)
            size = (folder / document["agency"] / document["file"]).stat().st_size
            print(f"{document['agency']} {document['leaf']} {size} bytes, by pyHanko at {at[:4]}: {word['outcome']}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
