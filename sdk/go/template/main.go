// {{name}}: a command hook for rustus.
package main

import (
	"encoding/json"
	"fmt"
	"os"
	"strings"
)

// event is what this hook reads of the JSON on its stdin.
type event struct {
	Upload upload `json:"upload"`
}

type upload struct {
	Length   *uint64           `json:"length"`
	Metadata map[string]string `json:"metadata"`
}

const limit = 1_000_000_000

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

// refusal says why an upload is refused: what is called like a program, or is too
// large. Empty if it is not.
func refusal(upload upload) string {
	name := strings.ToLower(upload.Metadata["filename"])
	for _, ending := range []string{".exe", ".bat", ".msi"} {
		if strings.HasSuffix(name, ending) {
			return "Programs are not accepted."
		}
	}
	if upload.Length != nil && *upload.Length > limit {
		return fmt.Sprintf("At most %d bytes.", limit)
	}
	return ""
}
