#!/usr/bin/env python3
"""A reload under load: no sample is lost, and each is worth the period that it was taken at.

The rate changes twice while a program burns a known amount of CPU time; in between a file that is
wrong changes nothing, and says why. What the profiles add up to is compared with the program's own
clock, whatever the rates were; a count at one rate with the period of another would be ten times off.
"""

import subprocess
import sys
import urllib.error
import urllib.request

import harness
import judge
import workloads
from harness import check
from receiver import Receiver

CPU_SECONDS = 6
RATES_HZ = (997, 97, 997)
NS = 1000000000


def reload(triptych):
    """(status, text) of the reload page."""
    request = urllib.request.Request(f"http://127.0.0.1:{triptych.port}/-/reload", method="POST")
    try:
        with urllib.request.urlopen(request, timeout=5) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read().decode()


def configuration(url, rate):
    return harness.CONFIGURATION.format(url=url, interval="500ms", sample_rate=rate)


def change(triptych, url, rate):
    """Takes @rate over, and waits until the collector has it."""
    triptych.write_configuration(configuration(url, rate))
    status, text = reload(triptych)
    check(status == 200, f"{status}: {text}")
    harness.wait_for(lambda: f"hz={rate} " in triptych.log("collector").splitlines()[-1] or
                     f" hz={rate} " in triptych.log("collector").rpartition("event=settings")[2],
                     5, f"the collector at {rate} Hz")


def refuse(triptych, url):
    triptych.write_configuration(configuration(url, 0))
    status, text = reload(triptych)
    check(status == 400, f"a rate of 0 was answered with {status}")
    check("config.alloy:6:" in text and "sample_rate is 0" in text and "^" in text, text)


def run(triptych, url, directory):
    """Burns while the rate changes; returns the CPU time that was burnt."""
    program = workloads.build_c(directory, "split.c")
    process = harness.spawn([program, str(CPU_SECONDS)], stdout=subprocess.PIPE, text=True)
    for rate in RATES_HZ[1:]:
        try:
            process.wait(CPU_SECONDS / len(RATES_HZ))
        except subprocess.TimeoutExpired:
            pass
        refuse(triptych, url)
        change(triptych, url, rate)
    out, _ = process.communicate(timeout=60)
    harness.reap(process, 5)
    return sum(int(line.split()[1]) for line in out.splitlines())


def main():
    with harness.scratch() as directory, Receiver(f"{directory}/received") as receiver:
        with harness.Triptych(receiver.url, interval="500ms",
                              sample_rate=RATES_HZ[0]) as triptych:
            burnt_ns = run(triptych, receiver.url, directory)
            triptych.stop_collector()
            harness.check_delivered(triptych, receiver)
        seen_ns = sum(stack.value for stack in judge.of_receiver(receiver).of_process("split"))
        periods = {received.profile.period for received in receiver.distinct()}
        print(f"{seen_ns / NS:.2f} s seen of {burnt_ns / NS:.2f} s, periods {sorted(periods)}")
        check(periods == {NS // rate for rate in RATES_HZ}, f"periods: {periods}")
        # A host that takes the CPU away from a virtual machine is seen by the sampler alone.
        check(0.9 < seen_ns / burnt_ns < 1.5, f"{seen_ns} ns seen of {burnt_ns} ns")
    return 0


if __name__ == "__main__":
    sys.exit(main())
