"""Servers for tests of HTTP: nginx, tinyproxy, certificates by openssl, an echo, a token server."""

import json
import os
import signal
import socket
import socketserver
import ssl
import subprocess
import sys
import threading
import time
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

HERE = os.path.dirname(os.path.abspath(__file__))
SYSTEM_PATH = os.environ["PATH"] + ":/usr/sbin:/sbin"


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_for_port(port, deadline_s=10):
    end = time.monotonic() + deadline_s
    while time.monotonic() < end:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return
        except OSError:
            time.sleep(0.02)
    raise RuntimeError(f"nothing listens on port {port}")


class Process:
    """A program of the system; ended by its own pid."""

    def __init__(self, *arguments, stdout=subprocess.DEVNULL):
        self.process = subprocess.Popen(arguments, stdout=stdout, stderr=subprocess.DEVNULL, text=True,
                                        env=dict(os.environ, PATH=SYSTEM_PATH))

    def wait_for(self, port):
        try:
            wait_for_port(port)
        except RuntimeError:
            self.stop()
            raise

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(3)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        if self.process.stdout:
            self.process.stdout.close()


# ---- certificates --------------------------------------------------------------------------------

class Authority:
    """A certificate authority in a directory of its own, and what it signed."""

    def __init__(self, directory, name="authority"):
        self.directory = directory
        self.cert, self.key = self.path(name + ".pem"), self.path(name + ".key")
        self._run("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                  "-days", "2", "-subj", f"/CN={name}", "-keyout", self.key, "-out", self.cert)

    def path(self, name):
        return os.path.join(self.directory, name)

    @staticmethod
    def _run(*arguments):
        subprocess.run(("openssl",) + arguments, check=True, stdout=subprocess.DEVNULL,
                       stderr=subprocess.DEVNULL)

    def sign(self, name, *alternatives):
        """(certificate, key) paths for @name, valid for @alternatives ("DNS:…", "IP:…")."""
        cert, key, request = (self.path(name + end) for end in (".pem", ".key", ".csr"))
        extensions = self.path(name + ".ext")
        with open(extensions, "w", encoding="utf-8") as file:
            if alternatives:
                file.write("subjectAltName=" + ",".join(alternatives) + "\n")
        self._run("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj",
                  f"/CN={name}", "-keyout", key, "-out", request)
        self._run("x509", "-req", "-in", request, "-CA", self.cert, "-CAkey", self.key,
                  "-CAcreateserial", "-days", "2", "-extfile", extensions, "-out", cert)
        return cert, key


# ---- nginx ---------------------------------------------------------------------------------------

NGINX = """
daemon off; master_process off; pid {directory}/nginx.pid; error_log {directory}/nginx.log info;
events {{ worker_connections 256; }}
http {{
  access_log off; client_body_temp_path {directory}; proxy_temp_path {directory};
  fastcgi_temp_path {directory}; uwsgi_temp_path {directory}; scgi_temp_path {directory};
  default_type text/plain;
  {servers}
}}
"""


class Nginx(Process):
    """@servers: the server blocks, as text."""

    def __init__(self, directory, servers, ports):
        self.path = os.path.join(directory, "nginx.conf")
        with open(self.path, "w", encoding="utf-8") as file:
            file.write(NGINX.format(directory=directory, servers=servers))
        super().__init__("nginx", "-c", self.path, "-p", directory)
        for port in ports:
            self.wait_for(port)


def htpasswd(path, user, password):
    """Writes the one user to a file as nginx reads it."""
    hashed = subprocess.run(["openssl", "passwd", "-apr1", password], check=True, text=True,
                            capture_output=True).stdout
    with open(path, "w", encoding="utf-8") as file:
        file.write(f"{user}:{hashed}")


# ---- proxies -------------------------------------------------------------------------------------

class Tinyproxy(Process):
    """A forward proxy for any port; with @user it wants "user password"."""

    def __init__(self, directory, name="proxy", user=None):
        self.port, self.log = free_port(), os.path.join(directory, name + ".log")
        path = os.path.join(directory, name + ".conf")
        with open(path, "w", encoding="utf-8") as file:
            file.write(f'Port {self.port}\nListen 127.0.0.1\nTimeout 60\nLogFile "{self.log}"\n'
                       "LogLevel Connect\nMaxClients 50\n" + (f"BasicAuth {user}\n" if user else ""))
        super().__init__("tinyproxy", "-d", "-c", path)
        self.wait_for(self.port)

    def asked_for(self):
        """The request lines that came, without the test for the port."""
        with open(self.log, encoding="utf-8", errors="replace") as file:
            return [line.split("): ")[1].strip() for line in file if "Request (" in line]


class TlsFront(socketserver.ThreadingTCPServer):
    """Ends TLS before the port @behind: makes an https:// proxy of a plain one."""

    daemon_threads = True

    def __init__(self, cert, key, behind):
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.load_cert_chain(cert, key)
        self.behind = behind
        super().__init__(("127.0.0.1", 0), None)
        self.port = self.server_address[1]
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def finish_request(self, request, client_address):
        try:
            with self.context.wrap_socket(request, server_side=True) as front, \
                    socket.create_connection(("127.0.0.1", self.behind)) as back:
                thread = threading.Thread(target=self.copy, args=(front, back), daemon=True)
                thread.start()
                self.copy(back, front)
                thread.join(5)
        except OSError:
            pass

    @staticmethod
    def copy(source, target):
        try:
            while data := source.recv(65536):
                target.sendall(data)
            target.shutdown(socket.SHUT_WR)
        except (OSError, ValueError):
            pass

    def stop(self):
        self.shutdown()
        self.server_close()


# ---- an echo -------------------------------------------------------------------------------------

class EchoHandler(BaseHTTPRequestHandler):
    """Says what came. /redirect/CODE/URL leads there; /status/CODE answers so; /stream sends pieces
    for ever; /long sends 1 MiB; /slow waits; /silent says nothing after its headers."""

    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def address_string(self):
        return "client"

    def reply(self, status, body, headers=()):
        self.send_response(status)
        for name, value in headers:
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def chunk(self, data):
        self.wfile.write(b"%x\r\n%s\r\n" % (len(data), data))
        self.wfile.flush()

    def stream(self):
        self.send_response(200)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        try:
            for i in range(10_000):
                self.chunk(b"piece %d" % i)
                if self.path == "/silent":
                    time.sleep(30)
                time.sleep(0.01)
        except OSError:
            pass

    def do_GET(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        words = self.path.split("/", 3)
        seen = {"certificate": None, "method": self.command, "path": self.path, "body": body.decode(errors="replace"),
                "headers": [[name.lower(), value] for name, value in self.headers.items()]}
        if isinstance(self.connection, ssl.SSLSocket):
            seen["certificate"] = self.connection.getpeercert()
        self.server.seen.append(seen)
        if words[1] == "redirect":
            self.reply(int(words[2]), b"x" * 100, [("Location", words[3])])
        elif words[1] == "status":
            headers = [("Retry-After", words[3])] if len(words) > 3 else []
            self.reply(int(words[2]), b"as asked", headers)
        elif words[1] in ("stream", "silent"):
            self.stream()
        elif words[1] == "long":
            self.reply(200, b"y" * (1 << 20))
        elif words[1] == "slow":
            time.sleep(1)
            self.reply(200, b"late")
        elif words[1] == "drop":
            self.close_connection = True
        else:
            self.reply(200, json.dumps(seen).encode(), [("Content-Type", "application/json")])

    do_POST = do_PUT = do_HEAD = do_GET


class Echo(ThreadingHTTPServer):
    """On 127.0.0.1, or on the Unix socket @path; with TLS where there is a @certificate,
    which may @ask_for one of a client by their authority's file."""

    daemon_threads = True
    request_queue_size = 64

    def __init__(self, path=None, certificate=None, ask_for=None):
        self.seen = []
        if path:
            self.address_family = socket.AF_UNIX
        super().__init__(path or ("127.0.0.1", 0), EchoHandler, bind_and_activate=False)
        if path:
            self.socket.bind(path)
            self.server_name, self.port = "unix", 0
            self.socket.listen(5)
        else:
            self.server_bind()
            self.port = self.server_address[1]
            self.server_activate()
        if certificate:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(*certificate)
            if ask_for: # a client's certificate, signed by it; none is fine
                context.verify_mode = ssl.CERT_OPTIONAL
                context.load_verify_locations(ask_for)
            self.socket = context.wrap_socket(self.socket, server_side=True)
        self.url = f"{'https' if certificate else 'http'}://127.0.0.1:{self.port}"
        threading.Thread(target=self.serve_forever, args=(0.05,), daemon=True).start()

    def get_request(self):
        request, address = super().get_request()
        return request, address or ("unix", 0)

    def handle_error(self, request, client_address):
        pass

    def stop(self):
        self.shutdown()
        self.server_close()


# ---- tokens --------------------------------------------------------------------------------------

class TokenServer(Process):
    """token_server.py with @arguments, and its counts."""

    def __init__(self, *arguments):
        super().__init__(sys.executable, "-B", os.path.join(HERE, "token_server.py"), *arguments,
                         stdout=subprocess.PIPE)
        self.url = f"http://127.0.0.1:{int(self.process.stdout.readline())}"

    def counts(self):
        with urllib.request.urlopen(self.url + "/counts") as answer:
            return json.load(answer)

    def control(self, **order):
        urllib.request.urlopen(self.url + "/control", json.dumps(order).encode()).close()
