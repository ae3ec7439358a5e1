// Package interop holds the project against the real things. What comes in are
// catflap, httpd with mod_jk and Tomcat as they are installed, what goes out is
// whether catflap does as httpd does with the same configuration.
package interop
