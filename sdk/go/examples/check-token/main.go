// check-token lets only those upload who have a token, and writes whose upload it
// is. An exit code can do neither 401 nor a change, so it answers on stdout as a
// hook of tusd 2 does: the server needs --hooks-format tusd-v2.
package main

import (
	"crypto/sha256"
	"crypto/subtle"
	_ "embed"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"strings"
)

// The SHA-256 of each token, `printf %s TOKEN | sha256sum`, by whose it is. There is
// no [config] for a command hook: it is built in.
//
//go:embed owners.json
var file []byte

// event is what this hook reads of the JSON on its stdin.
type event struct {
	Type  string
	Event struct {
		Upload struct {
			MetaData map[string]string
		}
		HTTPRequest struct {
			Header map[string][]string
		}
	}
}

// answer is tusd's hook response.
type answer struct {
	RejectUpload   bool           `json:",omitempty"`
	HTTPResponse   *httpResponse  `json:",omitempty"`
	ChangeFileInfo *changedUpload `json:",omitempty"`
}

type httpResponse struct {
	StatusCode int
	Body       string
	Header     map[string]string
}

type changedUpload struct {
	MetaData map[string]string
}

func main() {
	var e event
	if err := json.NewDecoder(os.Stdin).Decode(&e); err != nil {
		fail("the event is no JSON: " + err.Error())
	}
	if e.Type == "" {
		fail("the server needs --hooks-format tusd-v2")
	}
	var owners map[string]string
	if err := json.Unmarshal(file, &owners); err != nil {
		fail("owners.json: " + err.Error())
	}
	if err := json.NewEncoder(os.Stdout).Encode(decide(e, owners)); err != nil {
		fail(err.Error())
	}
}

// fail ends the hook with a code that refuses the upload.
func fail(why string) {
	fmt.Fprintln(os.Stderr, "check-token:", why)
	os.Exit(1)
}

func decide(e event, owners map[string]string) answer {
	scheme, token, _ := strings.Cut(header(e, "authorization"), " ")
	if !strings.EqualFold(scheme, "bearer") || token == "" {
		return unauthorized("Send a token.")
	}
	sum := sha256.Sum256([]byte(token))
	given := []byte(hex.EncodeToString(sum[:]))
	for owner, digest := range owners {
		if subtle.ConstantTimeCompare(given, []byte(digest)) == 1 {
			// What the client itself wrote as owner is replaced.
			metadata := map[string]string{}
			for key, value := range e.Event.Upload.MetaData {
				metadata[key] = value
			}
			metadata["owner"] = owner
			return answer{ChangeFileInfo: &changedUpload{metadata}}
		}
	}
	return unauthorized("The token is not known.")
}

// header is the first field of that name, which is written in lower case.
func header(e event, name string) string {
	if values := e.Event.HTTPRequest.Header[name]; len(values) > 0 {
		return values[0]
	}
	return ""
}

func unauthorized(why string) answer {
	challenge := map[string]string{"www-authenticate": "Bearer"}
	return answer{RejectUpload: true, HTTPResponse: &httpResponse{401, why, challenge}}
}
