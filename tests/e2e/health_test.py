#!/usr/bin/env python3
"""/-/healthy names the component that is not well, and `health` tells an ill one from a dead one."""

import subprocess
import sys
import urllib.error

import harness
from harness import check

CONFIGURATION = """
discovery.docker "gone" {
  host = "unix:///nonexistent/docker.sock"
}
pyroscope.write "store" {
  endpoint { url = "@STORE@" }
}
pyroscope.ebpf "test" {
  forward_to     = [pyroscope.write.store.receiver]
  targets        = discovery.docker.gone.targets
  default_target = {"service_name" = "test"}
}
"""
WELL = CONFIGURATION.replace("discovery.docker.gone.targets", "[]").replace(
    CONFIGURATION[CONFIGURATION.index("discovery"):CONFIGURATION.index("pyroscope.write")], "")


def healthy(triptych):
    """(status, text) of /-/healthy."""
    try:
        return 200, triptych.get("/-/healthy")
    except urllib.error.HTTPError as answer:
        return answer.code, answer.read().decode()


def ask_health(triptych, *arguments):
    done = subprocess.run([triptych.path("bin", "triptych-shipper"), "health", "--http",
                           f"127.0.0.1:{triptych.port}", *arguments], stdout=subprocess.PIPE,
                          text=True, check=False)
    return done.returncode, done.stdout


def main():
    with harness.Triptych("", configuration=CONFIGURATION) as triptych:
        harness.wait_for(lambda: healthy(triptych)[0] == 500, 20, "a component is not well")
        status, text = healthy(triptych)
        check("discovery.docker.gone" in text and "pyroscope.write" not in text, text)
        check("/nonexistent/docker.sock: No such file or directory" in text, text)
        check(ask_health(triptych)[0] == 0, "health takes an ill component for a dead process")
        check(ask_health(triptych, "--ready")[0] == 0, "health --ready says no")
        triptych.write_configuration(WELL)
        triptych.get("/-/reload")
        harness.wait_for(lambda: healthy(triptych) == (200, "healthy\n"), 20, "all are well")
        triptych.terminate("collector")
        harness.wait_for(lambda: ask_health(triptych, "--ready")[0] == 1, 20, "it is not ready")
        for name in triptych.symbolizers() + ["shipper"]:
            triptych.terminate(name)
        status, text = ask_health(triptych)
        check(status == 1, f"nobody is there, and health says {status}: {text}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
