#!/usr/bin/env python3
"""The Debian package: without lintian's errors, and installed, upgraded, removed and purged.

usage: package_test.py BUILD_DIRECTORY

BUILD_DIRECTORY is a built one of preset release. dpkg works below a directory of the test's own,
which is no chroot: maintainer scripts run with DPKG_ROOT, as they do where images are made. Then in
a chroot, by package_chroot.py.
"""

import os
import shutil
import subprocess
import sys
import tempfile

SKIPPED = 77
# Who packages says who that is, with TRIPTYCH_MAINTAINER.
LINTIAN_SUPPRESSED = "bogus-mail-host,bogus-mail-host-in-debian-changelog"
PROGRAMS = ("collector", "symbolizer", "shipper")


def run(*command, **options):
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          check=False, **options)
    assert done.returncode == 0, f"{' '.join(command)}: {done.stdout}"
    return done.stdout


def package(build, directory, version):
    run("cpack", "--config", os.path.join(build, "CPackConfig.cmake"), "-B", directory,
        "-D", f"CPACK_PACKAGE_VERSION={version}", "-D", f"CPACK_DEBIAN_PACKAGE_VERSION={version}",
        cwd=build)
    name = next(one for one in os.listdir(directory) if one.startswith(f"triptych_{version}_"))
    return os.path.join(directory, name)


def dpkg(root, *arguments):
    run("dpkg", f"--root={root}", "--force-script-chrootless", "--force-depends",
        "--force-confold", "--log=/dev/null", *arguments)


def below(root):
    """What a package may have put there: all but dpkg's own books."""
    return sorted(os.path.join(directory, name).removeprefix(root)
                  for directory, _, names in os.walk(root) for name in names
                  if not directory.startswith(os.path.join(root, "var/lib/dpkg")))


def check_lintian(path):
    if not shutil.which("lintian"):
        print("lintian is missing: not asked")
        return
    run("lintian", "--allow-root", "--fail-on=error", f"--suppress-tags={LINTIAN_SUPPRESSED}", path)


def check_installed(root):
    for program in PROGRAMS:
        path = os.path.join(root, f"usr/libexec/triptych/triptych-{program}")
        assert run(path, "--version").strip()
        unit = f"triptych-{program}{'@' if program == 'symbolizer' else ''}.service"
        with open(os.path.join(root, "usr/lib/systemd/system", unit), encoding="utf-8") as file:
            assert f"ExecStart=/usr/libexec/triptych/triptych-{program} " in file.read()
    with open(os.path.join(root, "etc/passwd"), encoding="utf-8") as file:
        assert "triptych-shipper:x:59114:59110:" in file.read()
    assert os.stat(os.path.join(root, "run/triptych")).st_gid == 59110


def check_life(root, old, new):
    config = os.path.join(root, "etc/triptych/config.alloy")
    dpkg(root, "--install", old)
    check_installed(root)
    with open(config, "a", encoding="utf-8") as file:
        file.write("// changed\n")
    dpkg(root, "--install", new)
    check_installed(root)
    with open(config, encoding="utf-8") as file:
        assert file.read().endswith("// changed\n"), "an upgrade lost the configuration"
    spool = os.path.join(root, "var/lib/triptych/spool")
    os.makedirs(spool)
    dpkg(root, "--remove", "triptych")
    left = [path for path in below(root) if "triptych" in path]
    assert left == ["/etc/triptych/config.alloy"], left
    assert os.path.isdir(spool), "removing is not purging"
    dpkg(root, "--purge", "triptych")
    left = [os.path.join(directory, name) for directory, names, files in os.walk(root)
            for name in names + files if "triptych" in name]
    assert not left, left


def check_in_chroot(old, new):
    """Where there can be none, it says why."""
    script = os.path.join(os.path.dirname(os.path.abspath(__file__)), "package_chroot.py")
    done = subprocess.run(["unshare", "-m", sys.executable, "-B", script, old, new],
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    print(done.stdout.strip())
    assert done.returncode in (0, SKIPPED), "the chroot"


def main():
    build = sys.argv[1]
    tools = ("dpkg", "cpack", "systemd-sysusers", "systemd-tmpfiles", "file")
    missing = [tool for tool in tools if not shutil.which(tool)]
    if not os.path.exists(os.path.join(build, "shipper/triptych-shipper")):
        missing.append("a build of preset release")
    if missing or os.geteuid() != 0:
        print(f"missing: {', '.join(missing) or 'root'}")
        sys.exit(SKIPPED)
    with tempfile.TemporaryDirectory(prefix="triptych-package.") as directory:
        old, new = (package(build, os.path.join(directory, version), version)
                    for version in ("0.0.1", "0.0.2"))
        check_lintian(new)
        root = os.path.join(directory, "root")
        for name in ("etc", "var/lib/dpkg/info", "var/lib/dpkg/updates", "run"):
            os.makedirs(os.path.join(root, name))
        for name in ("status", "available"):
            with open(os.path.join(root, "var/lib/dpkg", name), "w", encoding="utf-8"):
                pass
        check_life(root, old, new)
        check_in_chroot(old, new)


if __name__ == "__main__":
    main()
