// Judge reads expressions from standard input, each ended by a NUL, evaluates them with the language's
// own implementation, and writes a line for each: what it is worth, or "error". With the argument
// "file" it parses each as a whole file, and writes "ok" or "error".
package main

import (
	"bufio"
	"encoding/hex"
	"fmt"
	"math"
	"os"
	"sort"
	"strings"

	"github.com/grafana/alloy/syntax/parser"
	"github.com/grafana/alloy/syntax/vm"
)

func write(out *strings.Builder, v any) {
	switch v := v.(type) {
	case nil:
		out.WriteString("null")
	case bool:
		fmt.Fprintf(out, "%v", v)
	case int, int64, uint, uint64:
		fmt.Fprintf(out, "i%d", v)
	case float64:
		fmt.Fprintf(out, "f%016x", math.Float64bits(v))
	case string:
		out.WriteString("s" + hex.EncodeToString([]byte(v)))
	case []any:
		out.WriteString("[")
		for _, item := range v {
			write(out, item)
			out.WriteString(",")
		}
		out.WriteString("]")
	case map[string]any:
		keys := make([]string, 0, len(v))
		for key := range v {
			keys = append(keys, key)
		}
		sort.Strings(keys)
		out.WriteString("{")
		for _, key := range keys {
			out.WriteString(hex.EncodeToString([]byte(key)) + ":")
			write(out, v[key])
			out.WriteString(",")
		}
		out.WriteString("}")
	default:
		fmt.Fprintf(out, "(%T)", v)
	}
}

func evaluate(text string) (result string) {
	defer func() { // some of it panics
		if recover() != nil {
			result = "error"
		}
	}()
	expression, err := parser.ParseExpression(text)
	if err != nil {
		return "error"
	}
	var v any
	if err := vm.New(expression).Evaluate(vm.NewScope(map[string]any{}), &v); err != nil {
		if os.Getenv("WHY") != "" {
			return "error " + strings.ReplaceAll(err.Error(), "\n", " ")
		}
		return "error"
	}
	var out strings.Builder
	write(&out, v)
	return out.String()
}

func parse(text string) (result string) {
	defer func() {
		if recover() != nil {
			result = "error"
		}
	}()
	if _, err := parser.ParseFile("file", []byte(text)); err != nil {
		if os.Getenv("WHY") != "" {
			return "error " + strings.ReplaceAll(err.Error(), "\n", " ")
		}
		return "error"
	}
	return "ok"
}

func main() {
	run := evaluate
	if len(os.Args) > 1 && os.Args[1] == "file" {
		run = parse
	}
	in := bufio.NewReader(os.Stdin)
	out := bufio.NewWriter(os.Stdout)
	for {
		text, err := in.ReadString(0)
		if err != nil {
			break
		}
		fmt.Fprintln(out, run(strings.TrimSuffix(text, "\x00")))
	}
	out.Flush()
}
