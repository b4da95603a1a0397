package report

import (
	"fmt"
	"html"
	"regexp"
	"strings"
)

// link writes an address that is nothing but a link.
func link(url string) string {
	return "<" + strings.NewReplacer("<", "%3C", ">", "%3E", " ", "%20", `\`, "%5C").Replace(visible(url)) + ">"
}

var backticks = regexp.MustCompile("`+")

// code writes s as code within a line, outside of tables.
func code(s string) string {
	s = visible(s)
	if strings.TrimSpace(s) == "" {
		return tagged(s)
	}
	ticks := "`" + longest(s)
	if strings.HasPrefix(s, "`") || strings.HasSuffix(s, "`") || strings.HasPrefix(s, " ") && strings.HasSuffix(s, " ") {
		s = " " + s + " "
	}
	return ticks + s + ticks
}

// longest returns the longest run of backticks in s.
func longest(s string) (run string) {
	for _, r := range backticks.FindAllString(s, -1) {
		if len(r) > len(run) {
			run = r
		}
	}
	return run
}

// tagged writes s as code where HTML is read and Markdown is not, such as in a
// summary.
func tagged(s string) string { return "<code>" + html.EscapeString(visible(s)) + "</code>" }

// cell writes s as code in a table, where a pipe would end it even within code, and
// where Markdown reads between HTML tags.
func cell(s string) string {
	var b strings.Builder
	for _, r := range visible(s) {
		writeMeaningless(&b, r)
	}
	return "<code>" + b.String() + "</code>"
}

// writeMeaningless writes a rune as a character reference if it could mean something
// to Markdown; references never do.
func writeMeaningless(b *strings.Builder, r rune) {
	if strings.ContainsRune("!\"#$%&'()*+:<=>?@[\\]^_`{|}~", r) {
		fmt.Fprintf(b, "&#%d;", r)
	} else {
		b.WriteRune(r)
	}
}

// prose writes a sentence that may hold names. A character without a width after
// each that makes GitLab look for somebody or something keeps it from finding them:
// @person #issue !merge %milestone ~label $snippet &epic ^alert :emoji:
func prose(s string) string {
	var b strings.Builder
	runes := []rune(visible(s))
	for i, r := range runes {
		writeMeaningless(&b, r)
		if strings.ContainsRune("@#!%~$&^:", r) && i+1 < len(runes) && runes[i+1] != ' ' {
			b.WriteString("&#8203;")
		}
	}
	return b.String()
}

// fence writes lines as a block of code.
func fence(language string, lines []string) string {
	text := strings.Join(lines, "\n")
	ticks := max("```", longest(text)+"`")
	return ticks + language + "\n" + text + "\n" + ticks + "\n"
}
