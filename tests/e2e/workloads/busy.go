// A Go program that is busy in functions of known names. usage: busy SECONDS
package main

import (
	"fmt"
	"os"
	"strconv"
	"time"
)

type mixer struct{ state uint64 }

//go:noinline
func (m *mixer) churn(n int) {
	x := m.state | 1
	for i := 0; i < n; i++ {
		x = x*6364136223846793005 + 1442695040888963407
	}
	m.state = x
}

//go:noinline
func goBusy(m *mixer, until time.Time) {
	for time.Now().Before(until) {
		m.churn(1_000_000)
	}
}

func main() {
	seconds := 5.0
	if len(os.Args) > 1 {
		seconds, _ = strconv.ParseFloat(os.Args[1], 64)
	}
	m := &mixer{}
	goBusy(m, time.Now().Add(time.Duration(seconds*float64(time.Second))))
	fmt.Println(m.state)
}
