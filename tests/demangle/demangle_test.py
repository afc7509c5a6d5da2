#!/usr/bin/env python3
"""Judges how names are shown: demangle_test.py SYMBOLIZER (lines | oracle | oracle-all).

lines       the subcommand: its modes, its exit codes, what it does with odd input; how fast it is
oracle      names of this machine's libraries and programs against Go's demangler, a sample
            (TRIPTYCH_SEED chooses another), in every mode: what differs but for spaces must be
            listed in differences.txt, or follow from one of the RULES, with libiberty on our side
oracle-all  the same of all names (minutes)
"""
import glob
import os
import random
import re
import shutil
import subprocess
import sys
import tempfile
import time

SKIPPED = 77
HERE = os.path.dirname(os.path.abspath(__file__))
CORPUS = os.path.join(HERE, "..", "fuzz", "corpus", "demangle_fuzz")
MODULE = "github.com/ianlancetaylor/demangle"
VERSION = "v0.0.0-20250417193237-f615e6bd150b"  # what Go 1.26 ships, and Alloy's last profiler had
MODES = ("none", "simplified", "templates", "full")
SAMPLE_FILES, SAMPLE_NAMES = 40, 60000
LIBRARIES = "/usr/lib"
PROGRAMS = ["/usr/bin/node", "/usr/bin/rust*", "/usr/bin/cargo", os.path.expanduser("~/.cargo/bin/*"),
            os.path.expanduser("~/.rustup/toolchains/*/lib/*.so"), os.path.expanduser("~/.rustup/toolchains/*/bin/*")]
ALWAYS = re.compile(r"/(libstdc\+\+|libLLVM|librustc_driver|libnode|node$|cargo)")

# Where Go errs by rule: what a name must look like, and why ours is right.
RULES = {
    "an empty identifier is 0 by itself; Go takes the digits of the next one for more of its length":
        re.compile(r"_R.*0\d.*"),
    "an identifier without a name adds nothing to a path, as rustc's own demangler has it; Go adds ::":
        re.compile(r"_R.*0"),
    "an empty pack leaves no comma behind":
        re.compile(r"_Z.*[IJ]E.*p"),
    "128 bits do not fit Go's numbers":
        re.compile(r"_R.*n?[0-9a-f]{17,}_"),
    "a legacy identifier may begin with _; Go takes it for a separator, which only v0 has":
        re.compile(r"_ZN.*\d_.*17h[0-9a-f]{16}E"),
}
BEYOND_LIBIBERTY = re.compile(r"_R.*n?[0-9a-f]{17,}_")  # the only rule that it does not know


def run(command, text="", **options):
    return subprocess.run(command, input=text.encode(), stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          check=False, **options)


def shown(tool, mode, names):
    done = run([tool, "demangle", "--mode", mode], "".join(name + "\n" for name in names))
    assert done.returncode == 0, done.stderr.decode()
    lines = done.stdout.decode().split("\n")
    assert len(lines) == len(names) + 1 and lines[-1] == "", "a line for each line"
    return lines[:-1]


def expect(tool, arguments, text, status, output=None, message=None):
    done = run([tool, "demangle"] + arguments, text)
    assert done.returncode == status, "%s: exit %d, %s" % (arguments, done.returncode, done.stderr.decode())
    assert output is None or done.stdout.decode() == output, done.stdout[:300]
    for part in message or ():
        assert part in done.stderr.decode(), done.stderr.decode()


def answers_before_it_is_done(tool):
    """A pipe may be asked and answer, line by line."""
    with subprocess.Popen([tool, "demangle", "--mode", "full"], stdin=subprocess.PIPE,
                          stdout=subprocess.PIPE) as process:
        for name, said in (("_Z1fv", "f()"), ("main", "main"), ("_RNvC1a1b", "a::b")):
            process.stdin.write(name.encode() + b"\n")
            process.stdin.flush()
            assert process.stdout.readline().decode() == said + "\n"
        process.stdin.close()
        assert process.wait(10) == 0


def speed(tool):
    names = [name for name in read_corpus() if len(name) < 300]
    for what, lines in (("mangled", names * (300000 // len(names))), ("plain", ["plain_function_%d" % i for i in range(300000)])):
        text = "".join(line + "\n" for line in lines).encode()
        for mode in MODES:
            start = time.monotonic()
            subprocess.run([tool, "demangle", "--mode", mode], input=text, stdout=subprocess.DEVNULL, check=True)
            print("%s, %s: %.2f million lines a second" % (what, mode, len(lines) / (time.monotonic() - start) / 1e6))


def lines(tool):
    expect(tool, ["--mode", "none"], "_Z1fv\nmain\n", 0, "_Z1fv\nmain\n")
    expect(tool, ["--mode", "simplified"], "_Z1fIiEvT_\n\nmain\n", 0, "f\n\nmain\n")
    expect(tool, ["--mode=templates"], "_Z1fIiEvT_", 0, "f<int>\n")
    expect(tool, ["--mode", "full"], "_Z1fIiEvT_\n" + "x" * 70000 + "\n_Z1fv\n", 0,
           "void f<int>(int)\n" + "x" * 65535 + "\nf()\n")
    expect(tool, ["--mode", "full"], "", 0, "")
    expect(tool, ["--help"], "", 0)
    for arguments, message in ((["--mode", "ful"], ["ful"] + list(MODES)), ([], list(MODES)), (["--mode"], []),
                               (["--mode", "full", "_Z1fv"], ["_Z1fv"]), (["--mod3"], [])):
        expect(tool, arguments, "_Z1fv\n", 64, "", message)
    expect(tool, ["--mode", "full"], "_Z1fv\n" + "x" * 300000, 65, None, ["without end"])
    with open("/dev/full", "wb") as full:
        done = subprocess.run([tool, "demangle", "--mode", "full"], input=b"_Z1fv\n", stdout=full,
                              stderr=subprocess.PIPE, check=False)
    assert done.returncode == 71, done.returncode
    answers_before_it_is_done(tool)
    speed(tool)


def build_oracle(directory):
    """Go's demangler of VERSION, from a Go that has it or from the module proxy; skips without."""
    go = shutil.which("go")
    if not go:
        print("there is no go here: skipped")
        sys.exit(SKIPPED)
    vendor = os.path.join(run([go, "env", "GOROOT"]).stdout.decode().strip(), "src/cmd/vendor")
    environment = dict(os.environ, GOFLAGS="-mod=mod", GOWORK="off")
    module = "module oracle\ngo 1.13\nrequire %s %s\n" % (MODULE, VERSION)
    try:
        with open(os.path.join(vendor, "modules.txt"), encoding="utf-8") as listed:
            has_it = "# %s %s\n" % (MODULE, VERSION) in listed.read()
    except OSError:
        has_it = False
    if has_it:
        shutil.copytree(os.path.join(vendor, MODULE), os.path.join(directory, "demangle"))
        with open(os.path.join(directory, "demangle/go.mod"), "w", encoding="utf-8") as file:
            file.write("module %s\ngo 1.13\n" % MODULE)
        module += "replace %s => ./demangle\n" % MODULE
    shutil.copy(os.path.join(HERE, "oracle.go"), directory)
    with open(os.path.join(directory, "go.mod"), "w", encoding="utf-8") as file:
        file.write(module)
    done = subprocess.run([go, "build", "-o", "oracle", "."], cwd=directory, env=environment, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, check=False)
    if done.returncode != 0:
        print("%s %s cannot be had: skipped\n%s" % (MODULE, VERSION, done.stdout.decode()))
        sys.exit(SKIPPED)
    return os.path.join(directory, "oracle")


def read_corpus():
    names = []
    for path in sorted(glob.glob(os.path.join(CORPUS, "name-*"))):
        with open(path, encoding="latin-1") as file:
            names.append(file.read())
    return names


def is_elf(path):
    try:
        with open(path, "rb") as file:
            return file.read(4) == b"\x7fELF"
    except OSError:
        return False


def names_of(path):
    names = set()
    for arguments in (["-D"], []):
        done = run(["nm", "--defined-only", "-f", "posix"] + arguments + [path])
        names.update(line.split(" ", 1)[0].split("@")[0] for line in done.stdout.decode("latin-1").splitlines())
    return {name for name in names if name.startswith("_") and name.isascii()}


def find_files():
    paths = {os.path.realpath(path) for pattern in PROGRAMS for path in glob.glob(pattern)}
    for directory, _, files in os.walk(LIBRARIES):
        paths.update(os.path.join(directory, file) for file in files if ".so" in file)
    return sorted(path for path in paths if os.path.isfile(path) and not os.path.islink(path) and is_elf(path))


def collect(everything):
    paths = find_files()
    chance = random.Random(int(os.environ.get("TRIPTYCH_SEED", "1")))
    if not everything:
        always = [path for path in paths if ALWAYS.search(path)]
        paths = chance.sample(always, min(6, len(always))) + chance.sample(paths, min(SAMPLE_FILES, len(paths)))
    names = set()
    for path in paths:
        names.update(names_of(path))
    names = sorted(names)
    if not everything and len(names) > SAMPLE_NAMES:
        names = chance.sample(names, SAMPLE_NAMES)
    print("%d files, %d names" % (len(paths), len(names)))
    return read_corpus() + names


def read_differences():
    with open(os.path.join(HERE, "differences.txt"), encoding="utf-8") as file:
        return {line.strip() for line in file if line.startswith("\t")}


def plain(text):
    return text.replace(" ", "")


def libiberty(names):
    """What libiberty says in full, without what it alone adds: hashes of crates, types of numbers."""
    said = {}
    for style in ("rust", "gnu-v3"):
        chosen = [name for name in names if (style == "rust") == name.startswith("_R") or "17h" in name]
        done = run(["c++filt", "-s", style], "".join(name + "\n" for name in chosen))
        for name, text in zip(chosen, done.stdout.decode("utf-8", "replace").split("\n")):
            text = re.sub(r"\.llvm\.[0-9A-F]+$|\[[0-9a-f]{1,16}\]|: ?[iu](8|16|32|64|128|size)\b|::h[0-9a-f]{16}$| \[clone [^]]*\]",
                          "", text)
            said.setdefault(name, plain(text))
    return said


def judge(tool, oracle, names):
    differing, n_exact = {}, 0
    ours_in_full = dict(zip(names, shown(tool, "full", names)))
    for mode in MODES[1:]:
        ours = shown(tool, mode, names)
        theirs = run([oracle, mode], "".join(name + "\n" for name in names)).stdout.decode().split("\n")[:-1]
        assert len(ours) == len(theirs)
        n_exact += sum(a == b for a, b in zip(ours, theirs))
        for name, a, b in zip(names, ours, theirs):
            if plain(a) != plain(b):
                differing.setdefault(name, []).append((mode, a, b))
    print("%d of %d answers are the same to the letter" % (n_exact, 3 * len(names)))
    listed, second = read_differences(), libiberty(sorted(differing))
    counts, faults = {}, []
    for name, answers in differing.items():
        rule = next((why for why, pattern in RULES.items() if pattern.match(name)), None)
        agrees = BEYOND_LIBIBERTY.match(name) or second.get(name) == plain(ours_in_full[name])
        if name in listed or (rule and agrees):
            counts[rule or "listed"] = counts.get(rule or "listed", 0) + 1
        else:
            faults.append((name, answers, second.get(name)))
    for why, count in sorted(counts.items()):
        print("%6d  %s" % (count, why))
    for name, answers, said in faults[:10]:
        print("\n%s\n  libiberty: %s" % (name, said))
        for mode, a, b in answers:
            print("  %s\n    ours: %s\n    Go:   %s" % (mode, a, b))
    assert not faults, "%d names differ without a reason" % len(faults)


def by_oracle(tool, everything):
    with tempfile.TemporaryDirectory() as directory:
        judge(tool, build_oracle(directory), collect(everything))


if __name__ == "__main__":
    if sys.argv[2] == "lines":
        lines(sys.argv[1])
    else:
        by_oracle(sys.argv[1], sys.argv[2] == "oracle-all")
