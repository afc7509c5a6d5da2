#!/usr/bin/env python3
"""A server that receives profiles as Grafana Pyroscope does: its push API, its limits, its refusals.

usage: receiver.py --dir DIR [--port N]

Every accepted profile is kept as DIR/NNNNNN.pb.gz, byte for byte as it came, beside NNNNNN.json with
its labels, for judges that are not ours (`go tool pprof`, `protoc --decode`). POST /control with JSON
makes the next answers bad: {"status": 503, "retry_after": 1, "count": 2}, {"drop": "before"|"after"},
{"slow_s": 0.5}; GET /control says what came so far.
"""

import argparse
import hashlib
import json
import os
import re
import signal
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../deploy"))
import pprof  # noqa: E402

PUSH_PATH = "/push.v1.PusherService/Push"
REQUEST_BYTES_MAX = 64 << 20
PROFILE_BYTES_MAX = 4 << 20
SAMPLES_MAX = 16_000
SAMPLE_LABELS_MAX = 100
STACK_DEPTH_MAX = 1000
STRING_BYTES_MAX = 65_535
LABEL_NAMES_MAX = 30
LABEL_NAME_BYTES_MAX = 1024
LABEL_VALUE_BYTES_MAX = 2048
SERIES_MAX = 5000
OLDEST_S, NEWEST_S = 3600, 600

LABEL_NAME = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*\Z")
METRIC_NAME = re.compile(r"[a-zA-Z_:][a-zA-Z0-9_:]*\Z")
CODES = {400: "invalid_argument", 401: "unauthenticated", 403: "permission_denied", 404: "not_found",
         413: "resource_exhausted", 429: "resource_exhausted", 500: "internal", 501: "unimplemented",
         503: "unavailable", 504: "deadline_exceeded"}


class Refused(Exception):
    """The server answers with this HTTP status and text."""

    def __init__(self, status, text):
        super().__init__(text)
        self.status = status


# ---- the request -------------------------------------------------------------------------------

def decode_push(body):
    """The series of a PushRequest: [(labels, [(raw profile, id)])]."""
    try:
        return [_decode_series(value) for number, kind, value in pprof.fields(body)
                if number == 1 and kind == pprof.BYTES]
    except (pprof.Malformed, UnicodeDecodeError) as error:
        raise Refused(400, f"unmarshal message: {error}") from None


def _decode_series(data):
    labels, samples = [], []
    for number, kind, value in pprof.fields(data):
        if kind != pprof.BYTES:
            continue
        if number == 1:
            labels.append(_decode_strings(value))
        elif number == 2:
            raw, identity = b"", ""
            for n, k, v in pprof.fields(value):
                if n == 1 and k == pprof.BYTES:
                    raw = bytes(v)
                elif n == 2 and k == pprof.BYTES:
                    identity = str(v, "utf-8")
            samples.append((raw, identity))
    return labels, samples


def _decode_strings(data):
    pair = {1: "", 2: ""}
    for number, kind, value in pprof.fields(data):
        if kind == pprof.BYTES and number in pair:
            pair[number] = str(value, "utf-8")
    return pair[1], pair[2]


def check_labels(pairs):
    """Returns the labels as the server would keep them. Raises Refused."""
    if len(pairs) > LABEL_NAMES_MAX:
        raise Refused(400, f"profile series '{pairs[:3]}' has {len(pairs)} label names; limit "
                           f"{LABEL_NAMES_MAX}")
    labels = {}
    for name, value in sorted(pairs):
        name = name.replace(".", "_")
        if len(name.encode()) > LABEL_NAME_BYTES_MAX or not LABEL_NAME.match(name):
            raise Refused(400, f"invalid labels: label name {name[:60]!r}")
        if len(value.encode()) > LABEL_VALUE_BYTES_MAX:
            raise Refused(400, f"label value too long for {name}")
        if name in labels:
            raise Refused(400, f"duplicate label name {name}")
        labels[name] = value
    if not METRIC_NAME.match(labels.get("__name__", "")):
        raise Refused(400, "invalid metric name, or none")
    labels.setdefault("service_name", "unknown_service")
    return labels


def check_profile(raw, now_s):
    """Reads one raw profile by the server's rules. Raises Refused."""
    try:
        plain = pprof.gunzip(raw, PROFILE_BYTES_MAX)
        profile = pprof.read(plain)
    except pprof.Malformed as error:
        raise Refused(400, f"malformed profile: {error}") from None
    if len(profile.samples) > SAMPLES_MAX:
        raise Refused(400, f"the profile has {len(profile.samples)} samples; limit {SAMPLES_MAX}")
    if not profile.sample_types:
        raise Refused(400, "malformed profile: no sample type")
    for kind, _ in profile.sample_types:
        if "-" in kind:
            raise Refused(400, f"malformed profile: sample type {kind!r} has a '-'")
    for stack, labels in profile.samples:
        if len(labels) > SAMPLE_LABELS_MAX:
            raise Refused(400, "too many labels of a sample")
        if len(stack) > STACK_DEPTH_MAX:
            raise Refused(400, "a stack is deeper than the server keeps")
        for location in stack:
            _check_strings(location)
    age_s = now_s - profile.time_nanos / 1e9 if profile.time_nanos else 0
    if not -NEWEST_S <= age_s <= OLDEST_S:
        raise Refused(400, f"profile is {age_s:.0f} s old: outside of ingestion window")
    return profile


def _check_strings(location):
    texts = [text for function, _ in location.lines for text in function[:3]]
    if location.mapping is not None:
        texts += [location.mapping.filename, location.mapping.build_id]
    if any(len(text.encode()) > STRING_BYTES_MAX for text in texts):
        raise Refused(400, "a string is longer than the server keeps")


class Received:
    """One accepted profile."""

    def __init__(self, number, request, labels, raw, profile):
        self.number, self.request, self.labels, self.profile = number, request, labels, profile
        self.digest = hashlib.sha256(raw).hexdigest()
        self.n_bytes = len(raw)
        self.key = (tuple(sorted(labels.items())), profile.time_nanos, self.digest)

    def n_samples(self):
        period = self.profile.period or 1
        return sum(values[0] // period for values in self.profile.samples.values())


# ---- the server --------------------------------------------------------------------------------

class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = 60

    def log_message(self, *_):
        pass

    def do_GET(self):
        if self.path == "/control":
            self._answer(200, json.dumps(self.server.receiver.totals()).encode(), "application/json")
        elif self.path == "/ready":
            self._answer(200, b"ready\n", "text/plain")
        else:
            self._error(404, "no such page")

    def do_POST(self):
        length = self.headers.get("Content-Length", "")
        if not length.isdigit() or int(length) > REQUEST_BYTES_MAX:
            self.close_connection = True
            self._error(413, "body too long, or of unknown length")
            return
        body = self.rfile.read(int(length))
        if len(body) < int(length):
            self.close_connection = True
        elif self.path == "/control":
            self.server.receiver.misbehave(**json.loads(body))
            self._answer(200, b"{}", "application/json")
        elif self.path == PUSH_PATH:
            self._push(body)
        else:
            self._error(404, "no such method")

    def _push(self, body):
        receiver = self.server.receiver
        plan = receiver.next_plan()
        time.sleep(plan.get("slow_s", 0))
        if plan.get("drop") == "before":
            self.close_connection = True
            return
        if "status" in plan:
            self._error(plan["status"], plan.get("message", "told to fail"), plan.get("retry_after"))
            return
        try:
            receiver.push(self.headers, body)
        except Refused as error:
            receiver.note_refusal(str(error))
            self._error(error.status, str(error))
            return
        if plan.get("drop") == "after": # taken, but the answer is lost
            self.close_connection = True
            return
        self._answer(200, b"", "application/proto")

    def _error(self, status, text, retry_after=None):
        body = json.dumps({"code": CODES.get(status, "unknown"), "message": text}).encode()
        headers = {} if retry_after is None else {"Retry-After": str(retry_after)}
        self._answer(status, body, "application/json", headers)

    def _answer(self, status, body, content_type, headers=None):
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(body)))
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)


class Server(ThreadingHTTPServer):
    daemon_threads = True
    allow_reuse_address = True

    def handle_error(self, request, client_address):
        pass # a client that goes away is what the tests do on purpose


class Receiver:
    """with Receiver(directory) as receiver: … receiver.url …"""

    def __init__(self, directory, port=0, host="127.0.0.1"):
        self.directory = directory
        self.lock = threading.Lock()
        self.received, self.refusals, self.plans = [], [], []
        self.series = set()
        self.n_requests = 0
        self.request_headers = []
        os.makedirs(directory, exist_ok=True)
        self.server = Server((host, port), Handler)
        self.server.receiver = self
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()

    def misbehave(self, count=1, **plan):
        """The next @count pushes go by @plan; count 0: none of those that were planned."""
        with self.lock:
            self.plans = self.plans + [plan] * count if count else []

    def next_plan(self):
        with self.lock:
            self.n_requests += 1
            return self.plans.pop(0) if self.plans else {}

    def note_refusal(self, text):
        with self.lock:
            self.refusals.append(text)

    def push(self, headers, body):
        if headers.get("Content-Type") != "application/proto":
            raise Refused(415, "content type")
        if headers.get("Content-Encoding", "identity") == "gzip":
            try:
                body = pprof.gunzip(body, REQUEST_BYTES_MAX)
            except pprof.Malformed as error:
                raise Refused(400, str(error)) from None
        series = decode_push(body)
        if not series:
            raise Refused(400, "no profiles received")
        checked = []
        for pairs, samples in series:
            labels = check_labels(pairs)
            if not samples:
                raise Refused(400, "a series without profiles")
            checked += [(labels, raw, check_profile(raw, time.time())) for raw, _ in samples]
        with self.lock:
            self.request_headers.append(dict(headers.items()))
            request = len(self.request_headers)
            known = self.series | {tuple(sorted(labels.items())) for labels, _, _ in checked}
            if len(known) > SERIES_MAX:
                raise Refused(400, "series limit")
            self.series = known
            for labels, raw, profile in checked:
                self._keep(request, labels, raw, profile)

    def _keep(self, request, labels, raw, profile):
        received = Received(len(self.received) + 1, request, labels, raw, profile)
        base = os.path.join(self.directory, f"{received.number:06}")
        with open(base + ".json", "w", encoding="utf-8") as file:
            json.dump({"labels": labels, "sha256": received.digest,
                       "samples": received.n_samples()}, file)
        with open(base + ".part", "wb") as file:
            file.write(raw)
        os.rename(base + ".part", base + ".pb.gz")
        self.received.append(received)

    def snapshot(self):
        with self.lock:
            return list(self.received)

    def distinct(self):
        """What came, repeats of one and the same profile counted once."""
        return list({received.key: received for received in self.snapshot()}.values())

    def repeating_requests(self):
        """How many requests brought a profile that had come before."""
        seen, repeating = set(), set()
        for received in self.snapshot():
            if received.key in seen:
                repeating.add(received.request)
            seen.add(received.key)
        return len(repeating)

    def totals(self):
        received, distinct = self.snapshot(), self.distinct()
        with self.lock:
            return {"requests": self.n_requests, "profiles": len(received),
                    "duplicates": len(received) - len(distinct),
                    "samples": sum(r.n_samples() for r in distinct),
                    "bytes": sum(r.n_bytes for r in received), "refusals": self.refusals[-20:]}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--dir", required=True)
    parser.add_argument("--port", type=int, default=4040)
    parser.add_argument("--host", default="127.0.0.1", help="the address to listen at")
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))  # the first process of a container
    with Receiver(options.dir, options.port, options.host) as receiver:
        print(f"receiving at {receiver.url} into {options.dir}", flush=True)
        try:
            while True:
                time.sleep(3600)
        except KeyboardInterrupt:
            return 0


if __name__ == "__main__":
    sys.exit(main())
