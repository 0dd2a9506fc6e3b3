package main

import (
	"testing"

	"rustus/hook"
)

func event(filename string, length uint64) hook.Event {
	metadata := map[string]string{"filename": filename}
	return hook.Event{Upload: hook.Upload{Metadata: metadata, Length: &length}}
}

func TestDecision(t *testing.T) {
	hook.SetConfig(`{"max-size": 10}`)
	for _, test := range []struct {
		event  hook.Event
		status uint16
	}{
		{event("Setup.EXE", 5), 415},
		{event("a.txt", 11), 413},
		{event("a.txt", 10), 0},
	} {
		answer, err := decide(test.event)
		if err != nil || answer.Status != test.status {
			t.Errorf("%+v, %v: not %d", answer, err, test.status)
		}
	}
}
