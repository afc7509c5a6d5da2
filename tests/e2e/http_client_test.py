#!/usr/bin/env python3
"""The shipper's HTTP client against real servers: requests, redirects, authentication.

usage: http_client_test.py --probe PATH [unittest arguments]

Each test writes a configuration as a user would, has the probe load it, and tells it what to ask.
"""

import base64
import json
import os
import time

from http_case import Case, headers_of, main
from http_servers import Echo, Nginx, free_port, htpasswd


class Requests(Case):
    """Without TLS or authentication: what a request is, and how it ends."""

    def setUp(self):
        super().setUp()
        self.echo = self.started(Echo())

    def test_methods_bodies_and_headers_arrive(self):
        probe = self.probe('http_headers = { "X-Two" = ["a", "b"], "X-Empty" = [""], "TE" = ["no"] }')
        answer = probe.get(self.echo.url + "/path?query=1")
        self.assertAnswered(answer)
        seen = json.loads(answer["body"])
        self.assertEqual((seen["method"], seen["path"]), ("GET", "/path?query=1"))
        self.assertEqual(headers_of(answer, "x-two"), ["a", "b"])
        self.assertEqual(headers_of(answer, "x-empty"), [""])
        self.assertEqual(headers_of(answer, "te"), [])
        self.assertRegex(headers_of(answer, "user-agent")[0], r"^Triptych/[\d.]+ \(linux\)$")
        answer = probe.post(self.echo.url + "/p", "a body")
        self.assertEqual(json.loads(answer["body"])["body"], "a body")
        self.assertEqual(headers_of(answer, "content-type"), ["text/plain"])
        self.assertAnswered(probe.order("HEAD", 1000, "-", self.echo.url + "/h"))

    def test_a_unix_socket_is_asked_in_place_of_the_host(self):
        unix = self.started(Echo(self.path("unix.sock")))
        answer = self.probe().get("http://docker/v1/x", socket=self.path("unix.sock"))
        self.assertAnswered(answer)
        self.assertEqual(headers_of(answer, "host"), ["docker"])
        self.assertEqual(len(unix.seen), 1)
        answer = self.probe().get("http://docker/", socket=self.path("none.sock"))
        self.assertEqual(answer["outcome"], "unreached")

    def test_each_way_to_fail_has_its_outcome(self):
        probe = self.probe()
        closed = f"http://127.0.0.1:{free_port()}/"
        for url, outcome in ((closed, "unreached"), ("http://no-such-host.invalid/", "unreached"),
                             (self.echo.url + "/drop", "lost"), (self.echo.url + "/long", "too_long"),
                             ("nonsense", "unusable"), ("http://[::1/", "unusable"),
                             ("http://a:99999/", "unusable")):
            with self.subTest(url=url):
                answer = probe.get(url)
                self.assertEqual(answer["outcome"], outcome, answer)
        self.assertEqual(probe.get(self.echo.url + "/slow", timeout_ms=300)["outcome"], "lost")
        answer = probe.get(self.echo.url + "/status/429/17")
        self.assertAnswered(answer, 429)
        self.assertEqual(answer["retry_after"], 17)

    def test_a_stream_comes_piece_by_piece_until_it_is_stopped(self):
        probe = self.probe()
        answer = probe.order("STREAM", 5, "-", self.echo.url + "/stream")
        self.assertEqual(answer["outcome"], "stopped")
        self.assertEqual(answer["pieces"], [f"piece {i}" for i in range(5)])
        answer = probe.order("CANCEL", 3, "-", self.echo.url + "/stream")
        self.assertEqual((answer["outcome"], len(answer["pieces"])), ("cancelled", 3))
        self.assertAnswered(probe.get(self.echo.url + "/after"))

    def test_a_stream_that_fell_silent_is_ended(self):
        begun = time.monotonic()
        answer = self.probe().order("STREAM", 5, "-", self.echo.url + "/silent")
        self.assertEqual(answer["outcome"], "lost")
        self.assertLess(time.monotonic() - begun, 12)

    def test_many_requests_run_at_once(self):
        begun = time.monotonic()
        answers = self.probe().order("MANY", 12, "-", self.echo.url + "/slow", n_answers=12)
        self.assertEqual({answer["body"] for answer in answers}, {"late"})
        self.assertLess(time.monotonic() - begun, 6)


class Redirects(Case):
    """Followed where that can be meant; what is secret stays with whom it is for."""

    def setUp(self):
        super().setUp()
        self.here, self.there = self.started(Echo()), self.started(Echo())
        self.options = ('http_headers = { "X-Api-Key" = ["k3y"] }\n'
                        'basic_auth {\n username = "u"\n password = "pw"\n}')

    def test_on_one_host_they_keep_their_credentials(self):
        probe = self.probe(self.options)
        for code in (301, 302, 303, 307, 308):
            with self.subTest(code=code):
                answer = probe.get(f"{self.here.url}/redirect/{code}//new")
                self.assertAnswered(answer)
                self.assertEqual(json.loads(answer["body"])["path"], "/new")
                self.assertEqual(headers_of(answer, "x-api-key"), ["k3y"])
                self.assertEqual(len(headers_of(answer, "authorization")), 1)

    def test_to_another_host_or_port_no_secret_goes(self):
        probe = self.probe(self.options)
        other = f"http://localhost:{self.here.port}/name"
        for url in (self.there.url + "/port", other, self.there.url + "/redirect/302/" + self.here.url):
            with self.subTest(url=url):
                answer = probe.get(f"{self.here.url}/redirect/307/{url}")
                self.assertAnswered(answer)
                self.assertEqual(headers_of(answer, "authorization"), [])
                self.assertEqual(headers_of(answer, "x-api-key"), [])
        answer = self.probe().get(f"http://name:pw@127.0.0.1:{self.here.port}/redirect/307/{self.there.url}")
        self.assertEqual(headers_of(answer, "authorization"), [])

    def test_a_body_goes_along_only_where_the_method_stays(self):
        probe = self.probe()
        for code in (307, 308):
            answer = probe.post(f"{self.here.url}/redirect/{code}/{self.there.url}/x", "body")
            self.assertEqual(json.loads(answer["body"])["body"], "body")
        for code in (301, 302, 303):
            self.assertAnswered(probe.post(f"{self.here.url}/redirect/{code}//x", "body"), code)

    def test_they_end_after_ten_and_at_other_protocols(self):
        probe = self.probe()
        self.assertAnswered(probe.get(f"{self.here.url}/redirect/302/ftp://127.0.0.1/x"), 302)
        self.assertAnswered(probe.get(f"{self.here.url}/redirect/302/file:///etc/passwd"), 302)
        loop = self.started(Echo())
        again = f"{loop.url}/redirect/302/"
        url = again + "/redirect/302/" * 30
        answer = probe.get(url.replace("302///", "302//"))
        self.assertAnswered(answer, 302)
        self.assertEqual(len(loop.seen), 11)

    def test_they_are_not_followed_when_told_so(self):
        probe = self.probe("follow_redirects = false")
        self.assertAnswered(probe.get(f"{self.here.url}/redirect/302//new"), 302)


class Authentication(Case):
    """Who we say we are: from the configuration, from files, from the URL."""

    def setUp(self):
        super().setUp()
        self.echo = self.started(Echo())

    def authorization(self, options, url=None):
        return headers_of(self.probe(options).get(url or self.echo.url), "authorization")

    def test_each_way_makes_its_header(self):
        self.path("token", "\n t0k3n-of-file \n")
        self.path("password", "pw-of-file\n")
        basic = "Basic " + base64.b64encode(b"name:pw:1").decode()
        for options, expected in (
                ('bearer_token = "t0k3n"', ["Bearer t0k3n"]),
                (f'bearer_token_file = "{self.path("token")}"', ["Bearer t0k3n-of-file"]),
                ('authorization {\n credentials = "c" \n}', ["Bearer c"]),
                ('authorization {\n type = " GenieKey "\n credentials = "c" \n}', ["GenieKey c"]),
                (f'authorization {{\n credentials_file = "{self.path("token")}" \n}}',
                 ["Bearer t0k3n-of-file"]),
                ('basic_auth {\n username = "name"\n password = "pw:1"\n}', [basic]),
                (f'basic_auth {{\n username = "n"\n password_file = "{self.path("password")}"\n}}',
                 ["Basic " + base64.b64encode(b"n:pw-of-file").decode()]),
                ('http_headers = { "authorization" = ["Own x"] }\n bearer_token = "t"', ["Own x"]),
                ("", [])):
            with self.subTest(options=options):
                self.assertEqual(self.authorization(options), expected)

    def test_a_user_in_the_url_is_used_and_never_said(self):
        url = self.echo.url.replace("//", "//us%40er:p%3Aw@")
        expected = "Basic " + base64.b64encode(b"us@er:p:w").decode()
        self.assertEqual(self.authorization("", url), [expected])
        self.assertEqual(self.authorization('bearer_token = "t"', url), [expected])
        answer = self.probe().get(f"http://us3r:pw@127.0.0.1:{free_port()}/")
        self.assertEqual(answer["outcome"], "unreached")
        self.assertNotIn("us3r", answer["error"])
        self.assertNotIn("pw", answer["error"])

    def test_nginx_takes_the_password_from_a_file_that_changes(self):
        port = free_port()
        htpasswd(self.path("users"), "profiler", "second")
        self.path("index.html", "welcome")
        self.started(Nginx(self.directory, f"""server {{ listen 127.0.0.1:{port};
            root {self.directory}; auth_basic profiles;
            auth_basic_user_file {self.path("users")}; }}""", [port]))
        self.path("password", "first")
        probe = self.probe(f'''basic_auth {{
            username = "profiler"
            password_file = "{self.path("password")}"
        }}''')
        self.assertAnswered(probe.get(f"http://127.0.0.1:{port}/"), 401)
        self.path("password", "second\n")
        answer = probe.get(f"http://127.0.0.1:{port}/")
        self.assertAnswered(answer)
        self.assertEqual(answer["body"], "welcome")

    def test_files_are_read_for_each_request(self):
        self.path("token", "one")
        probe = self.probe(f'bearer_token_file = "{self.path("token")}"')
        self.assertEqual(headers_of(probe.get(self.echo.url), "authorization"), ["Bearer one"])
        self.path("token", "two")
        self.assertEqual(headers_of(probe.get(self.echo.url), "authorization"), ["Bearer two"])
        os.remove(self.path("token"))
        answer = probe.get(self.echo.url)
        self.assertEqual(answer["outcome"], "denied")
        self.assertIn("No such file", answer["error"])
        self.path("token", "three\r\nX-Injected: yes")
        answer = probe.get(self.echo.url)
        self.assertEqual(answer["outcome"], "denied")
        self.assertNotIn("three", answer["error"])
        os.remove(self.path("token"))
        os.mkfifo(self.path("token"))
        self.assertEqual(probe.get(self.echo.url)["outcome"], "denied")
        os.remove(self.path("token"))
        self.path("token", "four")
        self.assertEqual(headers_of(probe.get(self.echo.url), "authorization"), ["Bearer four"])


if __name__ == "__main__":
    main()
