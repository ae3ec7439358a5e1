package replica

import (
	"fmt"
	"regexp"
	"time"

	"github.com/catflap/catflap/javaserial"
)

// Skip returns which attributes no other node gets, nil if all do: those whose
// name, or whose value's class, does not match its pattern as a whole. An empty
// pattern matches everything; the class of null is empty.
//
// Source: ManagerBase.willAttributeDistribute.
func Skip(namePattern, classPattern string) (func(name string, value any) bool, error) {
	if namePattern == "" && classPattern == "" {
		return nil, nil
	}
	names, err := whole(namePattern)
	if err != nil {
		return nil, fmt.Errorf("sessionAttributeNameFilter: %w", err)
	}
	classes, err := whole(classPattern)
	if err != nil {
		return nil, fmt.Errorf("sessionAttributeValueClassNameFilter: %w", err)
	}
	return func(name string, value any) bool {
		return names != nil && !names.MatchString(name) || classes != nil && value != nil && !classes.MatchString(classOf(value))
	}, nil
}

func whole(pattern string) (*regexp.Regexp, error) {
	if pattern == "" {
		return nil, nil
	}
	return regexp.Compile(`^(?:` + pattern + `)$`)
}

// classOf is the class that a value has in Java.
func classOf(v any) string {
	switch v := v.(type) {
	case string:
		return "java.lang.String"
	case bool:
		return "java.lang.Boolean"
	case int64, int:
		return "java.lang.Long"
	case int32:
		return "java.lang.Integer"
	case int16:
		return "java.lang.Short"
	case int8:
		return "java.lang.Byte"
	case float64:
		return "java.lang.Double"
	case float32:
		return "java.lang.Float"
	case javaserial.Char:
		return "java.lang.Character"
	case time.Time:
		return "java.util.Date"
	case []byte:
		return "[B"
	case []any:
		return "java.util.ArrayList"
	case javaserial.Set:
		return "java.util.HashSet"
	case javaserial.Opaque:
		return v.Class()
	}
	return "java.util.HashMap"
}
