#!/usr/bin/env python3
"""Judges the corners of ELF by nm, on files of both classes: corners_test.py SYMBOLIZER TABLE_DUMP.

What is looked at is made by gcc, strip and objcopy, or stands on this machine.
"""
import glob
import os
import struct
import subprocess
import sys
import tempfile
import unittest

import table_test

SYMBOLIZER, TABLE_DUMP = sys.argv[1:3] if len(sys.argv) > 2 else ("", "")
del sys.argv[1:3]
SOURCE = """
__attribute__((noinline, used)) static int hidden(int n) { volatile int i = n; while (i > 0) i--; return n; }
int exported(int n) { return hidden(n) + 1; }
int versioned_1(int n) { return n + 2; }
__asm__(".symver versioned_1, versioned@@V1");
static int chosen(int n) { return n + 3; }
static void *choose(void) { return chosen; }
int indirect(int n) __attribute__((ifunc("choose")));
__asm__(".text\\n" "asm_label: nop\\nnop\\nnop\\nnop\\n" ".Lasm_end:\\n"
        ".data\\n.globl datum\\ndatum: .long 1\\n" ".text\\n");
"""
VERSIONS = "V1 { global: exported; versioned; indirect; local: *; };"
REAL = ["/lib/*-linux-gnu/libc.so.6", "/usr/lib32/libc.so.6", "/lib/*-linux-gnu/libcrypto.so.3",
        "/lib/*-linux-gnu/libstdc++.so.6", "/usr/bin/python3"]


def run(*words, directory=None):
    return subprocess.run(words, cwd=directory, check=True, stdout=subprocess.PIPE,
                          stderr=subprocess.DEVNULL).stdout.decode()


def symbols(path, *options):
    """{name: (start, size)} as nm has them."""
    rows = [line.split() for line in run("nm", "-S", "--defined-only", *options, path).splitlines()]
    return {row[-1].split("@")[0]: (int(row[0], 16), int(row[1], 16) if len(row) == 4 else 0) for row in rows}


def cut_sections(source, target):
    """Writes a copy whose header tells of no sections, as sstrip does."""
    with open(source, "rb") as file:
        data = bytearray(file.read())
    wide = data[4] == 2
    struct.pack_into("<Q" if wide else "<I", data, 0x28 if wide else 0x20, 0)
    struct.pack_into("<HH", data, 0x3c if wide else 0x30, 0, 0)
    with open(target, "wb") as file:
        file.write(data)


def resolve(path, *addresses):
    """(name, start, size, source) of each, or None."""
    rows = [line.split("\t") for line in run(SYMBOLIZER, "resolve", path, *map(hex, addresses)).splitlines()]
    return [None if row[1] == "-" else (row[1], int(row[2], 16), int(row[3]), row[4]) for row in rows]


def builds():
    """Pairs of a class and a kind of hash table that this machine's compiler makes."""
    for bits in ("-m64", "-m32"):
        for kind in ("gnu", "sysv", "both"):
            yield bits, kind


class Made(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.scratch = tempfile.TemporaryDirectory()
        cls.made = []
        home = cls.scratch.name
        for name, text in (("a.c", SOURCE), ("versions", VERSIONS)):
            with open(os.path.join(home, name), "w", encoding="ascii") as file:
                file.write(text)
        for bits, kind in builds():
            path = os.path.join(home, kind + bits + ".so")
            try:
                run("gcc", bits, "-O1", "-fPIC", "-shared", "-nostdlib", "-fasynchronous-unwind-tables",
                    "-Wl,--version-script=versions", "-Wl,--hash-style=" + kind, "-o", path, "a.c", directory=home)
            except subprocess.CalledProcessError:
                continue
            cls.made.append(path)

    @classmethod
    def tearDownClass(cls):
        cls.scratch.cleanup()

    def each(self):
        self.assertTrue(self.made)
        return [(path, symbols(path)) for path in self.made]

    def test_both_classes_are_made(self):
        if len(self.made) < 6:
            self.skipTest("gcc makes no 32-bit files here")

    def test_what_the_symbol_table_tells_of_code_has_a_name(self):
        for path, known in self.each():
            names = ("exported", "hidden", "indirect", "chosen", "versioned")
            for name, found in zip(names, resolve(path, *[sum(known[name]) - 1 for name in names])):
                start, size = known[name]
                self.assertEqual(found[1:3], (start, size), (path, name))
                self.assertIn(found[0], {"choose", name} if name == "indirect" else {name})
                self.assertEqual(found[3], "dynsym" if name == "versioned" else "symtab")  # where it has no "@"
            label, datum = resolve(path, known["asm_label"][0], known["datum"][0])
            self.assertEqual((label[0], datum), ("asm_label", None))

    def test_a_function_whose_name_was_taken_is_an_extent(self):
        for path, known in self.each():
            start, size = known["hidden"]
            kept, cut = path + ".partly", path + ".stripped"
            run("strip", "-N", "hidden", "-o", kept, path)
            run("strip", "-o", cut, path)
            for copy in (kept, cut):
                name = "%s+0x%x" % (os.path.basename(copy), start)
                *hidden, exported = resolve(copy, start, start + size // 2, start + size - 1, known["exported"][0])
                self.assertEqual(hidden, [(name, start, size, "fde")] * 3)
                self.assertEqual(exported[:3], ("exported",) + known["exported"])
            self.assertEqual(exported[3], "dynsym")

    def test_without_section_headers_the_same_is_known_as_stripped(self):
        for path, known in self.each():
            cut, bare = path + ".stripped", path + ".bare/"
            os.makedirs(bare)
            bare += os.path.basename(cut)
            run("strip", "-o", cut, path)
            cut_sections(cut, bare)
            starts = [known[name][0] for name in ("exported", "indirect", "versioned", "hidden", "chosen")]
            expected = resolve(cut, *starts)
            self.assertEqual([row[3] for row in expected], 3 * ["dynsym"] + 2 * ["fde"])
            self.assertEqual(resolve(bare, *starts), expected)

    def test_a_debug_file_itself_has_its_symbols_and_no_extents(self):
        for path, known in self.each():
            debug = path + ".debug"
            run("objcopy", "--only-keep-debug", path, debug)
            self.assertEqual(resolve(debug, known["hidden"][0])[0], ("hidden",) + known["hidden"] + ("symtab",))
            done = subprocess.run([SYMBOLIZER, "resolve", debug, "1"], check=True, stdout=subprocess.DEVNULL,
                                  stderr=subprocess.PIPE)
            self.assertNotIn(b"malformed", done.stderr)


class Real(unittest.TestCase):
    def test_a_library_without_section_headers_is_the_same_table(self):
        paths = [os.path.realpath(path) for pattern in REAL for path in glob.glob(pattern)]
        self.assertTrue(paths)
        for path in paths:
            with self.subTest(path), tempfile.TemporaryDirectory() as directory:
                whole, bare = os.path.join(directory, "whole"), os.path.join(directory, "bare")
                run("strip", "-o", whole, path)
                cut_sections(whole, bare)
                tables = [table_test.dump(TABLE_DUMP, copy) for copy in (whole, bare)]
                self.assertEqual(tables[1]["outcome"], ["0", "0"])
                self.assertGreater(len(tables[0]["symbol"]), 100)
                whole, bare = tables[0]["symbol"], tables[1]["symbol"]
                differ = {at for at in set(whole) | set(bare) if whole.get(at) != bare.get(at)}
                # Without sections a symbol that has no size ends elsewhere, and there are a few.
                self.assertLessEqual(len(differ), 4, sorted(differ)[:8])


if __name__ == "__main__":
    unittest.main()
