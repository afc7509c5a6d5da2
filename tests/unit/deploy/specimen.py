"""Profiles made by rule: what a host looks like, with as many frames as a test asks for."""

import os
import random
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../../deploy"))
import pprof  # noqa: E402

PERIOD_NS = 10309278
NO_FLAGS = (True, False, False, False)
HOSTILE = "</script><img src=x onerror=\"document.title='owned'\">"


def mapping(filename, start=0x400000):
    return pprof.Mapping(start, start + 0x100000, 0, filename, f"{abs(hash(filename)):016x}", NO_FLAGS)


def location(name, where=None, address=0):
    return pprof.Location(where, address, ((pprof.Function(name, name, "", 0), 0),), False)


def profile(stacks, start_ns=1_790_000_000_000_000_000, seconds=15):
    """A profile of @stacks: (root-first locations, samples)."""
    p = pprof.Profile()
    p.sample_types = [("cpu", "nanoseconds")]
    p.period_type, p.period = ("cpu", "nanoseconds"), PERIOD_NS
    p.time_nanos, p.duration_nanos = start_ns, int(seconds * 1e9)
    for stack, n in stacks:
        key = (tuple(reversed(stack)), ())
        values = p.samples.setdefault(key, [0])
        values[0] += n * PERIOD_NS
    return p


WORDS = ("parse", "read", "write", "hash", "lookup", "encode", "flush", "merge", "split", "visit",
         "schedule", "poll", "sort", "copy", "alloc", "free", "lock", "walk", "emit", "reduce")
PROCESSES = (("postgres", "/usr/lib/postgresql/15/bin/postgres", 30), ("envoy", "/usr/bin/envoy", 24),
             ("api-server", "/srv/api-server", 18), ("dd", "/usr/bin/dd", 9),
             ("python3", "/usr/bin/python3.11", 8), ("sshd", "/usr/sbin/sshd", 1),
             ("</script>", "/tmp/</script>", 1))
KERNEL = mapping("[kernel.kallsyms]", 0xffffffff81000000)
LIBC = mapping("/usr/lib/x86_64-linux-gnu/libc.so.6", 0x7f0000000000)
SYSCALLS = (("entry_SYSCALL_64_after_hwframe", "do_syscall_64", "ksys_read", "vfs_read",
             "ext4_file_read_iter", "filemap_read", "copy_page_to_iter"),
            ("entry_SYSCALL_64_after_hwframe", "do_syscall_64", "__x64_sys_futex", "futex_wait"),
            ("asm_sysvec_apic_timer_interrupt", "sysvec_apic_timer_interrupt", "__irq_exit_rcu",
             "handle_softirqs", "run_rebalance_domains"))


def host(n_stacks=400, seed=7, deepest=30):
    """A whole host: several processes, libraries, the kernel, a hostile name, unresolved code."""
    rng = random.Random(seed)
    stacks = []
    for comm, path, weight in PROCESSES:
        where = mapping(path)
        root = [location(comm), location("_start", where, 0x400100), location("main", where, 0x400200)]
        for _ in range(max(1, n_stacks * weight // 91)):
            stack = list(root)
            for depth in range(rng.randint(2, deepest)):
                branch = int(rng.random() ** 2.2 * 4)
                name = f"{WORDS[(len(stack) * 3 + branch) % 20]}_{WORDS[(branch * 7 + depth) % 20]}"
                if comm == "envoy":
                    name = f"Envoy::Http::Filter<{name}>::{name}(unsigned long)"
                elif comm == "api-server":
                    name = f"example.org/api/v2/store.(*Server).{name}"
                stack.append(location(name, where, 0x401000 + depth * 64 + branch))
            if rng.random() < 0.3:
                stack.append(location(rng.choice(("malloc", "memcpy", "read", "pthread_mutex_lock")),
                                      LIBC, 0x7f0000001000))
            if comm == "dd" or rng.random() < 0.25:
                stack += [location(name, KERNEL, 0xffffffff81000100 + i)
                          for i, name in enumerate(rng.choice(SYSCALLS))]
            stacks.append((stack, 1 + int(rng.paretovariate(1.1)) % 40))
    ssl = mapping("/usr/lib/libssl.so.3", 0x7f1000000000)
    stacks.append(([location("sshd"), pprof.Location(ssl, 0x7f1000000100, (), False)], 9))
    stacks.append(([location("sshd"), location(HOSTILE, mapping("/usr/sbin/sshd"), 0x400500)], 12))
    return profile(stacks)


if __name__ == "__main__":
    with open(sys.argv[1], "wb") as out:
        out.write(pprof.write_gz(host(int(sys.argv[2]))))
