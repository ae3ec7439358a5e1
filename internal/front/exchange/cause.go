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
	CauseBadBody                       // the body's chunks are not as HTTP wants them
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
	said   string // what mod_jk says, which monitoring looks for; $WORKER is the name
}

// AllFailed is what mod_jk says when a balancer has no member left to try.
const AllFailed = "All tomcat instances failed, no more workers left"

const cannotConnect = "connecting to backend failed. Tomcat is probably not started or is listening on the wrong port"

var table = [causes]cause{
	CauseInternal:         {"internal", http.StatusInternalServerError, "this is a defect of catflap: keep the error log and report it", "request failed"},
	CauseRefused:          {"refused", http.StatusServiceUnavailable, "start this Tomcat, or compare host and port with its AJP connector's address and port", cannotConnect},
	CauseConnectTimeout:   {"connect-timeout", http.StatusServiceUnavailable, "look for a firewall that drops packets, a wrong host, or a Tomcat whose accept queue is full", cannotConnect},
	CauseAddress:          {"address", http.StatusServiceUnavailable, "correct host and port of this worker, or its name in DNS or /etc/hosts", cannotConnect},
	CauseCPing:            {"cping", http.StatusServiceUnavailable, "the port is open but no AJP connector answers in time: look at Tomcat's threads (maxThreads), and that this port is not its HTTP connector", cannotConnect},
	CauseSend:             {"send", http.StatusServiceUnavailable, "the container closed while it was sent to: look at Tomcat's log, and give its connector a longer keepAliveTimeout than connection_pool_timeout", "sending request to tomcat failed, because the connection broke"},
	CauseEOF:              {"no-answer", http.StatusBadGateway, "the container closed before it answered: look at its log for a crash, a restart, or packetSize smaller than max_packet_size", "Tomcat is down or refused connection. No response has been sent to the client (yet)"},
	CauseTruncated:        {"truncated", 0, "the container closed in the middle of its answer: look at its log for a crash, a restart or an exception after the response was committed", "Tomcat is down or network problems, and a part of the response has reached the client"},
	CauseReplyTimeout:     {"reply-timeout", http.StatusGatewayTimeout, "the application is slower than reply_timeout: take a thread dump of Tomcat, or raise reply_timeout for this worker or mount", "Timeout with waiting reply from tomcat. Tomcat is down, stopped or network problems"},
	CauseProtocol:         {"protocol", http.StatusBadGateway, "what answered does not speak AJP/1.3: check that the port is an AJP connector, and that packetSize there is not above 65536", "sending request to tomcat failed, because what answers is no AJP"},
	CauseFailOnStatus:     {"fail-on-status", http.StatusServiceUnavailable, "the application answered a status of fail_on_status: look at its log; the member is in error until recover_time is over", "sending request to tomcat failed, because of the status of the answer"},
	CauseFailOnStatusSoft: {"fail-on-status-soft", http.StatusServiceUnavailable, "the application answered a status of fail_on_status: look at its log; the member stays in service", "sending request to tomcat failed, because of the status of the answer"},
	CauseBusy:             {"busy", http.StatusServiceUnavailable, "all connections are in use: look for slow requests in this Tomcat, or raise connection_pool_size or busy_limit with its maxThreads", "could not get free endpoint for worker $WORKER"},
	CauseTooLarge:         {"head-too-large", http.StatusRequestEntityTooLarge, "the request's headers do not fit in one packet: raise max_packet_size here and packetSize of the AJP connector alike, up to 65536", "request failed"},
	CauseBodyTooLarge:     {"body-too-large", http.StatusRequestEntityTooLarge, "the request body is larger than LimitRequestBody: raise it for this path if such uploads are meant", "request failed"},
	CauseBadBody:          {"bad-body", http.StatusBadRequest, "the client's body is not chunked as HTTP wants it; nothing to do unless it is a client of yours: then mend that", "request failed"},
	CauseClientRead:       {"client-read", 0, "the client broke off its upload; the container's connection was closed, so that it does not look complete", "sending request to tomcat failed, because the client sent no more"},
	CauseClientWrite:      {"client-write", 0, "the client went before it had the whole answer; nothing to do unless it happens often: then look at response times", "Writing to client aborted or client network problems"},
	CauseNoWorker:         {"no-worker", http.StatusServiceUnavailable, "no member of the balancer is usable: see the lines before for each, and their activation on the status page", AllFailed},
	CauseForcedRoute:      {"forced-route", http.StatusServiceUnavailable, "the session's node is not usable and sticky_session_force forbids another: bring the node back, or set sticky_session_force=0 if sessions are replicated", "all workers are in error state for session"},
	CauseUnknownWorker:    {"unknown-worker", http.StatusInternalServerError, "the mount names a worker that worker.list does not have: correct one of them", "Could not find a worker for worker name=$WORKER"},
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
