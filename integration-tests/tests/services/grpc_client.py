"""Calls a gRPC feature server by Feast's own stubs: grpc_client.py ADDRESS CALLS, where CALLS is JSON [[method, request], ...]; answers a list in JSON."""
import json
import sys

import grpc
from feast.protos.feast.serving import GrpcServer_pb2, GrpcServer_pb2_grpc, ServingService_pb2, ServingService_pb2_grpc
from google.protobuf.json_format import MessageToDict, ParseDict
from grpc_health.v1 import health_pb2, health_pb2_grpc

address, calls = sys.argv[1], json.loads(sys.argv[2])
channel = grpc.insecure_channel(address)
features = GrpcServer_pb2_grpc.GrpcFeatureServerStub(channel)
serving = ServingService_pb2_grpc.ServingServiceStub(channel)
health = health_pb2_grpc.HealthStub(channel)
METHODS = {
    "GetOnlineFeatures": (features.GetOnlineFeatures, ServingService_pb2.GetOnlineFeaturesRequest),
    "Push": (features.Push, GrpcServer_pb2.PushRequest),
    "WriteToOnlineStore": (features.WriteToOnlineStore, GrpcServer_pb2.WriteToOnlineStoreRequest),
    "Serving.GetOnlineFeatures": (serving.GetOnlineFeatures, ServingService_pb2.GetOnlineFeaturesRequest),
    "Serving.GetFeastServingInfo": (serving.GetFeastServingInfo, ServingService_pb2.GetFeastServingInfoRequest),
    "Health": (health.Check, health_pb2.HealthCheckRequest),
}
answers = []
for method, request in calls:
    call, message = METHODS[method]
    try:
        answer = call(ParseDict(request, message()), timeout=60, wait_for_ready=True)
        answers.append({"code": "OK", "answer": MessageToDict(answer, preserving_proto_field_name=True)})
    except grpc.RpcError as error:
        answers.append({"code": error.code().name, "details": error.details()})
print(json.dumps(answers))
