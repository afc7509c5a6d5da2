#!/usr/bin/env python3
"""The rules of the house that a machine can hold: who may know whom, how long things may be.

usage: house.py [--cc COMPILER]     in a checkout; exits 1 when something is wrong

Each rule is a function from a file's path and text to a list of faults, so that house_test.py can
show for each that it finds what it is there for.
"""

import argparse
import glob
import os
import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

TREE = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

LAYERS = ("base", "log", "sandbox", "config", "wire", "link") # each knows only those to its left
PROCESSES = ("collector", "symbolizer", "shipper")

# Headers of third parties, and who may include them. In headers of ours none may stand.
THIRD_PARTIES = {
    r"(libelf|gelf|elf)\.h|elfutils/.*": {"symbolizer"},
    r"bpf/.*": {"collector", "bpf"},
    r"linux/bpf\.h": {"collector", "bpf", "common/sandbox"}, # the filter looks at bpf()'s commands
    r"nng/.*": {"common/link"},
    r"msgpack(/.*|\.h)": {"common/wire"},
    r"protobuf-c/.*|.*\.pb-c\.h": {"symbolizer", "shipper"},
    r"curl/.*": {"shipper"},
    r"microhttpd\.h": {"shipper"},
    r"seccomp\.h": {"common/sandbox"},
    r"zlib\.h": {"symbolizer", "shipper"},
    r"md5\.h|sha2\.h|sha256\.h": {"symbolizer", "shipper"},
    r"sqlite3\.h|pcre2\.h": {"shipper"},
    r"jansson\.h|yaml\.h": {"shipper", "common/config"},
}
FOREIGN_TYPES = re.compile(r"\b(Elf|Elf_\w+|Elf32_\w+|Elf64_\w+|GElf_\w+|nng_(?:msg|socket|pipe|ctx|aio|dialer|listener|url|sockaddr)\w*|msgpack_\w+|CURL[A-Zcm]*|"
                           r"MHD_\w+|ProtobufC\w+|bpf_(?:map|object|program|link)|sqlite3\w*)\b")

FUNCTION_LINES_MAX = 80
SOURCE_LINES_MAX = 600
HEADER_LINES_MAX = 150
TEST_LINES_MAX = 800
COLUMNS_MAX = 100
TAB = 8
EXEMPT_FROM_LENGTH = ("common/wire/wire.h",)

INCLUDE = re.compile(r'^\s*#\s*include\s+(["<])([^">]+)[">]', re.M)
COMMENT_OR_STRING = re.compile(r'/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'', re.S)
TABLE_ROW = re.compile(r"\t\t+(\{.*\}|[\s\d,]*),?\s*$") # of a table inside a function: exempt
FUNCTION = re.compile(r"(?<![\w.>])([A-Za-z_]\w*)\s*\(")


def strip_comments(text):
    """@text with comments and strings blanked, line by line as it was."""
    return COMMENT_OR_STRING.sub(lambda m: re.sub(r"[^\n]", " ", m[0]), text)


def room_of(path):
    """'collector', 'common/wire', 'tests/unit', …"""
    parts = path.split("/")
    return "/".join(parts[:2]) if parts[0] in ("common", "tests") else parts[0]


def includes(text):
    return [(kind == '"', name) for kind, name in INCLUDE.findall(text)]


# ---- who may know whom ---------------------------------------------------------------------------

def check_layers(path, text):
    room, faults = room_of(path), []
    if not room.startswith("common/"):
        return faults
    own = LAYERS.index(room.split("/")[1]) if room.split("/")[1] in LAYERS else -1
    for is_ours, name in includes(text):
        layer = name.split("/")[0]
        if is_ours and layer in LAYERS and LAYERS.index(layer) > own:
            faults.append(f"{room} may not know common/{layer} ({name})")
        if is_ours and layer not in LAYERS and "/" in name:
            faults.append(f"common/ knows nobody ({name})")
    return faults


def check_processes(path, text, headers_of):
    """No process includes a header of another; @headers_of: {process: names}."""
    room, faults = room_of(path), []
    if room not in PROCESSES and not room.startswith("common/"):
        return faults
    for is_ours, name in includes(text):
        base = name.split("/")[-1]
        own = headers_of.get(room, ())
        if "/" in name and name.split("/")[0] in LAYERS:
            continue # common's, whatever it is called
        for other in PROCESSES:
            foreign = base in headers_of.get(other, ()) and base not in own
            if is_ours and other != room and (foreign or f"{other}/" in name):
                faults.append(f"{room} includes a header of {other}: {name}")
        if is_ours and base == "sample.h" and room not in ("collector", "bpf"):
            faults.append(f"{room} includes the header of the BPF programs: {name}")
    return faults


def is_private(text):
    """A header that says so is part of its folder's sources: it may carry a third party's types."""
    return re.search(r"^ \* Private to [\w/]+:", text, re.M) is not None


def check_private(path, text, private):
    """@private: {name as included: folder} of such headers. Nobody else may include them."""
    return [f"{name} is private to {private[name]}" for is_ours, name in includes(text)
            if is_ours and name in private and not path.startswith(private[name] + "/")]


def check_third_parties(path, text):
    room, faults = room_of(path), []
    if room.startswith("tests/"):
        return faults
    for _, name in includes(text):
        for pattern, rooms in THIRD_PARTIES.items():
            if not re.fullmatch(pattern, name):
                continue
            if room not in rooms:
                faults.append(f"{room} may not include <{name}>")
            elif path.endswith(".h") and room != "bpf" and not is_private(text):
                faults.append(f"a header of ours includes <{name}>")
    return faults


def check_foreign_types(path, text):
    room = room_of(path)
    if not path.endswith(".h") or room.startswith("tests/") or room == "bpf" or is_private(text):
        return []
    return [f"a third party's type stands in a header: {name}"
            for name in sorted(set(FOREIGN_TYPES.findall(strip_comments(text))))]


# ---- how long, how written -----------------------------------------------------------------------

def function_lengths(text):
    """(name, lines) of each function: kernel braces put both of its own in the first column."""
    lines = strip_comments(text).split("\n")
    begun, name = None, ""
    for number, line in enumerate(lines):
        if line.startswith("{"):
            head, at = "", number - 1
            while at >= 0 and lines[at].strip() and not lines[at].startswith(("}", "#")):
                head, at = lines[at] + " " + head, at - 1
            found = [n for n in FUNCTION.findall(head) if n not in ("__attribute__", "cleanup_with")]
            begun, name = (number, found[0]) if found else (None, "")
        elif line.startswith("}") and begun is not None:
            rows = sum(1 for row in lines[begun:number] if TABLE_ROW.match(row))
            yield name, number - begun + 1 - rows
            begun = None


def check_lengths(path, text):
    faults = [f"{name}() has {n} lines; {FUNCTION_LINES_MAX} is the limit"
              for name, n in function_lengths(text) if n > FUNCTION_LINES_MAX]
    n = text.count("\n")
    limit = HEADER_LINES_MAX if path.endswith(".h") else SOURCE_LINES_MAX
    if path.startswith("tests/"):
        limit = TEST_LINES_MAX
    if n > limit and path not in EXEMPT_FROM_LENGTH:
        faults.append(f"{n} lines; {limit} is the limit")
    return faults


def check_lines(path, text):
    faults = []
    for number, line in enumerate(text.split("\n"), 1):
        if len(line.expandtabs(TAB)) > COLUMNS_MAX and len(line.split()) > 1:
            faults.append(f"line {number} is {len(line.expandtabs(TAB))} columns wide")
        if line != line.rstrip():
            faults.append(f"line {number} ends in blanks")
        if re.search(r"\b(TODO|FIXME|XXX)\b(?!\(#\d+\))", line):
            faults.append(f"line {number}: a note to do something without an issue's number")
    return faults


def check_reserved_names(path, text):
    found = re.findall(r"^(?:static |extern |struct |enum |const |inline |unsigned )*"
                       r"(?:[\w*]+ )*\**(_\w+)\s*(?:\(|=|;|\{)", strip_comments(text), re.M)
    return [f"a name at file scope starts with '_': {name}" for name in sorted(set(found))
            if name not in ("_Static_assert", "_Generic") and not name.startswith("__")]


def check_pragma(path, text):
    text = re.sub(r"\A/\* SPDX-License-Identifier: [^*]* \*/\n", "", text)
    if path.endswith(".h") and not text.startswith("#pragma once\n"):
        return ["a header begins with #pragma once, after its licence if that is not the usual one"]
    return []


# ---- the life of a sample ------------------------------------------------------------------------

def check_life(readme, read):
    """Each `function()` in README's life of a sample exists in the file named before it there.

    @read: path -> text, or None when there is no such file.
    """
    found = re.search(r"^#+ [^\n]*life of (?:a|one) sample[^\n]*\n(.*?)(?=^#+ |\Z)", readme,
                      re.M | re.S | re.I)
    if not found:
        return ["README.md has no section on the life of a sample"]
    faults, path, n = [], None, 0
    # "`f()` of `file`" is the other order.
    section = re.sub(r"(`\w+\(\)`)\s+of\s+(`[^`\n]+`)", r"\2 \1", found[1])
    for word in re.findall(r"`([^`\n]+)`", section):
        name = re.fullmatch(r"([a-z_]\w*)\(\)", word)
        if re.fullmatch(r"(?:bpf|common|collector|symbolizer|shipper|deploy)/[\w/.-]+\.\w+", word):
            path = word
            if read(path) is None:
                faults.append(f"README.md names a file that does not exist: {path}")
        elif name and path is None:
            faults.append(f"README.md names {word} before any file")
        elif name:
            n += 1
            if not re.search(rf"^[^\s#/*][^;]*\b{name[1]}\b", strip_comments(read(path) or ""), re.M):
                faults.append(f"README.md: no {word} in {path}")
    if n == 0:
        faults.append("README.md's life of a sample names no function")
    return faults


# ---- all of it -----------------------------------------------------------------------------------

RULES = (check_layers, check_third_parties, check_foreign_types, check_lengths, check_lines,
         check_reserved_names, check_pragma)


def sources():
    found = []
    for folder in ("bpf", "common", *PROCESSES, "tests"):
        found += glob.glob(f"{folder}/**/*.[ch]", root_dir=TREE, recursive=True)
    return sorted(found)


def read_file(path):
    try:
        with open(os.path.join(TREE, path), encoding="utf-8") as file:
            return file.read()
    except OSError:
        return None


def compiles_alone(compiler, path):
    """A header needs nothing before it."""
    folders = ["common", "bpf"] + ([path.split("/")[0]] if path.split("/")[0] in PROCESSES else [])
    command = [compiler, "-std=gnu17", "-D_GNU_SOURCE", "-Wall", "-Wextra", "-Werror", "-fsyntax-only",
               *(f"-I{folder}" for folder in folders), "-x", "c", "-include", path, os.devnull]
    done = subprocess.run(command, cwd=TREE, capture_output=True, text=True, check=False)
    return done.stderr.strip()


def check_headers_alone(compiler, paths):
    # What only the BPF target understands is compiled there with each build.
    headers = [p for p in paths if p.endswith(".h") and not p.startswith("tests/")
               and p not in ("bpf/exec_programs.h", "bpf/kernel_types.h")]
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for path, errors in zip(headers, pool.map(lambda p: compiles_alone(compiler, p), headers)):
            if errors:
                yield path, f"does not compile alone:\n{errors}"


def check_all(compiler):
    paths = sources()
    headers_of = {process: {p.split("/")[-1] for p in paths
                            if p.startswith(process + "/") and p.endswith(".h")}
                  for process in PROCESSES}
    private = {p.removeprefix("common/"): os.path.dirname(p) for p in paths
               if p.endswith(".h") and is_private(read_file(p))}
    for path in paths:
        text = read_file(path)
        for rule in RULES:
            yield from ((path, fault) for fault in rule(path, text))
        yield from ((path, fault) for fault in check_processes(path, text, headers_of))
        yield from ((path, fault) for fault in check_private(path, text, private))
    yield from check_headers_alone(compiler, paths)
    readme = read_file("README.md")
    if readme is not None:
        yield from (("README.md", fault) for fault in check_life(readme, read_file))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cc", default="cc", help="compiles headers alone")
    options = parser.parse_args()
    faults = list(check_all(options.cc))
    for path, fault in faults:
        print(f"{path}: {fault}")
    print(f"{len(sources())} files, {len(faults)} faults")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
