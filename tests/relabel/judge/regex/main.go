// Compares expressions with Go's package regexp: what is accepted, what matches, its groups, and
// what templates expand to; and the case of letters with its package strings.
//
//	regex ANSWERS CASES SEED
package main

import (
	"bufio"
	"fmt"
	"math/rand"
	"os"
	"regexp"
	"strconv"
	"strings"
	"unicode"

	"triptych/tests/relabel/judge/ask"
)

var atoms = []string{
	"a", "b", "A", "B", "k", "s", "K", "é", "É", "ß", "ſ", "\u212a", "Σ", "ς", "σ", "ǅ", "1", "_", "-", " ", "@",
	".", "^", "$", `\A`, `\z`, `\b`, `\B`, `\d`, `\D`, `\s`, `\S`, `\w`, `\W`, `\n`, "\n", `\t`, `\x61`, `\x{e9}`,
	`\x{10ffff}`, `\x{d800}`, `\101`, `\0`, `\.`, `\_`, `\-`, `\pL`, `\PL`, `\pN`, `\p{Lu}`, `\P{Lu}`, `\p{^Lu}`, `\p{Ll}`,
	`\p{Lt}`, `\p{Greek}`, `\P{Greek}`, `\p{Latin}`, `\p{Han}`, `\Qa.b\E`, `\Q\E`, "", "()", "(?:)",
}

var classItems = []string{
	"a", "b", "k", "S", "é", "-", "^", "]", "a-c", "A-z", `\d`, `\D`, `\s`, `\S`, `\w`, `\W`, `\pL`, `\PL`, `\p{Lu}`, `\P{Lu}`,
	`\p{Ll}`, `\p{Greek}`, "[:alpha:]", "[:^alpha:]", "[:lower:]", "[:^lower:]", "[:upper:]", "[:punct:]", "[:word:]",
	"[:^word:]", "[:space:]", "[:^space:]", "[:ascii:]", "[:^ascii:]", "[:cntrl:]", "[:print:]", "[:graph:]", "[:xdigit:]",
	"[:blank:]", `\n`, `\x{d800}-\x{dfff}`, `\x{d000}-\x{e000}`, `\x00-\x{10ffff}`, `\.`, "[", ".", "é-ü", `\[`, `\]`,
}

var repeats = []string{"*", "+", "?", "*?", "+?", "??", "{2}", "{0}", "{1,}", "{0,}", "{2,}", "{0,1}", "{0,2}", "{1,3}?", "{2,}?", "{,2}", "{0,0}"}

var openings = []string{"(", "(", "(", "(?:", "(?:", "(?i:", "(?i)(?:", "(?s:", "(?-s:", "(?m:", "(?U:", "(?P<n>", "(?<m>", "(?i-s:", "(?mU:"}

var subjectParts = []string{
	"a", "b", "A", "B", "k", "s", "K", "S", "é", "É", "ß", "ſ", "\u212a", "Σ", "ς", "σ", "ǅ", "ǆ", "1", "_", "-", " ", "@", "\n", "\t", "",
	"ab", "aa", "a.b", "\x00", "\U0010ffff", "世", "\xff", "\xed\xa0\x80", "\r", "\v", "[", "]", "{", "^",
}

var templateParts = []string{
	"$1", "$2", "${1}", "${2}x", "$n", "${n}", "${m}", "$$", "$", "x", "${", "${}", "$1x", "$01", "${é}", "$999999999", "é", "${1", "$0", "-", "$-", "${n}_", "\xff",
}

var noise = strings.Split(`a b ( ) [ ] { } * + ? | ^ $ . \ , - : < > = ! P 1 2 0 n d w Q E x p L A z Z i s m U ' # & k C b`, " ")

// Golden: accepted or refused for a reason that a random case rarely has.
var golden = []string{
	`(?=a)`, `(?!a)`, `(?<=a)`, `(?<!a)`, `(?>a)`, `(?|a|b)`, `(?(1)a)`, `(?R)`, `(?1)`, `(?&n)`, `(?P>n)`, `(?P=n)`, `(?C)`, `(?C1)`,
	`(?#x)`, `(?'n'a)`, `(a)\1`, `\k<n>`, `\g1`, `a*+`, `a++`, `a?+`, `a{2}+`, `a**`, `a*?*`, `a{2}{3}`, `a{1}*`, `\Z`, `\G`, `\K`, `\R`, `\X`,
	`\h`, `\H`, `\N`, `\V`, `\e`, `\cA`, `\C`, `\o{12}`, `\8`, `\1`, `\12`, `\123`, `\777`, `\08`, `(*ACCEPT)`, `(*UTF8)a`, `(?x)a`, `(?J)`, `(?n)`,
	`(?i`, `(?i-`, `(?i-)`, `(?-i)`, `(?-)`, `(?--i)`, `(?)`, `(?:`, `(?`, `(?P`, `(?P<`, `(?P<>a)`, `(?P<a-b>a)`, `(?P<1>a)`, `(?P<n>a)(?P<n>b)`,
	`(?<n>a)(?P<n>b)`, `(?<n`, `(`, `)`, `a)`, `(a`, `a)(b`, `[`, `[]`, `[^]`, `[]a]`, `[^]a]`, `[a`, `[a-`, `[a-]`, `[-a]`, `[a-b-c]`, `[b-a]`, `[a-\d]`,
	`[\d-z]`, `[[:foo:]]`, `[[:alpha]]`, `[[:alpha:]`, `[[.a.]]`, `[[=a=]]`, `[[:^alpha:]]`, `[:alpha:]`, `[\Qa\E]`, `[\b]`, `[\z]`, `[\x{110000}]`, `\x`,
	`\x1`, `\x{}`, `\x{1`, `\x{g}`, `\x{110000}`, `\x{10ffff}`, `\x{00000000061}`, `\xg1`, `\`, `a\`, `\Q`, `\Qa`, `\Qa\E`, `\Q\Ea`, `a\Q\E*`, `\E`, `\Q*\E*`,
	`*`, `+a`, `?`, `|*`, `(*)`, `(|*)`, `^*`, `$+`, `\b*`, `(?i)*`, `a(?i)*`, `a*(?i)*`, `{`, `{1}`, `a{`, `a{1`, `a{1,`, `a{1,2`, `a{,2}`, `a{2,1}`, `a{1001}`, `a{1000}`,
	`a{0,1001}`, `a{1000,}`, `a{1001,}`, `a{01}`, `a{1,02}`, `a{99999999999}`, `a{-1}`, `a{ 1}`, `(a{30}){30}`, `(a{32}){32}`, `((a{10}){10}){11}`, `((a{10}){10}){10}`,
	`(a{0}){1000}`, `((a{1000}){0}){1000}`, `((a{500})?){2}`, `((a{500})*){3}`, `a||b`, `|`, `||`, `(|)`, `(?:|)`, ``, `()`, `()*`, `(?:)*`, `\p`, `\pL`, `\p{`, `\p{}`,
	`\p{Foo}`, `\p{Lu`, `\p{^Lu}`, `\P{^Lu}`, `\pX`, `\pé`, `\p{L}`, `\p{Greek}`, `\p{Grek}`, `\p{Script=Greek}`, `\p{L&}`, `\p{Xan}`, `\é`, `\_`, `\ `, `\-`, `\<`, `\>`,
	`\'`, `\"`, `\/`, `(?i)ſ`, `(?s).`, `(?-s).`, `(?m)^a$`, `(?U)a*`, `(?U)a*?`, `a{1}{1}`, `a??`, `a???`, `(a+)+b`, `(?:(?:a*)*)*`, `[\x{d800}]`, `[^\x{d800}]`, `\x{dfff}`,
	`x{3}{`, `x{3}{a`, `(?i:K)`, `[[:word:]]`, `[^[:word:]]`, `[\w\W]`, `[^\w\W]`, `[^\x00-\x{10ffff}]`, `(?P<n>a)(?P<m>b)`, "a\x00b", "\xff", "[\xff]", "(?P<\xff>a)", `\Q` + "\xff",
}

type generator struct{ *rand.Rand }

func (g generator) pick(from []string) string { return from[g.Intn(len(from))] }

func (g generator) class() string {
	var b strings.Builder
	b.WriteString("[")
	if g.Intn(3) == 0 {
		b.WriteString("^")
	}
	for i := g.Intn(4); i >= 0; i-- {
		b.WriteString(g.pick(classItems))
	}
	b.WriteString("]")
	return b.String()
}

func (g generator) expression(depth int) string {
	switch n := g.Intn(12); {
	case depth == 0 || n < 3:
		return g.pick(atoms)
	case n < 4:
		return g.class()
	case n < 6:
		return g.expression(depth-1) + g.expression(depth-1)
	case n < 8:
		return g.expression(depth-1) + "|" + g.expression(depth-1)
	case n < 10:
		return g.pick(openings) + g.expression(depth-1) + ")" + g.pick(repeats)
	case n < 11:
		return g.pick(openings) + g.expression(depth-1) + ")"
	default:
		return g.expression(depth-1) + g.pick(repeats)
	}
}

// Groups and loops of little else: where engines differ in what a group holds at the end.
func (g generator) loops(depth int) string {
	switch n := g.Intn(8); {
	case depth == 0 || n < 1:
		return g.pick([]string{"a", "b", "", "a", "."})
	case n < 2:
		return g.loops(depth-1) + g.loops(depth-1)
	case n < 4:
		return g.loops(depth-1) + "|" + g.loops(depth-1)
	default:
		return g.pick([]string{"(", "(", "(?:"}) + g.loops(depth-1) + ")" + g.pick([]string{"*", "*?", "+", "+?", "?", "??", ""})
	}
}

func (g generator) noise() string {
	var b strings.Builder
	for i := g.Intn(8); i >= 0; i-- {
		b.WriteString(g.pick(noise))
	}
	return b.String()
}

func (g generator) words(from []string, most int) string {
	var b strings.Builder
	for i := g.Intn(most + 1); i > 0; i-- {
		b.WriteString(g.pick(from))
	}
	return b.String()
}

// What Go says; false when only the expression with its anchors is refused.
func wanted(expression, subject, template string) (string, bool) {
	if _, err := regexp.Compile(expression); err != nil {
		return "refused", true
	}
	re, err := regexp.Compile("^(?s:" + expression + ")$")
	if err != nil {
		return "", false
	}
	at := re.FindStringSubmatchIndex(subject)
	if at == nil {
		return "none", true
	}
	answer := "match " + ask.Hex(string(re.ExpandString(nil, template, subject, at)))
	for i := 2; i < len(at); i += 2 {
		if at[i] < 0 {
			answer += " -"
		} else {
			answer += " " + ask.Hex(subject[at[i]:at[i+1]])
		}
	}
	return answer, true
}

func judge(a *ask.Answers, expression, subject, template string) {
	want, is := wanted(expression, subject, template)
	if !is {
		return
	}
	got := a.Ask("expression", ask.Hex(expression), ask.Hex(subject), ask.Hex(template))
	a.Compare(fmt.Sprintf("expression %q subject %q template %q", expression, subject, template), got, want)
}

func judgeCase(a *ask.Answers, text string) {
	a.Compare(fmt.Sprintf("case of %q", text), a.Ask("case", ask.Hex(text)),
		"case "+ask.Hex(strings.ToLower(text))+" "+ask.Hex(strings.ToUpper(text)))
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
	if len(os.Args) > 4 { // expressions of one's own, one a line
		lines := bufio.NewScanner(os.Stdin)
		for lines.Scan() {
			fmt.Println(ask.Plain(a.Ask("expression", ask.Hex(lines.Text()), ask.Hex(os.Args[4]), ask.Hex("$1"))))
		}
		return
	}
	for _, expression := range golden {
		judge(a, expression, "", "")
		judge(a, expression, "a", "$1")
		judge(a, expression, g.words(subjectParts, 4), g.words(templateParts, 4))
	}
	for _, depth := range []int{500, 998, 999, 1000, 1001, 2000} {
		judge(a, strings.Repeat("(", depth)+strings.Repeat(")", depth), "", "")
	}
	for i := 0; i < n; i++ {
		judge(a, g.expression(1+g.Intn(5)), g.words(subjectParts, 5), g.words(templateParts, 4))
		judge(a, g.noise(), g.words(subjectParts, 3), g.words(templateParts, 4))
		judge(a, g.loops(2+g.Intn(5)), g.words([]string{"a", "b"}, 5), "")
	}
	for c := rune(0); c <= 0x1ffff; c += 64 {
		var b strings.Builder
		for i := c; i < c+64; i++ {
			if unicode.Is(unicode.Co, i) || i < 0xd800 || i > 0xdfff {
				b.WriteRune(i)
			}
		}
		judgeCase(a, b.String())
	}
	for i := 0; i < 100; i++ {
		judgeCase(a, g.words(subjectParts, 9))
	}
	fmt.Printf("%d random expressions, %d answers are wrong\n", 3*n, a.Bad)
	if a.Bad > 0 {
		os.Exit(1)
	}
}
