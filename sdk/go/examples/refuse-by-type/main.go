// Refuses uploads by their type and size.
package main

import (
	"fmt"
	"slices"
	"strings"

	"rustus/hook"
)

func init() { hook.PreCreate(decide) }

func main() {}

// decide accepts the types of the configuration, up to max-size bytes.
func decide(event hook.Event) (hook.Answer, error) {
	config := struct {
		Types   []string `json:"types"`
		MaxSize uint64   `json:"max-size"`
	}{[]string{"image/jpeg", "image/png"}, 10_000_000}
	if err := hook.Config(&config); err != nil {
		return hook.Answer{}, err
	}
	if !slices.Contains(config.Types, event.Upload.Metadata["filetype"]) {
		return hook.Reject(415, "Send one of: "+strings.Join(config.Types, ", ")+"."), nil
	}
	if length := event.Upload.Length; length == nil || *length > config.MaxSize {
		return hook.Reject(413, fmt.Sprintf("At most %d bytes.", config.MaxSize)), nil
	}
	return hook.Proceed(), nil
}
