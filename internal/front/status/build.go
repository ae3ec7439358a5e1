package status

import (
	"strconv"
	"strings"
	"time"

	"github.com/catflap/catflap/internal/front/balancer"
	"github.com/catflap/catflap/internal/front/exchange"
	"github.com/catflap/catflap/internal/front/mount"
	"github.com/catflap/catflap/internal/front/worker"
)

// Software is what the page says it is. mod_jk's scripts look for both keys.
const Software = "catflap"

func decimal[T ~int | ~int64](n T) string { return strconv.FormatInt(int64(n), 10) }

// seconds is a time in whole seconds; what waits for ever is mod_jk's 0.
func seconds(d time.Duration) string { return decimal(int64(max(0, d) / time.Second)) }

// millis is a time in milliseconds, likewise.
func millis(d time.Duration) string { return decimal(int64(max(0, d) / time.Millisecond)) }

func boolean(on bool) string {
	if on {
		return "True"
	}
	return "False"
}

// head is what every answer begins with.
func head(x *exchange.Exchange, now time.Time) []record {
	stamp := []item{plain("datetime", now.Format("20060102150405")), plain("tz", now.Format("-0700")), plain("unix", decimal(now.Unix()))}
	return []record{
		{txt: "Server", xml: "server", items: []item{in(formXML, "name", x.ServerName()), in(formTxt, "name", x.ServerName()), in(formProp, "server_name", x.ServerName()),
			in(formXML, "port", decimal(x.ServerPort())), in(formTxt, "port", decimal(x.ServerPort())), in(formProp, "server_port", decimal(x.ServerPort()))}},
		{txt: "Time", xml: "time", items: append(stamp[:0:0], only(stamp, "time_")...)},
		software(),
	}
}

// only makes items for all forms, with prefix before the keys of the prop
// form.
func only(items []item, prefix string) []item {
	var all []item
	for _, i := range items {
		all = append(all, in(formXML, i.key, i.value), in(formTxt, i.key, i.value), in(formProp, prefix+i.key, i.value))
	}
	return all
}

func software() record {
	return record{txt: "Software", xml: "software", items: []item{quoted("web_server", Software), plain("jk_version", Software)}}
}

// balancerRecord is the line of a balancer.
func balancerRecord(b *Balancer, now time.Time, cfg *Config) record {
	counts := map[string]int{}
	for _, m := range b.Members {
		counts[class(m, cfg)]++
	}
	c := &b.Config
	return record{txt: "Balancer Worker", xml: "balancer", key: c.Name, items: append([]item{
		in(formXML, "name", c.Name), in(formTxt, "name", c.Name),
		plain("type", "lb"), plain("sticky_session", boolean(!c.Sticky.Off)), plain("sticky_session_force", boolean(c.Sticky.Force)),
		plain("retries", decimal(c.Retries)), plain("recover_time", seconds(c.Recovery.RecoverTime)),
		plain("error_escalation_time", seconds(c.Recovery.EscalationTime)), plain("max_reply_timeouts", decimal(c.Recovery.MaxReplyTimeouts)),
		plain("method", c.Method.String()), plain("lock", c.Lock.String()), plain("member_count", decimal(len(b.Members))),
		plain("good", decimal(counts["good"])), plain("degraded", decimal(counts["degraded"])), plain("bad", decimal(counts["bad"])),
		plain("busy", decimal(b.Busy)), plain("max_busy", decimal(b.MaxBusy)), plain("map_count", decimal(len(b.Maps))),
		plain("time_to_maintenance_min", seconds(b.NextUpkeep)), plain("time_to_maintenance_max", seconds(b.NextUpkeep+b.Config.Maintain)),
	}, reset(b.LastReset, now)...)}
}

func reset(at, now time.Time) []item {
	return []item{plain("last_reset_at", decimal(at.Unix())), plain("last_reset_ago", seconds(now.Sub(at)))}
}

// memberRecord is the line of a member.
func memberRecord(m balancer.MemberSnapshot, w worker.Snapshot, lb string, now time.Time) record {
	items := endpoint(m.Config.Worker, w)
	items = append(items,
		plain("activation", m.Config.Activation.String()), plain("lbfactor", decimal(m.Config.Factor)),
		quoted("route", m.Config.Route), quoted("redirect", m.Config.Redirect), quoted("domain", m.Config.Domain),
		plain("distance", decimal(m.Config.Distance)), plain("state", m.State.String()), plain("lbmult", decimal(m.Multiplicity)),
		plain("lbvalue", decimal(m.Value)), plain("elected", decimal(m.Elected)), plain("sessions", decimal(m.Sessions)),
		plain("errors", decimal(m.Errors)), plain("client_errors", decimal(m.ClientErrors)), plain("reply_timeouts", decimal(m.ReplyTimeouts)),
		plain("transferred", decimal(w.Transferred)), plain("read", decimal(w.Read)),
		plain("busy", decimal(m.Busy)), plain("max_busy", decimal(m.MaxBusy)),
		plain("connected", decimal(w.Connected)), plain("max_connected", decimal(w.MaxConnected)),
		plain("time_to_recover_min", seconds(m.Recovery)), plain("time_to_recover_max", seconds(m.Recovery)))
	times := append(reset(m.LastReset, now), lastError(m.LastError, now)...)
	for i := range times {
		times[i].owner = lb // that is where mod_jk has them, and scripts look for them
	}
	return record{txt: "Member", xml: "member", key: m.Config.Worker, items: append(items, times...)}
}

// endpoint are the properties of a member's or worker's connections.
func endpoint(name string, w worker.Snapshot) []item {
	c := &w.Config
	source := c.Socket.Source
	if source == "" {
		source = "undefined"
	}
	retries, interval := plain("retries", decimal(c.Retries)), plain("connection_ping_interval", seconds(c.Ping.Interval))
	items := []item{
		in(formXML, "name", name), in(formTxt, "name", name), plain("type", "ajp13"), plain("host", c.Host), plain("port", decimal(max(0, c.Port))),
		plain("address", w.Address), plain("source", source),
		plain("connection_pool_timeout", seconds(c.Pool.IdleTimeout)), plain("ping_timeout", millis(c.Ping.Timeout)),
		plain("connect_timeout", millis(c.Ping.Connect)), plain("prepost_timeout", millis(c.Ping.Prepost)), plain("reply_timeout", millis(c.ReplyTimeout)),
	}
	for _, f := range []form{formXML, formTxt, formProp} {
		first, second := retries, interval
		if f == formXML { // mod_jk has them the other way round there
			first, second = interval, retries
		}
		items = append(items, in(f, first.key, first.value), in(f, second.key, second.value))
	}
	return append(items, plain("recovery_options", decimal(int(c.Recovery))), plain("busy_limit", decimal(c.BusyLimit)), plain("max_packet_size", decimal(c.MaxPacket)))
}

// lastError are the properties of the last error, if there was one.
func lastError(at, now time.Time) []item {
	if at.IsZero() {
		return nil
	}
	items := []item{plain("error_time_datetime", at.Format("20060102150405")), plain("error_time_tz", at.Format("-0700"))}
	unix, ago := decimal(at.Unix()), seconds(now.Sub(at))
	for _, f := range []form{formXML, formTxt} {
		items = append(items, in(f, "error_time_unix_seconds", unix), in(f, "error_time_ago", ago))
	}
	return append(items, in(formProp, "error_time_unix seconds", unix), in(formProp, "error_time_ago seconds", ago))
}

// workerRecord is the line of a worker that stands alone.
func workerRecord(w *Worker, now time.Time) record {
	items := append(endpoint(w.Config.Name, w.Snapshot),
		plain("used", decimal(w.Used)), plain("errors", decimal(w.Errors)), plain("client_errors", decimal(w.ClientErrors)),
		plain("reply_timeouts", decimal(w.ReplyTimeouts)), plain("transferred", decimal(w.Transferred)), plain("read", decimal(w.Read)),
		plain("busy", decimal(w.Busy)), plain("max_busy", decimal(w.MaxBusy)), plain("connected", decimal(w.Connected)),
		plain("max_connected", decimal(w.MaxConnected)), plain("map_count", decimal(len(w.Maps))))
	items = append(items, reset(w.LastReset, now)...)
	return record{txt: "AJP Worker", xml: "ajp", key: w.Config.Name, items: append(items, lastError(w.LastError, now)...)}
}

// mapRecord is the line of a rule.
func mapRecord(n int, m Map) record {
	r := &m.Rule
	timeout := "-1"
	if r.Ext.ReplyTimeout != nil {
		timeout = millis(*r.Ext.ReplyTimeout)
	}
	return record{txt: "Map", xml: "map", items: []item{
		in(formXML, "id", decimal(n)), in(formTxt, "id", decimal(n)),
		quoted("server", m.Server), quoted("uri", r.Pattern), quoted("type", mapType(r)),
		quoted("source", [...]string{"worker definition", "JkMount", "uriworkermap"}[r.Source]), quoted("reply_timeout", timeout),
		quoted("sticky_ignore", bit(r.Ext.StickyIgnore)), quoted("stateless", bit(r.Ext.Stateless)), quoted("fail_on_status", statuses(r.Ext.FailOnStatus)),
		quoted("active", activated(r, 'A')), quoted("disabled", activated(r, 'D')), quoted("stopped", activated(r, 'S')),
		quoted("use_server_errors", decimal(r.Ext.UseServerErrors)),
	}}
}

func mapType(r *mount.Rule) string {
	kind := "Exact"
	if strings.ContainsAny(r.Pattern, "*?") {
		kind = "Wildchar"
	}
	if r.Exclude {
		kind = "Unmount " + kind
	}
	if r.Disabled {
		kind = "Disabled " + kind
	}
	return kind
}

func bit(on *bool) string {
	if on != nil && *on {
		return "1"
	}
	return "0"
}

func statuses(all []int) string {
	var words []string
	for _, s := range all {
		words = append(words, decimal(s))
	}
	return strings.Join(words, ",")
}

func activated(r *mount.Rule, letter byte) string {
	var names []string
	for name, l := range r.Ext.Activation {
		if l == letter {
			names = append(names, name)
		}
	}
	return strings.Join(names, ",")
}
