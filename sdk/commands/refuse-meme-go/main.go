// A command hook: a program with a main, and nothing of ours in it.
//
// It refuses uploads whose metadata says meme = pepe: exit code 0 lets an upload
// through, any other refuses it with what was written to stderr.
package main

import (
	"encoding/json"
	"fmt"
	"os"
)

// What the program reads of the event.
type event struct {
	Upload struct {
		Metadata map[string]string `json:"metadata"`
	} `json:"upload"`
}

func main() {
	// The JSON is on stdin, and also the last argument. Before it stands the
	// event's name, if the module is called for all events.
	var e event
	if err := json.NewDecoder(os.Stdin).Decode(&e); err != nil {
		fmt.Fprintln(os.Stderr, "The event is no JSON:", err)
		os.Exit(1)
	}
	if e.Upload.Metadata["meme"] == "pepe" {
		fmt.Fprintln(os.Stderr, "This meme isn't allowed")
		os.Exit(1)
	}
}
