#!/usr/bin/env python3
"""Judges extents without names by readelf: extents_test.py SYMBOLIZER [--all | --seed N | FILE...].

An address that no symbol covers and an FDE does is answered as the FDE's whole extent, with its
module and its start for a name; one that no FDE covers never is. A seeded sample of the ELF files
of /usr is looked at, --all of them on demand.
"""
import bisect
import glob
import os
import random
import re
import subprocess
import sys

import table_test

ROOTS = ["/usr/bin", "/usr/sbin", "/usr/lib", "/usr/lib32", "/usr/libexec", "/usr/local"]
NEAR_ROOTS = ["/usr/bin", "/usr/sbin", "/usr/lib32"] + glob.glob("/usr/lib/*-linux-gnu")  # of a sample
FILES, FDES_PER_FILE, BYTES_MAX = 12, 400, 8 << 20  # of a sample
FDE_LINE = re.compile(r"^[0-9a-f]+ [0-9a-f]+ [0-9a-f]+ FDE cie=[0-9a-f]+ pc=([0-9a-f]+)\.\.([0-9a-f]+)")


def elf_files(roots, deep):
    """[(path, size)] of executables and shared objects, each once."""
    seen, found = set(), []
    for root in roots:
        for directory, subdirectories, names in os.walk(root):
            subdirectories[:] = sorted(subdirectories) if deep else []
            for name in sorted(names):
                path = os.path.join(directory, name)
                try:
                    stat = os.stat(path)
                    with open(path, "rb") as file:
                        head = file.read(18)
                except OSError:
                    continue
                if head[:4] == b"\x7fELF" and head[5] == 1 and head[16] in (2, 3) \
                        and (stat.st_dev, stat.st_ino) not in seen:
                    seen.add((stat.st_dev, stat.st_ino))
                    found.append((path, stat.st_size))
    return found


def readelf_extents(path):
    """[(start, end)] of .eh_frame, ascending, as readelf sees them; and the segments of code."""
    done = subprocess.Popen(["readelf", "-W", "-l", "--debug-dump=frames", path], stdout=subprocess.PIPE,
                            stderr=subprocess.DEVNULL, text=True, encoding="latin-1")
    extents, code, is_eh_frame = set(), [], False
    for line in done.stdout:
        if line.startswith("Contents of the "):
            is_eh_frame = ".eh_frame" in line
        elif line.lstrip().startswith("LOAD ") and "E" in line[60:]:
            words = line.split()
            code.append((int(words[2], 16), int(words[2], 16) + int(words[5], 16)))
        match = FDE_LINE.match(line) if is_eh_frame else None
        if match:
            start, end = int(match.group(1), 16), int(match.group(2), 16)
            if 0 < start < end and any(lo <= start and end <= hi for lo, hi in code):
                extents.add((start, end))
    done.wait()
    # Where several overlap the one that begins first holds; of those, the longest.
    kept = []
    for start, end in sorted(extents, key=lambda extent: (extent[0], -extent[1])):
        if not kept or start >= kept[-1][1]:
            kept.append((start, end))
    return kept


def resolve(symbolizer, path, addresses):
    text = "".join("%x\n" % address for address in addresses)
    done = subprocess.run([symbolizer, "resolve", path], input=text.encode(), check=False,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert done.returncode == 0, "%s: exit %d: %s" % (path, done.returncode, done.stderr.decode()[-500:])
    rows = [line.split("\t") for line in done.stdout.decode("latin-1").split("\n")[:-1]]
    assert len(rows) == len(addresses), path
    return rows


def asked_addresses(extents, rng, n_fdes):
    addresses = []
    for start, end in extents if len(extents) <= n_fdes else rng.sample(extents, n_fdes):
        addresses += [start, end - 1, end, max(0, start - 1), rng.randrange(start, end)]
    if extents:
        addresses += [rng.randrange(extents[0][0], extents[-1][1] + 64) for _ in range(200)]
    return addresses


def check_file(symbolizer, path, n_fdes):
    """Returns how many FDEs there are, and how many answers were extents."""
    extents, rng = readelf_extents(path), random.Random(path)
    oracle, starts = table_test.Oracle(path), [start for start, _ in extents]
    addresses, n_extents = asked_addresses(extents, rng, n_fdes), 0
    for address, row in zip(addresses, resolve(symbolizer, path, addresses)):
        i = bisect.bisect_right(starts, address) - 1
        extent = extents[i] if i >= 0 and address < extents[i][1] else None
        label = "%s: %x is %r, its extent %r" % (path, address, row, extent and ["%x" % at for at in extent])
        if row[4] == "fde":
            start, end = extent or (0, 0)
            name = "%s+0x%x" % (os.path.basename(path), start)
            assert row[1:4] == [name, "0x%x" % start, str(end - start)], label
            assert not oracle.covering(address), label
            n_extents += 1
        else:
            assert row[4] != "-" or not extent, label
    return len(extents), n_extents


def main():
    symbolizer, words = sys.argv[1], sys.argv[2:]
    files, n_fdes = [word for word in words if word.startswith("/")], FDES_PER_FILE
    if "--all" in words:
        files, n_fdes = [path for path, _ in elf_files(ROOTS, True)], 10 * FDES_PER_FILE
    elif not files:
        seed = int(words[1]) if words[:1] == ["--seed"] else 1
        small = [path for path, size in elf_files(NEAR_ROOTS, False) if size <= BYTES_MAX]
        files = random.Random(seed).sample(small, min(FILES, len(small)))
    total = [0, 0]
    for path in files:
        counts = check_file(symbolizer, path, n_fdes)
        total = [a + b for a, b in zip(total, counts)]
        print("%s: %d FDEs, %d answers are extents" % ((path,) + counts), flush=True)
    print("%d files, %d FDEs, %d answers are extents" % (len(files), *total))
    assert total[1] > 0, "no file has an extent without a name"


if __name__ == "__main__":
    main()
