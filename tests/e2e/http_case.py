"""What tests of the HTTP client have in common: the probe, and things that are stopped at the end."""

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import unittest

PROBE = ""
CONFIG = """
pyroscope.ebpf "e" {{
  forward_to     = [pyroscope.write.w.receiver]
  default_target = {{ service_name = "host" }}
}}
pyroscope.write "w" {{
  endpoint {{
  url = "http://127.0.0.1:1"
  {options}
  }}
}}
"""


class Probe:
    """One client with the options of one endpoint."""

    def __init__(self, directory, options, environment=None):
        self.path = os.path.join(directory, "probe.alloy")
        with open(self.path, "w", encoding="utf-8") as file:
            file.write(CONFIG.format(options=options))
        self.errors = open(os.path.join(directory, "probe.log"), "w+", encoding="utf-8")
        clean = {name: value for name, value in os.environ.items() if "proxy" not in name.lower()}
        self.process = subprocess.Popen([PROBE, self.path], stdin=subprocess.PIPE, text=True,
                                        stdout=subprocess.PIPE, stderr=self.errors,
                                        env=dict(clean, **(environment or {})))

    def order(self, *words, n_answers=1):
        self.process.stdin.write(" ".join(str(word) for word in words) + "\n")
        self.process.stdin.flush()
        answers = []
        for _ in range(n_answers):
            line = self.process.stdout.readline()
            if not line:
                self.errors.seek(0)
                raise AssertionError("the probe ended: " + self.errors.read())
            answers.append(json.loads(line))
        return answers if n_answers > 1 else answers[0]

    def get(self, url, timeout_ms=10000, socket="-"):
        return self.order("GET", timeout_ms, socket, url)

    def post(self, url, body, timeout_ms=10000):
        return self.order("POST", timeout_ms, "-", url, body)

    def stop(self):
        self.process.stdin.close()
        status = self.process.wait(20)
        self.process.stdout.close()
        self.errors.seek(0)
        said = self.errors.read()
        self.errors.close()
        return status, said


def headers_of(answer, name):
    """The values of the header @name that the echo saw."""
    return [value for key, value in json.loads(answer["body"])["headers"] if key == name]


class Case(unittest.TestCase):
    """Things that are stopped at the end, newest first."""

    def setUp(self):
        self.directory = tempfile.mkdtemp(prefix="http-", dir="/tmp")
        self.addCleanup(shutil.rmtree, self.directory, True)

    def started(self, thing):
        self.addCleanup(thing.stop)
        return thing

    def probe(self, options="", **environment):
        probe = Probe(self.directory, options, environment)
        self.addCleanup(self.end_probe, probe)
        return probe

    def end_probe(self, probe):
        status, said = probe.stop()
        self.assertEqual(status, 0, said)

    def path(self, name, content=None):
        path = os.path.join(self.directory, name)
        if content is not None:
            with open(path, "w", encoding="utf-8") as file:
                file.write(content)
        return path

    def assertAnswered(self, answer, status=200):
        self.assertEqual((answer["outcome"], answer["status"]), ("answered", status), answer)


def main():
    """Runs the tests of the script, which takes --probe PATH before unittest's arguments."""
    global PROBE
    parser = argparse.ArgumentParser(add_help=False)
    parser.add_argument("--probe", required=True)
    known, rest = parser.parse_known_args()
    PROBE = known.probe
    unittest.main(module="__main__", argv=sys.argv[:1] + rest)
