package main

import "testing"

func TestRefusal(t *testing.T) {
	for _, test := range []struct {
		name   string
		length uint64
		refuse bool
	}{
		{"Setup.EXE", 5, true},
		{"a.txt", limit + 1, true},
		{"a.txt", limit, false},
	} {
		metadata := map[string]string{"filename": test.name}
		why := refusal(upload{Length: &test.length, Metadata: metadata})
		if (why != "") != test.refuse {
			t.Errorf("%+v: %q", test, why)
		}
	}
}
