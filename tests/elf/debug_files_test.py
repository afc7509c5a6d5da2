#!/usr/bin/env python3
"""Judges the search for debug files by prepared roots, gdb and nm: debug_files_test.py SYMBOLIZER.

What stands in a root is made by the user's own tools: gcc, strip, objcopy, xz.
"""
import functools
import glob
import lzma
import os
import random
import re
import resource
import shutil
import subprocess
import sys
import tempfile
import time
import unittest

import table_test

SYMBOLIZER = sys.argv.pop(1) if len(sys.argv) > 1 else ""
SOURCE = """
extern int exported(int n);
static __attribute__((noinline)) int hidden(int n) { volatile int i = n; while (i > 0) i--; return n; }
int exported(int n) { return hidden(n) + 1; }
int main(int argc, char **argv) { (void)argv; return exported(argc); }
"""
SECONDS_MAX = 20  # for the worst root, with sanitizers on a busy machine
APP = "opt/app"
NAMELESS = "module+offset"  # of the function, which its FDE tells


def run(*words, directory=None):
    return subprocess.run(words, cwd=directory, check=True, stdout=subprocess.PIPE,
                          stderr=subprocess.DEVNULL).stdout.decode()


def build(directory, *flags):
    """The three files of the manual: elf, elf.debug, and elf.debuglink, which is stripped."""
    os.makedirs(directory, exist_ok=True)
    with open(f"{directory}/a.c", "w", encoding="ascii") as out:
        out.write(SOURCE)
    run("gcc", "-g", "-O1", "-rdynamic", *flags, "-o", "elf", "a.c", directory=directory)
    run("objcopy", "--only-keep-debug", "elf", "elf.debug", directory=directory)
    run("strip", "elf", "-o", "elf.stripped", directory=directory)
    run("objcopy", "--add-gnu-debuglink=elf.debug", "elf.stripped", "elf.debuglink", directory=directory)
    return directory


def symbols(path, *options):
    """{name: (start, size)} as nm has them."""
    rows = [line.split() for line in run("nm", "-S", "--defined-only", *options, path).splitlines()]
    return {row[3]: (int(row[0], 16), int(row[1], 16)) for row in rows if len(row) == 4}


def build_id(path):
    found = re.search(r"Build ID: ([0-9a-f]+)", run("readelf", "-n", path))
    return found[1] if found else None


class Root:
    """A target's root that holds opt/app/elf, stripped; everything else a test puts there."""

    def __init__(self, directory, made):
        self.path, self.made = directory, made
        os.makedirs(f"{directory}/{APP}", exist_ok=True)
        shutil.copy(f"{made}/elf.debuglink", f"{directory}/{APP}/elf")
        self.debug = f"{made}/elf.debug"
        self.start, self.size = symbols(f"{made}/elf")["hidden"]
        identity = build_id(f"{made}/elf")
        self.places = {"beside": f"{APP}/elf.debug", "dot-debug": f"{APP}/.debug/elf.debug",
                       "global": f"usr/lib/debug/{APP}/elf.debug"}
        if identity:
            self.places["build-id"] = f"usr/lib/debug/.build-id/{identity[:2]}/{identity[2:]}.debug"

    def at(self, place):
        path = f"{self.path}/{self.places[place]}"
        os.makedirs(os.path.dirname(path), exist_ok=True)
        return path

    def put(self, place, path=None):
        shutil.copy(path or self.debug, self.at(place))

    def ask(self):
        """(name, source) of the hidden function, and what was said."""
        begun = time.monotonic()
        done = subprocess.run([SYMBOLIZER, "resolve", "--root", self.path, f"/{APP}/elf", "%x" % self.start],
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=60, check=False)
        assert done.returncode == 0, done
        assert time.monotonic() - begun < SECONDS_MAX
        row = done.stdout.decode().rstrip("\n").split("\t")
        assert (int(row[2], 16), int(row[3])) == (self.start, self.size), row
        if row[4] == "fde":
            assert row[1] == "elf+0x%x" % self.start, row
            row[1] = NAMELESS
        return (row[1], row[4]), done.stderr.decode()


def in_root(made):
    def decorate(test):
        @functools.wraps(test)
        def with_root(self):
            with tempfile.TemporaryDirectory() as directory:
                test(self, Root(directory, getattr(type(self), made)))
        return with_root
    return decorate


FOUND, MISSED = ("hidden", "debug"), (NAMELESS, "fde")


class DebugFiles(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.scratch = tempfile.TemporaryDirectory()
        cls.plain = build(f"{cls.scratch.name}/plain")
        cls.other = build(f"{cls.scratch.name}/other", "-DOTHER", "-O0")
        cls.nameless = build(f"{cls.scratch.name}/nameless", "-Wl,--build-id=none")

    @classmethod
    def tearDownClass(cls):
        cls.scratch.cleanup()

    def check(self, root, expected, *said):
        got, errors = root.ask()
        self.assertEqual(got, expected, errors)
        for text in said:
            self.assertRegex(errors, text)

    @in_root("plain")
    def test_each_of_the_four_places_is_found_and_those_before_it_are_named(self, root):
        tried = []
        for place in ("build-id", "beside", "dot-debug", "global"):
            root.put(place)
            got, errors = root.ask()
            self.assertEqual(got, FOUND, place)
            for path in tried:
                self.assertIn(f"{root.path}/{path}: no such file", errors)
            self.assertNotIn(f"{root.path}/{root.places[place]}", errors)
            os.unlink(root.at(place))
            tried.append(root.places[place])
        got, errors = root.ask()
        self.assertEqual(got, MISSED)
        self.assertEqual([path for path in tried if f"{root.path}/{path}: no such file" in errors], tried)

    @in_root("plain")
    def test_the_order_is_that_of_gdb(self, root):
        if not shutil.which("gdb"):
            self.skipTest("there is no gdb")
        said = subprocess.run(
            ["gdb", "-nx", "-batch", "-iex", f"set debug-file-directory {root.path}/usr/lib/debug", "-iex",
             "set debug separate-debug-file on", "-ex", f"file {root.path}/{APP}/elf"],
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=True).stdout.decode()
        theirs = re.findall(r"Trying (\S+?)\.\.\.", said)
        theirs = [path for path in theirs if not path.startswith("target:")]
        self.assertTrue(theirs, said)
        _, errors = root.ask()
        ours = [line.split(": ")[1] for line in errors.splitlines() if f": {root.path}/" in line]
        inside = [path.replace(f"{root.path}/usr/lib/debug/{root.path}", f"{root.path}/usr/lib/debug")
                  for path in theirs]
        self.assertEqual(ours, inside)

    @in_root("plain")
    def test_another_build_id_is_refused_and_the_next_place_is_taken(self, root):
        root.put("build-id", f"{self.other}/elf.debug")
        root.put("beside", f"{self.other}/elf.debug")
        root.put("global")
        self.check(root, FOUND, r"\.build-id/.*its build id is another", "elf.debug: its build id is another")

    @in_root("plain")
    def test_another_crc_is_refused_and_the_next_place_is_taken(self, root):
        root.put("beside")
        with open(root.at("beside"), "ab") as out:
            out.write(b"\0")
        self.check(root, MISSED, "elf.debug: its CRC is not the one of the debuglink")
        root.put("dot-debug")
        self.check(root, FOUND)

    @in_root("nameless")
    def test_without_a_build_id_the_crc_decides(self, root):
        self.assertNotIn("build-id", root.places)
        root.put("beside", f"{self.other}/elf.debug")
        self.check(root, MISSED, "its CRC is not")
        root.put("beside")
        self.check(root, FOUND)

    @in_root("plain")
    def test_a_debug_file_without_the_build_id_is_none_of_that_build_id(self, root):
        root.put("build-id", f"{self.nameless}/elf.debug")
        self.check(root, MISSED, "its build id is another")

    @in_root("plain")
    def test_links_in_a_circle_end(self, root):
        elf = f"{root.path}/{APP}/elf"
        run("objcopy", "--remove-section", ".gnu_debuglink", elf)
        shutil.copy(elf, f"{root.path}/{APP}/twin")
        for mine, its in (("elf", "twin"), ("twin", "elf")):
            run("objcopy", f"--add-gnu-debuglink={its}", mine, directory=f"{root.path}/{APP}")
        self.check(root, MISSED, f"{APP}/twin: ")
        shutil.copy(elf, f"{root.path}/{APP}/elf.debug")
        run("objcopy", "--remove-section", ".gnu_debuglink", elf)
        shutil.copy(elf, f"{root.path}/{APP}/itself")
        run("objcopy", "--add-gnu-debuglink=itself", elf, directory=f"{root.path}/{APP}")
        os.replace(elf, f"{root.path}/{APP}/itself")
        os.link(f"{root.path}/{APP}/itself", elf)
        self.check(root, MISSED, f"{APP}/itself: the file itself")

    @in_root("plain")
    def test_what_is_no_file_is_passed_over(self, root):
        os.mkfifo(root.at("build-id"))
        os.makedirs(root.at("dot-debug"))
        self.check(root, MISSED, r"\.build-id/.*not a regular file", r"\.debug/elf\.debug: not a regular file")
        root.put("global")
        self.check(root, FOUND)

    @in_root("plain")
    def test_no_link_leads_out_of_the_root(self, root):
        with tempfile.TemporaryDirectory() as outside:
            shutil.copy(root.debug, f"{outside}/elf.debug")
            for place in ("build-id", "beside", "global"):
                os.symlink(f"{outside}/elf.debug", root.at(place))
            os.symlink(outside, f"{root.path}/{APP}/.debug")
            self.check(root, MISSED)
            up = "../" * 20 + f"{outside}/elf.debug"
            os.unlink(root.at("build-id"))
            os.symlink(up, root.at("build-id"))
            self.check(root, MISSED)
            os.unlink(root.at("build-id"))
            shutil.copy(root.debug, f"{root.path}/inside.debug")
            os.symlink("/inside.debug", root.at("build-id"))
            self.check(root, FOUND)

    @in_root("plain")
    def test_whatever_a_debug_file_is_it_costs_the_file_itself_nothing(self, root):
        with open(root.debug, "rb") as file:
            whole = file.read()
        bad = [b"", b"\x7fELF", b"#!/bin/sh\n", whole[:64], whole[:len(whole) // 2], bytes(len(whole))]
        rng = random.Random(7)
        for _ in range(30):
            torn = bytearray(whole)
            for _ in range(40):
                torn[rng.randrange(len(torn))] = rng.randrange(256)
            bad.append(bytes(torn))
        start, _ = symbols(f"{root.made}/elf")["exported"]
        for content in bad:
            with open(root.at("build-id"), "wb") as out:
                out.write(content)
            done = run(SYMBOLIZER, "resolve", "--root", root.path, f"/{APP}/elf", "%x" % start)
            self.assertEqual(len(done.split("\t")), 6)
            if bytes(content[:4]) != whole[:4] or len(content) < len(whole):
                self.assertIn("\texported\t", done)

    @in_root("plain")
    def test_a_large_file_is_read_whole_only_where_nothing_else_proves_it(self, root):
        root.put("beside")
        with open(root.at("beside"), "r+b") as out:
            out.truncate(1 << 30)
        begun = time.monotonic()
        self.check(root, FOUND)  # by build id: its CRC is not looked at
        self.assertLess(time.monotonic() - begun, 2)

    @in_root("nameless")
    def test_a_large_file_without_a_build_id_is_not_believed(self, root):
        root.put("beside")
        with open(root.at("beside"), "r+b") as out:
            out.truncate(1 << 30)
        self.check(root, MISSED, "too large to compare its CRC")

    @in_root("plain")
    def test_a_file_with_symtab_asks_for_no_debug_file(self, root):
        shutil.copy(f"{root.made}/elf", f"{root.path}/{APP}/elf")
        got, errors = root.ask()
        self.assertEqual((got, errors), (("hidden", "symtab"), ""))

    def test_32_bits(self):
        with tempfile.TemporaryDirectory() as directory:
            try:
                made = build(f"{directory}/made", "-m32", "-nostdlib", "-no-pie", "-Wl,-e,main")
            except subprocess.CalledProcessError:
                self.skipTest("this gcc makes no 32-bit programs")
            root = Root(f"{directory}/root", made)
            root.put("build-id", f"{self.plain}/elf.debug")
            self.check(root, MISSED, "not an ELF file of the same class")
            root.put("dot-debug")
            self.check(root, FOUND)


class OfTheHost(unittest.TestCase):
    """libc6-dbg is installed: libc's own functions by names that .dynsym does not have."""

    @classmethod
    def setUpClass(cls):
        cls.libc = os.path.realpath(glob.glob("/lib/*-linux-gnu/libc.so.6")[0])
        identity = build_id(cls.libc)
        cls.debug = f"/usr/lib/debug/.build-id/{identity[:2]}/{identity[2:]}.debug"
        if not os.path.exists(cls.debug):
            raise unittest.SkipTest("libc6-dbg is not installed, or is of another libc")

    def test_names_of_libc_are_those_that_nm_has(self):
        oracle, own = table_test.Oracle(self.debug), symbols(self.libc, "-D")
        rng = random.Random(11)
        sized = [(start, size) for start in oracle.starts for size, _, kind in oracle.by_start[start]
                 if size and kind != "NOTYPE"]
        addresses = []
        for start, size in rng.sample(sized, 1500):
            addresses += [start, start + size - 1, start + size, start + rng.randrange(size)]
        done = subprocess.run([SYMBOLIZER, "resolve", self.libc], input="\n".join("%x" % a for a in addresses).encode(),
                              stdout=subprocess.PIPE, check=True).stdout.decode()
        hidden = set()
        for address, line in zip(addresses, done.splitlines()):
            row = line.split("\t")
            expected = oracle.covering(address)
            if expected:
                self.assertIn((int(row[2], 16), int(row[3]), row[1]), expected, "%x" % address)
                hidden.update([row[1]] if row[1] not in own else [])
        self.assertGreater(len(hidden), 300)
        self.assertIn("\tdebug\t", done)

    def test_a_container_of_the_same_libc_has_the_hosts_debug_file(self):
        with tempfile.TemporaryDirectory() as root:
            os.makedirs(f"{root}/lib")
            shutil.copy(self.libc, f"{root}/lib/libc.so.6")
            start, _ = symbols(self.debug)["_int_malloc"]
            done = run(SYMBOLIZER, "resolve", "--root", root, "/lib/libc.so.6", "%x" % start)
            self.assertEqual(done.split("\t")[1:5:3], ["_int_malloc", "debug"])


class MiniDebugInfo(unittest.TestCase):
    """gdb's manual has the recipe; hostile ones are written by hand."""

    @classmethod
    def setUpClass(cls):
        cls.scratch = tempfile.TemporaryDirectory()
        cls.made = build(f"{cls.scratch.name}/made")
        cls.mini = f"{cls.scratch.name}/made/mini"
        own, functions = symbols(f"{cls.made}/elf", "-D"), symbols(f"{cls.made}/elf")
        with open(f"{cls.made}/keep", "w", encoding="ascii") as out:
            out.write("\n".join(sorted(set(functions) - set(own))))
        run("objcopy", "-S", "--remove-section", ".gdb_index", "--remove-section", ".comment",
            "--keep-symbols=keep", "elf.debug", "mini", directory=cls.made)

    @classmethod
    def tearDownClass(cls):
        cls.scratch.cleanup()

    def ask(self, packed, debug=False):
        with tempfile.TemporaryDirectory() as directory:
            root = Root(directory, self.made)
            elf = f"{directory}/{APP}/elf"
            with open(f"{directory}/packed", "wb") as out:
                out.write(packed)
            run("objcopy", "--add-section", f".gnu_debugdata={directory}/packed", elf)
            if debug:
                root.put("build-id")
            exported, _ = symbols(f"{self.made}/elf")["exported"]
            own = run(SYMBOLIZER, "resolve", "--root", root.path, f"/{APP}/elf", "%x" % exported)
            self.assertIn("\texported\t", own)
            return root.ask()[0]

    def packed(self, **options):
        with open(self.mini, "rb") as file:
            return lzma.compress(file.read(), **options)

    def test_names_that_dynsym_lacks_come_from_it(self):
        for preset in (0, 6, 9):
            self.assertEqual(self.ask(self.packed(preset=preset)), ("hidden", "minidebug"), preset)

    def test_a_debug_file_makes_it_unnecessary(self):
        self.assertEqual(self.ask(self.packed(), debug=True), FOUND)

    def test_what_is_broken_costs_its_own_symbols_alone(self):
        whole = self.packed()
        flipped = bytearray(whole)
        flipped[len(whole) // 2] ^= 0x40
        large_dictionary = self.packed(filters=[{"id": lzma.FILTER_LZMA2, "dict_size": 1 << 29, "preset": 0}])
        for bad in (b"x", whole[:-30], whole[:12], bytes(flipped), lzma.compress(b""), lzma.compress(b"no ELF"),
                    lzma.compress(whole), large_dictionary, b"\xfd7zXZ\0" + bytes(200),
                    self.packed(format=lzma.FORMAT_ALONE)):
            self.assertEqual(self.ask(bad), MISSED, bad[:40])

    def test_gigabytes_of_it_are_not_unpacked(self):
        packer = lzma.LZMACompressor(preset=1)
        bomb = b"".join(packer.compress(bytes(1 << 20)) for _ in range(2048)) + packer.flush()
        before = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
        self.assertEqual(self.ask(bomb), MISSED)
        after = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
        self.assertLess(max(after - before, 0), 1 << 20, "KiB")


if __name__ == "__main__":
    unittest.main()
