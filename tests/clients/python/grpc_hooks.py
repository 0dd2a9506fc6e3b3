"""A gRPC server that answers hooks as the metadata of the upload says.

    grpc_hooks.py PORT PROTO REQUESTS [KEY CERTIFICATE]

Each request becomes a line of JSON in the file REQUESTS, with the metadata of the
call as callMetadata. With a key and a certificate TLS is spoken. Metadata:
reject=STATUS       the upload is rejected with that status
at=EVENT            by that event; by pre-create if it is not there
stop=STATUS         post-receive stops the upload with that status
finish=STATUS       pre-finish answers that status and "finished as told"
change-id=ID        the upload gets that id
change-path=PATH    it is stored there
change-name=NAME    its metadata becomes filename=NAME alone
answer-header=TEXT  the answer has the header X-Hook: TEXT
fail=CODE           the call fails with that status of gRPC, such as UNAVAILABLE;
fail-times=N        the first N calls for this upload and event, else all
delay=SECONDS       the answer comes so late
"""

import collections
import json
import os
import sys
import time
from concurrent import futures

import grpc
from google.protobuf import json_format


def main() -> None:
    port, proto, requests, *tls = sys.argv[1:]
    folder, name = os.path.split(os.path.abspath(proto))
    sys.path.insert(0, folder)
    messages, services = grpc.protos_and_services(name)

    class Handler(services.HookHandlerServicer):
        def __init__(self):
            self.log = open(requests, "a", encoding="utf-8")
            self.failures = collections.Counter()

        def InvokeHook(self, request, context):
            line = json_format.MessageToDict(
                request, always_print_fields_with_no_presence=True
            )
            line["callMetadata"] = dict(context.invocation_metadata())
            self.log.write(json.dumps(line) + "\n")
            self.log.flush()
            told = request.event.upload.metaData
            time.sleep(float(told.get("delay", "0")))
            self.fail(request, context)
            return answer(messages, request.type, told)

        def fail(self, request, context):
            told = request.event.upload.metaData
            if "fail" not in told:
                return
            call = (request.event.upload.id, request.type)
            self.failures[call] += 1
            if self.failures[call] <= int(told.get("fail-times", sys.maxsize)):
                context.abort(grpc.StatusCode[told["fail"]], "as told")

    server = grpc.server(futures.ThreadPoolExecutor(max_workers=4))
    services.add_HookHandlerServicer_to_server(Handler(), server)
    address = f"127.0.0.1:{port}"
    if tls:
        pair = tuple(open(file, "rb").read() for file in tls)
        bound = server.add_secure_port(address, grpc.ssl_server_credentials([pair]))
    else:
        bound = server.add_insecure_port(address)
    if bound == 0:
        sys.exit(f"the port {port} is taken")
    server.start()
    server.wait_for_termination()


def answer(messages, event, told):
    response = messages.HookResponse()
    rejects = "reject" in told and told.get("at", "pre-create") == event
    stops = "stop" in told and event == "post-receive"
    if rejects or stops:
        status = told["reject"] if rejects else told["stop"]
        response.rejectUpload = rejects
        response.stopUpload = stops
        response.httpResponse.statusCode = int(status)
        response.httpResponse.body = f"{status} as told"
    if "finish" in told and event == "pre-finish":
        response.httpResponse.statusCode = int(told["finish"])
        response.httpResponse.body = "finished as told"
    if "answer-header" in told:
        response.httpResponse.header["X-Hook"] = told["answer-header"]
    if "change-id" in told:
        response.changeFileInfo.id = told["change-id"]
    if "change-path" in told:
        response.changeFileInfo.storage["Path"] = told["change-path"]
    if "change-name" in told:
        response.changeFileInfo.metaData["filename"] = told["change-name"]
    return response


main()
