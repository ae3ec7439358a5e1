package wire

import "github.com/catflap/catflap/javaserial"

// classPrincipal stands in for GenericPrincipal in streams.
var classPrincipal = &javaserial.Class{
	Name: "org.apache.catalina.realm.GenericPrincipal$SerializablePrincipal", SUID: 1, Flags: javaserial.FlagSerializable,
	Fields: []javaserial.Field{
		{Code: 'L', Name: "attributes", Type: &javaserial.String{Text: "Ljava/util/Map;"}},
		{Code: 'L', Name: "name", Type: typeString},
		{Code: 'L', Name: "principal", Type: &javaserial.String{Text: "Ljava/security/Principal;"}},
		{Code: '[', Name: "roles", Type: &javaserial.String{Text: "[Ljava/lang/String;"}},
	},
}

// Principal returns a principal as Java has it.
func Principal(name string, roles []string) javaserial.Node {
	return &javaserial.Object{Class: classPrincipal, Data: []javaserial.ClassData{{Class: classPrincipal, Fields: []javaserial.Value{
		javaserial.NodeValue(nil), javaserial.NodeValue(&javaserial.String{Text: name}),
		javaserial.NodeValue(nil), javaserial.NodeValue(javaserial.StringArray(roles)),
	}}}}
}

// ParsePrincipal reads a principal. ok is false if n is an object of another
// class, or has no name.
func ParsePrincipal(n javaserial.Node) (name string, roles []string, ok bool) {
	o, isObject := n.(*javaserial.Object)
	if !isObject || o.Class.Proxy || o.Class.Name != classPrincipal.Name {
		return "", nil, false
	}
	opaque := javaserial.Opaque{Node: n}
	v, _ := opaque.Field("name")
	name, ok = v.(string)
	if v, has := opaque.Field("roles"); has {
		if array, isOpaque := v.(javaserial.Opaque); isOpaque {
			elements, _ := array.Elements()
			for _, e := range elements {
				if role, isText := e.(string); isText {
					roles = append(roles, role)
				}
			}
		}
	}
	return name, roles, ok
}
