package exchange

import "net/http"

// A Cause is why a worker did not complete a request.
type Cause int

const (
	CauseInternal         Cause = iota // a bug or a lack of memory on our side
	CauseRefused                       // connecting was refused, or the host is unreachable
	CauseConnectTimeout                // connecting took too long
	CauseAddress                       // the worker's host name does not resolve, or its port is 0
	CauseCPing                         // no or a wrong answer to CPING
	CauseSend                          // the connection broke while the request was sent
	CauseEOF                           // the container closed before its answer began
	CauseTruncated                     // the container closed in the middle of its answer
	CauseReplyTimeout                  // reply_timeout between two packets
	CauseProtocol                      // bytes that are not AJP/1.3, or out of order
	CauseFailOnStatus                  // an answer with a status of fail_on_status
	CauseFailOnStatusSoft              // the same, negative: the member's state is left
	CauseBusy                          // no free connection in time, or busy_limit
	CauseTooLarge                      // the request's head does not fit in max_packet_size
	CauseBodyTooLarge                  // the body is larger than LimitRequestBody
	CauseClientRead                    // the client's body broke off
	CauseClientWrite                   // the client went away
	CauseNoWorker                      // no member is usable
	CauseForcedRoute                   // sticky_session_force, and the session's member is not usable
	CauseUnknownWorker                 // the mount names a worker that does not exist
	causes
)

// cause is what derives from a Cause.
type cause struct {
	word   string // in logs, the access-log field and metrics
	status int    // what the client gets; 0: the connection is broken off
	advice string // what the operator does next
}

var table = [causes]cause{
	CauseInternal:         {"internal", http.StatusInternalServerError, "this is a defect of catflap: keep the error log and report it"},
	CauseRefused:          {"refused", http.StatusServiceUnavailable, "start this Tomcat, or compare host and port with its AJP connector's address and port"},
	CauseConnectTimeout:   {"connect-timeout", http.StatusServiceUnavailable, "look for a firewall that drops packets, a wrong host, or a Tomcat whose accept queue is full"},
	CauseAddress:          {"address", http.StatusServiceUnavailable, "correct host and port of this worker, or its name in DNS or /etc/hosts"},
	CauseCPing:            {"cping", http.StatusServiceUnavailable, "the port is open but no AJP connector answers in time: look at Tomcat's threads (maxThreads), and that this port is not its HTTP connector"},
	CauseSend:             {"send", http.StatusServiceUnavailable, "the container closed while it was sent to: look at Tomcat's log, and give its connector a longer keepAliveTimeout than connection_pool_timeout"},
	CauseEOF:              {"no-answer", http.StatusBadGateway, "the container closed before it answered: look at its log for a crash, a restart, or packetSize smaller than max_packet_size"},
	CauseTruncated:        {"truncated", 0, "the container closed in the middle of its answer: look at its log for a crash, a restart or an exception after the response was committed"},
	CauseReplyTimeout:     {"reply-timeout", http.StatusGatewayTimeout, "the application is slower than reply_timeout: take a thread dump of Tomcat, or raise reply_timeout for this worker or mount"},
	CauseProtocol:         {"protocol", http.StatusBadGateway, "what answered does not speak AJP/1.3: check that the port is an AJP connector, and that packetSize there is not above 65536"},
	CauseFailOnStatus:     {"fail-on-status", http.StatusServiceUnavailable, "the application answered a status of fail_on_status: look at its log; the member is in error until recover_time is over"},
	CauseFailOnStatusSoft: {"fail-on-status-soft", http.StatusServiceUnavailable, "the application answered a status of fail_on_status: look at its log; the member stays in service"},
	CauseBusy:             {"busy", http.StatusServiceUnavailable, "all connections are in use: look for slow requests in this Tomcat, or raise connection_pool_size or busy_limit with its maxThreads"},
	CauseTooLarge:         {"head-too-large", http.StatusRequestEntityTooLarge, "the request's headers do not fit in one packet: raise max_packet_size here and packetSize of the AJP connector alike, up to 65536"},
	CauseBodyTooLarge:     {"body-too-large", http.StatusRequestEntityTooLarge, "the request body is larger than LimitRequestBody: raise it for this path if such uploads are meant"},
	CauseClientRead:       {"client-read", 0, "the client broke off its upload; the container's connection was closed, so that it does not look complete"},
	CauseClientWrite:      {"client-write", 0, "the client went before it had the whole answer; nothing to do unless it happens often: then look at response times"},
	CauseNoWorker:         {"no-worker", http.StatusServiceUnavailable, "no member of the balancer is usable: see the lines before for each, and their activation on the status page"},
	CauseForcedRoute:      {"forced-route", http.StatusServiceUnavailable, "the session's node is not usable and sticky_session_force forbids another: bring the node back, or set sticky_session_force=0 if sessions are replicated"},
	CauseUnknownWorker:    {"unknown-worker", http.StatusInternalServerError, "the mount names a worker that worker.list does not have: correct one of them"},
}

// String returns the one word of c, as logs and metrics carry it.
func (c Cause) String() string { return table[c].word }

// Status returns the status that the client gets, 0 if its connection is
// broken off.
func (c Cause) Status() int { return table[c].status }

// Advice returns what the operator does next, in one line.
func (c Cause) Advice() string { return table[c].advice }

// Causes returns all of them, for tables and tests.
func Causes() []Cause {
	all := make([]Cause, causes)
	for i := range all {
		all[i] = Cause(i)
	}
	return all
}
