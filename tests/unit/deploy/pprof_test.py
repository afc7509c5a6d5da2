#!/usr/bin/env python3
"""deploy/pprof.py: what is written reads back, sums are sums, and nothing hostile gets further."""

import random
import unittest
import zlib

import specimen
from specimen import pprof


def message(*parts):
    return b"".join(parts)


def strings(*texts):
    return b"".join(pprof.put_bytes(6, text) for text in texts)


CPU = pprof.put_bytes(1, pprof.put_number(1, 1) + pprof.put_number(2, 2))


class RoundTrip(unittest.TestCase):
    def test_what_is_written_reads_back(self):
        before = specimen.host(60)
        after = pprof.read(pprof.write_gz(before))
        self.assertEqual(after.samples, before.samples)
        for name in ("sample_types", "period_type", "period", "time_nanos", "duration_nanos"):
            self.assertEqual(getattr(after, name), getattr(before, name), name)

    def test_the_same_profile_is_the_same_bytes(self):
        self.assertEqual(pprof.write_gz(specimen.host(20)), pprof.write_gz(specimen.host(20)))

    def test_labels_and_lines_survive(self):
        p = specimen.profile([])
        function = pprof.Function("f", "_Z1f", "f.c", 3)
        place = pprof.Location(specimen.KERNEL, 5, ((function, 7), (function, 9)), True)
        p.samples[(place,), (("key", "", -4, "bytes"), ("thread", "main", 0, ""))] = [8]
        self.assertEqual(pprof.read(pprof.write(p)).samples, p.samples)


class Merge(unittest.TestCase):
    def test_equal_stacks_are_summed(self):
        one = specimen.host(40)
        both = pprof.merge([one, pprof.read(pprof.write(one))])
        self.assertEqual(set(both.samples), set(one.samples))
        self.assertEqual(both.total(), 2 * one.total())

    def test_different_builds_stay_apart(self):
        def at(build_id):
            where = pprof.Mapping(0, 9, 0, "/bin/a", build_id, specimen.NO_FLAGS)
            return specimen.profile([([specimen.location("f", where, 1)], 1)])
        self.assertEqual(len(pprof.merge([at("aa"), at("bb")]).samples), 2)

    def test_time_runs_from_the_first_to_the_last(self):
        early, late = specimen.profile([], 1000, 1), specimen.profile([], 10**9 + 1000, 2)
        both = pprof.merge([late, early])
        self.assertEqual((both.time_nanos, both.duration_nanos), (1000, 3 * 10**9))

    def test_what_counts_different_things_is_not_summed(self):
        other = specimen.profile([])
        other.sample_types = [("alloc", "bytes")]
        with self.assertRaises(pprof.Malformed):
            pprof.merge([specimen.profile([]), other])

    def test_nothing_merges_to_nothing(self):
        self.assertEqual(pprof.merge([]).samples, {})


class Hostile(unittest.TestCase):
    CASES = (
        ("an empty file", b""),
        ("no first string", strings(b"cpu")),
        ("a string that is not UTF-8", strings(b"", b"\xff\xfe")),
        ("a string index out of range", message(strings(b""), CPU)),
        ("field number 0", b"\x00\x01"),
        ("a group", strings(b"") + b"\x0b"),
        ("a varint without an end", strings(b"") + b"\x48" + b"\xff" * 11),
        ("a length past the end", strings(b"") + b"\x12\x7f"),
        ("a length of all bits", strings(b"") + b"\x12" + b"\xff" * 9 + b"\x01"),
        ("a location with id 0", strings(b"") + pprof.put_bytes(4, b"")),
        ("two locations with one id", strings(b"") + 2 * pprof.put_bytes(4, pprof.put_number(1, 1))),
        ("a location of no mapping", strings(b"") + pprof.put_bytes(
            4, pprof.put_number(1, 1) + pprof.put_number(2, 9))),
        ("a line of no function", strings(b"") + pprof.put_bytes(
            4, pprof.put_number(1, 1) + pprof.put_bytes(4, pprof.put_number(1, 9)))),
        ("a sample of no location", message(strings(b"", b"cpu", b"ns"), CPU, pprof.put_bytes(
            2, pprof.put_numbers(1, [7]) + pprof.put_numbers(2, [1])))),
        ("a sample with two values of one type", message(strings(b"", b"cpu", b"ns"), CPU,
                                                         pprof.put_bytes(2, pprof.put_numbers(2, [1, 2])))),
        ("a string table that is a number", b"\x30\x01"),
        ("a sample deeper than the limit", message(
            strings(b"", b"cpu", b"ns"), CPU, pprof.put_bytes(4, pprof.put_number(1, 1)),
            pprof.put_bytes(2, pprof.put_numbers(1, [1] * 5000) + pprof.put_numbers(2, [1])))),
        ("a gzip that is cut off", zlib.compress(b"x" * 1000, wbits=31)[:-9]),
        ("a gzip of garbage", b"\x1f\x8b" + b"\0" * 30),
    )

    def test_each_is_refused_as_malformed(self):
        for what, data in self.CASES:
            with self.subTest(what), self.assertRaises(pprof.Malformed):
                pprof.read(data)

    def test_a_bomb_is_not_unpacked(self):
        with self.assertRaises(pprof.Malformed):
            pprof.gunzip(zlib.compress(b"\0" * 10_000_000, wbits=31), 1_000_000)

    def test_flipped_bits_are_read_or_refused_but_never_crash(self):
        good, rng = bytearray(pprof.write(specimen.host(8))), random.Random(5)
        for _ in range(600):
            bad = bytearray(good)
            for _ in range(rng.randint(1, 4)):
                bad[rng.randrange(len(bad))] ^= 1 << rng.randrange(8)
            try:
                pprof.read(bytes(bad[:rng.randint(len(bad) // 2, len(bad))]))
            except pprof.Malformed:
                pass


if __name__ == "__main__":
    unittest.main()
