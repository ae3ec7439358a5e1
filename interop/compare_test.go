package interop

import (
	"fmt"
	"net"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// What is compared of two answers, and what is not:
//
//   - The status is; its words are not, as clients are to ignore them.
//   - date and server differ by nature.
//   - connection and keep-alive are about the connection: how long it stays is
//     each server's own. That it stays or not shows in requests with two
//     answers.
//   - transfer-encoding and content-length are framing: both servers have to
//     frame in a way that the client here can read; the length is compared if
//     both tell it and the body is.
//   - The order of headers is not, only that of one name's values.
//   - A page that a front makes up itself (an error, a redirect) is compared
//     by status and headers; its words are each server's own.
//     So is the one line of text that catflap's reader of HTTP answers with.
//   - A folder's listing is compared by what it links to.
//   - Session ids are random; the route behind them is compared.
//   - The front's own port stands as @PORT@.
//   - The methods of allow are a set, the boundary of a multipart answer any word.
//   - An etag of a listing or made-up page goes with its body.
var framing = []string{"date", "server", "connection", "keep-alive", "transfer-encoding"}

var (
	sessionID = regexp.MustCompile(`\b[0-9A-F]{32}\b`)
	boundary  = regexp.MustCompile(`boundary="?([^";]+)`)
	links     = regexp.MustCompile(`(?i)<a href="([^"]*)"`)
)

// A difference is one thing in which two answers differ.
type difference struct {
	id       string // of the request
	what     string // "status", "header:NAME", "body", "interim", "fault" or "answers"
	one, two string
}

func (d difference) String() string {
	one, two := d.one, d.two
	if a, b := strings.Split(one, "\n"), strings.Split(two, "\n"); len(a) > 1 && len(b) > 1 {
		one, two = strings.Join(without(a, b), "\n"), strings.Join(without(b, a), "\n")
	}
	return fmt.Sprintf("%s %s: %s | %s", d.id, d.what, clip(one), clip(two))
}

// without returns the lines that are not in other.
func without(lines, other []string) []string {
	return slices.DeleteFunc(slices.Clone(lines), func(line string) bool { return slices.Contains(other, line) })
}

func clip(text string) string { return strconv.Quote(text[:min(len(text), 1500)]) }

// compare returns in what the answers to r differ.
func compare(r request, one, two []response, addrOne, addrTwo string) []difference {
	if len(one) != len(two) {
		return []difference{{r.id, "answers", fmt.Sprint(len(one), statuses(one)), fmt.Sprint(len(two), statuses(two))}}
	}
	var all []difference
	for n := range one {
		a, b := neutral(one[n], addrOne), neutral(two[n], addrTwo)
		note := func(what, x, y string) {
			if x != y {
				all = append(all, difference{r.id, what, x, y})
			}
		}
		note("status", fmt.Sprint(a.status), fmt.Sprint(b.status))
		if a.status != b.status {
			continue // the rest follows from it
		}
		note("interim", fmt.Sprint(a.interim), fmt.Sprint(b.interim))
		note("fault", a.fault, b.fault)
		made := madeUp(a, r.method(n)) && madeUp(b, r.method(n))
		all = append(all, compareHeaders(r.id, a, b, made)...)
		if !made && r.leaves == 0 {
			note("body", bodyOf(a), bodyOf(b))
		}
	}
	return all
}

func statuses(all []response) []int {
	var list []int
	for _, r := range all {
		list = append(list, r.status)
	}
	return list
}

// neutral is r without what depends on the run.
func neutral(r response, addr string) response {
	_, port, _ := net.SplitHostPort(addr)
	between := boundary.FindStringSubmatch(r.header("content-type"))
	replace := func(text string) string {
		if between != nil {
			text = strings.ReplaceAll(text, between[1], "@BOUNDARY@")
		}
		text = sessionID.ReplaceAllString(text, "@ID@")
		return strings.NewReplacer(":"+port, ":@PORT@", "serverPort="+port+"\n", "serverPort=@PORT@\n").Replace(text)
	}
	body := []byte(replace(string(r.body)))
	headers := make([]string, len(r.headers))
	for i, header := range r.headers {
		if between != nil && header == fmt.Sprintf("content-length: %d", len(r.body)) {
			header = fmt.Sprintf("content-length: %d", len(body)) // boundaries differ in length, httpd's own too
		}
		if methods, ok := strings.CutPrefix(header, "allow: "); ok {
			list := strings.Split(strings.ReplaceAll(methods, " ", ""), ",")
			slices.Sort(list)
			header = "allow: " + strings.Join(list, ",")
		}
		headers[i] = replace(header)
	}
	r.headers = headers
	if len(r.body) < 1<<16 {
		r.body = body
	}
	return r
}

// madeUp reports whether the front itself wrote the page: no node's mark, and
// the title that httpd gives such pages.
func madeUp(r response, method string) bool {
	if r.header("x-route") != "" {
		return false
	}
	body := string(r.body)
	if strings.Contains(body, "<title>Index of /") || method == "HEAD" && r.status == 200 && r.header("last-modified") == "" {
		return false
	}
	line := strings.HasPrefix(body, fmt.Sprint(r.status, " ")) || strings.HasPrefix(body, "Unsupported transfer encoding")
	return r.status >= 300 && (method == "HEAD" || len(body) == 0 || line || strings.Contains(body, fmt.Sprintf("<title>%d ", r.status)))
}

func compareHeaders(id string, a, b response, made bool) []difference {
	values := func(r response) map[string][]string {
		all := map[string][]string{}
		for _, header := range r.headers {
			name, value, _ := strings.Cut(header, ": ")
			all[name] = append(all[name], value)
		}
		return all
	}
	of, other := values(a), values(b)
	skip := slices.Clone(framing)
	if made || len(of["content-length"]) == 0 || len(other["content-length"]) == 0 || bodyOf(a) != bodyOf(b) || isListing(a) {
		skip = append(skip, "content-length")
	}
	if made || isListing(a) {
		skip = append(skip, "etag")
	}
	var names []string
	for name := range of {
		names = append(names, name)
	}
	for name := range other {
		names = append(names, name)
	}
	slices.Sort(names)
	var all []difference
	for _, name := range slices.Compact(names) {
		if !slices.Contains(skip, name) && !slices.Equal(of[name], other[name]) {
			all = append(all, difference{id, "header:" + name, strings.Join(of[name], " ; "), strings.Join(other[name], " ; ")})
		}
	}
	return all
}

func isListing(r response) bool { return strings.Contains(string(r.body), "<title>Index of /") }

// bodyOf is a body in the form that is compared: long ones as a digest.
func bodyOf(r response) string {
	if isListing(r) {
		var targets []string
		for _, found := range links.FindAllStringSubmatch(string(r.body), -1) {
			targets = append(targets, found[1])
		}
		return "listing: " + strings.Join(targets, " ")
	}
	if len(r.body) > 4096 {
		return digest(r.body)
	}
	return string(r.body)
}
