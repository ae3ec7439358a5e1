package ajp

// methods are the coded methods; the index is the code. MethodStored stands
// for every other one, which then is an attribute.
var methods = [...]string{
	1: "OPTIONS", "GET", "HEAD", "POST", "PUT", "DELETE", "TRACE", "PROPFIND", "PROPPATCH", "MKCOL", "COPY", "MOVE",
	"LOCK", "UNLOCK", "ACL", "REPORT", "VERSION-CONTROL", "CHECKIN", "CHECKOUT", "UNCHECKOUT", "SEARCH", "MKWORKSPACE",
	"UPDATE", "LABEL", "MERGE", "BASELINE-CONTROL", "MKACTIVITY",
}

const methodStored = 0xff

// methodCode returns the code of method, methodStored if it has none. Methods
// are case-sensitive.
func methodCode(method string) byte {
	switch method { // the usual ones first
	case "GET":
		return 2
	case "POST":
		return 4
	case "HEAD":
		return 3
	}
	for code, name := range methods {
		if code > 0 && name == method {
			return byte(code)
		}
	}
	return methodStored
}
