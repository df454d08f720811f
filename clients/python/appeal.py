"""Files an appeal and watches it until it is decided, over gRPC, with stubs generated from proto/.

    python -m pip install grpcio grpcio-tools
    python -m grpc_tools.protoc -I proto --python_out=stubs --grpc_python_out=stubs proto/sogoc/v1/*.proto
    PYTHONPATH=stubs SOGOC_TOKEN=… python clients/python/appeal.py 127.0.0.1:8080 SEASON AGENCY LEAF POINTS GROUND

The token is one of the agency's leader (`sogoc account token ACCOUNT --name appeal --scope read --scope command`).
Run again with the same arguments it files nothing new: the id of the command follows from them.
"""

import json
import os
import sys
import uuid

import grpc

from sogoc.v1 import appeals_pb2, appeals_pb2_grpc, figures_pb2, figures_pb2_grpc, log_pb2, log_pb2_grpc, types_pb2


def refusal(error):
    """The register's refusal among the details of a status: code, message, remedy, values."""
    for name, value in error.trailing_metadata() or ():
        if name == "grpc-status-details-bin":
            # google.rpc.Status: its third field holds the details, each an Any whose value is the refusal.
            from google.rpc import status_pb2

            status = status_pb2.Status.FromString(value)
            for detail in status.details:
                if detail.type_url.endswith("sogoc.v1.Refusal"):
                    return types_pb2.Refusal.FromString(detail.value)
    return None


def main(address, season, agency, leaf, points, ground):
    channel = grpc.insecure_channel(address)
    metadata = [("authorization", "Bearer " + os.environ["SOGOC_TOKEN"]), ("accept-language", "vi")]
    appeals = appeals_pb2_grpc.AppealsServiceStub(channel)
    log = log_pb2_grpc.LogServiceStub(channel)
    figures = figures_pb2_grpc.FiguresServiceStub(channel)

    # The same appeal has the same id, so that sending it again after a crash is safe.
    said = "\n".join([season, agency, leaf, points, ground])
    command_id = str(uuid.uuid5(uuid.NAMESPACE_URL, "appeal\n" + said))
    appeal = "kn-" + command_id[:8]
    item = types_pb2.NewAppealItem(target=types_pb2.Contested(leaf=leaf), requested=points, ground=ground)
    request = appeals_pb2.LodgeAppealRequest(
        command_id=command_id, season=season, agency=agency, appeal=appeal, items=[item]
    )
    try:
        receipt = appeals.LodgeAppeal(request, metadata=metadata, timeout=30).receipt
    except grpc.RpcError as error:
        told = refusal(error)
        if told is None:
            raise
        sys.exit(f"{told.code}: {told.message}\n  → {told.remedy}")
    position = receipt.positions[-1]
    print(f"lodged {appeal} at position {position}" + (" (it was before)" if receipt.repeated else ""), flush=True)

    # Every entry comes once and in order; a watch that breaks goes on at the next position.
    stream = f"scorecard/{season}/{agency}"
    decision = None
    while decision is None:
        try:
            for answer in log.WatchEntries(log_pb2.WatchEntriesRequest(**{"from": position}), metadata=metadata):
                position = answer.entry.position + 1
                entry = json.loads(answer.entry.entry) if answer.entry.HasField("entry") else {}
                of_this = entry.get("stream") == stream and entry["data"].get("appeal") == appeal
                if of_this and entry["kind"] == "appeal-item-decided":
                    decision = entry
                    break
        except grpc.RpcError as error:
            if error.code() != grpc.StatusCode.UNAVAILABLE:
                raise
    print(f"decided at position {decision['position']}: {decision['data']['outcome']}")

    appeal_now = appeals.GetAppeal(
        appeals_pb2.GetAppealRequest(
            season=season, agency=agency, appeal=appeal, least_position=decision["position"]
        ),
        metadata=metadata,
        timeout=30,
    )
    group = next(iter_group(channel, metadata, season, agency))
    address_of_leaf = f"{season}/{group}/{agency}/leaf/{leaf}/appraised_points"
    traced = figures.TraceFigure(
        figures_pb2.TraceFigureRequest(address=address_of_leaf), metadata=metadata, timeout=30
    ).trace
    print(f"{traced.address} = {traced.display}; the appeal is {appeal_now.appeal.state}")
    for node in traced.inputs:
        change = f" · {node.change.old or '–'} → {node.change.new or '–'}" if node.HasField("change") else ""
        print(f"  [{node.position}] {node.kind} · {node.actor} ({node.role}){change}")
        if node.reason:
            print(f"        {node.reason_code}: {node.reason}")


def iter_group(channel, metadata, season, agency):
    from sogoc.v1 import seasons_pb2, seasons_pb2_grpc

    seasons = seasons_pb2_grpc.SeasonsServiceStub(channel)
    answer = seasons.GetSeason(seasons_pb2.GetSeasonRequest(season=season), metadata=metadata, timeout=30)
    return (member.group for member in answer.season.agencies if member.agency == agency)


if __name__ == "__main__":
    if len(sys.argv) != 7:
        sys.exit(__doc__)
    main(*sys.argv[1:])
