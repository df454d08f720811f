"""The cases: each a file, the anchors and instant it is judged by, and what the register is expected to say."""

import asyncio
import hashlib
import json
import subprocess
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path

from asn1crypto import cms
from freezegun import freeze_time
from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
from pyhanko.pdf_utils.reader import PdfFileReader
from pyhanko.pdf_utils.writer import copy_into_new_writer
from pyhanko.sign import fields, signers
from pyhanko.sign.fields import MDPPerm, SigSeedSubFilter
from pyhanko.sign.signers.pdf_cms import PdfCMSSignedAttributes
from pyhanko.sign.signers.pdf_signer import PdfSignatureMetadata, PdfSigner
from pyhanko.sign.validation.dss import DocumentSecurityStore

import attacks
import documents
import peer
import shadows
from pki import Pki, cases_pki, pem_of, utc

SIGNED = utc("2022-06-01T02:00:00")
JUDGED = utc("2022-07-01")


@dataclass
class Case:
    """A case, as it goes into `cases.json`."""

    id: str
    file: str
    anchors: str
    judged_at: str
    expect: dict
    rule: str = ""
    detached_signature: str | None = None
    bench: bool = False
    peer: dict = field(default_factory=dict)

    def as_json(self) -> dict:
        return {key: value for key, value in self.__dict__.items() if value not in (None, False)}


def sign(
    pki: Pki,
    data: bytes,
    label: str = "leader",
    *,
    level: str = "b-b",
    at=SIGNED,
    name: str = "Signature1",
    md: str = "sha256",
    pss: bool = False,
    tsa: str = "tsa",
    root: str = "root",
    ocsp: str | None = "ocsp",
    certify: MDPPerm | None = None,
    subfilter=SigSeedSubFilter.PADES,
    time_stamper=None,
    password: bytes | None = None,
) -> bytes:
    """A signature by pyHanko as an incremental update."""
    with freeze_time(at):
        writer = IncrementalPdfFileWriter(BytesIO(data), strict=False)
        if password is not None:
            writer.encrypt(password)
        context = None
        if level in ("b-lt", "b-lta"):
            # Authorities are looked up in a CRL, and what they issued by OCSP where there is a responder.
            answers = [pki.ocsp(label, at, ocsp)] if ocsp else []
            crls = [pki.crl(one, at) for one in ["root", "tsa-ca"] + ([] if ocsp else ["interm"])]
            context = pki.signing_context(at, root, crls=crls, ocsps=answers, others=["interm", "tsa-ca"])
        stamped = level != "b-b" and level != "basic"
        metadata = PdfSignatureMetadata(
            field_name=name,
            md_algorithm=md,
            subfilter=subfilter,
            embed_validation_info=context is not None,
            use_pades_lta=level == "b-lta",
            validation_context=context,
            certify=certify is not None,
            docmdp_permissions=certify or MDPPerm.FILL_FORMS,
            reason="Ký số thử nghiệm",
        )
        signer = PdfSigner(
            metadata,
            signer=pki.signer(label, pss=pss),
            timestamper=(time_stamper or pki.time_stamper(at, tsa)) if stamped else None,
        )
        out = BytesIO()
        asyncio.run(signer.async_sign_pdf(writer, output=out, bytes_reserved=16384))
        return out.getvalue()


def sign_in_one_revision(pki: Pki, data: bytes) -> bytes:
    """A signature that is in the file from its first revision on."""
    with freeze_time(SIGNED):
        out = BytesIO()
        signer = PdfSigner(
            PdfSignatureMetadata(field_name="Signature1", subfilter=SigSeedSubFilter.PADES, md_algorithm="sha256"),
            signer=pki.signer("leader"),
        )
        asyncio.run(signer.async_sign_pdf(copy_into_new_writer(PdfFileReader(BytesIO(data))), output=out))
        return out.getvalue()


def sign_detached(pki: Pki, data: bytes, label: str = "leader", *, stamped: bool = False, md: str = "sha256") -> bytes:
    """A detached CAdES signature by pyHanko."""
    with freeze_time(SIGNED):
        signed = asyncio.run(
            pki.signer(label).async_sign_general_data(
                data,
                md,
                detached=True,
                use_cades=True,
                timestamper=pki.time_stamper(SIGNED) if stamped else None,
            )
        )
        return signed.dump()


def openssl_detached(pki: Pki, folder: Path, data: bytes, *more: str) -> bytes:
    """A detached signature by OpenSSL."""
    content, cert, chain = folder / "content.bin", folder / "cert.pem", folder / "chain.pem"
    content.write_bytes(data)
    cert.write_bytes(pem_of([pki.cert("leader")]))
    chain.write_bytes(pem_of(pki.chain("leader")))
    command = ["openssl", "cms", "-sign", "-binary", "-in", content, "-signer", cert, "-certfile", chain]
    command += ["-inkey", folder / "leader.pem", "-outform", "DER", "-md", "sha256", *more]
    return subprocess.run(command, check=True, capture_output=True).stdout


def cms_over(pki: Pki, ranged: bytes) -> bytes:
    """A PAdES signature over bytes of the caller's choice."""
    with freeze_time(SIGNED):
        signed = asyncio.run(
            pki.signer("leader").async_sign(
                hashlib.sha256(ranged).digest(),
                "sha256",
                use_pades=True,
                signed_attr_settings=PdfCMSSignedAttributes(),
            )
        )
    return signed.dump()


def resign_with_wide_hole(pki: Pki, data: bytes) -> bytes:
    """A true signature whose hole holds more than the signature: entries of its dictionary that nobody signed."""
    found = attacks.find(data)
    begin = data.rindex(b"<<", 0, found.hole) + 2
    made = attacks.set_byte_range(data, (0, begin, found.end, found.total - found.end))
    signed = cms_over(pki, made[:begin] + made[found.end :])
    return attacks.put_cms(made, found, signed)


def resign_by_openssl(pki: Pki, folder: Path, data: bytes) -> bytes:
    """The signature of a PDF by another signer, who does not bind the certificate."""
    found = attacks.find(data)
    ranged = data[: found.hole] + data[found.end : found.total]
    return attacks.put_cms(data, found, openssl_detached(pki, folder, ranged))


def sign_range(pki: Pki, data: bytes, change) -> bytes:
    """A true signature over ranges of the attacker's choice: `change(begin, end, total)` gives the byte range."""
    found = attacks.find(data)
    first, length, second, rest = values = change(found.hole, found.end, found.total)
    made = attacks.set_byte_range(data, values)
    signed = cms_over(pki, made[first : first + length] + made[second : second + rest])
    return attacks.put_cms(made, found, signed)


def other_data_stamper(pki: Pki):
    """A time-stamping authority that is trusted, and stamps something else."""
    stamper = pki.time_stamper(SIGNED)
    honest = stamper.async_timestamp

    async def other(message_digest, md_algorithm):
        return await honest(hashlib.new(md_algorithm, b"other data").digest(), md_algorithm)

    stamper.async_timestamp = other
    return stamper


def encrypted(data: bytes) -> bytes:
    """The same document, encrypted with an empty user password."""
    writer = copy_into_new_writer(PdfFileReader(BytesIO(data)))
    writer.encrypt(owner_pass="owner", user_pass="")
    out = BytesIO()
    writer.write(out)
    return out.getvalue()


class Maker:
    """Writes the files of the cases, and lists them."""

    def __init__(self, folder: Path, keys: Path):
        self.folder = folder
        self.keys = keys
        self.pki = cases_pki(keys)
        self.cases: list[Case] = []
        pki = self.pki
        self.anchor_files = {}
        now, self.all = JUDGED, ("root", "interm", "tsa-ca", "revoked-ca")
        self.write_anchors("anchors", [pki.cert("root")], [pki.crl(one, now) for one in self.all])
        self.write_anchors("anchors-roots-only", [pki.cert("root")], [])
        self.write_anchors("anchors-ec", [pki.cert("ec-root")], [pki.crl("ec-root", now)])
        self.write_anchors(
            "anchors-authorities-only", [pki.cert("root")], [pki.crl(one, now) for one in ("root", "tsa-ca")]
        )
        later = utc("2031-01-01")
        self.write_anchors("anchors-2031", [pki.cert("root")], [pki.crl(one, later) for one in ("root", "tsa-ca")])
        self.write_anchors(
            "anchors-before-revocation",
            [pki.cert("root")],
            [pki.crl(one, SIGNED) for one in self.all],
        )

    def write_anchors(self, name: str, certs, crls) -> None:
        file = f"{name}.pem"
        (self.folder / file).write_bytes(pem_of(certs, crls))
        self.anchor_files[name] = file

    def add(
        self,
        id: str,
        data: bytes,
        outcome: str,
        reasons: str = "",
        level: str = "b-b",
        *,
        anchors: str = "anchors",
        at=JUDGED,
        signatures: int = 1,
        rule: str = "",
        cms: bytes | None = None,
        suffix: str = "pdf",
        bench: bool = False,
    ) -> None:
        """A case. `reasons` are codes, separated by spaces."""
        file = f"{id}.{suffix}"
        (self.folder / file).write_bytes(data)
        beside = None
        if cms is not None:
            beside = f"{file}.p7s"
            (self.folder / beside).write_bytes(cms)
        self.cases.append(
            Case(
                id=id,
                file=file,
                detached_signature=beside,
                anchors=self.anchor_files[anchors],
                judged_at=at.strftime("%Y-%m-%dT%H:%M:%SZ"),
                expect={
                    "outcome": outcome,
                    "reasons": sorted(reasons.split()),
                    "level": level if signatures else None,
                    "signatures": signatures,
                },
                rule=" ".join(rule.split()),
                bench=bench,
            )
        )

    def write(self) -> None:
        """Asks pyHanko about each, and writes `cases.json`."""
        for case in self.cases:
            case.peer = peer.judge(case.as_json(), self.folder)
        text = json.dumps([case.as_json() for case in self.cases], ensure_ascii=False, indent=1)
        (self.folder / "cases.json").write_text(text + "\n", encoding="utf-8")


# Why the register differs from the peer, where it does: the written rules.
WEAK = (
    "SHA-1 and RSA below 2048 bits are refused at any time; EN 319 102-1 leaves room for a proof of earlier existence."
)
REVOKED = (
    "A certificate that is known to be revoked, with nothing that proves an earlier signature, is against the signature; "
    "EN 319 102-1 calls it indeterminate (REVOKED_NO_POE)."
)
REVOKED_AUTHORITY = (
    "A signature under an authority that had been revoked before is invalid; pyHanko's validation with time leaves it to "
    "the long-term variant."
)
NEWER = (
    "Where one list or answer says that a certificate had been revoked before, no other one helps; pyHanko is content with "
    "an older answer that is within its term."
)
BOUND = (
    "A signature whose attributes name another certificate is invalid; EN 319 102-1 calls it indeterminate "
    "(NO_SIGNING_CERTIFICATE_FOUND)."
)
USAGE = (
    "A certificate that is not for signing documents is against the signature: key usage, and an extended key usage that "
    "names another purpose; pyHanko calls the first indeterminate and does not look at the second unless told to."
)
STAMP_USAGE = "A time stamp by a certificate that is not for time stamps is wrong; EN 319 102-1 calls it indeterminate."
ENDED = (
    "a list or answer that was made after a certificate's own term says nothing about it: authorities take revoked"
    " certificates off their lists then, unless they say that they keep them (expiredCertsOnCRL)"
)
IN_FORCE = (
    "A signature that is proven to have been made while the certificate was not in force is invalid; pyHanko's validation "
    "with time leaves the certificate's dates to the long-term variant."
)
TAIL = "Bytes behind the last revision are covered by nothing and refused; pyHanko reads up to the last startxref."
HOLE = (
    "Only zeros may stand behind the CMS: any other byte is signed by nobody; pyHanko reads the first value and stops."
)
STALE = (
    "Revocation information that the file carries counts for the proven time it was fresh at, however old it is when it "
    "is judged; EN 319 102-1 asks for fresh information (TRY_LATER) unless an archive time stamp proves its age."
)
ENCRYPTED = "An encrypted file is not looked into; pyHanko opens it with an empty password."
UNREADABLE = (
    "A file that cannot be read, and in which nothing looks like a signature, is unsigned; pyHanko raises an error."
)
CUT = "A file whose signature was cut off together with its revision is what it was before; pyHanko raises an error."
CURVE = "Of elliptic curves, P-256 and P-384 are judged; pyHanko judges P-521, too."
CHAIN = "A chain through a certificate that is no authority is broken; pyHanko finds no chain."
TWICE = "A trailer with a key twice is refused, for readers differ in which holds; pyHanko takes one of them."
BEHIND = (
    "Objects behind the signed bytes that no later section names are covered by nothing; pyHanko reads them by an entry of "
    "the signed section."
)
ANEW = "Where nothing may change, appearances are not made anew from values; pyHanko does not look at NeedAppearances."
CLAIMED = "time-claimed-only"
APPENDED = "extended-after-signing"


def make(folder: Path, keys: Path) -> list[Case]:
    """Makes every case into `folder`; the private keys go into `keys`."""
    maker = Maker(folder, keys)
    levels_and_algorithms(maker)
    several_signatures(maker)
    updates(maker)
    prepared(maker)
    tampering(maker)
    chains(maker)
    time_stamps(maker)
    structures(maker)
    detached(maker)
    maker.write()
    return maker.cases


def levels_and_algorithms(maker: Maker) -> None:
    pki, page = maker.pki, documents.one_page()
    maker.add("b-b-rsa", sign(pki, page), "valid-but", CLAIMED)
    maker.add("b-t-rsa", sign(pki, page, level="b-t"), "valid", level="b-t")
    maker.add("b-lt-rsa", sign(pki, page, level="b-lt"), "valid-but", APPENDED, "b-lt")
    maker.add("b-lta-rsa", sign(pki, page, level="b-lta"), "valid-but", APPENDED, "b-lta")
    for level in ("b-lt", "b-lta"):
        maker.add(
            f"{level}-rsa-nothing-configured",
            sign(pki, page, level=level),
            "valid-but",
            APPENDED,
            level,
            anchors="anchors-roots-only",
        )
    maker.add(
        "b-lt-crl-only",
        sign(pki, page, level="b-lt", ocsp=None),
        "valid-but",
        APPENDED,
        "b-lt",
        anchors="anchors-roots-only",
        at=utc("2022-06-10"),
    )
    for level in ("b-lt", "b-lta"):
        maker.add(
            f"{level}-answers-for-an-hour",
            sign(pki, page, level=level, ocsp="ocsp-short"),
            "valid-but",
            APPENDED,
            level,
            anchors="anchors-roots-only",
            rule=STALE if level == "b-lt" else "",
        )
    unknown = f"{APPENDED} no-revocation-information"
    for id, anchors, outcome, reasons in (
        ("b-lta-in-2031", "anchors-2031", "valid-but", APPENDED),
        ("b-lta-in-2031-nothing-configured", "anchors-roots-only", "indeterminate", unknown),
    ):
        maker.add(
            id,
            sign(pki, page, level="b-lta", ocsp="ocsp-short"),
            outcome,
            reasons,
            "b-lta",
            anchors=anchors,
            at=utc("2031-01-01"),
        )
    maker.add("b-b-pss", sign(pki, page, pss=True), "valid-but", CLAIMED)
    maker.add("b-t-pss-sha512", sign(pki, page, pss=True, md="sha512", level="b-t"), "valid", level="b-t")
    maker.add("b-b-p256", sign(pki, page, "finance"), "valid-but", CLAIMED)
    maker.add("b-b-p384-sha384", sign(pki, page, "health", md="sha384"), "valid-but", CLAIMED)
    maker.add("b-lta-p384", sign(pki, page, "health", md="sha384", level="b-lta"), "valid-but", APPENDED, "b-lta")
    maker.add("b-b-sha384", sign(pki, page, md="sha384"), "valid-but", CLAIMED)
    maker.add("b-b-sha512", sign(pki, page, md="sha512"), "valid-but", CLAIMED)
    maker.add("b-b-ec-chain", sign(pki, page, "justice"), "valid-but", CLAIMED, anchors="anchors-ec")
    pkcs7 = sign(pki, page, subfilter=SigSeedSubFilter.ADOBE_PKCS7_DETACHED)
    maker.add("pkcs7-detached", pkcs7, "valid-but", CLAIMED)
    unbound = resign_by_openssl(pki, maker.keys, pkcs7)
    maker.add("pkcs7-detached-without-binding", unbound, "valid-but", f"below-baseline {CLAIMED}", "basic")
    maker.add(
        "b-b-p521",
        sign(pki, page, "unusual", md="sha512"),
        "indeterminate",
        f"unsupported-algorithm {CLAIMED}",
        rule=CURVE,
    )
    maker.add(
        "b-b-sha1",
        sign(pki, page, md="sha1"),
        "invalid",
        f"weak-algorithm {CLAIMED}",
        rule=WEAK,
    )
    maker.add(
        "b-b-rsa-1024",
        sign(pki, page, "weak"),
        "invalid",
        f"weak-algorithm {CLAIMED}",
        rule=WEAK,
    )
    maker.add("large-10-mib", sign(pki, documents.large(10 << 20), level="b-t"), "valid", level="b-t", bench=True)


def several_signatures(maker: Maker) -> None:
    pki, page = maker.pki, documents.one_page()
    two = sign(pki, sign(pki, page), "finance", name="Signature2", at=utc("2022-06-01T03:00:00"))
    maker.add("two-signatures", two, "valid-but", f"{CLAIMED} {APPENDED}", signatures=2)
    late = sign(
        pki,
        sign(pki, page, level="b-lt"),
        "finance",
        name="Signature2",
        level="b-t",
        at=utc("2022-06-02T03:00:00"),
    )
    maker.add("b-lt-then-second", late, "valid-but", APPENDED, "b-lt", signatures=2)
    full = sign(
        pki,
        sign(pki, page, level="b-lta"),
        "health",
        name="Signature2",
        level="b-lta",
        md="sha384",
        at=utc("2022-06-02T03:00:00"),
    )
    maker.add("b-lta-twice", full, "valid-but", APPENDED, "b-lta", signatures=2)
    outsider = sign(pki, sign(pki, page, level="b-t"), "outsider", name="Signature2", level="b-t")
    maker.add("second-by-unknown-root", outsider, "indeterminate", f"unknown-root {APPENDED}", "b-t", signatures=2)
    maker.add(
        "first-altered-second-true",
        sign(pki, attacks.change_page(sign(pki, page)), "finance", name="Signature2"),
        "invalid",
        f"changed-after-signing {CLAIMED}",
        signatures=2,
    )
    maker.add(
        "time-stamp-alone",
        stamp_file(pki, page),
        "unsigned",
        signatures=0,
        rule="",
    )


def stamp_file(pki: Pki, data: bytes, tsa: str = "tsa", at=SIGNED) -> bytes:
    """A document time stamp."""
    with freeze_time(at):
        writer = IncrementalPdfFileWriter(BytesIO(data))
        out = BytesIO()
        stamper = signers.PdfTimeStamper(pki.time_stamper(at, tsa))
        asyncio.run(stamper.async_timestamp_pdf(writer, "sha256", output=out))
        return out.getvalue()


def store(data: bytes, *, crls=(), ocsps=()) -> bytes:
    """Revocation information put into the file by whoever had it last."""
    out = BytesIO(data)
    DocumentSecurityStore.add_dss(out, None, crls=list(crls), ocsps=list(ocsps))
    return out.getvalue()


def updates(maker: Maker) -> None:
    pki, page, form = maker.pki, documents.one_page(), documents.with_form()
    signed, changed = sign(pki, page, level="b-t"), "changed-after-signing"
    maker.add("update-metadata", attacks.change_metadata(signed), "valid-but", APPENDED, "b-t")
    maker.add("update-page", attacks.change_page(signed), "invalid", changed, "b-t")
    maker.add(
        "update-page-after-b-lta", attacks.change_page(sign(pki, page, level="b-lta")), "invalid", changed, "b-lta"
    )
    maker.add("update-page-added", attacks.add_page(signed), "invalid", changed, "b-t")
    maker.add("update-annotation", attacks.add_annotation(signed), "invalid", changed, "b-t")
    maker.add("update-script", attacks.add_script(signed), "invalid", changed, "b-t")
    spare = sign(pki, documents.with_spare_page(), level="b-t")
    maker.add("update-shows-hidden-content", attacks.show_spare(spare), "invalid", changed, "b-t")
    filled = "form-filled-after-signing"
    maker.add("update-form-filled", attacks.fill_field(sign(pki, form, level="b-t")), "valid-but", filled, "b-t")
    for permission, outcome, reasons in (
        (MDPPerm.NO_CHANGES, "invalid", changed),
        (MDPPerm.FILL_FORMS, "valid-but", filled),
        (MDPPerm.ANNOTATE, "valid-but", filled),
    ):
        certified = sign(pki, form, level="b-t", certify=permission)
        maker.add(f"update-form-filled-p{permission.value}", attacks.fill_field(certified), outcome, reasons, "b-t")
    maker.add(
        "update-annotation-p3",
        attacks.add_annotation(sign(pki, form, level="b-t", certify=MDPPerm.ANNOTATE)),
        "invalid",
        changed,
        "b-t",
    )


def prepared(maker: Maker) -> None:
    pki, changed = maker.pki, "changed-after-signing"

    def stamped(data: bytes) -> bytes:
        return sign(pki, data, level="b-t")

    def certified(data: bytes) -> bytes:
        return sign(pki, data, level="b-t", certify=MDPPerm.NO_CHANGES)

    for id, make_shadow in (
        ("shadow-store-leads-to-page", shadows.store_leads_to_page),
        ("shadow-appearance-leads-to-page", shadows.appearance_leads_to_page),
        ("shadow-annotations-twice", shadows.annotations_twice),
        ("shadow-picture-in-empty-field", shadows.picture_in_empty_field),
    ):
        maker.add(id, make_shadow(stamped), "invalid", changed, "b-t")
    maker.add(
        "shadow-previous-twice",
        shadows.previous_twice(stamped),
        "invalid",
        "malformed-file",
        signatures=0,
        rule=TWICE,
    )
    maker.add(
        "shadow-entry-behind-end", shadows.entry_behind_end(stamped), "invalid", "coverage-wrong", "b-t", rule=BEHIND
    )
    anew = shadows.appearances_made_anew(certified)
    maker.add("shadow-appearances-made-anew-p1", anew, "invalid", changed, "b-t", rule=ANEW)


def tampering(maker: Maker) -> None:
    pki, page = maker.pki, documents.one_page()
    signed = sign(pki, page)
    found = attacks.find(signed)
    altered, coverage = "digest-mismatch", f"coverage-wrong {CLAIMED}"
    maker.add("flipped-text", attacks.flip_text(signed), "invalid", f"{altered} {CLAIMED}")
    date = signed.index(b"/M (D:2022" if b"/M (D:2022" in signed else b"/M (D", found.end)
    maker.add("flipped-key-after-hole", attacks.flip(signed, found.end + 1), "invalid", "malformed-signature", "basic")
    maker.add("flipped-claimed-date", attacks.flip(signed, date + 12), "invalid", f"{altered} {CLAIMED}")
    maker.add("flipped-signature-value", attacks.flip_signature_value(signed), "invalid", f"signature-wrong {CLAIMED}")
    maker.add("trailing-bytes", signed + b"\n% bytes that nobody signed for\n", "invalid", coverage, rule=TAIL)
    maker.add("trailing-line-end", signed + b"\r\n", "valid-but", CLAIMED)
    maker.add("garbage-in-hole", attacks.garbage_after_cms(signed), "invalid", coverage, rule=HOLE)
    maker.add("cms-cut", attacks.cut_cms(signed), "invalid", "malformed-signature", "basic")
    total = found.total
    maker.add(
        "byte-range-tampered",
        attacks.set_byte_range(signed, (0, found.hole, found.end + 2, total - found.end - 2)),
        "invalid",
        coverage,
    )
    maker.add("hole-too-wide", resign_with_wide_hole(pki, signed), "invalid", coverage)
    maker.add(
        "range-starts-late",
        sign_range(pki, signed, lambda begin, end, total: (8, begin - 8, end, total - end)),
        "invalid",
        coverage,
    )
    maker.add(
        "range-ends-early",
        sign_range(pki, signed, lambda begin, end, total: (0, begin, end, total - end - 30)),
        "invalid",
        coverage,
    )
    maker.add("wrapped", attacks.wrapped(signed), "invalid", coverage)
    maker.add("isa-without-xref", attacks.isa_without_xref(signed), "invalid", coverage, rule=TAIL)
    maker.add("isa-with-copied-signature", attacks.isa_with_copied_signature(signed), "invalid", coverage)
    maker.add("signature-shadowed", attacks.shadowed_signature(signed), "invalid", coverage)
    for kind in (
        "no-contents",
        "null-contents",
        "empty-contents",
        "zero-contents",
        "no-byte-range",
        "null-byte-range",
        "negative-byte-range",
        "text-byte-range",
        "huge-byte-range",
    ):
        about, level = coverage, "b-b"
        if kind.endswith("contents"):
            about, level = "coverage-wrong malformed-signature", "basic"
        elif kind == "text-byte-range":
            about, level = "malformed-signature", "basic"
        maker.add(f"usf-{kind}", attacks.forged_dictionary(signed, kind), "invalid", about, level)
    other = sign(pki, documents.classic(documents.objects(text="BT /F1 14 Tf 60 760 Td (Another) Tj ET")))
    maker.add(
        "signature-of-another-file",
        attacks.put_cms(signed, found, attacks.find(other).cms(other)),
        "invalid",
        f"{altered} {CLAIMED}",
    )


def chains(maker: Maker) -> None:
    pki, page = maker.pki, documents.one_page()
    maker.add("revoked-claimed-before", sign(pki, page, "revoked"), "invalid", f"revoked {CLAIMED}", rule=REVOKED)
    after = utc("2022-06-20T02:00:00")
    maker.add(
        "revoked-before-signing",
        sign(pki, page, "revoked", level="b-t", at=after),
        "invalid",
        "revoked",
        "b-t",
        rule=REVOKED,
    )
    maker.add("revoked-after-proven-time", sign(pki, page, "revoked", level="b-t"), "valid", level="b-t")
    maker.add(
        "revoked-after-proven-time-b-lta",
        sign(pki, page, "revoked", level="b-lta"),
        "valid-but",
        APPENDED,
        "b-lta",
    )
    early = utc("2022-05-25T02:00:00")
    maker.add(
        "expired-claimed-before",
        sign(pki, page, "expired", at=early),
        "indeterminate",
        f"time-not-proven no-revocation-information {CLAIMED}",
    )
    maker.add(
        "expired-stamped-before",
        sign(pki, page, "expired", at=early, level="b-t"),
        "indeterminate",
        "no-revocation-information",
        "b-t",
        rule=ENDED,
    )
    maker.add(
        "expired-stamped-before-b-lta",
        sign(pki, page, "expired", at=early, level="b-lta", ocsp="ocsp-short"),
        "valid-but",
        APPENDED,
        "b-lta",
        anchors="anchors-authorities-only",
    )
    maker.add(
        "expired-stamped-after",
        sign(pki, page, "expired", at=utc("2022-06-08T02:00:00"), level="b-t"),
        "invalid",
        "certificate-not-in-force no-revocation-information",
        "b-t",
        rule=IN_FORCE,
    )
    maker.add(
        "not-yet-in-force",
        sign(pki, page, "leader", at=utc("2020-12-01T02:00:00"), level="b-t"),
        "invalid",
        "certificate-not-in-force",
        "b-t",
        rule=IN_FORCE,
    )
    maker.add("wrong-key-usage", sign(pki, page, "wrong-usage"), "invalid", f"wrong-key-usage {CLAIMED}", rule=USAGE)
    maker.add(
        "wrong-extended-usage", sign(pki, page, "wrong-extended"), "invalid", f"wrong-key-usage {CLAIMED}", rule=USAGE
    )
    maker.add("unknown-root", sign(pki, page, "outsider"), "indeterminate", f"unknown-root {CLAIMED}")
    maker.add(
        "no-revocation-information",
        sign(pki, page),
        "indeterminate",
        f"no-revocation-information {CLAIMED}",
        anchors="anchors-roots-only",
    )
    maker.add(
        "no-revocation-information-b-t",
        sign(pki, page, level="b-t"),
        "indeterminate",
        "no-revocation-information",
        "b-t",
        anchors="anchors-roots-only",
    )
    maker.add(
        "revocation-information-stale",
        sign(pki, page),
        "indeterminate",
        f"no-revocation-information {CLAIMED}",
        anchors="anchors-before-revocation",
    )
    maker.add(
        "revoked-authority",
        sign(pki, page, "under-revoked", level="b-t"),
        "invalid",
        "revoked",
        "b-t",
        rule=REVOKED_AUTHORITY,
    )
    broken = f"chain-broken no-revocation-information {CLAIMED}"
    maker.add("issued-by-a-signer", sign(pki, page, "self-made"), "invalid", broken, rule=CHAIN)
    maker.add(
        "other-certificate-of-the-key",
        with_other_certificate(pki, sign(pki, page)),
        "invalid",
        f"certificate-not-bound {CLAIMED}",
        "basic",
        rule=BOUND,
    )
    maker.add("intermediate-missing", without_certs(pki, sign(pki, page)), "indeterminate", f"unknown-root {CLAIMED}")


def without_certs(pki: Pki, data: bytes) -> bytes:
    """The signature without the certificates above the signer's."""
    found = attacks.find(data)
    content = cms.ContentInfo.load(found.cms(data))
    signed = content["content"]
    kept = [cert for cert in signed["certificates"] if cert.chosen.dump() == pki.cert("leader").dump()]
    signed["certificates"] = cms.CertificateSet(kept)
    return attacks.put_cms(data, found, cms.ContentInfo({"content_type": "signed_data", "content": signed}).dump(True))


def with_other_certificate(pki: Pki, data: bytes) -> bytes:
    """The signature names another certificate of the same key, with another name in it."""
    found = attacks.find(data)
    content = cms.ContentInfo.load(found.cms(data))
    signed = content["content"]
    other = pki.cert("leader-again")
    old, new = pki.cert("leader").dump(), cms.CertificateChoices("certificate", other)
    signed["certificates"] = cms.CertificateSet(
        [new if cert.chosen.dump() == old else cert for cert in signed["certificates"]]
    )
    signed["signer_infos"][0]["sid"] = cms.SignerIdentifier(
        "issuer_and_serial_number",
        cms.IssuerAndSerialNumber({"issuer": other.issuer, "serial_number": other.serial_number}),
    )
    return attacks.put_cms(data, found, cms.ContentInfo({"content_type": "signed_data", "content": signed}).dump(True))


def time_stamps(maker: Maker) -> None:
    pki, page = maker.pki, documents.one_page()
    maker.add(
        "time-stamp-by-unknown-root",
        sign(pki, page, level="b-t", tsa="unknown-tsa"),
        "indeterminate",
        "timestamp-untrusted",
        "b-t",
    )
    maker.add(
        "time-stamp-of-other-data",
        sign(pki, page, level="b-t", time_stamper=other_data_stamper(pki)),
        "invalid",
        "timestamp-wrong",
        "b-t",
    )
    maker.add(
        "time-stamp-without-usage",
        sign(pki, page, level="b-t", tsa="tsa-no-usage"),
        "invalid",
        "timestamp-wrong",
        "b-t",
        rule=STAMP_USAGE,
    )
    maker.add(
        "forged-stamp-saves-no-expired",
        sign(pki, page, "expired", level="b-t", at=utc("2022-05-25T02:00:00"), tsa="unknown-tsa"),
        "indeterminate",
        "time-not-proven timestamp-untrusted no-revocation-information",
        "b-t",
    )
    stamped = sign(pki, page, level="b-t")
    archive = stamp_file(pki, stamped, "unknown-tsa")
    maker.add("archive-stamp-forged", archive, "indeterminate", f"timestamp-untrusted {APPENDED}", "b-t")
    late = sign(pki, page, "revoked", at=utc("2022-06-20T02:00:00"))
    maker.add(
        "archive-stamp-forged-saves-no-revoked",
        stamp_file(pki, late, "unknown-tsa"),
        "invalid",
        f"revoked timestamp-untrusted {APPENDED}",
        "b-t",
        rule=REVOKED,
    )
    early = utc("2022-05-25T02:00:00")
    maker.add(
        "archive-stamp-alone-saves-expired",
        stamp_file(pki, sign(pki, page, "expired", at=early), at=early),
        "indeterminate",
        f"no-revocation-information {APPENDED}",
        "b-t",
    )
    nothing, forged = "anchors-authorities-only", f"no-revocation-information {APPENDED}"
    maker.add(
        "list-forged",
        store(stamped, crls=[pki.crl("forged", SIGNED)]),
        "indeterminate",
        forged,
        "b-t",
        anchors=nothing,
    )
    maker.add(
        "answer-forged",
        store(stamped, ocsps=[pki.ocsp("leader", SIGNED, "ocsp-forged")]),
        "indeterminate",
        forged,
        "b-t",
        anchors=nothing,
    )
    maker.add(
        "answer-of-another-certificate",
        store(stamped, ocsps=[pki.ocsp("office", SIGNED)]),
        "indeterminate",
        forged,
        "b-t",
        anchors=nothing,
    )
    maker.add(
        "answer-before-revocation",
        store(
            sign(pki, page, "revoked", level="b-t", at=utc("2022-06-20T02:00:00")), ocsps=[pki.ocsp("revoked", SIGNED)]
        ),
        "invalid",
        f"revoked {APPENDED}",
        "b-t",
        rule=NEWER,
    )
    maker.add("attributes-not-ordered", unordered_attributes(sign(pki, page)), "invalid", f"signature-wrong {CLAIMED}")


def unordered_attributes(data: bytes) -> bytes:
    """The signed attributes in another order than the one that was signed."""
    found = attacks.find(data)
    content = cms.ContentInfo.load(found.cms(data))
    signer = content["content"]["signer_infos"][0]
    attributes = list(signer["signed_attrs"])
    turned = b"".join(attribute.dump() for attribute in reversed(attributes))
    old = b"".join(attribute.dump() for attribute in attributes)
    raw = found.cms(data)
    assert old in raw
    return attacks.put_cms(data, found, raw[: attacks.der_length(raw)].replace(old, turned))


def structures(maker: Maker) -> None:
    pki, page = maker.pki, documents.one_page()
    maker.add("unsigned", page, "unsigned", signatures=0)
    maker.add("unsigned-compressed", documents.compressed(documents.objects()), "unsigned", signatures=0)
    empty_field = sign_field_only(page)
    maker.add("signature-field-empty", empty_field, "unsigned", signatures=0)
    compressed = documents.compressed(documents.objects())
    maker.add("compressed-b-b", sign(pki, compressed), "valid-but", CLAIMED)
    maker.add("compressed-b-lta", sign(pki, compressed, level="b-lta"), "valid-but", APPENDED, "b-lta")
    maker.add(
        "compressed-update-page",
        attacks.change_page(sign(pki, compressed)),
        "invalid",
        f"changed-after-signing {CLAIMED}",
    )
    maker.add("hybrid-b-b", sign(pki, documents.hybrid(documents.objects())), "valid-but", CLAIMED)
    maker.add("encrypted-unsigned", encrypted(page), "indeterminate", "encrypted", signatures=0, rule=ENCRYPTED)
    maker.add(
        "encrypted-b-b",
        sign(pki, encrypted(page), password=b""),
        "indeterminate",
        "encrypted",
        signatures=0,
        rule=ENCRYPTED,
    )
    for kind in ("javascript", "javascript-names", "launch", "submit", "embedded-file"):
        maker.add(f"active-{kind}", documents.active(kind), "unsigned", signatures=0)
    maker.add("active-javascript-signed", sign(pki, documents.active("javascript")), "valid-but", CLAIMED)
    for kind, data in documents.malformed().items():
        if kind in ("pages-loop", "deep", "bomb"):  # what is wrong is not on the way to a signature
            maker.add(f"malformed-{kind}", data, "unsigned", signatures=0)
        else:
            maker.add(f"malformed-{kind}", data, "unsigned", "malformed-file", signatures=0, rule=UNREADABLE)
    signed = sign(pki, page, level="b-lta")
    cut = signed[: signed.index(b"/ByteRange") + 40]
    maker.add("malformed-signature-cut-off", cut, "unsigned", signatures=0, rule=CUT)
    whole = sign_in_one_revision(pki, page)
    maker.add("signed-in-one-revision", whole, "valid-but", CLAIMED)
    cut = whole[: whole.index(b"/ByteRange") + 40]
    maker.add("malformed-truncated-signed", cut, "invalid", "malformed-file", signatures=0)


def sign_field_only(data: bytes) -> bytes:
    """A signature field that waits for its signature."""

    def change(writer):
        fields.append_signature_field(writer, fields.SigFieldSpec("Signature1"))

    return attacks.update(data, change)


def detached(maker: Maker) -> None:
    pki, keys = maker.pki, maker.keys
    content = "Bảng kê số liệu (DỮ LIỆU THỬ NGHIỆM)\n".encode() * 40
    text = {"suffix": "txt"}
    maker.add("detached-b-b", content, "valid-but", CLAIMED, cms=sign_detached(pki, content), **text)
    maker.add("detached-b-t", content, "valid", level="b-t", cms=sign_detached(pki, content, stamped=True), **text)
    maker.add(
        "detached-p256-sha512",
        content,
        "valid-but",
        CLAIMED,
        cms=sign_detached(pki, content, "finance", md="sha512"),
        **text,
    )
    altered = f"digest-mismatch {CLAIMED}"
    made = sign_detached(pki, content)
    maker.add("detached-flipped", attacks.flip(content, 100), "invalid", altered, cms=made, **text)
    maker.add("detached-wrong-content", b"Another file\n", "invalid", altered, cms=made, **text)
    maker.add("detached-empty-content", b"", "invalid", altered, cms=made, **text)
    maker.add(
        "detached-stamped-flipped",
        attacks.flip(content, 100),
        "invalid",
        "digest-mismatch",
        "b-t",
        cms=sign_detached(pki, content, stamped=True),
        **text,
    )
    maker.add(
        "detached-garbage-after",
        content,
        "invalid",
        "malformed-signature",
        "basic",
        cms=made + b"garbage",
        rule=HOLE,
        **text,
    )
    maker.add(
        "detached-noise", content, "invalid", "malformed-signature", "basic", cms=b"\x30\x82\x01\x00noise", **text
    )
    maker.add(
        "openssl-cms",
        content,
        "valid-but",
        f"below-baseline {CLAIMED}",
        "basic",
        cms=openssl_detached(pki, keys, content),
        **text,
    )
    maker.add(
        "openssl-cms-cades", content, "valid-but", CLAIMED, cms=openssl_detached(pki, keys, content, "-cades"), **text
    )
    maker.add(
        "openssl-cms-no-attributes",
        content,
        "valid-but",
        f"below-baseline {CLAIMED}",
        "basic",
        cms=openssl_detached(pki, keys, content, "-noattr"),
        **text,
    )
    maker.add(
        "openssl-cms-pss",
        content,
        "valid-but",
        CLAIMED,
        cms=openssl_detached(pki, keys, content, "-cades", "-keyopt", "rsa_padding_mode:pss"),
        **text,
    )
