package settings

import "github.com/catflap/catflap/internal/front/regex"

// An EnvVar is a variable of a request's environment.
type EnvVar struct{ Name, Value string }

// An EnvOp is one word of SetEnv, PassEnv or UnsetEnv.
type EnvOp struct {
	EnvVar
	Unset bool
}

// setEnv returns vars as ops change them. vars stays as it is.
func setEnv(vars []EnvVar, ops []EnvOp) []EnvVar {
	changed := make([]EnvVar, 0, len(vars)+len(ops))
	changed = append(changed, vars...)
	for _, op := range ops {
		kept := changed[:0]
		for _, v := range changed {
			if v.Name != op.Name {
				kept = append(kept, v)
			}
		}
		if !op.Unset {
			kept = append(kept, op.EnvVar)
		}
		changed = kept
	}
	return changed
}

// An EnvSubject is what an EnvRule looks at.
type EnvSubject int

const (
	EnvHeader        EnvSubject = iota // a header, else an earlier variable
	EnvHeaders                         // all headers whose name matches
	EnvRemoteHost                      // Remote_Host
	EnvRemoteAddr                      // Remote_Addr
	EnvServerAddr                      // Server_Addr
	EnvRequestMethod                   // Request_Method
	EnvProtocol                        // Request_Protocol
	EnvRequestURI                      // Request_URI: the canonical path, decoded
)

// An EnvRule is one SetEnvIf, or one of its kin.
type EnvRule struct {
	Subject EnvSubject
	Name    string       // of EnvHeader, as written
	Header  string       // of EnvHeader, in canonical spelling
	Names   *regex.Regex // of EnvHeaders
	Pattern *regex.Regex
	Sets    []EnvSet // if the pattern matches
	Place   string   // FILE:LINE
}

// Groups reports whether some value is made of what the pattern matched.
func (r *EnvRule) Groups() bool {
	for i := range r.Sets {
		if r.Sets[i].Match != nil {
			return true
		}
	}
	return false
}

// An EnvSet is what a rule does to one variable.
type EnvSet struct {
	EnvOp
	Match *regex.Template // with groups, instead of Value
}
