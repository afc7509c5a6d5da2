// A Go program that is busy in functions of known names. usage: busy SECONDS
package main

import (
	"fmt"
	"os"
	"strconv"
	"time"
)

type mixer struct{ state uint64 }

// A leaf without a frame: whoever walks frame pointers misses its caller, which is why there is one
// function between this and goBusy.
//
//go:noinline
func (m *mixer) churn() {
	x := m.state | 1
	for i := 0; i < 1_000_000; i++ {
		x = x*6364136223846793005 + 1442695040888963407
	}
	m.state = x
}

//go:noinline
func goRound(m *mixer, n int) {
	for i := 0; i < n; i++ {
		m.churn()
	}
}

//go:noinline
func goBusy(m *mixer, until time.Time) {
	for time.Now().Before(until) {
		goRound(m, 3)
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
