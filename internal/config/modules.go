package config

import (
	"slices"
	"strings"

	"github.com/catflap/catflap/internal/config/httpdconf"
)

// standardModules are the modules that come with httpd 2.4, and mod_jk, by
// name without "mod_" and "_module".
var standardModules = strings.Fields(`
access_compat actions alias allowmethods asis auth_basic auth_digest auth_form authn_anon authn_core authn_dbd authn_dbm
authn_file authn_socache authnz_fcgi authnz_ldap authz_core authz_dbd authz_dbm authz_groupfile authz_host authz_owner
authz_user autoindex brotli bucketeer buffer cache cache_disk cache_socache case_filter case_filter_in cern_meta cgi cgid
charset_lite core data dav dav_fs dav_lock dbd deflate dialup dir dumpio echo env expires ext_filter file_cache filter
headers heartbeat heartmonitor http http2 ident imagemap include info isapi jk ldap lbmethod_bybusyness lbmethod_byrequests
lbmethod_bytraffic lbmethod_heartbeat log_config log_debug log_forensic logio lua macro md mime mime_magic mpm_event
mpm_prefork mpm_worker negotiation privileges proxy proxy_ajp proxy_balancer proxy_connect proxy_express proxy_fcgi
proxy_fdpass proxy_ftp proxy_hcheck proxy_html proxy_http proxy_http2 proxy_scgi proxy_uwsgi proxy_wstunnel ratelimit
reflector remoteip reqtimeout request rewrite sed session session_cookie session_crypto session_dbd setenvif slotmem_plain
slotmem_shm so socache_dbm socache_dc socache_memcache socache_redis socache_shmcb speling ssl status substitute suexec
systemd unique_id unixd userdir usertrack version vhost_alias watchdog xml2enc`)

// StaticModules returns the modules that need no LoadModule, in the order in
// which httpd -M has them.
func StaticModules() []string {
	return []string{
		"core_module", "so_module", "watchdog_module", "http_module", "log_config_module", "logio_module", "version_module", "unixd_module",
	}
}

// ModuleSource returns the source file of a module, by which httpd -l knows it.
func ModuleSource(name string) string { return httpdconf.ModuleSource(name) }

// foreignModule returns the name of a loaded module that does not come with
// httpd, "" if there is none: what it adds is not known here.
func (l *loader) foreignModule() string { return foreignOf(l.report.Modules) }

func foreignOf(modules []httpdconf.Module) string {
	for _, m := range modules {
		if !slices.Contains(standardModules, moduleBase(m.Name)) {
			return m.Name
		}
	}
	return ""
}

// moduleBase is the name of a module without what all names share: "jk" of
// jk_module, and of mod_jk.c.
func moduleBase(name string) string {
	name = strings.TrimSuffix(strings.TrimPrefix(strings.ToLower(name), "mod_"), ".c")
	return strings.TrimSuffix(name, "_module")
}
