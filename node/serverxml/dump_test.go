package serverxml

import (
	"fmt"
	"reflect"
	"strings"
)

// fieldText writes v, of structs only the fields that are not zero.
func fieldText(v any) string { return valueText(reflect.ValueOf(v)) }

func valueText(v reflect.Value) string {
	if !v.IsValid() || v.IsZero() && v.Kind() != reflect.Struct {
		if v.IsValid() && (v.Kind() == reflect.String || v.Kind() == reflect.Bool || v.CanInt()) {
			return fmt.Sprint(v)
		}
		return "nil"
	}
	if s, ok := v.Interface().(fmt.Stringer); ok {
		return s.String()
	}
	switch v.Kind() {
	case reflect.Pointer, reflect.Interface:
		return valueText(v.Elem())
	case reflect.Slice:
		if v.Type().Elem().Kind() == reflect.Uint8 {
			return fmt.Sprintf("%q", v.Bytes())
		}
		var all []string
		for i := range v.Len() {
			all = append(all, valueText(v.Index(i)))
		}
		return "[" + strings.Join(all, ", ") + "]"
	case reflect.Struct:
		var all []string
		for i := range v.NumField() {
			if f := v.Type().Field(i); f.IsExported() && !v.Field(i).IsZero() {
				all = append(all, f.Name+"="+valueText(v.Field(i)))
			}
		}
		return "{" + strings.Join(all, " ") + "}"
	case reflect.String:
		return fmt.Sprintf("%q", v.String())
	}
	return fmt.Sprint(v)
}
