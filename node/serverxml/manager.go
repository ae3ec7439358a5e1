package serverxml

import (
	"fmt"
	"slices"
	"time"

	syntax "github.com/catflap/catflap/internal/config/serverxml"
	"github.com/catflap/catflap/node"
)

// A managerElement is what <Manager> says.
type managerElement struct {
	node.Manager
	batch   bool // sendAllSessions="false"
	batchOf int
}

var managerTable = table[managerElement]{"Manager", []row[managerElement]{
	{"processExpiresFrequency", func(m *managerElement, g given) { m.ExpireRounds = int(g.number(1, 1<<20)) }, "sessions of a Cluster that nobody uses are ended each so many backgroundProcessorDelay of the Engine; default 6"},
	{"maxActiveSessions", func(m *managerElement, g given) { m.MaxActive = max(0, g.limit()) }, "sessions at once; -1 is no limit"},
	{"sessionAttributeNameFilter", func(m *managerElement, g given) { g.pattern(); m.NameFilter = g.Value }, "names of attributes that are told to other nodes"},
	{"sessionAttributeValueClassNameFilter", func(m *managerElement, g given) { g.pattern(); m.ClassFilter = g.Value }, "Java classes of their values"},
}}

var sharedTable = table[managerElement]{"Manager of a Cluster", slices.Concat(managerTable.rows, []row[managerElement]{
	{"recordAllActions", func(m *managerElement, g given) { m.RecordAll = g.bool() }, "true: of one attribute each change is told, not the last"},
	{"notifyListenersOnReplication", func(m *managerElement, g given) { m.NoReplicatedAttributes = !g.bool() }, "false: listeners are not told of attributes that other nodes change"},
})}

var deltaTable = table[managerElement]{"Manager DeltaManager", slices.Concat(sharedTable.rows, []row[managerElement]{
	{"expireSessionsOnShutdown", func(m *managerElement, g given) { m.ExpireOnShutdown = g.bool() }, "true: a stop ends its sessions everywhere"},
	{"notifySessionListenersOnReplication", func(m *managerElement, g given) { m.NoReplicatedSessions = !g.bool() }, "false: listeners are not told of sessions of other nodes"},
	{"stateTransferTimeout", func(m *managerElement, g given) { g.transferTimeout(m) }, "seconds to wait for the others' sessions at a start; -1 is for ever, 0 does not wait; default 60"},
	{"sendAllSessions", func(m *managerElement, g given) { m.batch = !g.bool() }, "false: they are sent in batches"},
	{"sendAllSessionsSize", func(m *managerElement, g given) { m.batchOf = int(g.number(1, 1<<30)) }, "sessions of a batch; default 1000"},
	{"sendAllSessionsWaitTime", func(m *managerElement, g given) { m.BatchWait = max(g.millis(), time.Nanosecond) }, "ms between batches; default 2000"},
})}

var backupTable = table[managerElement]{"Manager BackupManager", slices.Concat(sharedTable.rows, []row[managerElement]{
	{"mapSendOptions", func(m *managerElement, g given) { m.MapSendOptions = g.options() }, "how copies are sent: a number or names, as sync,use_ack; default 6"},
	{"rpcTimeout", func(m *managerElement, g given) { m.RPCTimeout = g.period() }, "ms; default 15000"},
	{"accessTimeout", func(m *managerElement, g given) { m.AccessTimeout = g.period() }, "ms; default 5000"},
	{"terminateOnStartFailure", func(m *managerElement, g given) { m.TerminateOnStartFailure = g.bool() }, "true: a start that does not reach the others fails"},
})}

// transferTimeout reads stateTransferTimeout.
func (g given) transferTimeout(m *managerElement) {
	switch n := g.number(-1<<31, maxTime/1000); {
	case n == 0:
		m.TransferLater = true
	case n < 0:
		m.TransferTimeout = -1
	default:
		m.TransferTimeout = time.Duration(n) * time.Second
	}
}

const sessionClass = "org.apache.catalina.ha.session."

// manager reads a <Manager> of a Cluster or a Context.
func (l *loader) manager(e *syntax.Element, ofCluster bool) node.Manager {
	m := managerElement{Manager: node.Manager{Line: l.line(e), Kind: node.StandardManager}, batchOf: 1000}
	usual := "org.apache.catalina.session.StandardManager"
	if ofCluster {
		usual = sessionClass + "DeltaManager"
	}
	switch name := l.classOf(e, "Manager classes", usual); name {
	case sessionClass + "DeltaManager":
		m.Kind = node.DeltaManager
		deltaTable.read(l, e, &m)
	case sessionClass + "BackupManager":
		m.Kind = node.BackupManager
		backupTable.read(l, e, &m)
	case "org.apache.catalina.session.StandardManager":
		managerTable.read(l, e, &m)
	case "org.apache.catalina.session.PersistentManager":
		table[managerElement]{"Manager PersistentManager", managerTable.rows}.read(l, e, &m)
		l.unsupported(at(e, "className"), "PersistentManager keeps sessions in memory here: they end with the node", "")
	default:
		l.unsupported(at(e, "className"), fmt.Sprintf("the Manager %s is Java, which does not run here: sessions are kept in this node's memory, no other has them", name),
			fmt.Sprintf("for sessions that the nodes share, write className=%q or BackupManager in that package", sessionClass+"DeltaManager"))
	}
	if m.batch {
		m.BatchSize = m.batchOf
	}
	for i := range e.Children {
		l.otherElement("Manager", e, &e.Children[i])
	}
	if ofCluster && m.Kind == node.StandardManager {
		l.warn(at(e, "className"), "the Manager of this Cluster shares no sessions", "")
	}
	return m.Manager
}
