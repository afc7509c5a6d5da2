"""What peers reached where the same workloads were run: peers' published comparison.

Two CPUs, 97 Hz, windows of 60 s, interleaved, median of three. "fp" is the engine that walked frame
pointers in Alloy up to 1.10, by itself; "OTel" is the OpenTelemetry eBPF profiler at its defaults.
"""

SOURCE = "peers' published comparison"

# metric of ours: (fp, OTel); None where they were not measured.
FIGURES = {
    "w1.bpf_ratio_97": (1.45, 4.25),
    "w1.bpf_ns_97": (11113, 26051),
    "w1.floor_ns_97": (7502, 7502),
    "w1.user_pct": (0.024, 0.697),
    "w1.bpf_pct": (0.216, 0.505),
    "w1.cpu_ratio": (1.8, 8.2),
    "w2.user_pct": (0.124, 0.614),
    "w2.footprint_mb": (66.4, 93.3),  # PSS and maps, 63.3 and 89.0 MiB
    "w2.pss_mb": (47.6, 50.1),
    "w2.maps_mb": (18.8, 43.2),
    "w2.wire_bytes": (320600, 199000),
    "w4.cpu_pct": (5.84, 8.55),
    "w4.user_pct": (5.37, 8.05),
    "w4.bpf_pct": (0.472, 0.501),
    "w4.named_pct": (0.0, 48.8),
    "start.attached_ms": (390, 5710),
    "start.profile_ms": (15500, 5100),
}
