package main

import "testing"

func TestRefusal(t *testing.T) {
	size := func(bytes uint64) *uint64 { return &bytes }
	for _, test := range []struct {
		filetype string
		length   *uint64
		refuse   bool
	}{
		{"application/x-msdownload", size(5), true},
		{"", size(5), true},
		{"text/plain", size(limit + 1), true},
		{"text/plain", nil, true},
		{"text/plain", size(limit), false},
	} {
		metadata := map[string]string{"filetype": test.filetype}
		why := refusal(upload{Length: test.length, Metadata: metadata})
		if (why != "") != test.refuse {
			t.Errorf("%+v: %q", test, why)
		}
	}
}
