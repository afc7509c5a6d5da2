module triptych/tests/relabel/judge/prometheus

go 1.22.0

require (
	github.com/prometheus/common v0.59.1
	github.com/prometheus/prometheus v0.55.1
	triptych/tests/relabel/judge v0.0.0
)

require (
	github.com/cespare/xxhash/v2 v2.3.0 // indirect
	github.com/grafana/regexp v0.0.0-20240518133315-a468a5bfb3bc // indirect
	github.com/prometheus/client_model v0.6.1 // indirect
	golang.org/x/text v0.18.0 // indirect
	google.golang.org/protobuf v1.34.2 // indirect
)

replace triptych/tests/relabel/judge => ../
