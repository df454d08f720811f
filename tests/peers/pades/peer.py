"""What pyHanko says about a file: its own validation, with these anchors, at this instant, without a network.

Revocation is required (pyHanko's default lets a certificate pass whose revocation cannot be told). The validation is
that of EN 319 102-1, in the variant that fits what the signature carries: basic, with time, or long-term.
"""

import asyncio
import hashlib
import logging
from datetime import datetime
from io import BytesIO

from asn1crypto import cms, crl
from freezegun import freeze_time
from pyhanko.pdf_utils.reader import PdfFileReader
from pyhanko.sign.ades.report import AdESStatus
from pyhanko.sign.diff_analysis import DiffResult, ModificationLevel
from pyhanko.sign.validation import ades, generic_cms
from pyhanko.sign.validation.policy_decl import (
    LocalKnowledge,
    PdfSignatureValidationSpec,
    RevinfoOnlineFetchingRule,
    RevocationInfoGatheringSpec,
    SignatureValidationSpec,
)
from pyhanko.sign.validation.settings import KeyUsageConstraints
from pyhanko_certvalidator.authority import CertTrustAnchor
from pyhanko_certvalidator.context import CertValidationPolicySpec
from pyhanko_certvalidator.ltv.types import ValidationTimingInfo
from pyhanko_certvalidator.policy_decl import (
    REQUIRE_REVINFO,
    CertRevTrustPolicy,
    DisallowWeakAlgorithmsPolicy,
)
from pyhanko_certvalidator.registry import SimpleTrustManager
from pyhanko_certvalidator.revinfo.archival import CRLContainer

from pki import read_pem

# Worst last; the same words that the register uses, without its finer ones.
OUTCOMES = ("valid", "indeterminate", "invalid")
STATUS = {AdESStatus.PASSED: "valid", AdESStatus.INDETERMINATE: "indeterminate", AdESStatus.FAILED: "invalid"}


def specification(anchors: bytes, at: datetime) -> tuple[SignatureValidationSpec, ValidationTimingInfo]:
    """What pyHanko validates by."""
    certs, crls = read_pem(anchors)
    roots = [cert for cert in certs if cert.self_signed in ("yes", "maybe")]
    policy = CertValidationPolicySpec(
        trust_manager=SimpleTrustManager.build(trust_roots=[CertTrustAnchor(cert) for cert in roots]),
        revinfo_policy=CertRevTrustPolicy(REQUIRE_REVINFO),
        algorithm_usage_policy=DisallowWeakAlgorithmsPolicy(),
    )
    spec = SignatureValidationSpec(
        cert_validation_policy=policy,
        revinfo_gathering_policy=RevocationInfoGatheringSpec(RevinfoOnlineFetchingRule.LOCAL_ONLY),
        local_knowledge=LocalKnowledge(
            known_crls=[CRLContainer(crl.CertificateList.load(der)) for der in crls],
            known_certs=[cert for cert in certs if cert not in roots],
        ),
        key_usage_settings=KeyUsageConstraints(
            key_usage={"digital_signature", "non_repudiation"}, match_all_key_usages=False
        ),
    )
    timing = ValidationTimingInfo(validation_time=at, best_signature_time=at, point_in_time_validation=True)
    return spec, timing


def name(value) -> str | None:
    """An enumeration's own name."""
    return None if value is None else getattr(value, "name", str(value))


def facts_of(result, failure: str | None = None) -> dict:
    """The raw facts of one validation."""
    status = result.api_status
    stamp = getattr(status, "timestamp_validity", None)
    best = getattr(result, "best_signature_time", None)
    return {
        "ades": name(result.ades_subindic),
        "ades_status": name(result.ades_subindic.status),
        "failure": result.failure_msg or failure,
        "best_signature_time": best and best.isoformat(),
        "intact": getattr(status, "intact", None),
        "valid": getattr(status, "valid", None),
        "trusted": getattr(status, "trusted", None),
        "revoked": getattr(status, "revoked", None),
        "trust_problem": name(getattr(status, "trust_problem_indic", None)),
        "timestamp": stamp and {"valid": stamp.valid, "intact": stamp.intact, "trusted": stamp.trusted},
    }


def normalised(facts: dict) -> str:
    """One word of facts: the integrity of the file first, then the indication of EN 319 102-1."""
    if facts.get("error") or facts.get("intact") is False or facts.get("valid") is False:
        return "invalid"
    if facts.get("coverage") not in (None, "ENTIRE_FILE", "ENTIRE_REVISION"):
        return "invalid"
    if facts.get("modification_level") == "OTHER" or facts.get("docmdp_ok") is False:
        return "invalid"
    return {"PASSED": "valid", "INDETERMINATE": "indeterminate", "FAILED": "invalid"}[facts["ades_status"]]


async def judge_embedded(embedded, spec, timing, long_term: bool) -> dict:
    """One signature of a PDF."""
    embedded.compute_integrity_info()
    integrity = embedded.summarise_integrity_info()
    difference = integrity["diff_result"]
    facts = {
        "coverage": name(integrity["coverage"]),
        "modification_level": None,
        "docmdp_ok": integrity["docmdp_ok"],
    }
    if isinstance(difference, DiffResult):
        facts["modification_level"] = name(difference.modification_level)
    elif difference is not None:
        facts["modification_level"] = name(ModificationLevel.OTHER)
        facts["difference"] = str(difference)
    stamped = any(True for _ in generic_cms.extract_tst_data_iter(embedded.signer_info, signed=False))
    if long_term and stamped:
        facts["by"] = "long-term"
        result = await ades.ades_lta_validation(embedded, PdfSignatureValidationSpec(spec), timing_info=timing)
    elif stamped:
        facts["by"] = "with-time"
        result = await ades.ades_with_time_validation(
            embedded.signed_data,
            spec,
            timing_info=timing,
            raw_digest=embedded.compute_digest(),
            extra_status_kwargs=integrity,
            status_cls=ades.PdfSignatureStatus,
        )
    else:
        facts["by"] = "basic"
        result = await ades.ades_basic_validation(
            embedded.signed_data, spec, timing_info=timing, raw_digest=embedded.compute_digest()
        )
    return facts | facts_of(result)


def with_store(spec: SignatureValidationSpec, reader: PdfFileReader) -> SignatureValidationSpec:
    """The same, knowing the CRLs, answers and certificates that the file carries."""
    carried = ades._dss_to_local_knowledge(reader)
    known = spec.local_knowledge
    return ades.dataclasses.replace(
        spec,
        local_knowledge=LocalKnowledge(
            known_ocsps=known.known_ocsps + carried.known_ocsps,
            known_crls=known.known_crls + carried.known_crls,
            known_certs=known.known_certs + carried.known_certs,
        ),
    )


async def judge_pdf(data: bytes, anchors: bytes, at: datetime) -> dict:
    """Every signature of a PDF. Document time stamps are not signatures."""
    try:
        reader = PdfFileReader(BytesIO(data), strict=False)
        if reader.encrypted:
            reader.decrypt(b"")
        signatures = reader.embedded_regular_signatures
        stamps = reader.embedded_timestamp_signatures
    except Exception as error:  # noqa: BLE001 - whatever pyHanko raises is its verdict
        return {"outcome": "invalid", "signatures": [{"error": f"{type(error).__name__}: {error}"}]}
    found = []
    for embedded in signatures:
        try:
            spec, timing = specification(anchors, at)
            spec = with_store(spec, reader)
            facts = await judge_embedded(embedded, spec, timing, bool(stamps))
        except Exception as error:  # noqa: BLE001
            facts = {"error": f"{type(error).__name__}: {error}"}
        found.append(facts | {"outcome": normalised(facts)})
    return summary(found)


def summary(found: list[dict]) -> dict:
    """The worst of the signatures' outcomes."""
    outcome = max((facts["outcome"] for facts in found), key=OUTCOMES.index, default="unsigned")
    return {"outcome": outcome, "signatures": found}


async def judge_detached(signature: bytes, content: bytes, anchors: bytes, at: datetime) -> dict:
    """A CMS signature beside its content."""
    spec, timing = specification(anchors, at)
    try:
        signed = cms.ContentInfo.load(signature)["content"]
        signer = generic_cms.extract_signer_info(signed)
        digest = hashlib.new(signer["digest_algorithm"]["algorithm"].native, content).digest()
        stamped = any(True for _ in generic_cms.extract_tst_data_iter(signer, signed=False))
        validate = ades.ades_with_time_validation if stamped else ades.ades_basic_validation
        result = await validate(signed, spec, timing_info=timing, raw_digest=digest)
        facts = {"by": "with-time" if stamped else "basic"} | facts_of(result)
    except Exception as error:  # noqa: BLE001
        facts = {"error": f"{type(error).__name__}: {error}"}
    return summary([facts | {"outcome": normalised(facts)}])


def judge(case: dict, folder) -> dict:
    """pyHanko's word on one case of `cases.json`."""
    logging.disable(logging.ERROR)  # what it would report there is in the facts
    data = (folder / case["file"]).read_bytes()
    anchors = (folder / case["anchors"]).read_bytes()
    at = datetime.fromisoformat(case["judged_at"].replace("Z", "+00:00"))
    beside = case.get("detached_signature")
    # Its validation in the past begins at the clock's time, whatever instant it is asked about.
    with freeze_time(at):
        if beside:
            return asyncio.run(judge_detached((folder / beside).read_bytes(), data, anchors, at))
        return asyncio.run(judge_pdf(data, anchors, at))
