#!/usr/bin/env python3
"""Wrong options, wrong configurations, wrong directories: a clear line, the right exit code, no start."""

import os
import socket
import subprocess
import sys

import harness
from one_service import (AGAIN, CANT_CREATE, CONFIG, PERMISSION, UNAVAILABLE, USAGE, Place, ends)
from harness import check

HUGE = "99999999999999999999999"

# Options that are a number, and what is no value of them.
NUMBERS = {
    "collector": {
        "--uid": ["0", "-1", "x", "", HUGE, "4294967295"],
        "--opener-uid": ["0", "-1", "1.5", HUGE],
        "--gid": ["0", "-1", "x"],
        "--symbolizer-uid": ["0", "-1", "x", HUGE],
        "--shipper-uid": ["0", "-1", "x", HUGE],
        "--pid-map-size": ["0", "-1", "x", HUGE, "1e3"],
        "--sample-rate": ["0", "-97", "97Hz", HUGE, "1000000"],
        "--windows-bytes": ["0", "-1", "lots", HUGE],
        "--objects": ["0", "-1", "0x10", HUGE],
        "--hold-seconds": ["-1", "1m", HUGE],
        "--lease-seconds": ["0", "-1", "x", HUGE],
        "--stop-seconds": ["-1", " 1", HUGE],
        "--log-level": ["loud", "", "INFO "],
    },
    "symbolizer": {
        "--cache-bytes": ["0", "-1", "x", HUGE],
        "--memory-bytes": ["0", "-1", "x", HUGE],
        "--collector-uid": ["-1", "x", HUGE],
        "--shipper-uid": ["-1", "x", HUGE],
        "--log-level": ["loud", ""],
    },
    "shipper": {
        "--spool-bytes": ["0", "-1", "x", HUGE, "1T", "40MB", "17179869184G"],
        "--stop-seconds": ["-1", "x", HUGE],
        "--collector-uid": ["0", "-1", "x", HUGE],
        "--symbolizer-uid": ["0", "-1", "x", HUGE],
        "--log-level": ["loud", ""],
        "--http": ["", "x", "127.0.0.1", "127.0.0.1:0x50", "127.0.0.1:65536", "127.0.0.1:-1",
                   "nowhere:80", ":::"],
    },
}

# (lines in the place of a good one, line and column of the fault, words of the message)
EBPF = [
    ("sample_rates = 97", "sample_rates"),
    ("sample_rate = 0", "0"),
    ("sample_rate = -1", "-1"),
    ('sample_rate = "fast"', '"fast"'),
    ("sample_rate = 1.5", "1.5"),
    ("sample_rate = 1000000", "1000000"),
    ('collect_interval = "0s"', '"0s"'),
    ('collect_interval = "-1s"', '"-1s"'),
    ('collect_interval = "soon"', '"soon"'),
    ("collect_interval = 15", "15"),
    ('demangle = "maybe"', '"maybe"'),
    ("demangle = 1", "1"),
    ("pid_cache_size = 0", "0"),
    ("build_id_cache_size = -5", "-5"),
    ("pid_map_size = 0", "0"),
    ("same_file_cache_size = {}", "{}"),
    ("container_id_cache_size = [1]", "[1]"),
    ("collect_user_profile = 1", "1"),
    ('collect_kernel_profile = "yes"', '"yes"'),
    ("targets = 5", "5"),
    ("forward_to = 5", "5"),
    ("sample_rate = = 97", "= 97"),
    ("sample_rate = nothing.here", "nothing.here"),
    ("unknown_block {}", "unknown_block"),
]
WRITE = [
    ('url = ""', '""'),
    ("url = 5", "5"),
    ('url = "ftp://x"', '"ftp://x"'),
    ('remote_timeout = "-1s"', '"-1s"'),
    ('min_backoff_period = "x"', '"x"'),
    ("max_backoff_retries = -1", "-1"),
    ("headers = 5", "5"),
    ("urls = 1", "urls"),
]
EBPF_TEXT = """// a comment
pyroscope.ebpf "t" {{
\t{line}
{rest}}}
pyroscope.write "w" {{ endpoint {{ url = "http://127.0.0.1:1" }} }}
"""
WRITE_TEXT = """pyroscope.ebpf "t" {{ forward_to = [pyroscope.write.w.receiver]
targets = [] }}
pyroscope.write "w" {{ endpoint {{
\t{line}
{rest}}} }}
"""
NEEDED = {"forward_to": "forward_to = [pyroscope.write.w.receiver]\n", "targets": "targets = []\n"}


def check_options(place):
    for service, options in NUMBERS.items():
        for option, values in options.items():
            for value in values:
                ends(place.command(service, option, value), USAGE, option.strip("-"))
        for option in options:
            ends(place.command(service, option), USAGE, option)
        ends(place.command(service, "--no-such-option"), USAGE, "--no-such-option")
        ends(place.command(service, "-q"), USAGE, "q")
        ends(place.command(service, "stray"), USAGE, "stray")
        ends(place.command(service, "--", "--help"), USAGE, "--help")
        ends(place.command(service, "--help"), 0, "Usage: triptych-" + service, "Exit status")
        ends(place.command(service, "--version"), 0, "triptych-" + service)


def check_configuration(place, text, line_number, line, token):
    path = place.write("config.alloy", text)
    column = line.index(token) + 2 # a tab and counting from one
    outcome = ends(place.command("shipper", "--config", path), CONFIG)
    where = f"{path}:{line_number}:{column}: "
    check(where in outcome.text, f"no {where!r} for {line!r}:\n{outcome.text}")
    message = outcome.text.split(where, 1)[1].splitlines()[0]
    check(len(message) > 15, f"{line!r}: {message!r} says too little")
    return message


def check_configurations(place):
    for line, token in EBPF:
        rest = "".join(text for name, text in NEEDED.items() if not line.startswith(name))
        print(f"{line}: {check_configuration(place, EBPF_TEXT.format(line=line, rest=rest), 3, line, token)}")
    for line, token in WRITE:
        rest = "" if line.startswith("url =") else 'url = "http://127.0.0.1:1"\n'
        print(f"{line}: {check_configuration(place, WRITE_TEXT.format(line=line, rest=rest), 4, line, token)}")
    missing = place.path("no-such.alloy")
    ends(place.command("shipper", "--config", missing), CONFIG, missing, "No such file")
    ends(place.command("shipper", "--config", place.directory), CONFIG, place.directory)
    ends(place.command("shipper", "--config", place.write("binary.alloy", "\0\x7fELF\x01")), CONFIG, "binary.alloy:1:1")


def check_directories(place):
    """Each service says which directory it cannot use."""
    ids = place.ids
    for service, option, uid in (("symbolizer", "--cache-dir", ids["symbolizer"]),
                                 ("shipper", "--spool-dir", ids["shipper"]),
                                 ("shipper", "--run-dir", ids["shipper"]),
                                 ("collector", "--run-dir", ids["collector"])):
        for path in (place.make(f"{service}{option}-closed", 0, 0o700), place.path("no", "such"),
                     place.write(f"{service}{option}-file", ""), "/dev/null", "/proc/1"):
            ends(place.command(service, option, path), CANT_CREATE, path)
        read_only = place.make(f"{service}{option}-read-only", uid, 0o555)
        ends(place.command(service, option, read_only), CANT_CREATE, read_only)
    store = place.make("closed-store", 0, 0o700)
    text = WRITE_TEXT.format(line=f'url = "file://{store}"', rest="")
    ends(place.command("shipper", "--config", place.write("store.alloy", text)), CANT_CREATE, store)
    long = "/" + "x" * 120
    ends(place.command("collector", "--run-dir", long), CANT_CREATE, long)


def check_privileges(place):
    for service in ("symbolizer", "shipper"):
        ends(place.command(service, prefix=[]), PERMISSION, "event=privileged", "uid=0")
        some_cap = ["setpriv", "--reuid", "4711", "--clear-groups", "--inh-caps=+net_raw",
                    "--ambient-caps=+net_raw"]
        ends(place.command(service, prefix=some_cap), PERMISSION, "event=privileged",
                                                                "uid=4711")


def check_port(place):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        ends(place.command("shipper", "--http", address), UNAVAILABLE, "event=http-port-in-use", address)


def check_seconds(directory):
    """A second service on the directories of a first gives way, and the first goes on."""
    with harness.Triptych("@STORE@", interval="300ms", n_symbolizers=1) as triptych:
        ends(triptych.command("collector"), AGAIN, "event=socket-in-use", triptych.path("run"))
        ends(triptych.command("shipper"), AGAIN, "event=spool-locked", triptych.path("spool"))
        other_spool = os.path.join(directory, "other-spool")
        os.mkdir(other_spool)
        os.chown(other_spool, triptych.ids["shipper"], triptych.ids["group"])
        command = triptych.command("shipper") + ["--spool-dir", other_spool, "--http",
                                                 f"127.0.0.1:{harness.free_port()}"]
        ends(command, AGAIN, "event=socket-in-use", triptych.path("run"))
        triptych.run(["dd", "if=/dev/zero", "of=/dev/null", "bs=1M", "count=5000"],
                     stderr=subprocess.DEVNULL)
        triptych.stop_collector()
        taken = harness.check_books(triptych.final)
        check(taken > 0 and taken == triptych.final["triptych_samples_spooled_total"], "samples were lost")


def main():
    with harness.scratch() as directory:
        place = Place(directory)
        check_options(place)
        check_configurations(place)
        check_privileges(place)
        check_directories(place)
        check_port(place)
        check_seconds(directory)
    return 0


if __name__ == "__main__":
    sys.exit(main())
