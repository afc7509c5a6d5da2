#!/usr/bin/env python3
"""Judges `triptych-symbolizer resolve` by readelf and by its own help: resolve_test.py SYMBOLIZER."""
import glob
import os
import random
import subprocess
import sys
import tempfile
import unittest

import specimens
import table_test

SYMBOLIZER = sys.argv.pop(1) if len(sys.argv) > 1 else ""
LIBC = os.path.realpath(glob.glob("/lib/*-linux-gnu/libc.so.6")[0])
SOURCES = {"symtab", "dynsym", "debug", "gopclntab", "minidebug", "perfmap", "fde"}
NOTHING = ["-"] * 5


def resolve(*words, stdin=None):
    done = subprocess.run([SYMBOLIZER, "resolve"] + list(words), input=stdin, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, timeout=60, check=False)
    return done.returncode, done.stdout.decode(), done.stderr.decode()


def answers(text):
    rows = [line.split("\t") for line in text.splitlines()]
    for row in rows:
        assert len(row) == 6, row
    return rows


class Resolve(unittest.TestCase):
    def check_row(self, oracle, address, row):
        self.assertEqual(int(row[0], 16), address)
        expected = oracle.covering(address)
        if row[1:] == NOTHING:
            self.assertFalse(expected, "%x" % address)
            return
        self.assertIn(row[4], SOURCES)
        if expected and row[4] in ("symtab", "dynsym"):
            self.assertIn((int(row[2], 16), int(row[3]), row[1]), expected)

    def test_addresses_are_answered_in_their_order_alike_from_both_places(self):
        oracle, rng = table_test.Oracle(LIBC), random.Random(5)
        addresses = [rng.randrange(oracle.starts[0], oracle.starts[-1]) for _ in range(2000)]
        lines = "".join("%x\n" % address for address in addresses).encode()
        code, out, _ = resolve(LIBC, stdin=lines)
        rows = answers(out)
        self.assertEqual((code, len(rows)), (0, len(addresses)))
        for address, row in zip(addresses, rows):
            self.check_row(oracle, address, row)
        self.assertEqual(resolve(LIBC, *["0x%X" % address for address in addresses])[:2], (0, out))

    def test_a_perf_map_is_asked_for_addresses_of_its_process(self):
        with tempfile.TemporaryDirectory() as directory:
            path = os.path.join(directory, "perf-7.map")
            with open(path, "w", encoding="utf-8") as file:
                file.write("7f0000001000 100 JS:*total /srv/cart.js:7\nno line\n0x7f0000002000 40 stub\n"
                           "7f0000001080 10 moved\n")
            code, out, _ = resolve(path, "7f0000001004", "7f000000108f", "7f0000001090", "7f0000002040")
        self.assertEqual(code, 0)
        self.assertEqual([row[1:] for row in answers(out)],
                         [["JS:*total /srv/cart.js:7", "0x7f0000001000", "128", "perfmap", "-"],
                          ["moved", "0x7f0000001080", "16", "perfmap", "-"],
                          ["JS:*total /srv/cart.js:7", "0x7f0000001090", "112", "perfmap", "-"], NOTHING])

    def test_an_address_may_be_written_in_any_usual_way(self):
        ways = ["f82a0", "0xf82a0", "0XF82A0", "00000000000f82a0", "f82a0\r"]
        code, out, _ = resolve(LIBC, stdin=("\n".join(ways)).encode())
        self.assertEqual(code, 0)
        self.assertEqual(len(set(out.splitlines())), 1)
        self.assertEqual(len(out.splitlines()), len(ways))

    def test_a_line_that_is_no_address_costs_only_itself(self):
        for bad in ("", "0x", "main", "12g", "-1", "1" * 17, "x" * 3000, "\0"):
            code, out, err = resolve(LIBC, stdin=("1\n%s\n2\n" % bad).encode())
            self.assertEqual((code, [row[0] for row in answers(out)]), (65, ["0x1", "0x2"]), bad)
            self.assertIn("line 2: not a hexadecimal address", err)

    def test_wrong_usage_and_absent_files_have_exit_codes_of_their_own(self):
        with tempfile.TemporaryDirectory() as empty:
            self.assertEqual(resolve()[0], 64)
            self.assertEqual(resolve("--nonsense", LIBC)[0], 64)
            self.assertEqual(resolve(LIBC, "main")[0], 64)
            self.assertEqual(resolve(os.path.join(empty, "absent"), "1")[0], 66)
            self.assertEqual(resolve("--root", os.path.join(empty, "absent"), LIBC, "1")[0], 66)
            self.assertEqual(resolve(empty, "1")[0], 66)
            self.assertEqual(resolve("/etc/passwd", "1")[0], 65)
            for words in ((), ("--nonsense", LIBC), (LIBC, "main"), ("/etc/passwd", "1")):
                code, out, err = resolve(*words)
                self.assertEqual((bool(code), out), (True, ""))
                self.assertTrue(err.strip())

    def test_help_names_every_source_and_every_exit_code(self):
        code, out, _ = resolve("--help")
        self.assertEqual(code, 0)
        for word in SOURCES | {"--root", "64", "65", "66", "71"}:
            self.assertIn(word, out)

    def test_a_root_is_where_the_file_is(self):
        with tempfile.TemporaryDirectory() as root:
            os.makedirs(os.path.join(root, "usr/lib"))
            inside = os.path.join(root, "usr/lib/copy.so")
            with open(LIBC, "rb") as original, open(inside, "wb") as copy:
                copy.write(original.read())
            expected = resolve(LIBC, "f82a0")[1]
            for path in ("/usr/lib/copy.so", inside):
                self.assertEqual(resolve("--root", root, path, "f82a0")[:2], (0, expected))

    def test_a_pipe_is_answered_before_it_is_closed(self):
        with subprocess.Popen([SYMBOLIZER, "resolve", LIBC], stdin=subprocess.PIPE,
                              stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as child:
            for _ in range(3):
                child.stdin.write(b"f82a0\n")
                child.stdin.flush()
                self.assertTrue(child.stdout.readline().startswith(b"0xf82a0\t"))
            child.stdin.close()
            self.assertEqual(child.wait(timeout=30), 0)

    def test_symbols_that_are_not_used_are_said(self):
        for name, word in (("entsize-zero", "malformed"), ("symbols-without-end", "over the bounds")):
            with tempfile.NamedTemporaryFile() as file:
                file.write(specimens.SPECIMENS[name][0]())
                file.flush()
                code, out, err = resolve(file.name, "401000")
            self.assertEqual((code, answers(out)[0][1:]), (0, NOTHING))
            self.assertIn(word, err)

    def test_a_full_disk_is_an_error(self):
        with open("/dev/full", "wb") as full:
            done = subprocess.run([SYMBOLIZER, "resolve", LIBC, "1"], stdout=full,
                                  stderr=subprocess.PIPE, check=False)
        self.assertEqual(done.returncode, 71)


if __name__ == "__main__":
    unittest.main()
