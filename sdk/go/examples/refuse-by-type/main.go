// refuse-by-type refuses uploads by their type and size.
package main

import (
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strings"
)

// What is accepted. There is no [config] for a command hook: it is built in.
var types = []string{"image/jpeg", "image/png", "text/plain"}

const limit = 1_000_000

// event is what this hook reads of the JSON on its stdin, in the format default
// or v2.
type event struct {
	Upload upload `json:"upload"`
}

type upload struct {
	Length   *uint64           `json:"length"`
	Metadata map[string]string `json:"metadata"`
}

func main() {
	var e event
	if err := json.NewDecoder(os.Stdin).Decode(&e); err != nil {
		refuse("The event is no JSON: " + err.Error())
	}
	if why := refusal(e.Upload); why != "" {
		refuse(why)
	}
}

// refuse ends the hook: the client gets 400 with the text.
func refuse(why string) {
	fmt.Fprint(os.Stderr, why)
	os.Exit(1)
}

// refusal says why an upload is refused. Empty if it is not.
func refusal(upload upload) string {
	if !slices.Contains(types, upload.Metadata["filetype"]) {
		return fmt.Sprintf("Send one of: %s.", strings.Join(types, ", "))
	}
	if upload.Length == nil || *upload.Length > limit {
		return fmt.Sprintf("At most %d bytes.", limit)
	}
	return ""
}
