package wire

import (
	"strconv"
	"time"
)

// About returns a message about the session with an id, stamped at a time.
func About(event Event, context, id string, at time.Time) *Message {
	key := id + "-EXPIRED-MSG"
	if event != EventExpired {
		b := append(append(make([]byte, 0, 80), id...), '-')
		key = string(strconv.AppendInt(b, at.UnixMilli(), 10))
	}
	return &Message{Event: event, Context: context, ID: id, Key: key, Timestamp: at.UnixMilli()}
}

// GetAll returns the question for all sessions of a context.
func GetAll(context string, at time.Time) *Message {
	return &Message{Event: EventGetAll, Context: context, ID: "GET-ALL", Key: "GET-ALL-" + context, Timestamp: at.UnixMilli()}
}

// AllData returns the answer with sessions that were collected at a time.
func AllData(context string, payload []byte, at time.Time) *Message {
	const id = "SESSION-STATE"
	return &Message{Event: EventAllData, Context: context, ID: id, Key: id + "-" + context, Timestamp: at.UnixMilli(), Payload: payload}
}

// TransferComplete returns the end of an answer.
func TransferComplete(context string, at time.Time) *Message {
	const id = "SESSION-STATE-TRANSFERRED"
	return &Message{Event: EventTransferComplete, Context: context, ID: id, Key: id + context, Timestamp: at.UnixMilli()}
}

// NoContextManager returns the answer of a node that has no such context.
func NoContextManager(context string) *Message {
	const id = "NO-CONTEXT-MANAGER"
	return &Message{Event: EventNoContextManager, Context: context, ID: id, Key: id + "-" + context, Unstamped: true}
}
