package cluster

import (
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// usual are words of warnings and errors that Tomcats write about each other,
// too, when nodes are killed, paused, cut off, or started while others work.
var usual = []struct{ words, why string }{
	{"ClusterSessionListener.messageReceived Context manager doesn't exist:", "a Tomcat that starts is a member before it has its applications"},
	{"DeltaManager.getAllClusterSessions Manager [", "it drops what came before the sessions that it has asked for were collected"},
	{"SimpleTcpCluster.send Unable to send message through cluster sender.", "the other one has just been killed, or does not run on"},
	{"ParallelNioSender.doLoop Member send is failing for:", "the same"},
	{"AbstractReplicatedMap.heartbeat Unable to send AbstractReplicatedMap.ping message", "the same"},
	{"AbstractReplicatedMap.replicate Unable to replicate data.", "the same"},
	{"AbstractReplicatedMap.get Unable to replicate out data for an AbstractReplicatedMap.get operation", "the same"},
	{"LazyReplicatedMap.publishEntryInfo Unable to replicate ", "the same"},
	{"NioReceiver.socketTimeouts Channel key is registered, but has had no interest ops for the last", "it was paused itself while it worked on a message"},
	{"RpcChannel.messageReceived Unable to send back reply in RpcChannel.", "the same"},
	{"NioReplicationTask.sendAck Unable to send ACK back through channel, channel disconnected?", "the other one has not waited that long"},
	{"NioReplicationTask.run IOException in replication worker, unable to drain channel. Probable cause: Keep alive socket closed[Connection reset]", "the other one was killed"},
	{"AbstractReplicatedMap.mapMemberAdded Notified member is not registered in the membership:", "after a cut a message was faster than the first heartbeat"},
	{"TcpFailureDetector.performBasicCheck Member added, even though we weren't notified:", "it was suspected after a message had failed, and answers again"},
}

// ofItself are words of warnings of a Tomcat that have nothing to do with others.
var ofItself = []string{
	"SessionIdGeneratorBase.createSecureRandom Creation of SecureRandom instance for session ID generation", // the machine is busy
	"JmxRegistry.registerJmx The requested object[org.apache.catalina.tribes.group.interceptors.OrderInterceptor",
}

// ofTheLine is what differs from one line to the next.
var ofTheLine = regexp.MustCompile(`^\S+ \S+ (\w+) .*?\] org\.apache`)

// complaints complains about each warning and error of a Tomcat, once, but
// after faults not about what is usual then.
func (g *group) complaints(t *testing.T, faults bool) {
	t.Helper()
	for _, n := range g.nodes {
		if !n.java() {
			continue
		}
		times := map[string]int{}
	lines:
		for _, l := range n.tomcat().Complaints(t, ofItself...) {
			for _, u := range usual {
				if faults && strings.Contains(l, u.words) {
					continue lines
				}
			}
			times[strings.TrimSpace(ofTheLine.ReplaceAllString(l, "$1 org.apache"))]++
		}
		for _, l := range slices.Sorted(maps.Keys(times)) {
			t.Errorf("%s complains %d times: %s", n.route, times[l], l)
		}
	}
}
