package main

import "testing"

func TestDecide(t *testing.T) {
	// The SHA-256 of "abc".
	owners := map[string]string{
		"ann": "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
	}
	for _, test := range []struct {
		sent  string
		owner string
	}{
		{"", ""},
		{"Bearer", ""},
		{"Bearer guessed", ""},
		{"Basic abc", ""},
		{"bearer abc", "ann"},
	} {
		var e event
		e.Event.HTTPRequest.Header = map[string][]string{"authorization": {test.sent}}
		e.Event.Upload.MetaData = map[string]string{"filename": "a.txt", "owner": "root"}
		decided := decide(e, owners)
		if test.owner == "" {
			if !decided.RejectUpload || decided.HTTPResponse.StatusCode != 401 {
				t.Errorf("%q: %+v", test.sent, decided)
			}
			continue
		}
		metadata := decided.ChangeFileInfo.MetaData
		if metadata["owner"] != test.owner || metadata["filename"] != "a.txt" {
			t.Errorf("%q: %+v", test.sent, metadata)
		}
	}
}
