#!/usr/bin/env python3
"""Files an appeal, waits until it is decided, and prints the decision with everything behind it.

The stubs are made from the schema by grpcio-tools, once, outside of the tree:

    python3 -m pip install grpcio grpcio-tools googleapis-common-protos
    mkdir -p /tmp/sogoc-stubs
    python3 -m grpc_tools.protoc -I proto --python_out=/tmp/sogoc-stubs --grpc_python_out=/tmp/sogoc-stubs proto/sogoc/v1/*.proto

    SOGOC_TOKEN=… PYTHONPATH=/tmp/sogoc-stubs python3 clients/python/appeal.py 127.0.0.1:8080 \\
        --season pilot-2026 --agency so-y-te --appeal kn-1 --leaf 1.1.1 --requested 1 --ground 'Tài liệu đã nộp đúng hạn'

Without SOGOC_TOKEN it signs in as --account with the password in SOGOC_PASSWORD. It may be stopped and started again at any
time: the same appeal is the same command, which takes effect once, and the log is watched from where it was recorded.

Exit codes: 0 decided, 1 refused, 3 the service does not answer.
"""

import argparse
import json
import os
import sys
import time
import uuid

import grpc
from google.rpc import status_pb2
from sogoc.v1 import accounts_pb2, accounts_pb2_grpc, appeals_pb2, appeals_pb2_grpc
from sogoc.v1 import figures_pb2, figures_pb2_grpc, log_pb2, log_pb2_grpc
from sogoc.v1 import scorecards_pb2, scorecards_pb2_grpc, types_pb2

TRIES = 10
DEADLINE_SECONDS = 30


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("server", help="HOST:PORT")
    parser.add_argument("--ca", help="certificates to trust (PEM): speak TLS")
    parser.add_argument("--account", help="who signs in, where there is no token")
    parser.add_argument("--language", default="en", help="of messages: vi or en")
    parser.add_argument("--season", required=True)
    parser.add_argument("--agency", required=True)
    parser.add_argument("--appeal", required=True, help="an id of one's own choice")
    parser.add_argument("--leaf", required=True, help="what is contested")
    parser.add_argument("--requested", help="the points that are asked for")
    parser.add_argument("--ground", required=True)
    return parser.parse_args()


def connect(server, ca):
    if ca is None:
        return grpc.insecure_channel(server)
    with open(ca, "rb") as file:
        return grpc.secure_channel(server, grpc.ssl_channel_credentials(file.read()))


def refusal(error):
    """What the service says about a failed call: a sogoc.v1.Refusal among the details of its status, or nothing."""
    for key, value in error.trailing_metadata() or ():
        if key == "grpc-status-details-bin":
            for detail in status_pb2.Status.FromString(value).details:
                told = types_pb2.Refusal()
                if detail.Unpack(told):
                    return told
    return None


def patiently(call, request, metadata):
    """Calls until there is an answer. What was sent twice takes effect once: the command's id says that it is the same."""
    for left in reversed(range(TRIES)):
        try:
            return call(request, metadata=metadata, timeout=DEADLINE_SECONDS)
        except grpc.RpcError as error:
            away = error.code() in (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED)
            if not away or left == 0:
                raise
            told = refusal(error)
            time.sleep((told.retry_after_ms if told and told.retry_after_ms else 500) / 1000)


def signed_in(channel, account, metadata):
    """The metadata of calls by somebody: a token for a program, or a session of somebody with a password."""
    token = os.environ.get("SOGOC_TOKEN")
    if token is None:
        asked = accounts_pb2.SignInRequest(account=account or "", password=os.environ.get("SOGOC_PASSWORD", ""))
        token = patiently(accounts_pb2_grpc.AccountsServiceStub(channel).SignIn, asked, metadata).session
    return metadata + [("authorization", f"Bearer {token}")]


def lodge(channel, given, metadata):
    """Files the appeal; gives the position of its entry."""
    what = f"sogoc:{given.season}/{given.agency}/{given.appeal}"
    item = types_pb2.NewAppealItem(target=types_pb2.Contested(leaf=given.leaf), ground=given.ground)
    if given.requested is not None:
        item.requested = given.requested
    request = appeals_pb2.LodgeAppealRequest(
        command_id=str(uuid.uuid5(uuid.NAMESPACE_URL, what)),
        season=given.season,
        agency=given.agency,
        appeal=given.appeal,
        items=[item],
    )
    receipt = patiently(appeals_pb2_grpc.AppealsServiceStub(channel).LodgeAppeal, request, metadata).receipt
    print(f"lodged at position {receipt.positions[0]}" + (", before this" if receipt.repeated else ""), flush=True)
    return receipt.positions[0]


def entries(channel, position, metadata):
    """Every entry from a position on, each once, whatever breaks in between."""
    log = log_pb2_grpc.LogServiceStub(channel)
    failures = 0
    while failures < TRIES:
        try:
            asked = log_pb2.WatchEntriesRequest(**{"from": position})
            for answer in log.WatchEntries(asked, metadata=metadata):
                failures = 0
                position = answer.entry.position + 1
                yield answer.entry
        except grpc.RpcError as error:
            if error.code() not in (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.CANCELLED):
                raise
        failures += 1
        time.sleep(0.5)
    raise TimeoutError("the log cannot be watched")


def decided(channel, given, lodged, metadata):
    """Waits until every item of the appeal is decided; gives the appeal, and the position that ended it."""
    appeals = appeals_pb2_grpc.AppealsServiceStub(channel)
    for entry in entries(channel, lodged, metadata):
        # Others' entries are there with their hash alone.
        recorded = json.loads(entry.entry) if entry.HasField("entry") else {}
        if recorded.get("stream") != f"scorecard/{given.season}/{given.agency}":
            continue
        request = appeals_pb2.GetAppealRequest(
            season=given.season, agency=given.agency, appeal=given.appeal, least_position=entry.position
        )
        answer = patiently(appeals.GetAppeal, request, metadata)
        if answer.appeal.state == "ended":
            return answer, entry.position


def show(node, depth=0):
    """Prints a trace: figures, and the entries that they come from."""
    if node.withheld:
        line = "(withheld)"
    elif node.HasField("position"):
        why = f": {node.reason}" if node.reason else ""
        line = f"#{node.position} {node.kind} by {node.actor} ({node.role}){why}"
    else:
        line = f"{node.address} = {node.display or node.value}"
    print("  " * depth + line)
    for beneath in node.inputs:
        show(beneath, depth + 1)


def main():
    given = arguments()
    channel = connect(given.server, given.ca)
    metadata = signed_in(channel, given.account, [("accept-language", given.language)])
    lodged = lodge(channel, given, metadata)
    answer, position = decided(channel, given, lodged, metadata)
    for item in answer.appeal.items:
        print(f"item {item.item}: {item.state}")
    for entry in answer.entries:
        if entry.reason:
            print(f"#{entry.position} {entry.kind} by {entry.actor}: {entry.reason}")
    request = scorecards_pb2.GetScorecardRequest(season=given.season, agency=given.agency, least_position=position)
    scorecards = scorecards_pb2_grpc.ScorecardsServiceStub(channel)
    group = patiently(scorecards.GetScorecard, request, metadata).scorecard.group
    address = f"{given.season}/{group}/{given.agency}/leaf/{given.leaf}/appraised_points"
    request = figures_pb2.TraceFigureRequest(address=address, least_position=position)
    show(patiently(figures_pb2_grpc.FiguresServiceStub(channel).TraceFigure, request, metadata).trace)


if __name__ == "__main__":
    try:
        main()
    except grpc.RpcError as error:
        told = refusal(error)
        said = f"{told.code}: {told.message}\n{told.remedy}" if told else f"{error.code().name}: {error.details()}"
        print(said, file=sys.stderr)
        sys.exit(3 if error.code() == grpc.StatusCode.UNAVAILABLE else 1)
    except TimeoutError as error:
        print(error, file=sys.stderr)
        sys.exit(3)
