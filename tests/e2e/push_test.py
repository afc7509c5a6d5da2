#!/usr/bin/env python3
"""The shipper, end to end: profiles go in over the link and come out at servers and directories.

Everything is real but the neighbours: a symbolizer and a collector of a few lines of C that use the
project's link, and an HTTP server that fails in the ways that servers do. Each test states what
arrived and that the books, as /metrics shows them, balance to the last sample.
"""
import argparse
import collections
import glob
import http.server
import os
import re
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import tempfile
import threading
import time
import unittest
import urllib.error
import urllib.request

import exposition

SHIPPER_UID, SYMBOLIZER_UID, COLLECTOR_UID, GROUP = 59114, 59113, 59111, 59110
IS_ROOT = os.geteuid() == 0
TOOLS = None  # set by main: paths of the executables
CONTENT_TYPE = "application/proto"


def as_user(uid):
    """The start of a command line that runs the rest without privilege."""
    if not IS_ROOT:
        return []
    return ["setpriv", "--reuid", str(uid), "--regid", str(GROUP), "--clear-groups"]


def uid_of(uid):
    return uid if IS_ROOT else os.geteuid()


def wait_for(condition, seconds=20, what="condition"):
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        result = condition()
        if result:
            return result
        time.sleep(0.02)
    raise AssertionError("waited %d s in vain for %s" % (seconds, what))


# ---- protobuf, as far as PushRequest needs it -------------------------------------------------


def varint(data, at):
    value = shift = 0
    while True:
        byte = data[at]
        at += 1
        value |= (byte & 127) << shift
        if byte < 128:
            return value, at
        shift += 7


def fields(data):
    at = 0
    while at < len(data):
        key, at = varint(data, at)
        assert key & 7 == 2, "only length-delimited fields are expected"
        length, at = varint(data, at)
        assert at + length <= len(data)
        yield key >> 3, data[at : at + length]
        at += length


Series = collections.namedtuple("Series", "labels profile")


def parse_push(body):
    series = []
    for number, content in fields(body):
        assert number == 1
        labels, profiles = [], []
        for inner, value in fields(content):
            if inner == 1:
                pair = dict(fields(value))
                labels.append((pair.get(1, b"").decode(), pair.get(2, b"").decode()))
            elif inner == 2:
                profiles.append(dict(fields(value)).get(1, b""))
            else:
                raise AssertionError("field %d of a series" % inner)
        assert len(profiles) == 1
        assert labels == sorted(labels)
        series.append(Series(dict(labels), profiles[0]))
    return series


# ---- a server that does what the test says ----------------------------------------------------


class Answer:
    """What to answer: a status, headers, a body; or to hang up, or to be silent."""

    def __init__(self, status=200, body=b"", content_type=None, headers=None, drop=False, silent=0,
                 endless=False, hold=None, n_missing=0):
        self.status, self.body, self.headers = status, body, headers or {}
        self.content_type = content_type or (CONTENT_TYPE if status == 200 else "application/json")
        self.drop, self.silent, self.endless = drop, silent, endless
        self.hold = hold  # an event to wait for before answering
        self.n_missing = n_missing  # bytes that are announced and never come


class QuietServer(http.server.ThreadingHTTPServer):
    def handle_error(self, request, client_address):
        pass  # a shipper that is killed hangs up; what did not arrive is what tests look at


class Server:
    """An HTTP server on loopback; rule(series, n) makes an Answer, None is success."""

    def __init__(self, rule=None, port=0):
        self.rule = rule or (lambda series, n: None)
        self.lock = threading.Lock()
        self.requests = []  # (time, headers, series)
        self.stored = []  # series of requests that were answered with success
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                outer.handle(self)

            def log_message(self, *arguments):
                pass

        self.httpd = QuietServer(("127.0.0.1", port), Handler)
        self.httpd.daemon_threads = True
        self.port = self.httpd.server_address[1]
        self.url = "http://127.0.0.1:%d" % self.port
        threading.Thread(target=self.httpd.serve_forever, daemon=True).start()

    def handle(self, request):
        assert request.path == "/push.v1.PusherService/Push", request.path
        body = request.rfile.read(int(request.headers["Content-Length"]))
        series = parse_push(body)
        with self.lock:
            self.requests.append((time.monotonic(), dict(request.headers), series))
            answer = self.rule(series, len(self.requests)) or Answer()
            if answer.status == 200 and answer.content_type == CONTENT_TYPE and not answer.silent \
                    and not answer.n_missing:
                self.stored.extend(series)
        if answer.hold:
            answer.hold.wait(20)
        if answer.silent:
            time.sleep(answer.silent)
        if answer.drop or answer.silent:
            request.close_connection = True
            request.connection.close()
            return
        request.send_response(answer.status)
        request.send_header("Content-Type", answer.content_type)
        for name, value in answer.headers.items():
            request.send_header(name, value)
        if answer.endless:
            request.end_headers()
            try:
                while True:
                    request.wfile.write(bytes(65536))
            except OSError:
                return
        request.send_header("Content-Length", str(len(answer.body) + answer.n_missing))
        request.end_headers()
        request.wfile.write(answer.body)
        request.close_connection |= answer.n_missing > 0

    def names(self):
        with self.lock:
            return [series.labels["service_name"] for series in self.stored]

    def close(self):
        self.httpd.shutdown()
        self.httpd.server_close()


# ---- the processes under test -----------------------------------------------------------------


def environment():
    env = dict(os.environ)
    env["ASAN_OPTIONS"] = "detect_leaks=0"  # a confined process cannot look for leaks
    env["UBSAN_OPTIONS"] = "print_stacktrace=1"
    return env


class Client:
    """A symbolizer: one line in, one line out."""

    def __init__(self, world, uid=SYMBOLIZER_UID, patience_ms=5000):
        self.process = subprocess.Popen(
            as_user(uid) + [world.tool("client"), world.run + "/profiles.sock", str(patience_ms)],
            text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment())

    def ask(self, line):
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()
        return self.process.stdout.readline().strip()

    def profile(self, sequence, parts=1, samples=10, size=100, service="app", instance=7,
                time_ns=None):
        line = "profile %d %d %d %d %d %s" % (instance, sequence, parts, samples, size, service)
        return self.ask(line + (" %d" % time_ns if time_ns else ""))

    def close(self):
        self.process.stdin.close()
        self.process.wait()
        self.process.stdout.close()


class World:
    """Directories, a configuration and a shipper."""

    def __init__(self):
        self.root = tempfile.mkdtemp(prefix="triptych-push-")
        self.run, self.spool = self.root + "/run", self.root + "/spool"
        self.config = self.root + "/config.alloy"
        self.store, self.bin = self.root + "/store", self.root + "/bin"
        for path in (self.run, self.spool, self.store, self.bin):
            os.mkdir(path)
        for name, path in TOOLS.items():
            shutil.copy(path, self.bin + "/" + name)
        if IS_ROOT:
            os.chown(self.root, 0, GROUP)
            os.chmod(self.root, 0o750)
            os.chmod(self.bin, 0o755)
            os.chown(self.run, SHIPPER_UID, GROUP)
            os.chmod(self.run, 0o770)
            for path in (self.spool, self.store):
                os.chown(path, SHIPPER_UID, GROUP)
        self.shipper = None
        self.mounts = []
        self.http = "127.0.0.1:%d" % self.free_port()
        self.log = open(self.root + "/log", "ab")

    @staticmethod
    def free_port():
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            return probe.getsockname()[1]

    def tool(self, name):
        return self.bin + "/" + name

    def configure(self, endpoints, more="", ebpf=""):
        """endpoints: a list of blocks' contents. Written as editors do: a new file, renamed."""
        text = "pyroscope.write \"w\" {\n"
        for content in endpoints:
            text += "  endpoint {\n    %s\n  }\n" % content
        text += more + "}\n"
        text += ("pyroscope.ebpf \"e\" {\n  forward_to = [pyroscope.write.w.receiver]\n"
                 "  targets = []\n  default_target = {service_name = \"host\"}\n" + ebpf + "}\n")
        self.write_configuration(text)

    def write_configuration(self, text):
        with open(self.root + "/config.new", "w") as file:
            file.write(text)
        os.chmod(self.root + "/config.new", 0o644)
        os.rename(self.root + "/config.new", self.root + "/config.alloy")

    def reload(self):
        """SIGHUP, and waits until it was acted upon. Returns whether it took effect."""
        before = self.metrics()["triptych_config_reloads_total"][()]
        self.shipper.send_signal(signal.SIGHUP)
        wait_for(lambda: self.metrics()["triptych_config_reloads_total"][()] > before,
                 what="the reload")
        return self.metrics()["triptych_config_last_reload_successful"][()] == 1

    def command(self, *more):
        return as_user(SHIPPER_UID) + [
            self.tool("shipper"), "--config", self.config, "--run-dir", self.run,
            "--spool-dir", self.spool, "--http", self.http,
            "--collector-uid", str(uid_of(COLLECTOR_UID)),
            "--symbolizer-uid", str(uid_of(SYMBOLIZER_UID))] + list(more)

    def start(self, *more):
        self.shipper = subprocess.Popen(self.command(*more), env=environment(), stderr=self.log)
        wait_for(self.is_listening, what="the shipper to listen")

    def is_listening(self):
        if self.shipper.poll() is not None:
            raise AssertionError("the shipper ended: %d\n%s" % (self.shipper.returncode,
                                                                self.log_text()))
        try:
            return self.get("/-/healthy")[0] == 200 and os.path.exists(self.run + "/profiles.sock")
        except OSError:
            return False

    def kill(self):
        self.shipper.kill()
        self.shipper.wait()

    def stop(self):
        self.shipper.send_signal(signal.SIGTERM)
        return self.shipper.wait(timeout=30)

    def get(self, path):
        return self.ask("GET", path)

    def ask(self, method, path):
        request = urllib.request.Request("http://" + self.http + path, method=method,
                                         data=b"x" * 1000 if method == "POST" else None)
        try:
            with urllib.request.urlopen(request, timeout=5) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.read().decode()

    def metrics(self):
        status, text = self.get("/metrics")
        assert status == 200
        return parse_metrics(text)

    def log_text(self):
        with open(self.root + "/log", errors="replace") as file:
            return file.read()

    def close(self):
        if self.shipper and self.shipper.poll() is None:
            self.shipper.terminate()
            try:
                self.shipper.wait(timeout=20)
            except subprocess.TimeoutExpired:
                self.shipper.kill()
                self.shipper.wait()
        self.log.close()
        text = self.log_text()
        for path in self.mounts:
            subprocess.run(["umount", path], check=True)
        shutil.rmtree(self.root)
        assert "Sanitizer" not in text and "runtime error" not in text, text


def parse_metrics(text):
    """Returns {name: {labels: value}}; refuses everything that version 0.0.4 does not allow."""
    samples = {}
    for family in exposition.parse(text).values():
        for (name, labels), value in family.samples.items():
            samples.setdefault(name, {})[labels] = value
    return samples


def of_endpoint(metrics, name, endpoint, **labels):
    total = 0
    for key, value in metrics[name].items():
        have = dict(key)
        if have.get("endpoint") == endpoint and all(have.get(k) == v for k, v in labels.items()):
            total += value
    return total


class ShipperTest(unittest.TestCase):
    def setUp(self):
        self.world = World()
        self.servers, self.clients = [], []

    def tearDown(self):
        for client in self.clients:
            client.close()
        self.world.close()
        for server in self.servers:
            server.close()

    def server(self, rule=None):
        self.servers.append(Server(rule))
        return self.servers[-1]

    def client(self, **options):
        self.clients.append(Client(self.world, **options))
        return self.clients[-1]

    def start(self, *servers, extra="", external="", options=()):
        self.world.configure(['url = "%s"\n    %s' % (s.url, extra) for s in servers], external)
        self.world.start(*options)
        return self.client()

    def assert_books(self, endpoint, sent=None, held=None, dropped=None):
        metrics = self.world.metrics()
        values = {what: of_endpoint(metrics, "triptych_endpoint_samples_" + name, endpoint)
                  for what, name in (("spooled", "spooled_total"), ("sent", "sent_total"),
                                     ("dropped", "dropped_total"), ("held", "held"))}
        self.assertEqual(values["spooled"], values["sent"] + values["dropped"] + values["held"],
                         values)
        for name, expected in (("sent", sent), ("held", held), ("dropped", dropped)):
            if expected is not None:
                self.assertEqual(values[name], expected, (name, values))
        return metrics

    def wait_sent(self, endpoint, samples, seconds=20):
        def is_sent():
            metrics = self.world.metrics()
            return of_endpoint(metrics, "triptych_endpoint_samples_sent_total", endpoint) == samples
        wait_for(is_sent, seconds, "%d samples at %s" % (samples, endpoint))


class Pushing(ShipperTest):
    def test_series_are_batched_and_labelled_and_arrive_once(self):
        server = self.server()
        client = self.start(server, extra='headers = {"X-Scope-OrgID" = "tenant"}',
                            external='  external_labels = {host = "h1", part = "over"}\n')
        self.assertEqual(client.profile(1, parts=100, samples=3), "stored")
        self.wait_sent(server.url, 300)
        self.assertEqual(len(server.requests), 1)
        _, headers, series = server.requests[0]
        self.assertEqual(headers["Content-Type"], "application/proto")
        self.assertEqual(headers["Connect-Protocol-Version"], "1")
        self.assertEqual(headers["X-Scope-OrgID"], "tenant")
        self.assertTrue(headers["User-Agent"].startswith("Triptych/"))
        self.assertGreater(int(headers["Connect-Timeout-Ms"]), 0)
        self.assertNotIn("Expect", headers)
        self.assertEqual(len(series), 100)
        self.assertEqual(series[0].labels, {"__name__": "process_cpu", "host": "h1",
                                            "part": "over", "service_name": "app-0"})
        self.assertEqual(len(series[0].profile), 100)
        self.assertEqual(client.profile(1, parts=100, samples=3), "known")
        metrics = self.assert_books(server.url, sent=300, held=0, dropped=0)
        self.assertEqual(of_endpoint(metrics, "pyroscope_write_sent_profiles_total", server.url), 100)
        self.assertEqual(of_endpoint(metrics, "pyroscope_write_sent_bytes_total", server.url), 10000)
        self.assertEqual(metrics["triptych_spool_repeats_total"][()], 1)

    def test_a_batch_is_within_half_of_what_a_server_takes_at_once(self):
        server = self.server()
        client = self.start(server)
        # The client says that its profiles are four times as long when they are unpacked.
        self.assertEqual(client.profile(1, parts=10, size=80000), "stored")
        self.assertEqual(client.profile(2, parts=2, size=300000), "stored")
        self.wait_sent(server.url, 120)
        self.assertEqual([len(series) for _, _, series in server.requests], [3, 3, 3, 1, 1, 1])

    def test_a_server_that_fails_gets_each_series_alone_and_nothing_is_lost(self):
        server = self.server(lambda series, n: Answer(503) if n <= 3 else None)
        client = self.start(server, extra='min_backoff_period = "20ms"')
        client.profile(1, parts=5)
        self.wait_sent(server.url, 50)
        self.assertEqual([len(series) for _, _, series in server.requests][:3], [5, 1, 1])
        self.assertEqual(sorted(server.names()), ["app-%d" % i for i in range(5)])
        metrics = self.assert_books(server.url, sent=50, held=0, dropped=0)
        self.assertEqual(of_endpoint(metrics, "pyroscope_write_retries_total", server.url), 3)

    def test_retries_are_the_same_bytes(self):
        server = self.server(lambda series, n: Answer(500) if n % 2 else None)
        client = self.start(server, extra='min_backoff_period = "10ms"')
        client.profile(1, parts=1, size=5000)
        self.wait_sent(server.url, 10)
        self.assertEqual(server.requests[0][2], server.requests[1][2])

    def test_a_lost_answer_is_tried_again_and_counted(self):
        server = self.server(lambda series, n: Answer(drop=True) if n == 1 else None)
        client = self.start(server, extra='min_backoff_period = "10ms"')
        client.profile(1, parts=2)
        self.wait_sent(server.url, 20)
        metrics = self.assert_books(server.url, sent=20, held=0)
        self.assertEqual(of_endpoint(metrics, "triptych_endpoint_profiles_repeated_total",
                                     server.url), 2)

    def test_retry_after_is_honoured_and_does_not_slow_others(self):
        slow = self.server(lambda series, n: Answer(429, headers={"Retry-After": "2"})
                           if n == 1 else None)
        quick = self.server()
        client = self.start(slow, quick)
        client.profile(1)
        self.wait_sent(quick.url, 10, 2)
        self.wait_sent(slow.url, 10)
        self.assertGreaterEqual(slow.requests[1][0] - slow.requests[0][0], 2)
        self.assert_books(slow.url, sent=10, held=0)

    def test_one_poison_series_of_many_is_set_aside_and_the_others_arrive(self):
        def rule(series, n):
            if any(s.labels["service_name"] == "app-7" for s in series):
                return Answer(400, b'{"code":"invalid_argument","message":"malformed_profile"}')
        server = self.server(rule)
        client = self.start(server, extra='min_backoff_period = "10ms"')
        client.profile(1, parts=20)
        self.wait_sent(server.url, 190)
        self.assertEqual(sorted(server.names()),
                         sorted("app-%d" % i for i in range(20) if i != 7))
        metrics = self.assert_books(server.url, sent=190, held=0, dropped=10)
        self.assertEqual(of_endpoint(metrics, "triptych_endpoint_samples_dropped_total", server.url,
                                     reason="rejected"), 10)
        # The nineteen may have been stored when the twentieth was refused; nobody can know.
        self.assertEqual(of_endpoint(metrics, "triptych_endpoint_profiles_repeated_total",
                                     server.url), 20)
        kept = glob.glob(self.world.spool + "/quarantine/*.labels")
        self.assertEqual(len(kept), 1)
        with open(kept[0]) as file:
            self.assertIn('service_name="app-7"', file.read())
        self.assertTrue(os.path.exists(kept[0].replace(".labels", ".pb.gz")))

    def test_what_is_too_big_or_outside_the_window_is_dropped_alone_and_counted(self):
        def rule(series, n):
            names = [s.labels["service_name"] for s in series]
            if "app-1" in names:
                return Answer(413)
            if "app-2" in names:
                return Answer(400, b'{"message":"profile is outside of ingestion window"}')
            if "app-3" in names:
                return Answer(400, b'{"message":"profile size exceeds 4 MiB"}')
        server = self.server(rule)
        client = self.start(server, extra='min_backoff_period = "10ms"')
        client.profile(1, parts=5)
        self.wait_sent(server.url, 20)
        metrics = self.assert_books(server.url, sent=20, held=0, dropped=30)
        for reason, samples in (("too_big", 20), ("outside_window", 10), ("rejected", 0)):
            self.assertEqual(of_endpoint(metrics, "triptych_endpoint_samples_dropped_total",
                                         server.url, reason=reason), samples)
        self.assertEqual(len(glob.glob(self.world.spool + "/quarantine/*.pb.gz")), 2)

    def test_a_server_that_fails_at_one_profile_for_ever_does_not_hold_up_the_rest(self):
        def rule(series, n):
            if any(s.labels["service_name"] == "bad-0" for s in series):
                return Answer(500)
        server = self.server(rule)
        client = self.start(server, extra='min_backoff_period = "5ms"\n    max_backoff_retries = 4')
        client.profile(1, service="bad")
        client.profile(2, service="good")
        self.wait_sent(server.url, 10)
        metrics = self.assert_books(server.url, sent=10, held=0, dropped=10)
        self.assertEqual(of_endpoint(metrics, "triptych_endpoint_samples_dropped_total", server.url,
                                     reason="max_retries"), 10)

    def test_what_only_an_operator_can_mend_drops_nothing_and_says_so(self):
        cases = [
            ("unauthorized", Answer(401, b"no token")),
            ("a captive portal", Answer(200, b"<html>", "text/html")),
            ("a redirect", Answer(302, headers={"Location": "/elsewhere"})),
            ("no such path", Answer(404)),
            ("an endless body", Answer(200, endless=True)),
        ]
        servers = [self.server(lambda series, n, a=answer: a) for _, answer in cases]
        client = self.start(*servers)
        client.profile(1, parts=2)

        def all_failing():
            metrics = self.world.metrics()
            return all(of_endpoint(metrics, "triptych_endpoint_failing", s.url) for s in servers)
        wait_for(all_failing, what="all to fail")
        for (name, _), server in zip(cases, servers):
            with self.subTest(name):
                metrics = self.assert_books(server.url, sent=0, held=20, dropped=0)
                self.assertEqual(of_endpoint(metrics, "triptych_endpoint_requests_total", server.url,
                                             outcome="misconfigured"), 1)
                self.assertEqual(len(server.requests), 1)
        self.assertIn(servers[0].url, self.world.get("/-/ready")[1])

    def test_a_silent_server_times_out_and_is_tried_again(self):
        server = self.server(lambda series, n: Answer(silent=3) if n == 1 else None)
        client = self.start(server, extra='remote_timeout = "1s"\n    min_backoff_period = "10ms"')
        client.profile(1)
        self.wait_sent(server.url, 10)
        self.assertLess(server.requests[1][0] - server.requests[0][0], 2.5)
        self.assert_books(server.url, sent=10, held=0)

    def test_a_server_that_is_away_delays_nobody_and_gets_all_when_it_is_back(self):
        away = self.server()
        port = away.port
        away.close()
        self.servers.remove(away)
        here = self.server()
        self.world.configure(['url = "%s"\n    min_backoff_period = "20ms"\n'
                              '    max_backoff_period = "200ms"\n    max_backoff_retries = 3' % url
                              for url in (away.url, here.url)])
        self.world.start()
        client = self.client()
        for sequence in range(1, 21):
            self.assertEqual(client.profile(sequence, parts=3), "stored")
        self.wait_sent(here.url, 600)
        time.sleep(0.5)  # beyond three retries: that bound is not for a server that is away
        self.assert_books(away.url, sent=0, held=600, dropped=0)
        back = Server(port=port)
        self.servers.append(back)
        self.wait_sent(away.url, 600)
        self.assertEqual(len(back.names()), 60)
        self.assert_books(away.url, sent=600, held=0, dropped=0)

    def test_an_outage_is_not_held_against_the_profile_that_met_it(self):
        away = self.server()
        port = away.port
        away.close()
        self.servers.remove(away)
        self.world.configure(['url = "%s"\n    min_backoff_period = "5ms"\n'
                              '    max_backoff_period = "20ms"\n    max_backoff_retries = 3'
                              % away.url])
        self.world.start()
        self.client().profile(1)
        wait_for(lambda: of_endpoint(self.world.metrics(), "pyroscope_write_retries_total",
                                     away.url) > 10, what="ten failures to connect")
        answers = [Answer(500), Answer(400, b"{}"), Answer(500), Answer(400, b"{}")]
        back = Server(lambda series, n: answers[n - 1] if n <= len(answers) else None, port=port)
        self.servers.append(back)
        self.wait_sent(away.url, 10)
        self.assert_books(away.url, sent=10, held=0, dropped=0)

    def test_a_busy_server_may_say_how_long_it_needs(self):
        server = self.server(lambda series, n: Answer(503, headers={"Retry-After": "1"})
                             if n == 1 else None)
        client = self.start(server, extra='min_backoff_period = "5ms"')
        client.profile(1)
        self.wait_sent(server.url, 10)
        self.assertGreaterEqual(server.requests[1][0] - server.requests[0][0], 1)

    def test_endpoints_that_differ_in_their_user_have_books_of_their_own(self):
        server = self.server()
        place = "127.0.0.1:%d" % server.port
        self.world.configure(['url = "http://%s@%s"' % (user, place) for user in ("a:x", "b:y")])
        self.world.start()
        self.client().profile(1)
        for label in ("http://" + place, "http://%s #2" % place):
            self.wait_sent(label, 10)
            self.assert_books(label, sent=10, held=0, dropped=0)
        self.assertEqual({headers["Authorization"] for _, headers, _ in server.requests},
                         {"Basic YTp4", "Basic Yjp5"})

    def test_names_are_resolved_in_the_sandbox(self):
        server = self.server()
        server.url = server.url.replace("127.0.0.1", "localhost")
        client = self.start(server)
        client.profile(1)
        self.wait_sent(server.url, 10)

    @unittest.skipUnless(shutil.which("openssl"), "needs openssl to make a certificate")
    def test_a_server_that_nobody_vouches_for_gets_nothing(self):
        pem = self.world.root + "/server.pem"
        subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2",
                        "-subj", "/CN=localhost", "-keyout", pem, "-out", pem + ".crt"],
                       check=True, stderr=subprocess.DEVNULL)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(pem + ".crt", pem)
        server = self.server()
        server.httpd.socket = context.wrap_socket(server.httpd.socket, server_side=True)
        server.url = "https://localhost:%d" % server.port
        client = self.start(server)
        client.profile(1)
        wait_for(lambda: of_endpoint(self.world.metrics(), "triptych_endpoint_requests_total",
                                     server.url, outcome="misconfigured"), what="the refusal")
        self.assert_books(server.url, sent=0, held=10, dropped=0)
        self.assertIn("certificate", self.world.get("/-/ready")[1])
        self.assertEqual(server.requests, [])


class Storing(ShipperTest):
    def test_a_directory_gets_every_part_with_its_labels(self):
        self.world.configure(['url = "file://%s"' % self.world.store],
                             '  external_labels = {host = "a \\"quoted\\" one"}\n')
        self.world.start()
        client = self.client()
        client.profile(5, parts=3, size=1000, time_ns=1700000000000000000)
        client.profile(6, parts=200, size=10)
        self.wait_sent("file://" + self.world.store, 2030)
        self.assert_books("file://" + self.world.store, sent=2030, held=0)
        names = sorted(os.listdir(self.world.store))
        self.assertEqual(len(names), 2 * 203)
        self.assertEqual(names[0], "01700000000000000000-0000000000000007-5-0.labels")
        self.assertEqual(names[1], "01700000000000000000-0000000000000007-5-0.pb.gz")
        with open(self.world.store + "/" + names[1], "rb") as file:
            self.assertEqual(file.read(), bytes((5 * 31 + i * 7) % 256 for i in range(1000)))
        with open(self.world.store + "/" + names[0]) as file:
            self.assertEqual(file.read(), '__name__="process_cpu"\nhost="a \\"quoted\\" one"\n'
                                          'part="0"\nservice_name="app-0"\n')

    @unittest.skipUnless(IS_ROOT, "needs a directory of somebody else's")
    def test_a_directory_that_cannot_be_written_is_named_at_start(self):
        os.chown(self.world.store, 0, 0)
        os.chmod(self.world.store, 0o755)
        self.world.configure(['url = "file://%s"' % self.world.store])
        process = subprocess.run(self.world.command(), env=environment(), stderr=subprocess.PIPE,
                                 text=True, timeout=30)
        self.assertEqual(process.returncode, 73)
        self.assertIn(self.world.store, process.stderr)


class Dying(ShipperTest):
    def test_killed_right_after_an_acknowledgement_it_loses_nothing(self):
        server = self.server()
        self.world.configure(['url = "%s"' % server.url])
        for sequence in range(1, 21):
            self.world.start()
            client = Client(self.world)
            answer = client.profile(sequence, parts=3, service="w%d" % sequence)
            self.world.kill()
            client.close()
            self.assertEqual(answer, "stored")
        self.world.start()
        client = self.client()
        expected = {"w%d-%d" % (w, p) for w in range(1, 21) for p in range(3)}
        wait_for(lambda: set(server.names()) == expected, what="every acknowledged window")
        for sequence in range(1, 21):
            self.assertEqual(client.profile(sequence, parts=3), "known")
        self.assert_books(server.url, held=0, dropped=0)

    def test_killed_at_any_moment_it_loses_nothing_acknowledged(self):
        server = self.server()
        self.world.configure(['url = "%s"' % server.url])
        acknowledged, sequence = set(), 0
        for n in range(8):
            self.world.start()
            client = Client(self.world, patience_ms=400)
            timer = threading.Timer(0.02 + 0.03 * n, self.world.shipper.kill)
            timer.start()
            while self.world.shipper.poll() is None:
                sequence += 1
                if client.profile(sequence, size=20000, service="w%d" % sequence) == "stored":
                    acknowledged.add("w%d-0" % sequence)
            timer.join()
            self.world.shipper.wait()
            client.close()
        self.world.start()
        wait_for(lambda: acknowledged <= set(server.names()), what="every acknowledged window")
        self.assertGreater(len(acknowledged), 20)

    def test_what_was_not_sent_when_it_stopped_is_sent_when_it_starts(self):
        gone = self.server()
        gone.close()
        self.servers.remove(gone)
        self.world.configure(['url = "%s"' % gone.url, 'url = "file://%s"' % self.world.store])
        self.world.start()
        client = Client(self.world)
        client.profile(1, parts=4)
        client.close()
        self.assertEqual(self.world.stop(), 0)
        self.assertIn("event=stopped unsent_profiles=4 unsent_samples=40 endpoints_behind=1, the "
                      "spool keeps them for the next start", self.world.log_text())
        self.world.start()
        self.assert_books(gone.url, sent=0, held=40, dropped=0)
        self.wait_sent("file://" + self.world.store, 0)  # it had all of it before
        self.assertEqual(len(glob.glob(self.world.store + "/*.pb.gz")), 4)

    @unittest.skipUnless(IS_ROOT, "needs to mount")
    def test_on_a_full_disk_it_refuses_and_loses_nothing_that_it_took(self):
        spool = self.world.spool
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4m,uid=%d,mode=700" % SHIPPER_UID,
                        "tmpfs", spool], check=True)
        self.world.mounts.append(spool)
        gate = threading.Event()
        server = self.server(lambda series, n: None if gate.is_set() else Answer(503))
        client = self.start(server, extra='min_backoff_period = "50ms"\n'
                                          '    max_backoff_period = "100ms"')
        taken, sequence = 0, 0
        while sequence < 20:
            sequence += 1
            answer = client.profile(sequence, size=500000, service="w%d" % sequence)
            if answer != "stored":
                break
            taken += 1
        self.assertEqual(answer, "refused disk")
        self.assertGreater(taken, 4)
        self.assert_books(server.url, sent=0, held=10 * taken, dropped=0)
        self.assertIn("the spool cannot be written", self.world.get("/-/ready")[1])
        gate.set()
        self.wait_sent(server.url, 10 * taken)
        metrics = self.assert_books(server.url, held=0, dropped=0)
        self.assertGreaterEqual(metrics["triptych_spool_refused_total"][()], 1)
        wait_for(lambda: client.profile(sequence, size=1000) == "stored", what="room")
        self.assertNotIn("spool", self.world.get("/-/ready")[1])
        self.wait_sent(server.url, 10 * taken + 10)

    def test_what_the_spool_drops_while_it_is_in_flight_is_booked_once(self):
        gate = threading.Event()
        server = self.server(lambda series, n: Answer(hold=gate))
        client = self.start(server, extra='remote_timeout = "20s"',
                            options=("--spool-bytes", "40M"))
        for sequence in range(1, 101):
            self.assertEqual(client.profile(sequence, parts=2, size=300000), "stored")
        metrics = self.assert_books(server.url, sent=0)
        dropped = of_endpoint(metrics, "triptych_endpoint_samples_dropped_total", server.url,
                              reason="spool_full")
        self.assertGreater(dropped, 0)
        self.assertLessEqual(metrics["triptych_spool_bytes"][()], 40 << 20)
        gate.set()  # the first request arrives after all: its record is dropped, and stays so
        self.wait_sent(server.url, 2000 - dropped)
        self.assert_books(server.url, held=0, dropped=dropped)

    def test_asked_to_stop_it_stays_until_symbolizers_are_gone(self):
        server = self.server()
        client = self.start(server)
        client.profile(1)
        self.world.shipper.send_signal(signal.SIGHUP)
        self.world.shipper.send_signal(signal.SIGTERM)
        time.sleep(0.3)
        self.assertIsNone(self.world.shipper.poll())
        self.assertEqual(client.profile(2), "stored")
        client.close()
        self.clients.remove(client)
        self.assertEqual(self.world.shipper.wait(timeout=5), 0)
        self.assertEqual(sorted(server.names()), ["app-0", "app-0"])

    def test_it_stays_no_longer_than_it_was_told(self):
        server = self.server()
        self.start(server, options=("--stop-seconds", "1")).profile(1)
        before = time.monotonic()
        self.assertEqual(self.world.stop(), 0)
        self.assertLess(time.monotonic() - before, 3)

    def test_a_second_shipper_on_the_spool_exits_75(self):
        self.start(self.server())
        other = self.world.command()
        other[other.index("--http") + 1] = "127.0.0.1:0"
        process = subprocess.run(other, env=environment(), stderr=subprocess.PIPE, text=True,
                                 timeout=30)
        self.assertEqual(process.returncode, 75)
        self.assertIn("another shipper", process.stderr)

    def test_a_port_in_use_is_said(self):
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            taken.listen()
            self.world.configure(['url = "file://%s"' % self.world.store])
            self.world.http = "127.0.0.1:%d" % taken.getsockname()[1]
            process = subprocess.run(self.world.command(), env=environment(),
                                     stderr=subprocess.PIPE, text=True, timeout=30)
        self.assertEqual(process.returncode, 69)
        self.assertIn(self.world.http, process.stderr)
        self.assertIn("another process listens there", process.stderr)

    def test_wrong_options_are_refused(self):
        for option in (["--spool-bytes", "1"], ["--spool-bytes", "1T"], ["--http", "nowhere"],
                       ["--symbolizer-uid", "0"], ["--stop-seconds", "-1"], ["--nonsense"],
                       ["--log-level", "loud"], ["word"]):
            self.world.configure(['url = "file://%s"' % self.world.store])
            process = subprocess.run(self.world.command() + option, env=environment(),
                                     stderr=subprocess.PIPE, text=True, timeout=30)
            self.assertEqual(process.returncode, 64, option)
            self.assertTrue(process.stderr)


class Reloading(ShipperTest):
    def spooled(self, endpoint):
        return of_endpoint(self.world.metrics(), "triptych_endpoint_samples_spooled_total", endpoint)

    def test_a_bad_file_changes_nothing_and_the_log_and_a_counter_say_so(self):
        server = self.server()
        client = self.start(server)
        for n, text in enumerate(['pyroscope.write "w" {\n  endpoint { uri = "x" }\n  nonsense = 1\n}\n',
                                  'pyroscope.ebpf "e" {\n', None]):
            if text is None:
                os.unlink(self.world.root + "/config.alloy")
            else:
                self.world.write_configuration(text)
            self.assertFalse(self.world.reload())
            self.assertEqual(client.profile(n + 1), "stored")
            self.wait_sent(server.url, 10 * (n + 1))
            metrics = self.assert_books(server.url, sent=10 * (n + 1), held=0, dropped=0)
            self.assertEqual(metrics["triptych_config_reload_failures_total"][()], n + 1)
        log = self.world.log_text()
        self.assertRegex(log, r"(?m)^\S*/config\.alloy:2:\d+: .*uri")
        self.assertRegex(log, r"(?m)^\S*/config\.alloy:3:\d+: ")
        self.assertIn("event=configuration-invalid", log)
        self.assertIn("event=configuration-unreadable", log)
        self.assertIn("event=reload-failed", log)
        self.world.configure(['url = "%s"' % server.url])
        self.assertTrue(self.world.reload())
        metrics = self.world.metrics()
        self.assertEqual(metrics["triptych_config_reloads_total"][()], 4)
        self.assertEqual(metrics["triptych_config_reload_failures_total"][()], 3)

    def test_a_page_reloads_and_answers_with_what_is_wrong(self):
        server = self.server()
        client = self.start(server)
        for method in ("GET", "POST"):
            self.world.write_configuration('pyroscope.write "w" {\n  nonsense = 1\n}\n')
            status, text = self.world.ask(method, "/-/reload")
            self.assertEqual(status, 400)
            self.assertRegex(text, r"(?m)^\S*/config\.alloy:2:3: found the unknown argument nonsense")
            self.assertIn("\n  nonsense = 1\n  ^\n", text)
            self.world.configure(['url = "%s"' % server.url])
            self.assertEqual(self.world.ask(method, "/-/reload")[0], 200)
        self.assertEqual(self.world.ask("HEAD", "/-/reload")[0], 405)
        self.assertEqual(self.world.ask("POST", "/metrics")[0], 405)
        metrics = self.world.metrics()
        self.assertEqual(metrics["triptych_config_reloads_total"][()], 4)
        self.assertEqual(metrics["triptych_config_reload_failures_total"][()], 2)
        self.assertEqual(metrics["triptych_config_last_reload_successful"][()], 1)
        client.profile(1)
        self.wait_sent(server.url, 10)

    def test_a_directory_of_files_is_reloaded_whole(self):
        first, second = self.server(), self.server()
        directory = self.world.config = self.world.root + "/conf.d"
        os.mkdir(directory)

        def put(name, text):
            with open(directory + "/" + name, "w") as file:
                file.write(text)

        def write(name, server):
            put(name + ".alloy", 'pyroscope.write "%s" {\n  endpoint {\n    url = "%s"\n  }\n}\n'
                % (name, server.url))

        ebpf = ('pyroscope.ebpf "e" {\n  forward_to = [%s]\n'
                '  default_target = {service_name = "host"}\n}\n')
        write("one", first)
        put("zero.alloy", ebpf % "pyroscope.write.one.receiver")
        self.world.start()
        client = self.client()
        self.assertEqual(client.profile(1), "stored")
        self.wait_sent(first.url, 10)
        put("zero.alloy", ebpf % "pyroscope.write.one.receiver, pyroscope.write.two.receiver")
        status, text = self.world.ask("POST", "/-/reload")
        self.assertEqual(status, 400)
        self.assertIn("/conf.d/zero.alloy:2:47: found the unknown name pyroscope.write.two", text)
        write("two", second)
        self.assertEqual(self.world.ask("POST", "/-/reload")[0], 200)
        self.assertEqual(client.profile(2), "stored")
        self.wait_sent(first.url, 20)
        self.wait_sent(second.url, 20)

    def test_a_file_that_the_configuration_names_is_read_again_when_it_changes(self):
        first, second = self.server(), self.server()
        directory = self.world.root + "/secrets"
        os.mkdir(directory)

        def put(url):
            with open(directory + "/new", "w") as file:
                file.write(url)
            os.chmod(directory + "/new", 0o644)
            os.rename(directory + "/new", directory + "/url")

        client = self.start(first)
        put(second.url)  # the file is new to the process that runs
        self.world.configure(["url = local.file.url.content"])
        with open(self.world.root + "/config.alloy", "a") as file:
            file.write('local.file "url" {\n  filename = "%s/url"\n  poll_frequency = "1h"\n}\n'
                       % directory)
        self.assertTrue(self.world.reload())
        client.profile(1)
        self.wait_sent(second.url, 10)
        put(first.url)
        wait_for(lambda: "%s" % first.url in self.world.get("/metrics")[1], 5, "the change")
        client.profile(2)
        self.wait_sent(first.url, 20)  # the first profile was in the spool yet
        put("nonsense")
        wait_for(lambda: "event=evaluation-failed" in self.world.log_text(), 5, "the refusal")
        client.profile(3)
        self.wait_sent(first.url, 30)

    def test_who_stays_keeps_its_books_who_is_new_gets_what_is_there_who_is_gone_lets_go(self):
        stays, goes, comes = self.server(), self.server(lambda s, n: Answer(503)), self.server()
        client = self.start(stays, goes)
        client.profile(1, parts=3)
        self.wait_sent(stays.url, 30)
        wait_for(lambda: goes.requests, what="a try")
        self.assertEqual(len(glob.glob(self.world.spool + "/cursor-*")), 1)  # of who has moved
        self.world.configure(['url = "%s"' % comes.url, 'url = "%s"' % stays.url])
        self.assertTrue(self.world.reload())
        client.profile(2, parts=3)
        self.wait_sent(stays.url, 60)
        self.wait_sent(comes.url, 60)  # the first one was in the spool yet
        self.assertEqual(self.spooled(goes.url), 0)
        self.assertNotIn(goes.url, self.world.get("/metrics")[1])
        self.assertEqual(len(stays.names()), 6)
        for server in (stays, comes):
            self.assert_books(server.url, sent=60, held=0, dropped=0)
        self.world.configure(['url = "%s"' % comes.url])
        self.assertTrue(self.world.reload())
        self.assertEqual(len(glob.glob(self.world.spool + "/cursor-*")), 1)
        client.profile(3)
        self.wait_sent(comes.url, 70)
        self.assertEqual(len(stays.names()), 6)
        self.assert_books(comes.url, sent=70, held=0, dropped=0)

    def test_what_is_in_flight_is_finished_for_who_stays_and_ended_for_who_goes(self):
        gate = threading.Event()
        stays = self.server(lambda series, n: Answer(hold=gate))
        goes = self.server(lambda series, n: Answer(hold=gate))
        client = self.start(stays, goes, extra='remote_timeout = "20s"')
        client.profile(1)
        wait_for(lambda: stays.requests and goes.requests, what="both requests")
        self.world.configure(['url = "%s"' % stays.url])
        self.assertTrue(self.world.reload())
        gate.set()
        self.wait_sent(stays.url, 10)
        client.profile(2)
        self.wait_sent(stays.url, 20)
        self.assertEqual([len(stays.requests), len(goes.requests)], [2, 1])
        self.assert_books(stays.url, sent=20, held=0, dropped=0)

    def test_a_mended_token_is_used_at_once(self):
        server = self.server()
        server.rule = lambda series, n: (
            None if server.requests[-1][1].get("Authorization") == "Bearer good" else Answer(401))
        client = self.start(server, extra='headers = {"Authorization" = "Bearer bad"}')
        client.profile(1)
        wait_for(lambda: of_endpoint(self.world.metrics(), "triptych_endpoint_failing", server.url),
                 what="the refusal")
        self.world.configure(['url = "%s"\n    headers = {"Authorization" = "Bearer good"}'
                              % server.url])
        self.assertTrue(self.world.reload())
        self.wait_sent(server.url, 10, 5)
        self.assert_books(server.url, sent=10, held=0, dropped=0)

    def test_reloads_under_load_lose_and_repeat_nothing(self):
        servers = [self.server() for _ in range(3)]
        client = self.start(servers[0], servers[1])
        for sequence in range(1, 61):
            self.assertEqual(client.profile(sequence, parts=2, service="w%d" % sequence), "stored")
            if sequence % 5 == 0:  # the first stays; the others come and go
                here = [servers[0], servers[1 + sequence // 5 % 2]]
                self.world.configure(['url = "%s"' % s.url for s in here[::1 - sequence % 2 * 2]])
                self.assertTrue(self.world.reload())
        self.wait_sent(servers[0].url, 1200)
        expected = sorted("w%d-%d" % (w, p) for w in range(1, 61) for p in range(2))
        self.assertEqual(sorted(servers[0].names()), expected)
        self.assert_books(servers[0].url, sent=1200, held=0, dropped=0)
        self.assert_books(here[1].url, dropped=0)
        self.assertEqual(self.world.metrics()["triptych_spool_damaged_total"][()], 0)

    def test_a_directory_that_the_sandbox_does_not_know_needs_a_restart_and_changes_nothing(self):
        server = self.server()
        client = self.start(server)
        self.world.configure(['url = "%s"' % self.server().url, 'url = "file:///var/tmp/triptych-no"'])
        self.assertFalse(self.world.reload())
        self.assertIn("event=endpoint-unusable", self.world.log_text())
        client.profile(1)
        self.wait_sent(server.url, 10)
        self.assert_books(server.url, sent=10, held=0, dropped=0)
        self.assertEqual(self.servers[1].requests, [])

    def test_the_log_level_is_taken_over(self):
        self.start(self.server())
        with open(self.world.root + "/config.alloy") as file:
            text = file.read()
        self.world.write_configuration(text + 'logging { level = "error" }\n')
        self.assertTrue(self.world.reload())
        before = len(self.world.log_text())
        self.assertTrue(self.world.reload())
        self.assertEqual(self.world.log_text()[before:], "")


class Listening(ShipperTest):
    def test_a_garbled_frame_is_refused_and_counted_and_the_rest_goes_on(self):
        server = self.server()
        client = self.start(server)
        for raw in ("93", "930e01", "9e", "930fc0c0", "", "940e92010203" + "ff" * 50):
            self.assertEqual(client.ask("raw " + raw), "unanswered", raw)
        self.assertEqual(client.profile(1, parts=0), "unanswered")  # nothing in it
        self.assertEqual(client.profile(1), "stored")
        metrics = self.world.metrics()
        self.assertGreaterEqual(sum(metrics["triptych_shipper_messages_refused_total"].values()), 6)
        self.wait_sent(server.url, 10)

    @unittest.skipUnless(IS_ROOT, "needs another uid")
    def test_a_foreign_uid_is_turned_away_and_counted(self):
        self.start(self.server())
        stranger = self.client(uid=SYMBOLIZER_UID + 77)
        self.assertEqual(stranger.profile(1), "unanswered")
        metrics = self.world.metrics()
        self.assertGreaterEqual(metrics["triptych_shipper_messages_refused_total"][
            (("reason", "foreign_uid"),)], 1)
        self.assertEqual(self.client().profile(1), "stored")

    def test_sums_of_symbolizers_never_go_back(self):
        client = self.start(self.server())
        second = self.client()
        self.assertEqual(client.ask("stats 1 100=5 112=7 1=9 5000=1"), "NOTED")
        self.assertEqual(second.ask("stats 2 100=10 112=3"), "NOTED")

        def values():
            metrics = self.world.metrics()
            return (metrics["triptych_frames_total"][(("outcome", "named"),)],
                    metrics["triptych_symbol_table_bytes"][()])
        self.assertEqual(values(), (15, 10))
        second.close()
        self.clients.remove(second)
        wait_for(lambda: values() == (15, 7), what="the gauge of who left to go")
        self.assertEqual(self.client().ask("stats 3 100=1"), "NOTED")
        self.assertEqual(values(), (16, 7))
        client.ask("stats 1 100=2")
        self.assertEqual(values(), (16, 7))


class Control(ShipperTest):
    def listener(self):
        process = subprocess.Popen(
            as_user(COLLECTOR_UID) + [self.world.tool("collector"), self.world.run + "/control.sock",
                                      str(uid_of(SHIPPER_UID))],
            text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment())
        self.addCleanup(process.stdout.close)
        self.addCleanup(process.wait)
        self.addCleanup(process.stdin.close)
        return process

    def test_ready_says_what_is_missing_until_nothing_is(self):
        client = self.start(self.server())
        status, text = self.world.get("/-/ready")
        self.assertEqual(status, 503)
        self.assertIn("collector", text)
        self.assertIn("symbolizer", text)
        client.ask("stats 1 100=5")
        status, text = self.world.get("/-/ready")
        self.assertEqual(status, 503)
        self.assertNotIn("symbolizer", text)
        collector = self.listener()
        first = collector.stdout.readline().split()
        self.assertEqual(first[2:], ["full", "1", "97"])
        following = first
        while following == first:  # It is told again if its first answer was late.
            following = collector.stdout.readline().split()
        self.assertEqual(following, ["settings", first[1], "heartbeat"])
        self.assertEqual(self.world.get("/-/ready"), (200, "ready\n"))
        metrics = self.world.metrics()
        wait_for(lambda: self.world.metrics()["triptych_ticks_total"][()] >= 2, what="its answer")
        self.assertEqual(metrics["triptych_collector_up"][()], 1)
        self.assertEqual(metrics["triptych_frames_total"][(("outcome", "named"),)], 5)
        self.assertIn((("service", "collector"), ("version", "9.9?test")),
                      metrics["triptych_build_info"])
        collector.stdin.write("forget\n")
        collector.stdin.flush()
        lines = [collector.stdout.readline().split() for _ in range(4)]
        self.assertIn(["settings", first[1], "full", "1", "97"], lines)

    def test_changed_settings_reach_the_collector_at_once_and_the_same_ones_never(self):
        url = 'url = "file://%s"' % self.world.store
        self.world.configure([url])
        self.world.start()
        collector = self.listener()
        first = collector.stdout.readline().split()
        wait_for(lambda: self.world.metrics()["triptych_collector_current"][()] == 1, what="its answer")
        self.assertTrue(self.world.reload())
        self.assertEqual(collector.stdout.readline().split(), ["settings", first[1], "heartbeat"])
        self.world.configure([url], ebpf="  sample_rate = 101\n")
        begun = time.monotonic()
        self.assertTrue(self.world.reload())
        while True:
            line = collector.stdout.readline().split()
            if line[2] == "full":
                break
        self.assertLess(time.monotonic() - begun, 0.8)  # below any heartbeat
        self.assertEqual(line[2:], ["full", "1", "101"])
        self.assertNotEqual(line[1], first[1])
        self.assertEqual(collector.stdout.readline().split(), ["settings", line[1], "heartbeat"])

    def test_a_collector_that_stops_is_asked_often(self):
        self.world.configure(['url = "file://%s"' % self.world.store])
        self.world.start()
        collector = self.listener()
        for _ in range(2):
            collector.stdout.readline()
        begun = time.monotonic()
        collector.stdin.write("stop\n")
        collector.stdin.flush()
        for _ in range(5):
            collector.stdout.readline()
        self.assertLess(time.monotonic() - begun, 1.5)

    def test_the_same_configuration_is_the_same_generation_after_a_restart(self):
        self.world.configure(['url = "file://%s"' % self.world.store])
        self.world.start("--stop-seconds", "0")
        collector = self.listener()
        first = collector.stdout.readline().split()[1]
        self.world.stop()
        self.world.start()
        while True:
            line = collector.stdout.readline().split()
            self.assertEqual(line[1], first)
            if line[2] == "full":
                break


class Pages(ShipperTest):
    def test_pages_and_what_is_none(self):
        self.start(self.server())
        self.assertEqual(self.world.get("/-/healthy"), (200, "healthy\n"))
        self.assertIn("/metrics", self.world.get("/")[1])
        self.assertEqual(self.world.get("/nothing")[0], 404)
        request = urllib.request.Request("http://%s/metrics" % self.world.http, method="POST")
        with self.assertRaises(urllib.error.HTTPError) as caught:
            urllib.request.urlopen(request, data=b"x", timeout=5)
        self.assertEqual(caught.exception.code, 405)
        caught.exception.close()
        with urllib.request.urlopen("http://%s/metrics" % self.world.http) as answer:
            self.assertTrue(answer.headers["Content-Type"].startswith("text/plain; version=0.0.4"))
        metrics = self.world.metrics()
        self.assertGreater(metrics["process_resident_memory_bytes"][()], 1 << 20)
        self.assertGreater(metrics["process_open_fds"][()], 5)
        self.assertGreater(metrics["process_start_time_seconds"][()], 1.6e9)

    def test_slow_and_many_clients_do_not_stop_profiles(self):
        server = self.server()
        client = self.start(server)
        host, port = self.world.http.split(":")
        idle = [socket.create_connection((host, int(port))) for _ in range(40)]
        for connection in idle[:10]:
            connection.sendall(b"GET /metrics HTTP/1.1\r\nX: " + b"y" * 100)
        self.assertEqual(client.profile(1), "stored")
        wait_for(lambda: server.names(), what="the push")
        for connection in idle:
            connection.close()
        self.wait_sent(server.url, 10)

    def test_clients_that_trickle_do_not_keep_others_out_for_ever(self):
        self.start(self.server())
        host, port = self.world.http.split(":")
        tricklers = [socket.create_connection((host, int(port))) for _ in range(40)]
        for connection in tricklers:
            connection.sendall(b"GET /metrics HTTP/1.1\r\nX: ")
        before = time.monotonic()

        def is_let_in():
            for connection in tricklers:
                try:
                    connection.sendall(b"y")
                except OSError:
                    pass  # it was shown out
            try:
                with socket.create_connection((host, int(port)), timeout=1) as other:
                    other.sendall(b"GET /-/healthy HTTP/1.1\r\nHost: h\r\n\r\n")
                    return b"healthy" in other.recv(4096)
            except OSError:
                return False
        wait_for(is_let_in, 25, "a page")
        self.assertLess(time.monotonic() - before, 20)
        for connection in tricklers:
            connection.close()


def main():
    global TOOLS
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    for name in ("shipper", "client", "collector"):
        parser.add_argument("--" + name, required=True)
    known, rest = parser.parse_known_args()
    TOOLS = vars(known)
    unittest.main(argv=[sys.argv[0]] + rest, verbosity=2)


if __name__ == "__main__":
    main()
