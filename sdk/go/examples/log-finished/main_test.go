package main

import (
	"strings"
	"testing"
)

func TestRecord(t *testing.T) {
	var out strings.Builder
	in := `{"upload": {"id": "a", "length": 5, "path": "/data/a", "metadata": {"filename": "b"}},
		"request": {"method": "PATCH"}}`
	if err := record(strings.NewReader(in), &out); err != nil {
		t.Fatal(err)
	}
	line := `{"id":"a","length":5,"path":"/data/a","metadata":{"filename":"b"}}` + "\n"
	if out.String() != line {
		t.Error(out.String())
	}
	for _, in := range []string{"", "{}", "upload"} {
		if err := record(strings.NewReader(in), &out); err == nil {
			t.Errorf("%q is an event", in)
		}
	}
}
