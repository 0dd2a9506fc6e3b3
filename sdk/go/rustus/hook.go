// Package hook writes upload hooks for the rustus server in Go.
//
// A hook is a function of a few lines. What is called in init says which event it
// answers:
//
//	func init() { hook.PreCreate(noPrograms) }
//
//	func main() {}
//
//	func noPrograms(event hook.Event) (hook.Answer, error) {
//		if strings.HasSuffix(event.Upload.Metadata["filename"], ".exe") {
//			return hook.Reject(415, "Programs are not accepted."), nil
//		}
//		return hook.Proceed(), nil
//	}
//
// An error says that there is no answer: Retry and Permanent make those that the
// server knows. log/slog writes to the server's log. The functions run natively as
// well, which is how they are tested with go test.
package hook

import (
	"errors"
	"time"
)

// Event is one moment in the life of an upload.
type Event struct {
	// ID is unique, ordered by time, and the same when it is told again.
	ID      string
	Time    time.Time
	Upload  Upload
	Request Request
}

// Upload is an upload as it stood when the event happened.
type Upload struct {
	// ID is the last part of its URL.
	ID string
	// Offset is how many bytes are stored.
	Offset uint64
	// Length is how many bytes there will be; nil while the client has not said it.
	Length *uint64
	// Metadata holds the decoded values. They are UTF-8 nearly always.
	Metadata map[string]string
	// Partial says that it is a part of an upload to come.
	Partial bool
	// Parts are the ids of the uploads that it is made of; nil if it is not.
	Parts []string
	// Storage is the name of the storage, such as file_storage.
	Storage string
	// Path is where the storage keeps the bytes; empty in PreCreate.
	Path      string
	CreatedAt time.Time
}

// Request is the request that caused an event.
type Request struct {
	Method string
	// URI is path and query as the client sent them.
	URI string
	// RemoteAddress is the client's without port; empty if it is not known.
	RemoteAddress string
	// Headers are all of them, with names in lower case. Never log them.
	Headers []Header
}

// Header is one header field.
type Header struct{ Name, Value string }

// Header is the first header field of a name in lower case; empty if there is none.
func (r Request) Header(name string) string {
	for _, header := range r.Headers {
		if header.Name == name {
			return header.Value
		}
	}
	return ""
}

// Answer is what a hook says to an event. What an event can't change is ignored.
type Answer struct {
	// Rejected says that the request is not carried out, or that an upload is
	// stopped (PostReceive).
	Rejected bool
	// Status is that of a rejection, or of the response (PreFinish); 0 keeps it.
	Status uint16
	// Body is that of a rejection, or of the response (PreFinish).
	Body    string
	Headers []Header
	// Metadata replaces that of the upload (PreCreate); nil keeps it.
	Metadata map[string]string
	// ID and Path are the upload's (PreCreate); empty keeps them.
	ID, Path string
}

// Proceed lets the request go on.
func Proceed() Answer { return Answer{} }

// Reject refuses the request with a status of 400 to 599.
func Reject(status uint16, body string) Answer {
	return Answer{Rejected: true, Status: status, Body: body}
}

// WithHeader adds a header field to the response.
func (a Answer) WithHeader(name, value string) Answer {
	a.Headers = append(a.Headers[:len(a.Headers):len(a.Headers)], Header{name, value})
	return a
}

// WithMetadata replaces the upload's metadata.
func (a Answer) WithMetadata(metadata map[string]string) Answer {
	a.Metadata = metadata
	return a
}

type retry struct{ after time.Duration }

func (r retry) Error() string { return "later" }

// Retry says that it may work later, after this time if it is not 0.
func Retry(after time.Duration) error { return retry{after} }

type permanent struct{ error }

// Permanent says that it will not work, however often it is tried.
func Permanent(text string) error { return permanent{errors.New(text)} }
