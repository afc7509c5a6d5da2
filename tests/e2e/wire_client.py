"""A peer that speaks as our services do, or wrongly: nng's ipc framing and msgpack, by hand.

It shares no code with the project, so what it sends is what was meant.
"""

import os
import random
import socket
import struct

import harness

REQ, REP = 0x30, 0x31
FRAME_HEAD = 9
(PROBE, PROBED, REFUSED, LEASE, WINDOW, NOTHING_YET, GO, OBJECT_READ, OBJECT_BYTES, OBJECT_OPEN,
 OBJECT_OPENED, SETTINGS, STATE, PROFILE, STORED, STATS, NOTED) = range(1, 18)
# enum object_open_kind, enum refusal and enum object_kind of common/wire/wire.h
OPEN_BUILD_ID, OPEN_BESIDE, OPEN_BESIDE_DOT_DEBUG, OPEN_GLOBAL_DEBUG, OPEN_PERF_MAP = range(1, 6)
REFUSALS = ("", "version", "state", "no_object", "not_found", "not_regular", "bad_name", "denied",
            "deadline", "busy", "disk")
FILE = 1


class Closed(Exception):
    """The other side closed the connection."""


# ---- msgpack: the shapes that our messages use --------------------------------------------------

def pack(value):
    if value is None:
        return b"\xc0"
    if isinstance(value, bool):
        return b"\xc3" if value else b"\xc2"
    if isinstance(value, int):
        return bytes([value]) if value < 128 else b"\xcf" + struct.pack(">Q", value)
    if isinstance(value, bytes):
        return b"\xc6" + struct.pack(">I", len(value)) + value
    return b"\xdd" + struct.pack(">I", len(value)) + b"".join(map(pack, value))


def unpack(data):
    value, at = _unpack(data, 0)
    assert at == len(data), "trailing bytes in an answer"
    return value


SIZED = {0xc4: (">B", bytes), 0xc5: (">H", bytes), 0xc6: (">I", bytes), 0xdc: (">H", list),
         0xdd: (">I", list), 0xcc: (">B", int), 0xcd: (">H", int), 0xce: (">I", int), 0xcf: (">Q", int)}


def _unpack(data, at):
    shape = data[at]
    at += 1
    if shape < 0x80:
        return shape, at
    if shape in (0xc0, 0xc2, 0xc3):
        return {0xc0: None, 0xc2: False, 0xc3: True}[shape], at
    if 0x90 <= shape <= 0x9f:
        kind, number = list, shape & 0xf
    else:
        form, kind = SIZED[shape]
        number = struct.unpack_from(form, data, at)[0]
        at += struct.calcsize(form)
    if kind is int:
        return number, at
    if kind is bytes:
        return data[at:at + number], at + number
    values = []
    for _ in range(number):
        value, at = _unpack(data, at)
        values.append(value)
    return values, at


# ---- connections --------------------------------------------------------------------------------

def connect_as(uid, gid, path):
    """A stream socket whose peer credentials say @uid: they are taken at connect()."""
    stream = socket.socket(socket.AF_UNIX)
    os.setresgid(-1, gid, 0)
    os.setresuid(-1, uid, 0)
    try:
        stream.connect(path) # without a time limit, it waits when the backlog is full
    finally:
        os.setresuid(-1, 0, 0)
        os.setresgid(-1, 0, 0)
    stream.settimeout(10)
    return stream


class Peer:
    """One connection to a listener, as @uid; of the services' group, unless it is told otherwise."""

    def __init__(self, uid, path, hello=b"\0SP\0" + struct.pack(">HH", REQ, 0), gid=None):
        self.stream = connect_as(uid, harness.identity()["group"] if gid is None else gid, path)
        if hello:
            self.stream.sendall(hello)
        self.request = random.getrandbits(31)

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self.stream.close()

    def send_raw(self, data):
        try:
            self.stream.sendall(data)
        except (BrokenPipeError, ConnectionResetError):
            pass # refused before it was all sent

    def send_body(self, body, claimed=None):
        """One frame of nng: a request id and @body. It may claim another length than it has."""
        self.request = self.request + 1 & 0x7fffffff
        payload = struct.pack(">I", self.request | 0x80000000) + body
        self.send_raw(b"\1" + struct.pack(">Q", len(payload) if claimed is None else claimed) + payload)

    def send(self, *message):
        self.send_body(pack(message))

    def _read(self, n_bytes):
        data = b""
        while len(data) < n_bytes:
            try:
                more = self.stream.recv(n_bytes - len(data))
            except ConnectionResetError:
                more = b""
            if not more:
                raise Closed
            data += more
        return data

    def read_hello(self):
        hello = self._read(8)
        assert hello == b"\0SP\0" + struct.pack(">HH", REP, 0), hello

    def receive(self):
        """The next answer, decoded. The hello must have been read."""
        head = self._read(FRAME_HEAD)
        assert head[0] == 1, head
        payload = self._read(struct.unpack(">Q", head[1:])[0])
        assert payload[:4] == struct.pack(">I", self.request | 0x80000000), "an answer to another ask"
        return unpack(payload[4:])

    def ask(self, *message):
        self.send(*message)
        return self.receive()

    def is_closed(self, timeout_s=5):
        """Whether the other side closes within @timeout_s; whatever else comes is passed over."""
        self.stream.settimeout(timeout_s)
        try:
            while self.stream.recv(65536):
                pass
        except ConnectionResetError:
            pass
        except TimeoutError:
            return False
        return True
