// Demangles the lines of its input as Grafana Alloy's profiler does: oracle MODE.
package main

import (
	"bufio"
	"os"

	"github.com/ianlancetaylor/demangle"
)

var modes = map[string][]demangle.Option{
	"simplified": {demangle.NoParams, demangle.NoEnclosingParams, demangle.NoTemplateParams},
	"templates":  {demangle.NoParams, demangle.NoEnclosingParams},
	"full":       {demangle.NoClones},
}

func main() {
	in := bufio.NewScanner(os.Stdin)
	in.Buffer(make([]byte, 1<<20), 1<<20)
	out := bufio.NewWriter(os.Stdout)
	defer out.Flush()
	for in.Scan() {
		out.WriteString(demangle.Filter(in.Text(), modes[os.Args[1]]...))
		out.WriteByte('\n')
	}
}
