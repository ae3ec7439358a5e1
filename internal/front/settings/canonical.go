package settings

// A CanonicalName says by which name the server speaks of itself.
type CanonicalName int

const (
	NameAsked CanonicalName = iota // UseCanonicalName Off: as the client asked
	NameOwn                        // On: ServerName
	NameByDNS                      // DNS: what its address is called
)

// Canonical is UseCanonicalName and UseCanonicalPhysicalPort.
type Canonical struct {
	Name         CanonicalName
	PhysicalPort bool // the port of the socket stands in where none is named
}

// A CanonicalChange is what one section says of them; nil leaves.
type CanonicalChange struct {
	Name         *CanonicalName
	PhysicalPort *bool
}

func (c *CanonicalChange) apply(inherited Canonical) Canonical {
	if c.Name != nil {
		inherited.Name = *c.Name
	}
	if c.PhysicalPort != nil {
		inherited.PhysicalPort = *c.PhysicalPort
	}
	return inherited
}

// A Signature is ServerSignature.
type Signature int

const (
	SignatureOff   Signature = iota
	SignatureOn              // made-up pages end with the server's name
	SignatureEMail           // likewise, with a link to ServerAdmin
)
