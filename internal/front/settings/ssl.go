package settings

// SSL is what sections say about TLS.
type SSL struct {
	Options  SSLOptions
	Required bool   // SSLRequireSSL: in clear it is 403
	UserName string // SSLUserName: the variable that names the user; empty for none
}

// SSLOptions are those of SSLOptions that have an effect.
type SSLOptions struct {
	StdEnvVars     bool // modules see the variables of mod_ssl
	ExportCertData bool // and the certificates
}

// An SSLChange is what one section says about TLS. A nil or empty field leaves
// what is inherited.
type SSLChange struct {
	Replace  bool // SSLOptions has a word without sign: the options begin anew
	Set      SSLOptions
	Clear    SSLOptions
	Required bool
	UserName string
}

func (c *SSLChange) apply(s SSL) SSL {
	if c.Replace {
		s.Options = SSLOptions{}
	}
	s.Options.StdEnvVars = s.Options.StdEnvVars && !c.Clear.StdEnvVars || c.Set.StdEnvVars
	s.Options.ExportCertData = s.Options.ExportCertData && !c.Clear.ExportCertData || c.Set.ExportCertData
	s.Required = s.Required || c.Required
	if c.UserName != "" {
		s.UserName = c.UserName
	}
	return s
}
