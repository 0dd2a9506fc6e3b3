// {{name}}: a hook for rustus.
package main

import (
	"fmt"
	"strings"

	"rustus/hook"
)

func init() { hook.PreCreate(decide) }

func main() {}

// decide refuses what is called like a program, or is too large.
func decide(event hook.Event) (hook.Answer, error) {
	config := struct {
		MaxSize uint64 `json:"max-size"`
	}{1_000_000_000}
	if err := hook.Config(&config); err != nil {
		return hook.Answer{}, err
	}
	name := strings.ToLower(event.Upload.Metadata["filename"])
	for _, ending := range []string{".exe", ".bat", ".msi"} {
		if strings.HasSuffix(name, ending) {
			return hook.Reject(415, "Programs are not accepted."), nil
		}
	}
	if length := event.Upload.Length; length != nil && *length > config.MaxSize {
		return hook.Reject(413, fmt.Sprintf("At most %d bytes.", config.MaxSize)), nil
	}
	return hook.Proceed(), nil
}
