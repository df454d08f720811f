"""A test PKI, made afresh: certification authorities, signers, a time-stamping authority, an OCSP responder and CRLs.

Everything is certomancer's; nothing listens on a port. Names say that this is a test, and name functions, never persons.
"""

import functools
from datetime import datetime, timezone
from pathlib import Path

from asn1crypto import algos, crl, ocsp, pem, x509
from certomancer.registry import CertomancerConfig
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from pyhanko.keys import load_certs_from_pemder_data
from pyhanko.sign.signers import SimpleSigner
from pyhanko.sign.timestamps import TimeStamper
from pyhanko_certvalidator import ValidationContext
from pyhanko_certvalidator.registry import SimpleCertificateStore

# The libraries read a key anew for each signature, which checks it for 40 ms: half of the time that all of this took.
serialization.load_der_private_key = functools.lru_cache(serialization.load_der_private_key)


def utc(text: str) -> datetime:
    """An instant from `2022-06-01` or `2022-06-01T02:00:00`, read as UTC."""
    return datetime.fromisoformat(text).replace(tzinfo=timezone.utc)


def write_key(path: Path, kind: str) -> None:
    """Makes a private key: `rsa-BITS` or `p-BITS`."""
    family, bits = kind.split("-")
    if family == "rsa":
        key = rsa.generate_private_key(public_exponent=65537, key_size=int(bits))
    else:
        key = ec.generate_private_key({"256": ec.SECP256R1(), "384": ec.SECP384R1(), "521": ec.SECP521R1()}[bits])
    path.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )


class OwnTimeStamper(TimeStamper):
    """A time-stamping authority of the PKI, whose clock stands."""

    def __init__(self, pki: "Pki", label: str, at: datetime):
        super().__init__()
        self.authority = pki.arch.service_registry.summon_timestamper(label, at)

    async def async_request_tsa_response(self, req):
        return self.authority.request_tsa_response(req)


class Pki:
    """One certomancer architecture with its keys in `folder`, which is to be thrown away."""

    def __init__(self, folder: Path, entities: dict, certs: dict, services: dict, keys: dict):
        folder.mkdir(parents=True, exist_ok=True)
        for name, kind in keys.items():
            write_key(folder / f"{name}.pem", kind)
        config = {
            "external-url-prefix": "http://ca.test.invalid",
            "keysets": {"keys": {"path-prefix": ".", "keys": {k: {"path": f"{k}.pem"} for k in keys}}},
            "pki-architectures": {
                "test": {
                    "keyset": "keys",
                    "entities": entities,
                    "certs": certs,
                    "services": services,
                }
            },
        }
        self.folder = folder
        self.lists = {}
        self.arch = CertomancerConfig(config, key_search_dir=str(folder)).get_pki_arch("test")

    def cert(self, label: str) -> x509.Certificate:
        """A certificate by its label."""
        return self.arch.get_cert(label)

    def chain(self, label: str) -> list[x509.Certificate]:
        """The certificates above `label`, without the root's."""
        labels = [above for above in self.arch.get_chain(label) if above != label]
        return [self.cert(above) for above in labels if not self.arch.get_cert_spec(above).self_signed]

    def key(self, label: str):
        """The private key of a certificate."""
        return self.arch.key_set.get_private_key(self.arch.get_cert_spec(label).subject_key)

    def signer(self, label: str, *, pss: bool = False, with_chain: bool = True) -> SimpleSigner:
        """A signer that puts its chain into the signature."""
        store = SimpleCertificateStore()
        if with_chain:
            store.register_multiple(self.chain(label))
        return SimpleSigner(
            signing_cert=self.cert(label), signing_key=self.key(label), cert_registry=store, prefer_pss=pss
        )

    def time_stamper(self, at: datetime, label: str = "tsa") -> OwnTimeStamper:
        """The time-stamping authority, its clock standing at `at`."""
        return OwnTimeStamper(self, label, at)

    def crl(self, repository: str, at: datetime) -> crl.CertificateList:
        """The CRL that was the newest at `at`."""
        if (repository, at) not in self.lists:
            self.lists[repository, at] = self.arch.service_registry.get_crl(repository, at)
        return self.lists[repository, at]

    def ocsp(self, label: str, at: datetime, responder: str = "ocsp") -> ocsp.OCSPResponse:
        """What the OCSP responder answers for a certificate at `at`."""
        cert = self.cert(label)
        issuer = self.cert(self.arch.get_cert_spec(label).resolve_issuer_cert(self.arch))
        request = ocsp.Request(
            {
                "req_cert": ocsp.CertId(
                    {
                        "hash_algorithm": algos.DigestAlgorithm({"algorithm": "sha1"}),
                        "issuer_name_hash": issuer.subject.sha1,
                        "issuer_key_hash": issuer.public_key.sha1,
                        "serial_number": cert.serial_number,
                    }
                )
            }
        )
        service = self.arch.service_registry.summon_responder(responder, at)
        return service.build_ocsp_response(
            ocsp.OCSPRequest({"tbs_request": ocsp.TBSRequest({"request_list": [request]})})
        )

    def signing_context(self, at: datetime, root: str, *, crls=(), ocsps=(), others=()) -> ValidationContext:
        """What a signer validates and embeds by: this root, these CRLs and answers, no network."""
        return ValidationContext(
            trust_roots=[self.cert(root)],
            other_certs=[self.cert(label) for label in others],
            crls=list(crls),
            ocsps=list(ocsps),
            moment=at,
            allow_fetching=False,
            revocation_mode="require",
        )


def pem_of(certs=(), crls=()) -> bytes:
    """Certificates and CRLs as the PEM file that is configured as anchors."""
    parts = []
    for cert in certs:
        parts.append(f"# {cert.subject.human_friendly}\n".encode())
        parts.append(pem.armor("CERTIFICATE", cert.dump()))
    for one in crls:
        parts.append(pem.armor("X509 CRL", one.dump()))
    return b"".join(parts)


def read_pem(data: bytes):
    """What `pem_of` wrote: certificates and CRLs, DER."""
    certs, crls = [], []
    for kind, _, der in pem.unarmor(data, multiple=True):
        (certs if kind == "CERTIFICATE" else crls).append(der)
    return [next(iter(load_certs_from_pemder_data(der))) for der in certs], crls


COUNTRY = {"country-name": "VN"}
AUTHORITY = {**COUNTRY, "organization-name": "SOGOC TEST PKI (không có giá trị pháp lý)"}
SIGNER_VALIDITY = {"valid-from": "2021-01-01T00:00:00+0000", "valid-to": "2026-01-01T00:00:00+0000"}
CA_VALIDITY = {"valid-from": "2020-01-01T00:00:00+0000", "valid-to": "2040-01-01T00:00:00+0000"}


def organisation(name: str, function: str) -> dict:
    """An invented agency's function as a subject."""
    return {**COUNTRY, "organization-name": f"{name} (TEST)", "common-name": f"{function} {name} (TEST)"}


def signer_cert(subject: str, issuer: str = "interm", usage=("digital_signature", "non_repudiation"), **more) -> dict:
    """A signer's certificate."""
    return {
        "subject": subject,
        "issuer": issuer,
        "validity": SIGNER_VALIDITY,
        "extensions": [
            {"id": "key_usage", "critical": True, "smart-value": {"schema": "key-usage", "params": list(usage)}}
        ],
        **more,
    }


def extended(subject: str, issuer: str, usage: str, **more) -> dict:
    """A certificate with one critical extended key usage."""
    made = signer_cert(subject, issuer, usage=("digital_signature",), **more)
    made["extensions"].append({"id": "extended_key_usage", "critical": True, "value": [usage]})
    return made


def authority(subject: str, issuer: str, service: str, **profile) -> dict:
    """A certification authority's certificate; `service` is its CRL repository, in which its issued are listed."""
    return {
        "subject": subject,
        "issuer": issuer,
        "validity": CA_VALIDITY,
        "profiles": [{"id": "simple-ca", "params": {"crl-repo": service, **profile}}],
    }


def cases_pki(folder: Path) -> Pki:
    """The PKI of the cases. Certificates are in force from 2021 to 2025, authorities from 2020 to 2039."""
    revoked = {"revoked-since": "2022-06-10T00:00:00+0000", "reason": "key_compromise"}
    entities = {
        "root": {**AUTHORITY, "common-name": "SOGOC TEST CA root"},
        "interm": {**AUTHORITY, "common-name": "SOGOC TEST CA 1"},
        "tsa-ca": {**AUTHORITY, "common-name": "SOGOC TEST TSA CA"},
        "revoked-ca": {**AUTHORITY, "common-name": "SOGOC TEST CA revoked"},
        "ocsp": {**AUTHORITY, "common-name": "SOGOC TEST OCSP responder"},
        "tsa": {**AUTHORITY, "common-name": "SOGOC TEST TSA"},
        "ec-root": {**AUTHORITY, "common-name": "SOGOC TEST CA EC root"},
        "unknown-root": {**AUTHORITY, "common-name": "SOGOC TEST CA unknown root"},
        "unknown-tsa": {**AUTHORITY, "common-name": "SOGOC TEST TSA forged"},
        "leader": organisation("Sở Xây dựng", "Lãnh đạo"),
        "office": organisation("Sở Xây dựng", "Văn thư"),
        "finance": organisation("Sở Tài chính", "Văn thư"),
        "health": organisation("Sở Y tế", "Lãnh đạo"),
        "justice": organisation("Sở Tư pháp", "Văn thư"),
        "outsider": organisation("Cơ quan lạ", "Văn thư"),
    }
    certs = {
        "root": authority("root", "root", "root", **{"max-path-len": 1}),
        "interm": authority("interm", "root", "interm", **{"max-path-len": 0, "ocsp-service": "ocsp"}),
        "tsa-ca": authority("tsa-ca", "root", "tsa-ca", **{"max-path-len": 0}),
        "ec-root": authority("ec-root", "ec-root", "ec-root"),
        "unknown-root": authority("unknown-root", "unknown-root", "unknown-root"),
        "ocsp": {
            "subject": "ocsp",
            "issuer": "interm",
            "validity": CA_VALIDITY,
            "profiles": ["ocsp-responder"],
        },
        "tsa": extended("tsa", "tsa-ca", "time_stamping", validity=CA_VALIDITY),
        "tsa-no-usage": signer_cert("tsa", "tsa-ca"),
        "unknown-tsa": extended("unknown-tsa", "unknown-root", "time_stamping", validity=CA_VALIDITY),
        "leader": signer_cert("leader"),
        "office": signer_cert("office"),
        "finance": signer_cert("finance"),
        "health": signer_cert("health"),
        "justice": signer_cert("justice", "ec-root"),
        "weak": signer_cert("office", **{"subject-key": "weak"}),
        "revoked": signer_cert("leader", **{"subject-key": "revoked", "revocation": revoked}),
        "expired": signer_cert(
            "leader",
            validity={"valid-from": "2020-06-01T00:00:00+0000", "valid-to": "2022-06-05T00:00:00+0000"},
            **{"subject-key": "expired"},
        ),
        "wrong-usage": signer_cert("office", usage=("key_encipherment",)),
        "wrong-extended": extended("office", "interm", "server_auth"),
        "outsider": signer_cert("outsider", "unknown-root"),
        "unusual": signer_cert("office", **{"subject-key": "unusual"}),
        "leader-again": signer_cert("office", **{"subject-key": "leader"}),
        "revoked-ca": authority("revoked-ca", "root", "revoked-ca")
        | {"revocation": {"revoked-since": "2021-06-01T00:00:00+0000", "reason": "ca_compromise"}},
        "under-revoked": signer_cert("office", "revoked-ca"),
        "self-made": signer_cert(
            "health", "leader", **{"subject-key": "finance", "authority-key": "leader", "issuer-cert": "leader"}
        ),
    }
    # Authorities' own certificates are listed once a year, as roots that are kept offline do.
    schedule = {"root": "P365D", "tsa-ca": "P365D"}
    services = {
        "crl-repo": {"forged": {"for-issuer": "interm", "signing-key": "outsider", "simulated-update-schedule": "P30D"}}
        | {
            name: {"for-issuer": name, "signing-key": name, "simulated-update-schedule": schedule.get(name, "P30D")}
            for name in ("root", "interm", "tsa-ca", "revoked-ca", "ec-root", "unknown-root")
        },
        "ocsp": {
            "ocsp": {"for-issuer": "interm", "responder-cert": "ocsp", "validity-period": {"days": 60}},
            "ocsp-forged": {"for-issuer": "interm", "responder-cert": "office", "validity-period": {"days": 60}},
            "ocsp-short": {"for-issuer": "interm", "responder-cert": "ocsp", "validity-period": {"hours": 1}},
        },
        "time-stamping": {
            "tsa": {"signing-key": "tsa", "signing-cert": "tsa", "certs-to-embed": ["tsa-ca"]},
            "tsa-no-usage": {"signing-key": "tsa", "signing-cert": "tsa-no-usage", "certs-to-embed": ["tsa-ca"]},
            "unknown-tsa": {"signing-key": "unknown-tsa", "signing-cert": "unknown-tsa"},
        },
    }
    keys = {
        "root": "rsa-3072",
        "interm": "rsa-2048",
        "tsa-ca": "rsa-2048",
        "ec-root": "p-384",
        "unknown-root": "rsa-2048",
        "ocsp": "rsa-2048",
        "tsa": "rsa-2048",
        "unknown-tsa": "rsa-2048",
        "leader": "rsa-2048",
        "office": "rsa-2048",
        "finance": "p-256",
        "health": "p-384",
        "justice": "p-256",
        "unusual": "p-521",
        "revoked-ca": "p-256",
        "weak": "rsa-1024",
        "revoked": "rsa-2048",
        "expired": "rsa-2048",
        "outsider": "rsa-2048",
    }
    return Pki(folder, entities, certs, services, keys)
