package front

import "github.com/catflap/catflap/internal/privilege"

// Names are what a Server with c opens beside what reading c opened: logs,
// sockets, the PidFile.
func (c *Config) Names() privilege.Names {
	n := privilege.Names{
		Append: map[string]bool{}, Pipe: map[string]bool{}, Listen: map[string]bool{},
		Pid: map[string]bool{c.Process.PidFile: true},
	}
	for _, l := range c.Listen {
		n.Listen[l.Address] = true
	}
	log := func(name string) {
		if privilege.IsPipe(name) {
			n.Pipe[name] = true
		} else {
			n.Append[name] = true
		}
	}
	for i := range c.Sites {
		logs := &c.Sites[i].Logs
		log(logs.Error.Name)
		log(logs.JK.Name)
		for _, a := range logs.Access {
			log(a.Name)
		}
	}
	for _, set := range []map[string]bool{n.Append, n.Pipe, n.Listen, n.Pid} {
		delete(set, "")
	}
	return n
}
