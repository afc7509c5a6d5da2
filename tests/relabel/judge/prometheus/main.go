// Compares relabelling with Prometheus' own package: random rules on random labels.
//
//	prometheus ANSWERS CASES SEED
package main

import (
	"fmt"
	"math/rand"
	"os"
	"strconv"
	"strings"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/model/relabel"

	"triptych/tests/relabel/judge/ask"
)

var (
	actions = []relabel.Action{relabel.Replace, relabel.Replace, relabel.Replace, relabel.Keep, relabel.Drop, relabel.HashMod, relabel.LabelMap,
		relabel.LabelMap, relabel.LabelDrop, relabel.LabelKeep, relabel.Lowercase, relabel.Uppercase, relabel.KeepEqual, relabel.DropEqual}
	names = []string{"a", "b", "c", "app", "pod", "__address__", "__meta_kubernetes_pod_label_app", "__meta_kubernetes_pod_label_1x",
		"__meta_docker_container_name", "service_name", "x_a", "x_x_a"}
	values = []string{"", "a", "b", "web", "Web", "/web", "a@b", "10.0.0.1:8080", "é", "É", "ǅ", "line\nline", "default/web", "Succeeded", "\xff", "a;b", "$1",
		"1", "0"}
	expressions = []string{"(.*)", ".*", "(.+)", "", "a", "(a|b)", "/?(.*)", "(.*)@(.*)", "(?P<left>.*)@(?P<right>.*)", "([^:]+)(?::[0-9]+)?", "(?i)web",
		"Succeeded|Failed", "__meta_kubernetes_pod_label_(.+)", "__meta_.*", "x_(.*)", "(.)(.*)", "[a-c]", "a.*|b", "(a)?(.*)", "^a$", "\\w+", "(\\pL)(.*)", "()"}
	templates    = []string{"a", "b", "c", "service_name", "x_$1", "${1}_x", "$1", "${left}_${right}", "$2$1", "x_${1}", "$1x", "pod", "ﾃ_$1"}
	replacements = []string{"$1", "$1", "x", "", "$1-$2", "ebpf/${1}/${2}", "$$1", "$0", "$left", "${right}x", "$", "${", "$1x", "é$1", "${1}${1}"}
	separators   = []string{";", ";", "", "@", "/", "\n"}
)

type generator struct{ *rand.Rand }

func (g generator) pick(from []string) string { return from[g.Intn(len(from))] }

func (g generator) rule() (*relabel.Config, string) {
	c := relabel.DefaultRelabelConfig
	c.Action = actions[g.Intn(len(actions))]
	expression := g.pick(expressions)
	c.Modulus = uint64(g.Intn(5))
	if g.Intn(4) == 0 {
		c.Modulus = g.Uint64()
	}
	c.TargetLabel, c.Replacement, c.Separator = g.pick(templates), g.pick(replacements), g.pick(separators)
	for i := g.Intn(4); i > 0; i-- {
		c.SourceLabels = append(c.SourceLabels, model.LabelName(g.pick(names)))
	}
	switch c.Action {
	case relabel.KeepEqual, relabel.DropEqual:
		expression, c.Separator, c.Replacement, c.Modulus = "(.*)", ";", "$1", 0
	case relabel.LabelDrop, relabel.LabelKeep:
		c.SourceLabels, c.Separator, c.Replacement, c.Modulus, c.TargetLabel = nil, ";", "$1", 0, ""
	case relabel.Lowercase, relabel.Uppercase:
		c.Replacement = "$1"
	case relabel.LabelMap:
		c.Replacement = g.pick(templates)
	}
	if expression == "(.*)" && (c.Action == relabel.KeepEqual || c.Action == relabel.DropEqual) {
		c.Regex = relabel.DefaultRelabelConfig.Regex // is compared by address
	} else {
		c.Regex = relabel.MustNewRegexp("(?s:" + expression + ")") // as later releases do by themselves
	}
	if c.Validate() != nil {
		return g.rule()
	}
	return &c, expression
}

func (g generator) labels() map[string]string {
	set := map[string]string{}
	for i := g.Intn(7); i > 0; i-- {
		set[g.pick(names)] = g.pick(values)
	}
	return set
}

func words(c *relabel.Config, expression string) []string {
	all := []string{string(c.Action), ask.Hex(expression), ask.Hex(c.Separator), ask.Hex(c.TargetLabel), ask.Hex(c.Replacement),
		strconv.FormatUint(c.Modulus, 10), strconv.Itoa(len(c.SourceLabels))}
	for _, name := range c.SourceLabels {
		all = append(all, ask.Hex(string(name)))
	}
	return all
}

func wanted(set map[string]string, rules []*relabel.Config) string {
	result, keep := relabel.Process(labels.FromMap(set), rules...)
	if !keep {
		return "drop"
	}
	answer := "keep"
	result.Range(func(l labels.Label) { answer += " " + ask.Hex(l.Name) + " " + ask.Hex(l.Value) })
	return answer
}

func number(i int) int {
	n, err := strconv.Atoi(os.Args[i])
	if err != nil {
		panic(err)
	}
	return n
}

func main() {
	a := ask.Start(os.Args[1])
	n, g := number(2), generator{rand.New(rand.NewSource(int64(number(3))))}
	kept := 0
	for i := 0; i < n; i++ {
		set, n_rules := g.labels(), 1+g.Intn(4)
		question := []string{"relabel", strconv.Itoa(n_rules)}
		var rules []*relabel.Config
		for j := 0; j < n_rules; j++ {
			rule, expression := g.rule()
			rules = append(rules, rule)
			question = append(question, words(rule, expression)...)
		}
		for name, value := range set {
			question = append(question, ask.Hex(name), ask.Hex(value))
		}
		want := wanted(set, rules)
		if strings.HasPrefix(want, "keep x") {
			kept++
		}
		a.Compare(ask.Plain(strings.Join(question, " ")), a.Ask(question...), want)
	}
	fmt.Printf("%d random targets, %d kept with labels, %d answers are wrong\n", n, kept, a.Bad)
	if a.Bad > 0 {
		os.Exit(1)
	}
}
