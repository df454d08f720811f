"""What gRPC promises, tried by grpcio: refusals in the status, deadlines, health, reflection, streams of files both ways.

    PYTHONPATH=STUBS OFFICER=TOKEN INSPECTOR=TOKEN python3 grpc_checks.py HOST:PORT

The service is one of the black-box tests, with a live season (tests/tests/blackbox/support/pilot.rs). Ends with 0 if all held.
"""

import hashlib
import os
import sys
import uuid

import grpc
from google.protobuf import descriptor_pb2
from google.rpc import status_pb2
from sogoc.v1 import evidence_pb2, evidence_pb2_grpc, log_pb2, log_pb2_grpc
from sogoc.v1 import scorecards_pb2, scorecards_pb2_grpc, seasons_pb2, seasons_pb2_grpc, types_pb2

SEASON = "pilot-2026"
channel = grpc.insecure_channel(sys.argv[1])


def by(name, language="en"):
    return [("authorization", f"Bearer {os.environ[name]}"), ("accept-language", language)]


def refused(call):
    """The code of a failed call's status, and the refusal among its details."""
    try:
        call()
    except grpc.RpcError as error:
        for key, value in error.trailing_metadata():
            if key == "grpc-status-details-bin":
                status = status_pb2.Status.FromString(value)
                told = types_pb2.Refusal()
                assert status.code == error.code().value[0], (status, error)
                assert any(detail.Unpack(told) for detail in status.details), status
                return error.code(), told
        raise AssertionError(f"no details: {error}") from error
    raise AssertionError("it was not refused")


def refusals():
    scorecards = scorecards_pb2_grpc.ScorecardsServiceStub(channel)
    request = scorecards_pb2.AcceptScoreRequest(
        command_id=str(uuid.uuid4()), season=SEASON, agency="so-y-te", leaf="1.1.1"
    )
    messages = set()
    for language in ("vi", "en"):
        code, told = refused(lambda: scorecards.AcceptScore(request, metadata=by("OFFICER", language)))
        assert code == grpc.StatusCode.PERMISSION_DENIED, code
        assert told.code == "role-missing" and told.remedy and told.values["account"] == "officer-yt", told
        messages.add(told.message)
    assert len(messages) == 2, messages
    code, told = refused(lambda: scorecards.AcceptScore(request))
    assert (code, told.code) == (grpc.StatusCode.UNAUTHENTICATED, "not-signed-in")
    seasons = seasons_pb2_grpc.SeasonsServiceStub(channel)
    code, told = refused(lambda: seasons.GetSeason(seasons_pb2.GetSeasonRequest(season="no-such")))
    assert (code, told.code) == (grpc.StatusCode.NOT_FOUND, "unknown")
    code, told = refused(lambda: seasons.ListSeasons(seasons_pb2.ListSeasonsRequest(least_position=10**9)))
    assert (code, told.code) == (grpc.StatusCode.INVALID_ARGUMENT, "invalid"), (code, told)
    # A message that is none.
    raw = channel.unary_unary("/sogoc.v1.SeasonsService/GetSeason", lambda bytes: bytes, lambda bytes: bytes)
    code, told = refused(lambda: raw(b"\xff\xff\xff\xff"))
    assert (code, told.code) == (grpc.StatusCode.INVALID_ARGUMENT, "malformed-command"), (code, told)
    # One that is larger than the limit.
    try:
        raw(b"\x0a" + b"\xff\xff\xff\x07" + b"a" * (5 << 20))
        raise AssertionError("it was not refused")
    except grpc.RpcError as error:
        assert error.code() == grpc.StatusCode.RESOURCE_EXHAUSTED, error
    # What is no method.
    unknown = channel.unary_unary("/sogoc.v1.SeasonsService/EraseSeason", lambda bytes: bytes, lambda bytes: bytes)
    try:
        unknown(b"")
        raise AssertionError("it was not refused")
    except grpc.RpcError as error:
        assert error.code() == grpc.StatusCode.UNIMPLEMENTED, error


def health():
    # grpc.health.v1, by hand: a request's one field is the service's name, an answer's one field its status, 1 is serving.
    check = channel.unary_unary("/grpc.health.v1.Health/Check", lambda bytes: bytes, lambda bytes: bytes)
    for service in (b"", b"sogoc.v1.FiguresService"):
        request = b"\x0a" + bytes([len(service)]) + service if service else b""
        assert check(request) == b"\x08\x01", service
    try:
        check(b"\x0a\x07no.such")
        raise AssertionError("it was not refused")
    except grpc.RpcError as error:
        assert error.code() == grpc.StatusCode.NOT_FOUND, error


def reflection():
    # grpc.reflection.v1, by hand: field 7 asks for the list of services, field 4 for the file that holds a symbol.
    info = "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo"
    ask = channel.stream_stream(info, lambda bytes: bytes, lambda bytes: bytes)
    symbol = b"sogoc.v1.AppealsService"
    listed, file = list(ask(iter([b"\x3a\x00", b"\x22" + bytes([len(symbol)]) + symbol])))
    for service in ("Appeals", "Evidence", "Log", "Figures", "Accounts"):
        assert f"sogoc.v1.{service}Service".encode() in listed, listed
    assert b"sogoc/v1/appeals.proto" in file and b"LodgeAppeal" in file
    assert descriptor_pb2  # the answer holds such descriptors


def files():
    evidence = evidence_pb2_grpc.EvidenceServiceStub(channel)
    content = b"%PDF-1.7\n" + os.urandom(3 << 20)
    digest = hashlib.sha256(content).hexdigest()
    chunks = [content[start : start + 65_536] for start in range(0, len(content), 65_536)]
    stream = lambda: (evidence_pb2.UploadFileRequest(chunk=chunk) for chunk in chunks)
    stored = evidence.UploadFile(stream(), metadata=by("OFFICER"))
    assert (stored.digest, stored.bytes, stored.existed) == (digest, len(content), False), stored
    assert evidence.UploadFile(stream(), metadata=by("OFFICER")).existed
    code, told = refused(lambda: evidence.UploadFile(iter([]), metadata=by("OFFICER")))
    assert (code, told.code) == (grpc.StatusCode.INVALID_ARGUMENT, "missing"), (code, told)
    code, told = refused(lambda: evidence.UploadFile(stream()))
    assert (code, told.code) == (grpc.StatusCode.UNAUTHENTICATED, "not-signed-in"), (code, told)

    def broken():
        yield evidence_pb2.UploadFileRequest(chunk=b"%PDF-1.7 half of")
        raise OSError("the network is gone")

    before = evidence.UploadFile.future(broken(), metadata=by("OFFICER"))
    assert before.exception() is not None
    attached = evidence.AttachEvidence(
        evidence_pb2.AttachEvidenceRequest(
            command_id=str(uuid.uuid4()), season=SEASON, agency="so-y-te", leaf="1.1.1", digest=digest,
            name="minh-chung.pdf", media="pdf", signature="not-judged", purpose="submitted",
        ),
        metadata=by("OFFICER"),
    )
    asked = evidence_pb2.DownloadFileRequest(command_id=str(uuid.uuid4()), season=SEASON, agency="so-y-te", number=1)
    taken = b"".join(piece.chunk for piece in evidence.DownloadFile(asked, metadata=by("INSPECTOR")))
    assert hashlib.sha256(taken).hexdigest() == digest
    # That it was given out stands in the log.
    log = log_pb2_grpc.LogServiceStub(channel)
    after = attached.receipt.positions[0] + 1
    entry = log.ListEntries(log_pb2.ListEntriesRequest(**{"from": after}), metadata=by("INSPECTOR")).entries[0]
    assert '"stream":"downloads/inspector"' in entry.entry, entry


def watches():
    log = log_pb2_grpc.LogServiceStub(channel)
    size = log.GetHead(log_pb2.GetHeadRequest()).size
    seen = []
    call = log.WatchEntries(log_pb2.WatchEntriesRequest(**{"from": size - 300}), metadata=by("INSPECTOR"))
    for answer in call:
        seen.append(answer.entry.position)
        if len(seen) == 300:
            call.cancel()
            break
    assert seen == list(range(size - 300, size))
    # A deadline ends it.
    try:
        list(log.WatchEntries(log_pb2.WatchEntriesRequest(**{"from": size}), metadata=by("INSPECTOR"), timeout=0.2))
        raise AssertionError("it did not end")
    except grpc.RpcError as error:
        assert error.code() == grpc.StatusCode.DEADLINE_EXCEEDED, error


for check in (refusals, health, reflection, files, watches):
    check()
    print(f"{check.__name__}: held")
