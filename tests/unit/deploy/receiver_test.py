#!/usr/bin/env python3
"""The receiving server of the end-to-end tests refuses what Pyroscope refuses, and keeps the rest."""

import gzip
import http.client
import json
import os
import sys
import tempfile
import time
import unittest
import urllib.error
import urllib.request

import specimen
from specimen import pprof

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../e2e"))
import receiver  # noqa: E402


def fresh(stacks=None):
    where = specimen.mapping("/bin/a")
    stacks = stacks or [([specimen.location("a"), specimen.location("f", where, 1)], 3)]
    return specimen.profile(stacks, time.time_ns())


def series(labels, *raws):
    out = b"".join(pprof.put_bytes(1, pprof.put_bytes(1, k) + pprof.put_bytes(2, v)) for k, v in labels)
    return pprof.put_bytes(1, out + b"".join(pprof.put_bytes(2, pprof.put_bytes(1, raw)) for raw in raws))


LABELS = [(b"__name__", b"process_cpu"), (b"service_name", b"x")]
GOOD = series(LABELS, pprof.write_gz(fresh()))


def with_label(name, value):
    return series(LABELS + [(name, value)], pprof.write_gz(fresh()))


def too_many_samples():
    where = specimen.mapping("/bin/a")
    return fresh([([specimen.location(f"f{i}", where, i)], 1) for i in range(16_001)])


def dashed():
    p = fresh()
    p.sample_types = [("cpu-time", "nanoseconds")]
    return p


class Push(unittest.TestCase):
    def setUp(self):
        self.directory = self.enterContext(tempfile.TemporaryDirectory())
        self.receiver = self.enterContext(receiver.Receiver(self.directory))

    def post(self, body, path=receiver.PUSH_PATH, headers=None):
        """(status, body, headers) of a POST."""
        request = urllib.request.Request(self.receiver.url + path, body, {
            "Content-Type": "application/proto", **(headers or {})})
        try:
            with urllib.request.urlopen(request, timeout=10) as answer:
                return answer.status, answer.read(), answer.headers
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.read(), error.headers

    def test_a_good_profile_is_kept_byte_for_byte(self):
        raw = pprof.write_gz(fresh())
        status, body, headers = self.post(series(LABELS, raw))
        self.assertEqual((status, body, headers["Content-Type"]), (200, b"", "application/proto"))
        with open(f"{self.directory}/000001.pb.gz", "rb") as file:
            self.assertEqual(file.read(), raw)
        with open(f"{self.directory}/000001.json", encoding="utf-8") as file:
            self.assertEqual(json.load(file)["labels"]["service_name"], "x")

    def test_a_compressed_request_is_read(self):
        self.assertEqual(self.post(gzip.compress(GOOD), headers={"Content-Encoding": "gzip"})[0], 200)

    def test_a_repeat_is_counted_once(self):
        self.post(GOOD)
        self.post(GOOD)
        totals = self.receiver.totals()
        self.assertEqual((totals["profiles"], totals["duplicates"], totals["samples"]), (2, 1, 3))

    REFUSED = (
        ("nothing at all", b""),
        ("no protobuf", b"\xff\xff\xff"),
        ("a series without profiles", series(LABELS)),
        ("a label name with a blank", with_label(b"a b", b"x")),
        ("a label that is not UTF-8", with_label(b"a", b"\xff")),
        ("a label twice", with_label(b"service_name", b"y")),
        ("a label twice once dots are gone", with_label(b"service.name", b"y")),
        ("a label value of 2049 bytes", with_label(b"a", b"x" * 2049)),
        ("31 labels", series(LABELS + [(b"l%d" % i, b"") for i in range(29)], pprof.write_gz(fresh()))),
        ("no metric name", series(LABELS[1:], pprof.write_gz(fresh()))),
        ("a profile that is none", series(LABELS, b"\x1f\x8b")),
        ("a profile of two hours ago", series(LABELS, pprof.write_gz(
            specimen.profile([], time.time_ns() - 2 * 3600 * 10**9)))),
        ("16001 samples", series(LABELS, pprof.write_gz(too_many_samples()))),
        ("a sample type with a dash", series(LABELS, pprof.write_gz(dashed()))),
        ("more than 4 MiB", series(LABELS, gzip.compress(pprof.put_bytes(6, b"") +
                                                         pprof.put_bytes(6, b"x" * (4 << 20))))),
        ("one bad profile of two", series(LABELS, pprof.write_gz(fresh()), b"bad")),
    )

    def test_each_is_refused_with_a_code_and_a_reason(self):
        for what, body in self.REFUSED:
            with self.subTest(what):
                status, answer, _ = self.post(body)
                self.assertEqual((status, json.loads(answer)["code"]), (400, "invalid_argument"))
                self.assertTrue(json.loads(answer)["message"])
        self.assertEqual(self.receiver.totals()["profiles"], 0)

    def test_it_fails_as_often_as_it_is_told(self):
        self.post(json.dumps({"status": 429, "retry_after": 7, "count": 2}).encode(), "/control")
        for _ in range(2):
            status, answer, headers = self.post(GOOD)
            self.assertEqual((status, headers["Retry-After"]), (429, "7"))
            self.assertEqual(json.loads(answer)["code"], "resource_exhausted")
        self.assertEqual(self.post(GOOD)[0], 200)

    def test_an_answer_can_be_lost_before_or_after_the_profile_is_taken(self):
        for when, n in (("before", 0), ("after", 1)):
            self.receiver.misbehave(drop=when)
            with self.assertRaises((http.client.RemoteDisconnected, ConnectionError, urllib.error.URLError)):
                self.post(GOOD)
            self.assertEqual(self.receiver.totals()["profiles"], n)

    def test_other_pages_are_not_found(self):
        self.assertEqual(self.post(GOOD, "/ingest")[0], 404)


if __name__ == "__main__":
    unittest.main()
