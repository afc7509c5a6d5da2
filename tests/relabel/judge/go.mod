module triptych/tests/relabel/judge

go 1.19
