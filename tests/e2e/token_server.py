#!/usr/bin/env python3
"""A server of OAuth2 tokens (client credentials grant, RFC 6749 4.4), and of what they open.

usage: token_server.py [--form] [--lifetime S] [--id ID --secret SECRET]

Prints its port. POST /token checks the client's credentials, from the Authorization header, or with
--form from the form only; GET /resource wants a token that is alive; GET /counts says how many
tokens were given, and the forms that were sent. POST /control with JSON: {"revoke": true} makes
all tokens so far invalid, {"status": 503} is the answer to the next requests for tokens.
"""

import argparse
import base64
import json
import secrets
import threading
import time
import urllib.parse
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class World:
    """What the server knows, behind one lock."""

    def __init__(self, options):
        self.options = options
        self.lock = threading.Lock()
        self.tokens = {}  # token: when it dies
        self.forms = []
        self.n_given = 0
        self.n_refused = 0
        self.status = 200


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def answer(self, status, value, **headers):
        body = json.dumps(value).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        for name, text in headers.items():
            self.send_header(name.replace("_", "-"), text)
        self.end_headers()
        self.wfile.write(body)

    def credentials(self, form):
        """(id, secret) from where this server takes them."""
        options = self.server.world.options
        if options.form:
            return form.get("client_id"), form.get("client_secret")
        kind, _, text = self.headers.get("Authorization", "").partition(" ")
        if kind != "Basic":
            return None, None
        pair = base64.b64decode(text).decode().split(":", 1)
        return tuple(urllib.parse.unquote_plus(part) for part in pair)

    def give_token(self):
        world, options = self.server.world, self.server.world.options
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        form = dict(urllib.parse.parse_qsl(body, keep_blank_values=True))
        with world.lock:
            world.forms.append(form)
            if world.status != 200:
                world.n_refused += 1
                return self.answer(world.status, {"error": "temporarily_unavailable"})
            if self.credentials(form) != (options.id, options.secret):
                world.n_refused += 1
                return self.answer(401, {"error": "invalid_client", "error_description": "no " + body})
            if form.get("grant_type") != "client_credentials":
                return self.answer(400, {"error": "unsupported_grant_type"})
            token = secrets.token_urlsafe(16)
            world.tokens[token] = time.monotonic() + options.lifetime
            world.n_given += 1
            return self.answer(200, {"access_token": token, "token_type": "bearer",
                                     "expires_in": options.lifetime})

    def do_POST(self):
        world = self.server.world
        if self.path == "/token":
            return self.give_token()
        order = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        with world.lock:
            if order.get("revoke"):
                world.tokens.clear()
            world.status = order.get("status", 200)
            world.options.secret = order.get("secret", world.options.secret)
        return self.answer(200, {})

    def do_GET(self):
        world = self.server.world
        if self.path == "/counts":
            with world.lock:
                return self.answer(200, {"given": world.n_given, "refused": world.n_refused,
                                         "forms": world.forms})
        kind, _, token = self.headers.get("Authorization", "").partition(" ")
        with world.lock:
            is_alive = kind == "Bearer" and world.tokens.get(token, 0) > time.monotonic()
        if is_alive:
            return self.answer(200, {"token": token})
        return self.answer(401, {"message": "token is not alive"}, WWW_Authenticate="Bearer")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--form", action="store_true")
    parser.add_argument("--lifetime", type=float, default=3600)
    parser.add_argument("--id", default="profiler")
    parser.add_argument("--secret", default="s3cret & more")
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    server.world = World(parser.parse_args())
    print(server.server_port, flush=True)
    server.serve_forever()


if __name__ == "__main__":
    main()
