package status

// A record is one object of the page: a balancer, a member, a worker, a map.
// The machine formats differ only in how they write records.
type record struct {
	txt   string // name in the txt form, "Balancer Worker"
	xml   string // element in the xml form, "balancer"
	key   string // what its keys begin with in the prop form, after the prefix; "lb" for worker.lb.type
	items []item
}

// An item is one property. Keys are mod_jk's.
type item struct {
	key, value string
	quoted     bool   // in the txt form
	only       form   // the one form that has it; 0 is all
	owner      string // in the prop form, what it is a key of, if not of its record
}

// form is one of the machine formats.
type form int

const (
	formXML form = iota + 1
	formTxt
	formProp
)

func in(f form, key, value string) item { return item{key: key, value: value, only: f} }

func plain(key, value string) item { return item{key: key, value: value} }

func quoted(key, value string) item { return item{key: key, value: value, quoted: true} }

// A report is everything that one answer shows, in order.
type report struct {
	view      View
	head      []record // server, time, software
	dump      []Property
	balancers []balancerRecords
	ajp       []ajpRecords
	listing   bool // the answer lists all: the counts are shown
	changed   []Changed
	result    result

	hideBalancers, hideWorkers bool // of a listing
}

type balancerRecords struct {
	self    record
	members []record
	maps    []record
}

type ajpRecords struct {
	self record
	maps []record
}

// A result ends every machine-readable answer.
type result struct{ Kind, Message string }

var finished = result{"OK", "Action finished"}
