package status

// Config is one status worker. Each field names its workers.properties key.
type Config struct {
	Name     string   // as in worker.list; required
	CSS      string   // css: URL of a stylesheet
	ReadOnly bool     // read_only
	Users    []string // user: who may see it; empty is everyone
	FoldUser bool     // user_case_insensitive
	Good     []string // good; default a.o,a.i,a.b,a.r
	Bad      []string // bad; default s,e
	Prefix   string   // prefix of the prop output; default worker
	NS       string   // ns; default jk:, "-" none
	XMLNS    string   // xmlns; default xmlns:jk="http://tomcat.apache.org", "-" none
	Doctype  string   // doctype
	Place    string   // FILE:LINE of its first property
}

// A Property is one line of workers.properties.
type Property struct{ Key, Value string }
