// log-finished writes a record of each finished upload into the server's log. A
// command hook has no sockets: what is to reach a web service is sent by the
// server's own --hooks-http-urls, or from the log.
package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
)

// event is what this hook reads of the JSON on its stdin, in the format default
// or v2.
type event struct {
	Upload *upload `json:"upload"`
}

// upload is also the record, in one line.
type upload struct {
	ID       string            `json:"id"`
	Length   uint64            `json:"length"`
	Path     string            `json:"path"`
	Metadata map[string]string `json:"metadata"`
}

func main() {
	if err := record(os.Stdin, os.Stdout); err != nil {
		// With a code that is not 0 the server tells it again.
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func record(in io.Reader, out io.Writer) error {
	var e event
	if err := json.NewDecoder(in).Decode(&e); err != nil {
		return fmt.Errorf("the event is no JSON: %w", err)
	}
	if e.Upload == nil {
		return fmt.Errorf("no upload in the event: --hooks-format must be default or v2")
	}
	return json.NewEncoder(out).Encode(e.Upload)
}
