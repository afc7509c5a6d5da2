"""Builds the programs that the end-to-end tests profile."""

import os
import subprocess

SOURCES = os.path.join(os.path.dirname(os.path.abspath(__file__)), "workloads")
C_FLAGS = ["-std=gnu17", "-D_GNU_SOURCE", "-O2", "-g0", "-Wall", "-Wextra", "-Werror",
           "-fno-omit-frame-pointer", "-mno-omit-leaf-frame-pointer", "-fno-optimize-sibling-calls", "-fno-ipa-icf"]
# Fixed addresses, all code in one file: two such programs overlap exactly.
FIXED = ["-static", "-no-pie", "-fno-pie"]


def build_c(directory, source, name=None, flags=()):
    """Compiles workloads/@source into @directory; returns the path of the program."""
    out = os.path.join(directory, name or source.removesuffix(".c"))
    os.makedirs(os.path.dirname(out), exist_ok=True)
    subprocess.run(["gcc", *C_FLAGS, *flags, "-o", out, os.path.join(SOURCES, source), "-ldl"],
                   check=True)
    return out


def build_cxx(directory, source, name, flags=()):
    """As build_c(), with a C++ compiler."""
    out = os.path.join(directory, name)
    os.makedirs(directory, exist_ok=True)
    c_flags = ["-std=gnu++17" if flag == "-std=gnu17" else flag for flag in C_FLAGS]
    subprocess.run(["g++", *c_flags, *flags, "-o", out, os.path.join(SOURCES, source)], check=True)
    return out


def build_chain(directory, function, name):
    return build_c(directory, "chain.c", name, [*FIXED, f"-DBURN_NAME={function}"])


def build_plugin(directory):
    return build_c(directory, "plugin.c", "libplugin.so", ["-shared", "-fPIC"])


def build_go(directory, name="busygo", flags=()):
    out = os.path.join(directory, name)
    environment = dict(os.environ, GO111MODULE="off", CGO_ENABLED="0", GOFLAGS="",
                       GOTOOLCHAIN="local")
    environment.setdefault("HOME", "/root")
    subprocess.run(["go", "build", *flags, "-o", out, os.path.join(SOURCES, "busy.go")], check=True,
                   env=environment)
    return out
