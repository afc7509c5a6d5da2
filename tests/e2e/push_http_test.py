#!/usr/bin/env python3
"""pyroscope.write's HTTP options, end to end: the confined shipper pushes through them.

The client's options have tests of their own (http_client_test.py, http_trust_test.py); here they
are those of endpoints, several at once, and the books tell what came of it.
"""
import json
import os
import ssl
import time

import push_test
from http_servers import Authority, Nginx, Tinyproxy, TokenServer, free_port, htpasswd
from push_test import Answer, ShipperTest, of_endpoint, wait_for

FAST = 'min_backoff_period = "10ms"\n    max_backoff_period = "50ms"\n    '


class HttpTest(ShipperTest):
    def setUp(self):
        super().setUp()
        self.directory = self.world.root + "/files"
        os.mkdir(self.directory, 0o755)

    def started(self, thing):
        self.addCleanup(thing.stop)
        return thing

    def path(self, name, content=None):
        path = os.path.join(self.directory, name)
        if content is not None:
            with open(path, "w") as file:
                file.write(content)
            os.chmod(path, 0o644)
        return path

    def readable(self, path):
        os.chmod(path, 0o644)
        return path

    def outcomes(self, endpoint, outcome):
        return of_endpoint(self.world.metrics(), "triptych_endpoint_requests_total", endpoint,
                           outcome=outcome)


class Options(HttpTest):
    def test_each_endpoint_has_its_own_way_to_say_who_it_is(self):
        self.path("token", "of-file\n")
        ways = [("", None), ('bearer_token = "b"', "Bearer b"),
                ('bearer_token_file = "%s"' % self.path("token"), "Bearer of-file"),
                ('basic_auth {\n username = "u"\n password = "p"\n }', "Basic dTpw"),
                ('authorization {\n type = "Key"\n credentials = "k"\n }', "Key k"),
                ('headers = { "Authorization" = "Own" }\n bearer_token = "b"', "Own")]
        servers = [self.server() for _ in ways]
        self.world.configure(['url = "%s"\n %s' % (server.url, way)
                              for server, (way, _) in zip(servers, ways)])
        self.world.start()
        self.client().profile(1, parts=2)
        for server, (way, expected) in zip(servers, ways):
            with self.subTest(way):
                self.wait_sent(server.url, 20)
                self.assertEqual(server.requests[0][1].get("Authorization"), expected)
                self.assert_books(server.url, sent=20, held=0, dropped=0)

    def test_a_confined_shipper_pushes_by_tls_proxy_and_token(self):
        authority = Authority(self.directory)
        cert, key = authority.sign("profiles.test", "DNS:profiles.test")
        my_cert, my_key = authority.sign("shipper")
        proxy, tokens = self.started(Tinyproxy(self.directory)), self.started(TokenServer())
        server = self.server()
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(cert, key)
        context.load_verify_locations(authority.cert)
        context.verify_mode = ssl.CERT_REQUIRED
        server.httpd.socket = context.wrap_socket(server.httpd.socket, server_side=True)
        server.url = "https://localhost:%d" % server.port
        self.world.configure(['''url = "%s"
            proxy_url = "http://127.0.0.1:%d"
            http_headers = { "X-Two" = ["1", "2"] }
            oauth2 {
                client_id     = "profiler"
                client_secret = "s3cret & more"
                token_url     = "%s/token"
            }
            tls_config {
                ca_file     = "%s"
                cert_file   = "%s"
                key_file    = "%s"
                server_name = "profiles.test"
            }''' % (server.url, proxy.port, tokens.url, self.readable(authority.cert),
                    self.readable(my_cert), self.readable(my_key))])
        self.world.start()
        client = self.client()
        for sequence in range(1, 6):
            client.profile(sequence)
        self.wait_sent(server.url, 50)
        self.assert_books(server.url, sent=50, held=0, dropped=0)
        self.assertEqual(tokens.counts()["given"], 1)
        self.assertRegex(server.requests[0][1]["Authorization"], "^Bearer .{16}")
        self.assertIn("CONNECT localhost:%d" % server.port, " ".join(proxy.asked_for()))
        self.assertIn("seccomp=on", self.world.log_text())

    def test_nginx_takes_pushes_by_http2_and_a_password(self):
        authority = Authority(self.directory)
        cert, key = authority.sign("localhost", "DNS:localhost")
        server = self.server()
        port = free_port()
        htpasswd(self.path("users"), "profiler", "s3cret")
        self.started(Nginx(self.directory, f"""
            log_format seen "$server_protocol $remote_user $request_method $uri $status";
            server {{ listen 127.0.0.1:{port} ssl http2; ssl_certificate {cert};
            ssl_certificate_key {key}; access_log {self.path("access.log")} seen;
            location /tenant/ {{ auth_basic profiles; auth_basic_user_file {self.path("users")};
            proxy_pass {server.url}/; client_max_body_size 8m; }} }}""", [port]))
        url = "https://localhost:%d/tenant" % port
        self.world.configure(['''url = "%s/"
            basic_auth {
                username = "profiler"
                password = "s3cret"
            }
            tls_config {
                ca_file = "%s"
            }''' % (url, self.readable(authority.cert))])
        self.world.start()
        client = self.client()
        for sequence in range(1, 21):
            client.profile(sequence, parts=3, size=20_000)
        self.wait_sent(url, 600)
        self.assert_books(url, sent=600, held=0, dropped=0)
        self.assertEqual(len(server.names()), 60)
        with open(self.path("access.log")) as file:
            self.assertEqual(set(file.read().splitlines()), {
                "HTTP/2.0 profiler POST /tenant/push.v1.PusherService/Push 200"})

    def test_receivers_have_their_own_labels_and_one_that_is_down_delays_none(self):
        servers = [self.server() for _ in range(2)] + [self.server(lambda s, n: Answer(503))]
        text = ""
        for i, server in enumerate(servers):
            text += '''pyroscope.write "w%d" {
                external_labels = { "receiver" = "%d" }
                endpoint {
                    url     = "%s"
                    headers = { "X-Scope-OrgID" = "tenant-%d" }
                    max_backoff_period = "1s"
                }
            }\n''' % (i, i, server.url, i)
        self.world.write_configuration(text + '''pyroscope.ebpf "e" {
            forward_to     = [pyroscope.write.w0.receiver, pyroscope.write.w1.receiver,
                              pyroscope.write.w2.receiver]
            default_target = { service_name = "host" }
        }\n''')
        self.world.start()
        client = self.client()
        for sequence in range(1, 6):
            client.profile(sequence, parts=2)
        for i, server in enumerate(servers[:2]):
            self.wait_sent(server.url, 100)
            self.assert_books(server.url, sent=100, held=0, dropped=0)
            self.assertEqual({series.labels["receiver"] for series in server.stored}, {str(i)})
            self.assertEqual({headers["X-Scope-OrgID"] for _, headers, _ in server.requests},
                             {"tenant-%d" % i})
        self.assert_books(servers[2].url, sent=0, held=100, dropped=0)

    def test_tokens_and_certificates_that_change_need_no_reload(self):
        wanted = ["one"]
        server = self.server(lambda series, n: None if server.requests[-1][1]["Authorization"] ==
                             "Bearer " + wanted[0] else Answer(401, b"no"))
        self.path("token", "one")
        self.world.configure(['url = "%s"\n bearer_token_file = "%s"'
                              % (server.url, self.path("token"))])
        self.world.start()
        client = self.client()
        client.profile(1)
        self.wait_sent(server.url, 10)
        wanted[0] = "two"
        self.path("token", "two")
        client.profile(2)
        self.wait_sent(server.url, 20)
        self.assertEqual(self.outcomes(server.url, "misconfigured"), 0)

    def test_a_token_that_comes_late_is_tried_at_once(self):
        server = self.server(lambda series, n: None if server.requests[-1][1]["Authorization"] ==
                             "Bearer two" else Answer(401, b"no"))
        self.world.configure(['url = "%s"\n bearer_token_file = "%s"'
                              % (server.url, self.path("token"))])
        self.world.start()
        self.client().profile(1)
        wait_for(lambda: self.outcomes(server.url, "misconfigured") == 1, 5, "no token")
        self.path("token", "one")
        wait_for(lambda: self.outcomes(server.url, "misconfigured") == 2, 5, "a wrong token")
        self.path("token", "two")
        self.wait_sent(server.url, 10, seconds=5)
        self.assert_books(server.url, sent=10, held=0, dropped=0)
        self.assertEqual(len(server.requests), 2)

    def test_a_token_that_a_server_forgot_is_fetched_again_and_nothing_waits(self):
        tokens = self.started(TokenServer())
        server = self.server(lambda series, n: Answer(401, b"{}") if n == 2 else None)
        self.world.configure(['''url = "%s"
            oauth2 {
                client_id     = "profiler"
                client_secret = "s3cret & more"
                token_url     = "%s/token"
            }''' % (server.url, tokens.url)])
        self.world.start()
        client = self.client()
        for sequence in (1, 2, 3):
            client.profile(sequence)
            self.wait_sent(server.url, 10 * sequence)
        self.assertEqual(self.outcomes(server.url, "misconfigured"), 0)
        good = [headers["Authorization"] for _, headers, _ in server.requests]
        self.assertEqual(good[0], good[1])
        self.assertNotEqual(good[1], good[2])
        self.assertEqual(tokens.counts()["given"], 2)

    def test_without_credentials_nothing_is_sent_and_nothing_is_lost(self):
        tokens = self.started(TokenServer())
        servers = [self.server() for _ in range(4)]
        oauth2 = '''oauth2 {
            client_id     = "profiler"
            client_secret = "wr0ng-secret"
            token_url     = "%s/token"
        }'''
        ways = [oauth2 % tokens.url, 'bearer_token_file = "/nowhere/token"',
                'tls_config {\n ca_file = "/nowhere/ca"\n }',
                'proxy_url = "http://u:hunter22@127.0.0.1:1"']
        self.world.configure(['url = "%s"\n %s%s' % (server.url, FAST, way)
                              for server, way in zip(servers, ways)])
        self.world.start()
        self.client().profile(1)
        for server in servers:
            wait_for(lambda s=server: of_endpoint(self.world.metrics(), "triptych_endpoint_failing",
                                                  s.url), what="failing")
            self.assert_books(server.url, sent=0, held=10, dropped=0)
            self.assertEqual(server.requests, [])
        for server in servers[:3]:
            self.assertEqual(self.outcomes(server.url, "misconfigured"), 1)
        said = self.world.log_text() + self.world.get("/-/ready")[1] + self.world.get("/metrics")[1]
        self.assertIn("401 invalid_client", said)
        self.assertIn("/nowhere/token: No such file", said)
        for secret in ("wr0ng", "hunter22"):
            self.assertNotIn(secret, said)
        tokens.control(secret="wr0ng-secret")
        self.world.reload()  # tries what waits at once
        self.wait_sent(servers[0].url, 10)

    def test_a_server_that_repeats_what_it_got_makes_no_secret_known(self):
        def repeat(series, n):
            headers = server.requests[-1][1]
            return Answer(403, " ".join(headers[name] for name in (
                "Authorization", "X-Api-Key", "X-Scope-OrgID")).encode(), "text/plain")
        server = self.server(repeat)
        self.world.configure(['''url = "%s"
            bearer_token = "t0p-s3cret-token"
            headers = { "X-Scope-OrgID" = "te" }
            http_headers = { "X-Api-Key" = ["k3y-of-the-api"] }''' % server.url])
        self.world.start()
        self.client().profile(1)
        wait_for(lambda: self.outcomes(server.url, "misconfigured"), what="the refusal")
        self.assertEqual(server.requests[0][1]["Authorization"], "Bearer t0p-s3cret-token")
        said = self.world.log_text() + self.world.get("/-/ready")[1]
        self.assertIn("403 ****", said)
        self.assertNotIn("t0p-s3cret", said)
        self.assertNotIn("k3y-of-the-api", said)


class Answers(HttpTest):
    """Every class of answers, at one profile and in a batch: what is sent again, what is not."""

    def push(self, rule, extra=FAST, parts=1):
        server = self.server(rule)
        self.world.configure(['url = "%s"\n    %s' % (server.url, extra)])
        self.world.start()
        self.client().profile(1, parts=parts)
        return server

    def test_what_passes_is_tried_until_it_has_passed(self):
        answers = [Answer(status, b"x", "text/plain") for status in (408, 409, 425, 499, 502, 503, 504,
                                                                   520, 599)]
        answers += [Answer(429, b"{}"), Answer(500, b"{}"), Answer(drop=True)]
        for code, status in (("canceled", 499), ("deadline_exceeded", 504), ("aborted", 409),
                             ("unavailable", 503), ("resource_exhausted", 429), ("canceled", 408),
                             ("unknown", 500), ("internal", 500), ("data_loss", 500)):
            answers.append(Answer(status, json.dumps({"code": code, "message": "m"}).encode()))
        server = self.push(lambda series, n: answers[n - 1] if n <= len(answers) else None)
        self.wait_sent(server.url, 10)
        self.assertEqual(len(server.requests), len(answers) + 1)
        self.assert_books(server.url, sent=10, held=0, dropped=0)

    def test_an_answer_that_breaks_off_is_none(self):
        server = self.push(lambda series, n: Answer(n_missing=9) if n < 3 else None)
        self.wait_sent(server.url, 10)
        self.assertEqual(len(server.requests), 3)
        metrics = self.assert_books(server.url, sent=10, held=0, dropped=0)
        self.assertEqual(of_endpoint(metrics, "triptych_endpoint_profiles_repeated_total", server.url), 2)

    def test_a_kept_connection_that_breaks_is_replaced_and_the_repetition_counted(self):
        server = self.server(lambda series, n: Answer(drop=True) if n == 2 else None)
        self.world.configure(['url = "%s"' % server.url])
        self.world.start()
        client = self.client()
        for sequence in (1, 2):
            client.profile(sequence)
            self.wait_sent(server.url, 10 * sequence)
        metrics = self.assert_books(server.url, sent=20, held=0, dropped=0)
        self.assertEqual(len(server.requests), 3)
        self.assertEqual(of_endpoint(metrics, "triptych_endpoint_profiles_repeated_total", server.url), 1)

    def test_what_can_never_pass_is_set_aside_at_once_or_after_three_tries(self):
        cases = [(400, {"code": "invalid_argument"}, 3), (404, {"code": "not_found"}, 3),
                 (409, {"code": "already_exists"}, 3), (412, {"code": "failed_precondition"}, 3),
                 (400, {"code": "out_of_range"}, 3), (422, {}, 3), (413, {}, 1),
                 (400, {"code": "invalid_argument", "message": "profile size exceeds"}, 1),
                 (400, {"code": "invalid_argument", "message": "not_in_ingestion_window"}, 1)]
        servers = [self.server(lambda series, n, s=status, b=body: Answer(s, json.dumps(b).encode()))
                   for status, body, _ in cases]
        self.world.configure(['url = "%s"\n    %s' % (server.url, FAST) for server in servers])
        self.world.start()
        self.client().profile(1)
        for server, (status, body, n_tries) in zip(servers, cases):
            with self.subTest(status=status, body=body):
                wait_for(lambda s=server: of_endpoint(
                    self.world.metrics(), "triptych_endpoint_samples_dropped_total", s.url) == 10,
                         what="the drop")
                self.assertEqual(len(server.requests), n_tries)

    def test_what_an_operator_must_mend_is_kept(self):
        cases = [(401, {"code": "unauthenticated"}), (403, {"code": "permission_denied"}),
                 (501, {"code": "unimplemented"}), (404, {"code": "unimplemented"}), (404, {}),
                 (405, {}), (407, {}), (415, {}), (204, {})]
        servers = [self.server(lambda series, n, s=status, b=body: Answer(s, json.dumps(b).encode()))
                   for status, body in cases]
        self.world.configure(['url = "%s"\n    %s' % (server.url, FAST) for server in servers])
        self.world.start()
        self.client().profile(1)
        for server, (status, body) in zip(servers, cases):
            with self.subTest(status=status, body=body):
                wait_for(lambda s=server: self.outcomes(s.url, "misconfigured"), what="an answer")
        time.sleep(0.3)
        for server in servers:
            self.assertEqual(len(server.requests), 1)
            self.assert_books(server.url, sent=0, held=10, dropped=0)

    def test_redirects_are_followed_where_the_body_can_go_along(self):
        there = self.server()
        for status, is_followed in ((307, True), (308, True), (301, False), (302, False)):
            with self.subTest(status=status):
                here = self.server(lambda series, n, s=status: Answer(s, headers={
                    "Location": there.url + "/push.v1.PusherService/Push"}))
                self.world.configure(['url = "%s"\n bearer_token = "t0ken"' % here.url])
                if not self.world.shipper:
                    self.world.start()
                    self.client().profile(1)
                else:
                    self.assertTrue(self.world.reload())
                    self.clients[0].profile(status)
                if is_followed:
                    self.wait_sent(here.url, of_endpoint(
                        self.world.metrics(), "triptych_endpoint_samples_spooled_total", here.url))
                    self.assertNotIn("Authorization", there.requests[-1][1])
                else:
                    wait_for(lambda s=here: self.outcomes(s.url, "misconfigured"), what="an answer")
                    self.assertIn("%d redirected to %s/push" % (status, there.url),
                                  self.world.get("/-/ready")[1])


if __name__ == "__main__":
    push_test.main()
