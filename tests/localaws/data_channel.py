"""A client of Session Manager's data channel as AWS's session-manager-plugin is one, over Debian's python3-websocket: written
from the published sources, apart from our own C, to judge it."""
import hashlib
import json
import ssl
import struct
import time
import uuid

import websocket

HEADER = struct.Struct(">I32sIQqQ16s32sII")


def pack(kind, sequence, flags, payload_type, payload):
    message_id = uuid.uuid4().bytes
    return HEADER.pack(HEADER.size - 4, kind.ljust(32).encode(), 1, int(time.time() * 1000), sequence, flags,
                       message_id[8:] + message_id[:8], hashlib.sha256(payload).digest(), payload_type,
                       len(payload)) + payload


class Message:
    def __init__(self, raw):
        (length, kind, self.schema, self.created, self.sequence, self.flags, swapped, digest, self.payload_type,
         payload_length) = HEADER.unpack_from(raw)
        self.kind, self.id = kind.decode().strip(), uuid.UUID(bytes=swapped[8:] + swapped[:8])
        self.payload = raw[length + 4:]
        assert len(self.payload) == payload_length and hashlib.sha256(self.payload).digest() == digest


class Client:
    """`version` is what the plugin says of itself; handshake and acknowledgements go by themselves."""

    def __init__(self, session, ca, version="1.2.463.0"):
        self.ca, self.version = ca, version
        self.sent, self.expected, self.output, self.ended, self.request = 0, 0, b"", None, None
        self.connect(session)

    def connect(self, session):
        self.socket = websocket.create_connection(session["StreamUrl"], sslopt={"ca_certs": self.ca}, timeout=10)
        self.socket.send(json.dumps({"MessageSchemaVersion": "1.0", "RequestId": str(uuid.uuid4()),
                                     "TokenValue": session["TokenValue"], "ClientId": str(uuid.uuid4()),
                                     "ClientVersion": self.version}))

    def send(self, payload_type, payload):
        self.socket.send_binary(pack("input_stream_data", self.sent, 0, payload_type, payload))
        self.sent += 1

    def write(self, data):
        self.send(1, data)

    def flag(self, number):
        self.send(10, struct.pack(">I", number))

    def step(self):
        """One message of the other end."""
        message = Message(self.socket.recv())
        if message.kind == "channel_closed":
            self.ended = json.loads(message.payload)["Output"]
        if message.kind != "output_stream_data":
            return
        try:
            self.socket.send_binary(pack("acknowledge", 0, 3, 0, json.dumps({
                "AcknowledgedMessageType": message.kind, "AcknowledgedMessageId": str(message.id),
                "AcknowledgedMessageSequenceNumber": message.sequence, "IsSequentialMessage": True}).encode()))
        except OSError:
            pass  # it has closed meanwhile, and said so before
        if message.sequence != self.expected:
            return
        self.expected += 1
        if message.payload_type == 5:
            self.request = json.loads(message.payload)
            actions = [{"ActionType": action["ActionType"], "ActionStatus": 1, "ActionResult": None, "Error": ""}
                       for action in self.request["RequestedClientActions"]]
            self.send(6, json.dumps({"ClientVersion": self.version, "ProcessedClientActions": actions,
                                     "Errors": []}).encode())
        elif message.payload_type == 1:
            self.output += message.payload

    def until(self, condition):
        while not condition():
            assert self.ended is None, (self.ended, self.output)
            self.step()

    def until_ended(self):
        while self.ended is None:
            self.step()
        return self.ended

    def close(self):
        self.socket.close()
