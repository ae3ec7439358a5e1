package demo

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"
	"time"
)

// dateForm is RFC 3339 with the milliseconds of a java.util.Date.
const dateForm = "2006-01-02T15:04:05.000Z07:00"

// types are those that a visitor can set, in the order of the page.
var types = []string{"string", "int", "long", "bool", "double", "date", "bytes", "list", "map"}

// inWords returns a value of a session as text, with the name of its type.
func inWords(value any) attribute {
	switch v := value.(type) {
	case string:
		return attribute{"string", v}
	case int32:
		return attribute{"int", strconv.FormatInt(int64(v), 10)}
	case int64:
		return attribute{"long", strconv.FormatInt(v, 10)}
	case bool:
		return attribute{"bool", strconv.FormatBool(v)}
	case float64:
		return attribute{"double", strconv.FormatFloat(v, 'g', -1, 64)}
	case time.Time:
		return attribute{"date", v.UTC().Format(dateForm)}
	case []byte:
		return attribute{"bytes", base64.StdEncoding.EncodeToString(v)}
	case []any:
		return attribute{"list", inJSON(v)}
	case map[string]any, map[any]any:
		return attribute{"map", inJSON(v)}
	case int16:
		return attribute{"short", strconv.FormatInt(int64(v), 10)}
	case int8:
		return attribute{"byte", strconv.FormatInt(int64(v), 10)}
	case float32:
		return attribute{"float", strconv.FormatFloat(float64(v), 'g', -1, 32)}
	case interface{ Class() string }: // javaserial.Opaque
		return attribute{v.Class(), "an object of Java"}
	}
	return attribute{fmt.Sprintf("%T", value), fmt.Sprint(value)}
}

func inJSON(value any) string {
	text, err := json.Marshal(plain(value))
	if err != nil {
		return err.Error()
	}
	return string(text)
}

// plain returns value with what JSON does not have in words.
func plain(value any) any {
	switch v := value.(type) {
	case []any:
		list := make([]any, len(v))
		for i := range v {
			list[i] = plain(v[i])
		}
		return list
	case map[string]any:
		m := make(map[string]any, len(v))
		for key := range v {
			m[key] = plain(v[key])
		}
		return m
	case map[any]any:
		m := make(map[string]any, len(v))
		for key := range v {
			m[fmt.Sprint(key)] = plain(v[key])
		}
		return m
	case float64:
		if math.IsNaN(v) || math.IsInf(v, 0) {
			return inWords(v).Value
		}
	case time.Time:
		return inWords(v).Value
	}
	return value
}

// fromWords returns the value that text is as a type. Its errors are mistakes.
func fromWords(kind, text string) (any, error) {
	var value any
	var err error
	switch kind {
	case "string":
		value = text
	case "int":
		var n int64
		n, err = strconv.ParseInt(text, 10, 32)
		value = int32(n)
	case "long":
		value, err = strconv.ParseInt(text, 10, 64)
	case "bool":
		if text != "true" && text != "false" {
			return nil, mistake(fmt.Sprintf("value=%q is no bool: it is true or false", text))
		}
		value = text == "true"
	case "double":
		value, err = strconv.ParseFloat(text, 64)
	case "date":
		value, err = time.Parse(time.RFC3339, text)
	case "bytes":
		value, err = base64.StdEncoding.DecodeString(text)
	case "list":
		value, err = fromJSON[[]any](text)
	case "map":
		value, err = fromJSON[map[string]any](text)
	default:
		return nil, mistake(fmt.Sprintf("type=%q: it is %s", kind, strings.Join(types, ", ")))
	}
	if err != nil {
		return nil, mistake(fmt.Sprintf("value=%q is no %s: %v", text, kind, err))
	}
	return value, nil
}

// fromJSON reads one value; whole numbers become int64.
func fromJSON[T []any | map[string]any](text string) (T, error) {
	var value T
	d := json.NewDecoder(strings.NewReader(text))
	d.UseNumber()
	if err := d.Decode(&value); err != nil {
		return nil, err
	}
	if _, err := d.Token(); err != io.EOF {
		return nil, fmt.Errorf("something follows at byte %d", d.InputOffset())
	}
	if value == nil {
		return nil, fmt.Errorf("it is null")
	}
	numbers, err := withNumbers(value)
	if err != nil {
		return nil, err
	}
	return numbers.(T), nil
}

// withNumbers turns json.Numbers into int64 or float64.
func withNumbers(value any) (any, error) {
	var err error
	switch v := value.(type) {
	case json.Number:
		if n, err := strconv.ParseInt(string(v), 10, 64); err == nil {
			return n, nil
		}
		return v.Float64()
	case []any:
		for i := range v {
			if v[i], err = withNumbers(v[i]); err != nil {
				return nil, err
			}
		}
	case map[string]any:
		for key := range v {
			if v[key], err = withNumbers(v[key]); err != nil {
				return nil, err
			}
		}
	}
	return value, nil
}
