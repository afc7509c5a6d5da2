"""What a Docker Engine answers, on a Unix socket, and what a real one will not answer on demand.

    double = Double(path)
    double.containers = [container("a" * 64, "/web")]
    double.happen()                          an event for all who listen
    double.misbehave("/containers/json", status(500))
"""

import collections
import json
import queue
import socket
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

BRIDGE = {"Name": "bridge", "Id": "b" * 64, "Scope": "local", "Internal": False, "Ingress": False,
          "Labels": {}}
BREAK = object()


def container(number, name, labels=None):
    return {"Id": f"{number:064x}", "Names": [name], "Ports": [], "Labels": labels or {},
            "HostConfig": {"NetworkMode": "bridge"},
            "NetworkSettings": {"Networks": {"bridge": {"NetworkID": BRIDGE["Id"],
                                                        "IPAddress": f"172.17.0.{number + 2}"}}}}


# ---- misbehaviour: functions of a handler --------------------------------------------------------

def status(code, message="told to"):
    return lambda handler: handler.reply(code, json.dumps({"message": message}).encode())


def body(data):
    return lambda handler: handler.reply(200, data)


def half(data):
    """Says how long it is, sends a half of it and hangs up."""
    def answer(handler):
        handler.reply(200, data[:len(data) // 2], length=len(data))
        handler.close_connection = True
    return answer


def silent(handler):
    """Nothing, until the other side has had enough."""
    handler.connection.settimeout(60)
    try:
        handler.connection.recv(1)
    except OSError:
        pass
    handler.close_connection = True


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def address_string(self):
        return "client"

    def reply(self, code, data, headers=(), length=None):
        self.send_response(code)
        for name, value in headers:
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(data) if length is None else length))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(data)

    def do_GET(self):
        double = self.server
        url = urlsplit(self.path)
        version, path = "", url.path
        if path.startswith("/v"):
            version, _, path = path[2:].partition("/")
            path = "/" + path
        double.requests.append((self.command, version, path, parse_qs(url.query), time.monotonic()))
        bad = double.bad.get(path)
        if bad:
            bad(self)
        elif path == "/_ping":
            self.reply(200, b"OK", [("API-Version", double.version)] if double.version else ())
        elif path == "/containers/json":
            self.reply(200, json.dumps(double.containers).encode())
        elif path == "/networks":
            self.reply(200, json.dumps(double.networks).encode())
        elif path == "/events":
            self.events(float(parse_qs(url.query).get("since", ["inf"])[0]))
        else:
            self.reply(404, b'{"message":"page not found"}')

    do_HEAD = do_GET

    def events(self, since):
        """As the engine: those since then first."""
        mine = queue.Queue()
        self.send_response(200)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        self.wfile.flush()
        with self.server.lock:
            for at, event in self.server.past:
                if at >= since:
                    mine.put(event)
            self.server.streams.append(mine)
        while (event := mine.get()) is not BREAK:
            try:
                self.wfile.write(b"%x\r\n%s\r\n" % (len(event), event))
                self.wfile.flush()
            except OSError:
                break
        with self.server.lock:
            self.server.streams.remove(mine)
        self.close_connection = True


class Double(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64
    address_family = socket.AF_UNIX

    def __init__(self, path):
        self.containers, self.networks, self.version = [], [BRIDGE], "1.47"
        self.bad = {}       # path -> function of a handler
        self.requests = []  # (method, version, path, query, time)
        self.streams, self.lock = [], threading.Lock()
        self.past = collections.deque(maxlen=256)  # (time, event)
        super().__init__(path, Handler, bind_and_activate=False)
        self.socket.bind(path)
        self.server_name, self.server_port = "unix", 0
        self.socket.listen(16)
        threading.Thread(target=self.serve_forever, args=(0.05,), daemon=True).start()

    def get_request(self):
        request, address = super().get_request()
        return request, address or ("unix", 0)

    def handle_error(self, request, client_address):
        pass  # who hangs up does so on purpose

    def misbehave(self, path, how):
        self.bad[path] = how

    def behave(self):
        self.bad = {}

    def happen(self, event=b'{"Type":"container","Action":"start"}\n'):
        with self.lock:
            self.past.append((time.time(), event))
            for stream in self.streams:
                stream.put(event)

    def break_streams(self):
        with self.lock:
            for stream in self.streams:
                stream.put(BREAK)

    def count(self, path):
        return sum(request[2] == path for request in list(self.requests))

    def stop(self):
        self.break_streams()
        self.shutdown()
        self.server_close()
