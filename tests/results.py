#!/usr/bin/env python3
"""What CTest's JUnit file says, for people and for tests/run.

  results.py again FILE          the names, as an expression for ctest -R, of failed tests that may try again
  results.py summary FILE AGAIN  the slowest, what failed or was left out, and the figures that tests print

Most tests have to do with threads, processes, a real kernel or engine, and share this machine's CPUs with
whoever else uses it: one can miss a deadline for want of them. A few such may try again, alone, once; that
is always said. A lint, or anything that a sanitizer spoke of, may not: what it saw was not the load.
"""

import json
import os
import subprocess
import sys
import xml.etree.ElementTree as tree

SANITIZERS = ("Sanitizer", "runtime error:")
AGAIN_MAX = 4
SLOWEST = 5
LINE_CHARS_MAX = 150


def cases_of(path):
    return list(tree.parse(path).getroot().iter("testcase")) if os.path.exists(path) else []


def output(case):
    return case.findtext("system-out") or ""


def lints():
    """CTest 3.25 does not write labels into the JUnit file."""
    out = subprocess.run(["ctest", "--preset", "dev", "--label-regex", "lint", "--show-only=json-v1"],
                         check=True, capture_output=True, text=True).stdout
    return {test["name"] for test in json.loads(out)["tests"]}


def failed(cases):
    return [case for case in cases if case.get("status") == "fail"]


def may_try_again(case, exact):
    return case.get("name") not in exact and not any(word in output(case) for word in SANITIZERS)


def again(path):
    bad = failed(cases_of(path))
    exact = lints()
    if not 0 < len(bad) <= AGAIN_MAX or not all(may_try_again(case, exact) for case in bad):
        return 1
    print("^(" + "|".join(case.get("name") for case in bad) + ")$")
    return 0


def print_figures(cases):
    for case in cases:
        if case.get("name").startswith(("e2e_", "bench")) and case.get("status") != "fail":
            for line in output(case).strip().splitlines():
                print(f"   {case.get('name')}: {line[:LINE_CHARS_MAX]}")


def summary(path, path_again):
    cases, second = cases_of(path), cases_of(path_again)
    passed_second = {case.get("name") for case in second if case.get("status") == "run"}
    bad = [case for case in failed(cases) if case.get("name") not in passed_second]
    out = [case for case in cases if case.get("status") not in ("run", "fail")]
    print(f"\n== {len(cases) - len(bad) - len(out)} passed, {len(bad)} failed, {len(out)} not run,"
          f" {sum(float(case.get('time')) for case in cases + second):.0f} s of tests")
    for case in sorted(cases, key=lambda case: -float(case.get("time")))[:SLOWEST]:
        print(f"   {float(case.get('time')):6.1f} s  {case.get('name')}")
    for case in out:
        print(f"   not run: {case.get('name')}")
    print("   not run: tests/kubernetes/run (builds an API server the first time: minutes)")
    for case in failed(cases):
        word = "FAILED ONCE, then passed alone" if case.get("name") in passed_second else "FAILED"
        print(f"   {word}: {case.get('name')}")
    print_figures(cases)
    return 0


def main():
    if len(sys.argv) == 3 and sys.argv[1] == "again":
        return again(sys.argv[2])
    if len(sys.argv) == 4 and sys.argv[1] == "summary":
        return summary(*sys.argv[2:])
    print(__doc__, file=sys.stderr)
    return 2


if __name__ == "__main__":
    sys.exit(main())
