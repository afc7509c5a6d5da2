"""A Kubernetes API of pods and nodes, and what a real one will not do on demand.

    double = Double()
    double.put(pod("web"))                      and an event for all who watch
    double.delete("default", "web")
    double.send(b"no event")                    into all streams
    double.misbehave("list", status(500))       "list" or "watch"
"""

import json
import queue
import ssl
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

BREAK = object()


def pod(name, namespace="default", number=None, node="node-1", ip="10.0.0.1", **meta):
    """One container without ports: one target."""
    number = hash((namespace, name)) & 0xffffffff if number is None else number
    return {"metadata": dict({"name": name, "namespace": namespace, "uid": f"uid-{name}"}, **meta),
            "spec": {"nodeName": node, "containers": [{"name": "main", "image": "web:1"}]},
            "status": {"phase": "Running", "podIP": ip, "hostIP": "192.0.2.1",
                       "conditions": [{"type": "Ready", "status": "True"}],
                       "containerStatuses": [{"name": "main",
                                              "containerID": f"containerd://{number:064x}"}]}}


def node(name, **labels):
    return {"metadata": {"name": name, "labels": labels}}


# ---- misbehaviour: functions of a handler --------------------------------------------------------

def status(code, message="told to"):
    return lambda handler: handler.refuse(code, message)


def body(data):
    return lambda handler: handler.reply(200, data)


def half(handler):
    """Says how long the list is, sends a half of it and hangs up."""
    data = handler.page(handler.path_of(), {})
    handler.reply(200, data[:len(data) // 2], length=len(data))
    handler.close_connection = True


def silent(handler):
    """Nothing, until the other side has had enough."""
    handler.connection.settimeout(60)
    try:
        handler.connection.recv(1)
    except OSError:
        pass
    handler.close_connection = True


def then_break(*lines):
    """A stream of these, as they are, that ends."""
    def answer(handler):
        handler.begin_stream()
        for line in lines:
            handler.send_piece(line)
        handler.close_connection = True
    return answer


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def reply(self, code, data, length=None):
        self.send_response(code)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data) if length is None else length))
        self.end_headers()
        self.wfile.write(data)

    def refuse(self, code, message):
        self.reply(code, json.dumps({"kind": "Status", "status": "Failure", "message": message,
                                     "code": code}).encode())

    def path_of(self):
        return urlsplit(self.path).path

    def do_GET(self):
        double, path = self.server, self.path_of()
        query = {name: values[0] for name, values in parse_qs(urlsplit(self.path).query).items()}
        verb = "watch" if query.get("watch") == "true" else "list"
        double.requests.append((verb, path, query, dict(self.headers), time.monotonic()))
        bad = double.bad.get(verb) or double.bad.get((verb, path))
        if double.token and self.headers.get("Authorization") != f"Bearer {double.token}":
            self.refuse(401, "Unauthorized")
        elif bad:
            bad(self)
        elif double.kind_of(path) is None:
            self.refuse(404, "the server could not find the requested resource")
        elif verb == "list":
            self.reply(200, self.page(path, query))
        else:
            self.watch(path, query)

    def page(self, path, query):
        double = self.server
        with double.lock:
            items = [item for _, item in sorted(double.select(path, query).items())]
            meta = {"resourceVersion": str(double.version)}
        first = int(query.get("continue", "0"))
        last = first + min(int(query.get("limit", "1000000")), double.page_max)
        if "limit" in query and last < len(items):
            meta["continue"] = str(last)
        elif "limit" not in query:
            last = len(items)
        return json.dumps({"kind": "List", "metadata": meta, "items": items[first:last]}).encode()

    def begin_stream(self):
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        self.wfile.flush()

    def send_piece(self, data):
        self.wfile.write(b"%x\r\n%s\r\n" % (len(data), data))
        self.wfile.flush()

    def watch(self, path, query):
        double, mine, since = self.server, queue.Queue(), int(query["resourceVersion"])
        with double.lock:
            is_gone = since < double.oldest
            if not is_gone:
                for version, item, event in double.past:
                    if version > since and double.is_selected(item, path, query):
                        mine.put(event)
                stream = (mine, path, query)
                double.streams.append(stream)
        if is_gone:
            self.refuse(410, f"too old resource version: {since} ({double.oldest})")
            return
        self.begin_stream()
        while (event := mine.get()) is not BREAK:
            try:
                self.send_piece(event)
            except OSError:
                break
        with double.lock:
            double.streams.remove(stream)
        self.close_connection = True


class Double(ThreadingHTTPServer):
    daemon_threads = True
    allow_reuse_address = True
    request_queue_size = 64

    def __init__(self, certificate=None, key=None, port=0):
        self.pods, self.nodes = {}, {}  # (namespace, name) -> JSON
        self.version, self.oldest, self.past = 100, 0, []
        self.page_max, self.token = 1000000, None
        self.bad = {}       # verb, or (verb, path) -> function of a handler
        self.requests = []  # (verb, path, query, headers, time)
        self.streams, self.lock = [], threading.Lock()
        super().__init__(("127.0.0.1", port), Handler)
        if certificate:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(certificate, key)
            self.socket = context.wrap_socket(self.socket, server_side=True,
                                              do_handshake_on_connect=False)
        self.url = f"{'https' if certificate else 'http'}://127.0.0.1:{self.server_port}"
        threading.Thread(target=self.serve_forever, args=(0.05,), daemon=True).start()

    def handle_error(self, request, client_address):
        pass  # who hangs up does so on purpose

    @staticmethod
    def kind_of(path):
        words = path.strip("/").split("/")
        if words[:2] != ["api", "v1"] or len(words) not in (3, 5):
            return None
        return words[-1] if words[-1] in ("pods", "nodes") else None

    def is_selected(self, item, path, query):
        words = path.strip("/").split("/")
        is_pod = "spec" in item
        if is_pod != (words[-1] == "pods"):
            return False
        if len(words) == 5 and item["metadata"]["namespace"] != words[3]:
            return False
        labels = item["metadata"].get("labels", {})
        for selector in filter(None, query.get("labelSelector", "").split(",")):
            name, _, value = selector.partition("=")
            if labels.get(name) != value:
                return False
        for selector in filter(None, query.get("fieldSelector", "").split(",")):
            name, _, value = selector.partition("=")
            if name == "spec.nodeName" and item["spec"]["nodeName"] != value:
                return False
        return True

    def select(self, path, query):
        return {key: item for key, item in (self.pods | self.nodes).items()
                if self.is_selected(item, path, query)}

    def put(self, item):
        meta = item["metadata"]
        self.change(item, (meta.get("namespace", ""), meta["name"]), "ADDED")

    def delete(self, namespace, name):
        self.change((self.pods if namespace else self.nodes)[namespace, name], (namespace, name),
                    "DELETED")

    def change(self, item, key, kind):
        with self.lock:
            known = self.pods if "spec" in item else self.nodes
            self.version += 1
            item = dict(item, metadata=dict(item["metadata"], resourceVersion=str(self.version)))
            if kind == "ADDED" and key in known:
                kind = "MODIFIED"
            if kind == "DELETED":
                del known[key]
            else:
                known[key] = item
            event = json.dumps({"type": kind, "object": item}).encode() + b"\n"
            self.past.append((self.version, item, event))
            for mine, path, query in self.streams:
                if self.is_selected(item, path, query):
                    mine.put(event)

    def bookmark(self):
        with self.lock:
            self.version += 1
            self.send_locked(json.dumps(
                {"type": "BOOKMARK", "object": {"kind": "Pod", "metadata":
                                                {"resourceVersion": str(self.version)}}}
            ).encode() + b"\n")

    def send_locked(self, data):
        for mine, _, _ in self.streams:
            mine.put(data)

    def send(self, data):
        with self.lock:
            self.send_locked(data)

    def put_silently(self, item):
        """Without an event: only a list has it."""
        meta = item["metadata"]
        with self.lock:
            self.version += 1
            known = self.pods if "spec" in item else self.nodes
            known[meta.get("namespace", ""), meta["name"]] = item

    def forget(self):
        """Compacts: older versions than now are gone."""
        with self.lock:
            self.version += 1
            self.oldest, self.past = self.version, []

    def misbehave(self, what, how):
        self.bad[what] = how

    def behave(self):
        self.bad = {}

    def break_streams(self):
        with self.lock:
            self.send_locked(BREAK)

    def asked(self, verb, path=None):
        return [request for request in list(self.requests)
                if request[0] == verb and path in (None, request[1])]

    def stop(self):
        self.break_streams()
        self.shutdown()
        self.server_close()
