#!/usr/bin/env python3
"""The shipper's HTTP client and those it has to do with on the way: TLS, proxies, token servers.

usage: http_trust_test.py --probe PATH [unittest arguments]
"""

import base64
import json
import os
import shutil
import time

from http_case import Case, headers_of, main
from http_servers import Authority, Echo, Nginx, TlsFront, Tinyproxy, TokenServer, free_port


def pem(path):
    """As an argument of the configuration: a raw string."""
    with open(path, encoding="utf-8") as file:
        return "`" + file.read() + "`"


class Tls(Case):
    """nginx with certificates of an authority that only the configuration knows."""

    def setUp(self):
        super().setUp()
        self.authority = Authority(self.directory)
        self.authority.sign("profiles.test", "DNS:profiles.test")
        self.authority.sign("client")
        self.port, self.mutual_port = free_port(), free_port()
        servers = "".join(f"""server {{ listen 127.0.0.1:{port} ssl http2; server_name _;
            ssl_certificate {self.path("profiles.test.pem")}; ssl_protocols TLSv1.2 TLSv1.3;
            ssl_certificate_key {self.path("profiles.test.key")}; {verify}
            return 200 "$ssl_protocol $server_protocol $ssl_server_name $http_host $ssl_client_s_dn";
            }}""" for port, verify in (
                (self.port, ""),
                (self.mutual_port, f"ssl_client_certificate {self.authority.cert};"
                                   "ssl_verify_client on;")))
        self.started(Nginx(self.directory, servers, [self.port, self.mutual_port]))
        self.url = f"https://localhost:{self.port}/"
        self.mutual_url = f"https://127.0.0.1:{self.mutual_port}/"

    def ask(self, options, url=None, extra=""):
        return self.probe(extra + "\ntls_config {\n" + options + "\n}").get(url or self.url)

    def test_a_server_is_trusted_by_its_authority_and_name_only(self):
        ca = f'ca_file = "{self.authority.cert}"'
        other = Authority(self.directory, "other").cert
        for options, outcome in (
                ("", "untrusted"), (ca, "untrusted"), ('server_name = "profiles.test"', "untrusted"),
                (f'ca_file = "{other}"\nserver_name = "profiles.test"', "untrusted"),
                (f'{ca}\nserver_name = "else.test"', "untrusted"),
                (f'{ca}\nserver_name = "profiles.test"', "answered"),
                (f'ca_pem = {pem(self.authority.cert)}\nserver_name = "profiles.test"', "answered"),
                ("insecure_skip_verify = true", "answered"),
                ('ca_file = "/nowhere/ca.pem"', "untrusted")):
            with self.subTest(options=options):
                answer = self.ask(options)
                self.assertEqual(answer["outcome"], outcome, answer)

    def test_the_name_for_tls_is_not_the_name_of_the_request(self):
        answer = self.ask(f'ca_file = "{self.authority.cert}"\nserver_name = "profiles.test"')
        self.assertEqual(answer["body"].split()[:4],
                         ["TLSv1.3", "HTTP/2.0", "profiles.test", f"localhost:{self.port}"])

    def test_an_authority_of_the_configuration_is_the_only_one(self):
        """What the system trusts beside it must not open the door."""
        system = Authority(self.directory, "system")
        certificate = system.sign("of-system", "DNS:localhost")
        echo = self.started(Echo(certificate=certificate))
        url = f"https://localhost:{echo.port}/"
        self.assertAnswered(self.ask(f'ca_file = "{system.cert}"', url))
        self.assertEqual(self.ask(f'ca_file = "{self.authority.cert}"', url)["outcome"], "untrusted")

    def test_http2_and_versions_are_as_told(self):
        trust = f'ca_file = "{self.authority.cert}"\nserver_name = "profiles.test"\n'
        answer = self.ask(trust, extra="enable_http2 = false")
        self.assertEqual(answer["body"].split()[1], "HTTP/1.1")
        self.assertEqual(self.ask(trust + 'min_version = "TLS13"')["body"].split()[0], "TLSv1.3")
        old = free_port()
        directory = self.path("old")
        os.mkdir(directory)
        self.started(Nginx(directory, f"""server {{ listen 127.0.0.1:{old} ssl;
            ssl_certificate {self.path("profiles.test.pem")}; ssl_protocols TLSv1.1;
            ssl_ciphers DEFAULT@SECLEVEL=0;
            ssl_certificate_key {self.path("profiles.test.key")}; return 200 $ssl_protocol; }}""", [old]))
        url = f"https://localhost:{old}/"
        self.assertEqual(self.ask(trust, url)["outcome"], "unreached")
        self.assertEqual(self.ask(trust + 'min_version = "TLS13"', url)["outcome"], "unreached")
        self.assertEqual(self.ask(trust + 'min_version = "TLS10"', url)["body"], "TLSv1.1")

    def test_a_client_certificate_is_shown(self):
        trust = f'ca_file = "{self.authority.cert}"\nserver_name = "profiles.test"\n'
        cert, key = self.path("client.pem"), self.path("client.key")
        for options in (f'cert_file = "{cert}"\nkey_file = "{key}"',
                        f"cert_pem = {pem(cert)}\nkey_pem = {pem(key)}"):
            answer = self.ask(trust + options, self.mutual_url)
            self.assertAnswered(answer)
            self.assertIn("CN=client", answer["body"])
        self.assertAnswered(self.ask(trust, self.mutual_url), 400)
        answer = self.ask(trust + f'cert_file = "{cert}"\nkey_file = "{self.authority.key}"',
                          self.mutual_url)
        self.assertEqual(answer["outcome"], "untrusted")

    def test_certificates_that_change_are_used_at_once(self):
        trust = f'ca_file = "{self.path("ca.pem")}"\nserver_name = "profiles.test"\n'
        self.authority.sign("renewed")
        shutil.copy(Authority(self.directory, "wrong").cert, self.path("ca.pem"))
        shutil.copy(self.path("client.pem"), self.path("my.pem"))
        shutil.copy(self.path("client.key"), self.path("my.key"))
        probe = self.probe(f'''tls_config {{
            {trust}
            cert_file = "{self.path("my.pem")}"
            key_file = "{self.path("my.key")}"
        }}''')
        self.assertEqual(probe.get(self.mutual_url)["outcome"], "untrusted")
        shutil.copy(self.authority.cert, self.path("ca.pem"))
        self.assertIn("CN=client", probe.get(self.mutual_url)["body"])
        shutil.copy(self.path("renewed.pem"), self.path("my.pem"))
        shutil.copy(self.path("renewed.key"), self.path("my.key"))
        self.assertIn("CN=renewed", probe.get(self.mutual_url)["body"]) # not on the old connection
        shutil.copy(self.path("other.pem") if os.path.exists(self.path("other.pem"))
                    else Authority(self.directory, "other").cert, self.path("ca.pem"))
        self.assertEqual(probe.get(self.mutual_url)["outcome"], "untrusted")

    def test_a_redirect_elsewhere_takes_no_client_certificate_along(self):
        trust = f'ca_file = "{self.authority.cert}"\nserver_name = "profiles.test"\n'
        own = f'cert_file = "{self.path("client.pem")}"\nkey_file = "{self.path("client.key")}"'
        echo = self.started(Echo())
        self.authority.sign("local", "DNS:localhost", "IP:127.0.0.1")
        asks = self.started(Echo(certificate=(self.path("local.pem"), self.path("local.key")),
                                 ask_for=self.authority.cert))
        answer = self.ask(trust + own, f"{echo.url}/redirect/307/{asks.url}/x")
        self.assertAnswered(answer)
        self.assertEqual(asks.seen[-1]["certificate"], None)
        self.assertAnswered(self.ask(f'ca_file = "{self.authority.cert}"\n' + own, asks.url + "/y"))
        self.assertIn("client", str(asks.seen[-1]["certificate"]))


class Proxies(Case):
    """tinyproxy, with and without a user of its own, plain and behind TLS."""

    def setUp(self):
        super().setUp()
        self.authority = Authority(self.directory)
        certificate = self.authority.sign("localhost", "DNS:localhost", "IP:127.0.0.1")
        self.plain, self.tls = self.started(Echo()), self.started(Echo(certificate=certificate))
        self.proxy = self.started(Tinyproxy(self.directory))
        self.trust = f'''tls_config {{\n ca_file = "{self.authority.cert}"\n}}\n'''
        self.by_proxy = f'proxy_url = "http://127.0.0.1:{self.proxy.port}"\n'

    def test_plain_requests_and_tunnels_go_through_it(self):
        probe = self.probe(self.trust + self.by_proxy)
        answer = probe.get(self.plain.url + "/a")
        self.assertAnswered(answer)
        self.assertIn("tinyproxy", answer["via"])
        answer = probe.get(self.tls.url + "/b")
        self.assertAnswered(answer)
        self.assertEqual(answer["via"], "")
        asked = " ".join(self.proxy.asked_for())
        self.assertIn(f"GET {self.plain.url}/a", asked)
        self.assertIn(f"CONNECT 127.0.0.1:{self.tls.port}", asked)

    def test_no_proxy_and_the_environment_decide_who_is_asked_directly(self):
        # It leads to this host as well, and is no address of the loopback network.
        away, here = f"http://0.0.0.0:{self.plain.port}/", self.plain.url
        by = f"http://127.0.0.1:{self.proxy.port}"
        for options, environment, url, is_proxied in (
                (self.by_proxy, {}, away, True),
                (self.by_proxy, {}, here, True),
                (self.by_proxy + 'no_proxy = "elsewhere.test"', {}, away, True),
                (self.by_proxy + 'no_proxy = "elsewhere.test"', {}, here, False),
                (self.by_proxy + 'no_proxy = "0.0.0.0/24"', {}, away, False),
                (self.by_proxy + f'no_proxy = "10.0.0.0/8,0.0.0.0:{self.plain.port}"', {}, away, False),
                (self.by_proxy + 'no_proxy = "0.0.0.0:1"', {}, away, True),
                ("", {"http_proxy": by}, away, False),
                ("proxy_from_environment = true", {"http_proxy": by}, away, True),
                ("proxy_from_environment = true", {"http_proxy": by}, here, False),
                ("proxy_from_environment = true", {"HTTP_PROXY": by[7:]}, away, True),
                ("proxy_from_environment = true", {"https_proxy": by}, away, False),
                ("proxy_from_environment = true", {"http_proxy": by, "no_proxy": "*"}, away, False)):
            with self.subTest(options=options, environment=environment, url=url):
                answer = self.probe(options, **environment).get(url)
                self.assertAnswered(answer)
                self.assertEqual("tinyproxy" in answer["via"], is_proxied)

    def test_a_proxy_may_want_a_user_and_headers_in_connect_only(self):
        guarded = self.started(Tinyproxy(self.directory, "guarded", "na-me pw1"))
        with_user = f'proxy_url = "http://na%2Dme:p%77%31@127.0.0.1:{guarded.port}"\n'
        self.assertAnswered(self.probe(self.trust + with_user).get(self.plain.url))
        self.assertAnswered(self.probe(self.trust + with_user).get(self.tls.url))
        self.assertEqual(headers_of(self.probe(self.trust + with_user).get(self.plain.url),
                                    "proxy-authorization"), [])
        for password in ("wrong", ""):
            bad = f'proxy_url = "http://na-me:{password}@127.0.0.1:{guarded.port}"\n'
            answer = self.probe(self.trust + bad).get(self.tls.url)
            self.assertEqual(answer["outcome"], "denied", answer)
            self.assertNotIn("na-me", answer["error"])
            self.assertAnswered(self.probe(self.trust + bad).get(self.plain.url), 401) # by tinyproxy
        basic = "Basic " + base64.b64encode(b"na-me:pw1").decode()
        header = (f'proxy_url = "http://127.0.0.1:{guarded.port}"\n'
                  f'proxy_connect_header = {{ "Proxy-Authorization" = ["{basic}"] }}')
        answer = self.probe(self.trust + header).get(self.tls.url)
        self.assertAnswered(answer)
        self.assertEqual(headers_of(answer, "proxy-authorization"), [])

    def test_a_proxy_may_be_spoken_to_by_tls(self):
        front = self.started(TlsFront(self.path("localhost.pem"), self.path("localhost.key"),
                                      self.proxy.port))
        options = f'proxy_url = "https://127.0.0.1:{front.port}"\n'
        self.assertAnswered(self.probe(self.trust + options).get(self.tls.url))
        self.assertAnswered(self.probe(self.trust + options).get(self.plain.url))
        self.assertEqual(self.probe(options).get(self.plain.url)["outcome"], "untrusted")

    def test_a_proxy_that_is_not_there_is_no_answer(self):
        answer = self.probe(f'proxy_url = "http://u:pw@127.0.0.1:{free_port()}"').get(self.plain.url)
        self.assertEqual(answer["outcome"], "unreached")
        self.assertNotIn("pw", answer["error"])


class Tokens(Case):
    """OAuth2: client credentials against a token server."""

    def options(self, server, secret="s3cret & more", more=""):
        return f'''oauth2 {{
            client_id = "profiler"
            client_secret = "{secret}"
            token_url = "{server.url}/token"
            {more}
        }}'''

    def test_a_token_is_fetched_once_for_many_requests(self):
        server = self.started(TokenServer())
        probe = self.probe(self.options(server, more='''scopes = ["read", "write all"]
            endpoint_params = { audience = "profiles & more" }'''))
        answers = probe.order("MANY", 20, "-", server.url + "/resource", n_answers=20)
        self.assertEqual({answer["status"] for answer in answers}, {200})
        self.assertAnswered(probe.get(server.url + "/resource"))
        counts = server.counts()
        self.assertEqual(counts["given"], 1)
        self.assertEqual(counts["forms"], [{"grant_type": "client_credentials",
                                            "scope": "read write all", "audience": "profiles & more"}])

    def test_a_token_is_fetched_again_before_it_expires(self):
        server = self.started(TokenServer("--lifetime", "2"))
        probe = self.probe(self.options(server))
        end, n = time.monotonic() + 5, 0
        while time.monotonic() < end:
            self.assertAnswered(probe.get(server.url + "/resource"))
            n += 1
            time.sleep(0.05)
        counts = server.counts()
        self.assertEqual(counts["refused"], 0)
        self.assertIn(counts["given"], (3, 4), n)

    def test_a_token_that_is_refused_is_fetched_again_once(self):
        server = self.started(TokenServer())
        probe = self.probe(self.options(server))
        self.assertAnswered(probe.get(server.url + "/resource"))
        server.control(revoke=True)
        answers = probe.order("MANY", 5, "-", server.url + "/resource", n_answers=5)
        self.assertEqual({answer["status"] for answer in answers}, {200})
        self.assertEqual(server.counts()["given"], 2)
        echo = self.started(Echo())
        self.assertAnswered(probe.get(echo.url + "/status/401"), 401)
        self.assertEqual(server.counts()["given"], 3)
        self.assertEqual(len(echo.seen), 2)

    def test_a_server_may_want_the_secret_in_the_form(self):
        server = self.started(TokenServer("--form", "--lifetime", "1"))
        probe = self.probe(self.options(server))
        self.assertAnswered(probe.get(server.url + "/resource"))
        time.sleep(1)
        self.assertAnswered(probe.get(server.url + "/resource"))
        counts = server.counts()
        self.assertEqual((counts["given"], counts["refused"]), (2, 1)) # what it wants is remembered

    def test_a_refused_secret_is_denied_and_not_told(self):
        server = self.started(TokenServer())
        answer = self.probe(self.options(server, "wr0ng")).get(server.url + "/resource")
        self.assertEqual(answer["outcome"], "denied")
        self.assertIn("401 invalid_client", answer["error"])
        self.assertNotIn("wr0ng", answer["error"])

    def test_a_token_server_that_is_away_is_waited_for(self):
        server = self.started(TokenServer())
        probe = self.probe(self.options(server))
        server.control(status=503)
        self.assertEqual(probe.get(server.url + "/resource")["outcome"], "unreached")
        server.control(status=200)
        self.assertAnswered(probe.get(server.url + "/resource"))
        server.stop()
        self.assertEqual(self.probe(self.options(server)).get(server.url)["outcome"], "unreached")
        echo = self.started(Echo())
        for path in ("/drop", "/long"):
            options = self.options(echo).replace("/token", path)
            self.assertEqual(self.probe(options).get(echo.url + "/x")["outcome"], "unreached")
        self.assertEqual(len(echo.seen), 2) # nothing came without a token

    def test_a_secret_may_come_from_a_file_that_changes(self):
        server = self.started(TokenServer("--lifetime", "1"))
        options = self.options(server).replace('client_secret = "s3cret & more"',
                                               f'client_secret_file = "{self.path("secret")}"')
        probe = self.probe(options)
        self.assertEqual(probe.get(server.url + "/resource")["outcome"], "denied")
        self.path("secret", "s3cret & more\n")
        self.assertAnswered(probe.get(server.url + "/resource"))
        self.path("secret", "n3w\n")
        server.control(secret="n3w")
        time.sleep(1)
        self.assertAnswered(probe.get(server.url + "/resource"))

    def test_no_redirect_carries_the_secret_to_another_server(self):
        echo, server = self.started(Echo()), self.started(TokenServer("--form"))
        server.url, url = f"{echo.url}/redirect/307/{server.url}", server.url
        answer = self.probe(self.options(server)).get(url + "/resource")
        self.assertEqual(answer["outcome"], "denied")
        server.url = url
        self.assertEqual(server.counts()["forms"], [])

    def test_the_token_server_is_reached_by_its_own_tls_and_proxy(self):
        authority = Authority(self.directory)
        certificate = authority.sign("token.test", "DNS:token.test")
        proxy, server = self.started(Tinyproxy(self.directory)), self.started(TokenServer())
        front = self.started(TlsFront(*certificate, int(server.url.rsplit(":", 1)[1])))
        options = self.options(server, more=f'''
            proxy_url = "http://127.0.0.1:{proxy.port}"
            tls_config {{
                ca_file = "{authority.cert}"
                server_name = "token.test"
            }}''').replace(f'"{server.url}/token"', f'"https://127.0.0.1:{front.port}/token"')
        answer = self.probe(options).get(server.url + "/resource")
        self.assertAnswered(answer)
        self.assertEqual(proxy.asked_for()[-1].split()[:2], ["CONNECT", f"127.0.0.1:{front.port}"])
        self.assertEqual(answer["via"], "")
        self.assertIn("token", json.loads(answer["body"]))


if __name__ == "__main__":
    main()
