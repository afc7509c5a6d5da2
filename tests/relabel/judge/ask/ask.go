// Package ask talks to relabel_answers: one question a line, one answer a line.
package ask

import (
	"bufio"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
)

// Answers is the program that is judged.
type Answers struct {
	in    io.WriteCloser
	out   *bufio.Reader
	shown int
	Bad   int
}

// Start runs the program that the command line names.
func Start(path string) *Answers {
	command := exec.Command(path)
	command.Stderr = os.Stderr
	in, err := command.StdinPipe()
	if err != nil {
		panic(err)
	}
	out, err := command.StdoutPipe()
	if err != nil {
		panic(err)
	}
	if err := command.Start(); err != nil {
		panic(err)
	}
	return &Answers{in: in, out: bufio.NewReader(out)}
}

// Hex writes a field.
func Hex(s string) string { return "x" + hex.EncodeToString([]byte(s)) }

// Ask returns the answer to one question.
func (a *Answers) Ask(words ...string) string {
	if _, err := fmt.Fprintln(a.in, strings.Join(words, " ")); err != nil {
		panic(err)
	}
	line, err := a.out.ReadString('\n')
	if err != nil {
		panic(fmt.Sprintf("no answer to %s: %v", strings.Join(words, " "), err))
	}
	return strings.TrimSuffix(line, "\n")
}

// Plain decodes an answer's fields for people.
func Plain(answer string) string {
	words := strings.Split(answer, " ")
	for i, word := range words {
		if raw, err := hex.DecodeString(strings.TrimPrefix(word, "x")); err == nil && strings.HasPrefix(word, "x") {
			words[i] = fmt.Sprintf("%q", raw)
		}
	}
	return strings.Join(words, " ")
}

// Compare counts and shows an answer that is not as wanted.
func (a *Answers) Compare(question, got, wanted string) {
	if got == wanted {
		return
	}
	a.Bad++
	if a.shown++; a.shown <= 20 {
		fmt.Printf("%s\n  gives  %s\n  wanted %s\n", question, Plain(got), Plain(wanted))
	}
}
