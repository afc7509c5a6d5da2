"""Burns CPU in two functions for so many milliseconds."""
import sys
import time


def innermost(n):
    x = 1
    for i in range(n):
        x = (x * 31 + i) % 1000003
    return x


def outermost(until):
    while time.monotonic() < until:
        innermost(20000)


outermost(time.monotonic() + int(sys.argv[1]) / 1000)
