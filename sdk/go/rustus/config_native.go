//go:build !wasm

package hook

import "encoding/json"

var configuration = []byte("{}")

// SetConfig is for tests: it sets what Config finds.
func SetConfig(table string) { configuration = []byte(table) }

// Config reads the table [config] of NAME.toml as encoding/json does.
func Config(into any) error { return json.Unmarshal(configuration, into) }
