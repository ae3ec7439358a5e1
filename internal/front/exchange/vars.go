package exchange

// Vars are named strings, few and in the order they were set. The zero value
// is empty and ready.
type Vars []Var

// A Var is one of them.
type Var struct{ Name, Value string }

// Get returns the value of name, and whether it is set.
func (v Vars) Get(name string) (string, bool) {
	for i := range v {
		if v[i].Name == name {
			return v[i].Value, true
		}
	}
	return "", false
}

// AskedEnv returns the environment of the request as it came, whatever an
// error page made of it.
func (x *Exchange) AskedEnv() Vars {
	if x.EnvAsked != nil {
		return x.EnvAsked
	}
	return x.Env
}

// Set gives name a value.
func (v *Vars) Set(name, value string) {
	for i := range *v {
		if (*v)[i].Name == name {
			(*v)[i].Value = value
			return
		}
	}
	*v = append(*v, Var{name, value})
}

// Unset removes name.
func (v *Vars) Unset(name string) {
	for i := range *v {
		if (*v)[i].Name == name {
			*v = append((*v)[:i], (*v)[i+1:]...)
			return
		}
	}
}
