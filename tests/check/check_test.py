#!/usr/bin/env python3
"""`triptych-shipper check`: places, words and exit codes, and what --print writes.

Every row is a whole file and what must come of it, written from the language's rules.
"""
import json
import os
import re
import subprocess
import sys
import tempfile
import unittest

SHIPPER = None  # set by main: path of the executable

WRITE = 'pyroscope.write "w" {\n  endpoint {\n    url = "http://h:4040"\n  }\n}\n'
EBPF = ('pyroscope.ebpf "e" {\n  forward_to = [pyroscope.write.w.receiver]\n  targets = []\n%s}\n')


def check(path, *options, env=None):
    done = subprocess.run([SHIPPER, "check", *options, path], capture_output=True, text=True,
                          env=dict(os.environ, **(env or {})), timeout=60, check=False)
    return done.returncode, done.stdout, done.stderr


class Case(unittest.TestCase):
    def setUp(self):
        self.place = tempfile.TemporaryDirectory()
        self.addCleanup(self.place.cleanup)
        self.path = self.place.name + "/c.alloy"

    def put(self, text, name="c.alloy"):
        with open(self.place.name + "/" + name, "w", encoding="utf-8", newline="") as file:
            file.write(text)
        return self.place.name + "/" + name

    def errors(self, text):
        """What is wrong with @text, the file's name left out: [("2:3", "what")]."""
        code, out, err = check(self.put(text))
        self.assertEqual(out, "")
        found = [line[len(self.path) + 1:].split(": ", 1)
                 for line in err.splitlines() if line.startswith(self.path + ":")]
        found = [(place, what) for place, what in found if not what.startswith("warning: ")]
        self.assertEqual(code, 1 if found else 0, err)
        return found, err

    def printed(self, text, env=None):
        code, out, err = check(self.put(text), "--print", env=env)
        self.assertEqual(code, 0, err)
        return json.loads(out)


class Places(Case):
    def place_of(self, text):
        found, err = self.errors(text)
        self.assertEqual(len(found), 1, err)
        return found[0]

    def test_the_caret_stands_where_the_column_says(self):
        rows = [
            # an unknown argument: its name
            (WRITE + EBPF % "  sampel_rate = 1\n", "9:3", "did you mean sample_rate?",
             "  sampel_rate = 1\n  ^\n"),
            # a wrong value: the value
            (WRITE + EBPF % "  sample_rate = 0\n", "9:17", "expected a whole number from 1",
             "  sample_rate = 0\n                ^\n"),
            # a repeated argument: its second name
            (WRITE + EBPF % "  targets = []\n", "9:3", "set again", "  targets = []\n  ^\n"),
            # something is missing: the block's name
            ('pyroscope.write "w" {\n  endpoint {\n  }\n}\n', "2:3", "misses the argument url",
             "  endpoint {\n  ^\n"),
            # characters, not bytes; a tab is one
            (WRITE + EBPF % '\tdemangle = "äöü" + 1\n', "9:19", "stands between",
             '\tdemangle = "äöü" + 1\n\t                 ^\n'),
            ("pyroscope.write \"w\" {\r\n  nonsense = 1\r\n}\r\n", "2:3", "unknown argument",
             "  nonsense = 1\n  ^\n"),
            ("\ufeffnonsense = 1\n", "1:1", "outside of a block", "nonsense = 1\n^\n"),
        ]
        for text, place, words, excerpt in rows:
            with self.subTest(place=place, words=words):
                at, what = self.place_of(text)
                self.assertEqual(at, place)
                self.assertIn(words, what)
                self.assertIn(excerpt, check(self.path)[2])

    def test_an_unknown_component_is_told_which_there_are(self):
        _, what = self.place_of('pyroscope.wirte "w" {\n}\n')
        for name in ("pyroscope.ebpf", "pyroscope.write", "local.file"):
            self.assertIn(name, what)
        self.assertIn("did you mean pyroscope.write?", what)

    def test_all_errors_are_said_in_the_order_of_the_text(self):
        found, _ = self.errors('pyroscope.write "w" {\n  endpoint {\n    url = = 1\n  }\n}\n'
                               'pyroscope.ebpf "e" {\n  forward_to = []\n  sample_rate = -1\n'
                               '  targets = nowhere.to.be\n}\n')
        self.assertEqual([place for place, _ in found], ["3:11", "8:17", "9:13"])

    def test_what_a_syntax_error_hides_is_not_held_against_others(self):
        found, _ = self.errors('pyroscope.write "w" = {\n}\n' + EBPF % "  sample_rate = 0\n")
        self.assertEqual([place for place, _ in found], ["1:21", "6:17"])

    def test_the_slips_of_the_page_are_explained(self):
        code, _, err = check(self.put(WRITE.replace("http://h:4040", 'http://h:4040')
                                      + EBPF % '  demangle = coalesce(sys.env("<HOSTNAME>"), "none")\n'))
        self.assertEqual(code, 0, err)
        self.assertRegex(err, r':9:31: warning: .*sys\.env\("HOSTNAME"\)')

    def test_a_label_that_pods_do_not_have_is_explained_unless_it_is_attached(self):
        relabel = ('discovery.relabel "r" {\n  targets = []\n  rule {\n'
                   '    source_labels = ["a", "__meta_kubernetes_node_name"]\n'
                   '    target_label = "node"\n  }\n}\n')
        attached = ('discovery.kubernetes "k" {\n  role = "pod"\n'
                    '  attach_metadata {\n    node = true\n  }\n}\n')
        self.assertRegex(check(self.put(relabel))[2],
                         r":4:27: warning: .*did you mean __meta_kubernetes_pod_node_name\?")
        self.assertNotIn("pod_node_name", check(self.put(relabel + attached))[2])

    def test_an_octal_number_is_explained(self):
        code, out, err = check(self.put(WRITE + EBPF % "  sample_rate = 010\n"), "--print")
        self.assertEqual(code, 0, err)
        self.assertIn(":9:17: warning: 010 begins with 0 and is therefore octal: it is worth 8", err)
        self.assertEqual(json.loads(out)["pyroscope.ebpf.e"]["arguments"]["sample_rate"], 8)

    def test_what_cannot_be_read_is_said(self):
        code, out, err = check(self.place.name + "/nowhere")
        self.assertEqual((code, out), (1, ""))
        self.assertIn("No such file", err)

    def test_the_command_line_is_checked(self):
        for arguments in (["check"], ["check", "a", "b"], ["check", "--prnt", "a"]):
            done = subprocess.run([SHIPPER, *arguments], capture_output=True, check=False)
            self.assertEqual(done.returncode, 64)


class Examples(Case):
    """What people have and bring: it is taken as it is."""

    TREE = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

    def take(self, path):
        code, out, err = check(os.path.join(self.TREE, path), "--print",
                               env={"HOSTNAME": "node-1"})
        self.assertEqual(code, 0, err)
        return json.loads(out), err

    def warnings(self, err):
        return re.findall(r"(?m)^\S+?:(\d+:\d+): warning: (.*)$", err)

    def test_docker(self):
        out, err = self.take("tests/check/examples/docker.alloy")
        self.assertEqual(self.warnings(err), [])
        self.assertEqual(out["discovery.docker.engine"]["exports"], {"targets": []})
        self.assertEqual(out["discovery.relabel.chosen"]["exports"]["output"], [])
        self.assertEqual(out["pyroscope.ebpf.host"]["arguments"]["targets"], [])

    def test_local(self):
        out, err = self.take("tests/check/examples/local.alloy")
        self.assertEqual(self.warnings(err), [])
        self.assertEqual(out["pyroscope.ebpf.host"]["arguments"]["targets"],
                         [{"__process_pid__": "1", "service_name": "ebpf/local/init"}])

    def test_kubernetes(self):
        out, _ = self.take("tests/check/examples/kubernetes.alloy")
        selectors = out["discovery.kubernetes.pods"]["arguments"]["selectors"]
        self.assertEqual(selectors[0]["field"], "spec.nodeName=node-1")

    def test_the_page_for_docker(self):
        _, err = self.take("tests/fuzz/corpus/config/docker.alloy")
        self.assertEqual(self.warnings(err), [])

    def test_the_page_for_kubernetes_and_its_two_slips(self):
        out, err = self.take("tests/fuzz/corpus/config/kubernetes.alloy")
        found = self.warnings(err)
        self.assertEqual(len(found), 2, err)
        self.assertEqual(found[0][0], "4:40")
        self.assertIn('did you mean sys.env("HOSTNAME")?', found[0][1])
        self.assertIn("did you mean __meta_kubernetes_pod_node_name?", found[1][1])
        selectors = out["discovery.kubernetes.all_pods"]["arguments"]["selectors"]
        self.assertEqual(selectors[0]["field"], "spec.nodeName=")


class Directories(Case):
    def test_files_of_a_directory_are_one(self):
        self.put(WRITE, "b.alloy")
        self.put(EBPF % "", "a.alloy")
        self.put("this is none", "a.alloy.bak")
        self.put("this neither", ".c.alloy")
        code, out, err = check(self.place.name, "--print")
        self.assertEqual((code, err), (0, ""))
        self.assertEqual(sorted(json.loads(out)), ["pyroscope.ebpf.e", "pyroscope.write.w"])

    def test_an_error_names_its_file_and_its_line_there(self):
        self.put(WRITE, "b.alloy")
        self.put(EBPF % "  sample_rate = 0", "a.alloy")
        self.put("\ufeff\n" + WRITE, "c.alloy")
        code, _, err = check(self.place.name)
        self.assertEqual(code, 1)
        self.assertIn("/a.alloy:4:17: sample_rate is 0", err)
        self.assertIn("/c.alloy:2:1: found a second pyroscope.write.w, expected another label: "
                      "the first is in line 1 of " + self.place.name + "/b.alloy\n", err)

    def test_a_statement_does_not_span_files(self):
        self.put('pyroscope.write "w" {\n', "a.alloy")
        self.put("}\n", "b.alloy")
        code, _, err = check(self.place.name)
        self.assertEqual(code, 1)
        self.assertIn("/a.alloy:1:1: this block has no end", err)
        self.assertIn("/b.alloy:1:1: found `}`", err)

    def test_a_directory_without_files_is_an_error(self):
        code, _, err = check(self.place.name)
        self.assertEqual(code, 1)
        self.assertIn("no *.alloy file", err)


class Printing(Case):
    def test_arguments_have_their_defaults_and_exports_their_values(self):
        all_of_it = self.printed(WRITE + EBPF % '  collect_interval = "1m"\n')
        self.assertEqual(sorted(all_of_it), ["pyroscope.ebpf.e", "pyroscope.write.w"])
        ebpf, write = all_of_it["pyroscope.ebpf.e"], all_of_it["pyroscope.write.w"]
        self.assertEqual(sorted(ebpf), ["arguments", "exports"])
        self.assertEqual(ebpf["exports"], {})
        self.assertEqual(ebpf["arguments"]["sample_rate"], 97)
        self.assertEqual(ebpf["arguments"]["collect_interval"], "1m")
        self.assertEqual(ebpf["arguments"]["targets"], [])
        self.assertEqual(ebpf["arguments"]["forward_to"], ["pyroscope.write.w.receiver"])
        self.assertEqual(write["arguments"]["endpoint"][0]["url"], "http://h:4040")
        self.assertEqual(write["arguments"]["endpoint"][0]["remote_timeout"], "10s")
        self.assertEqual(write["exports"], {"receiver": "pyroscope.write.w.receiver"})

    def test_the_environment_is_read(self):
        out = self.printed(WRITE.replace('"http://h:4040"', 'sys.env("URL")') + EBPF % "",
                           {"URL": "http://from-the-environment"})
        self.assertEqual(out["pyroscope.write.w"]["arguments"]["endpoint"][0]["url"],
                         "http://from-the-environment")

    def test_a_secret_is_not_printed(self):
        token = self.put("hush", "token")
        text = ('local.file "t" {\n  filename = "%s"\n  is_secret = %s\n}\n' + WRITE
                + EBPF % "  default_target = {a = %s}\n")
        out = self.printed(text % (token, "true", "convert.nonsensitive(local.file.t.content)"))
        self.assertEqual(out["local.file.t"]["exports"], {"content": "(secret)"})
        self.assertEqual(out["pyroscope.ebpf.e"]["arguments"]["default_target"], {"a": "hush"})
        out = self.printed(text % (token, "false", "local.file.t.content"))
        self.assertEqual(out["local.file.t"]["exports"], {"content": "hush"})

    def test_secrets_of_an_endpoint_are_not_printed(self):
        text = WRITE.replace('url = "http://h:4040"', '''url = "http://u:hunter2@h"
            headers = { "Authorization" = "hunter2", "X-Scope-OrgID" = "me" }
            http_headers = { "X-A" = ["hunter2", "hunter2"] }
            proxy_url = "http://u:hunter2@p:1"
            proxy_connect_header = { "X-B" = ["hunter2"] }
            basic_auth {
                password = "hunter2"
            }
            tls_config {
                cert_file = "/c"
                key_pem   = "-----BEGIN PRIVATE KEY-----hunter2"
            }''')
        out = self.printed(text)
        self.assertNotIn("hunter2", json.dumps(out))
        endpoint = out["pyroscope.write.w"]["arguments"]["endpoint"][0]
        self.assertEqual(endpoint["url"], "http://(secret)@h")
        self.assertEqual(endpoint["headers"], {"Authorization": "(secret)", "X-Scope-OrgID": "me"})
        self.assertEqual(endpoint["http_headers"], {"X-A": ["(secret)", "(secret)"]})
        self.assertEqual(endpoint["basic_auth"]["password"], "(secret)")
        self.assertEqual(endpoint["tls_config"]["key_pem"], "(secret)")

    def test_a_file_of_another_machine_is_a_warning_and_what_needs_it_is_left_out(self):
        code, out, err = check(self.put('local.file "t" {\n  filename = "/nowhere/token"\n}\n'
                                        + WRITE.replace('"http://h:4040"', "local.file.t.content")
                                        + EBPF % ""), "--print")
        self.assertEqual(code, 0, err)
        self.assertIn(":2:14: warning: /nowhere/token cannot be read", err)
        self.assertIsNone(json.loads(out)["pyroscope.write.w"]["arguments"]["endpoint"][0]["url"])

    def test_an_error_prints_nothing(self):
        self.put(WRITE + EBPF % "  sample_rate = 0\n")
        code, out, _ = check(self.path, "--print")
        self.assertEqual((code, out), (1, ""))


if __name__ == "__main__":
    SHIPPER = sys.argv.pop(1)
    unittest.main()
