//go:build !wasm

package hook

// PreCreate does nothing in a test.
func PreCreate(func(Event) (Answer, error)) {}

// PreFinish does nothing in a test.
func PreFinish(func(Event) (Answer, error)) {}

// PreGet does nothing in a test.
func PreGet(func(Event) (Answer, error)) {}

// PreTerminate does nothing in a test.
func PreTerminate(func(Event) (Answer, error)) {}

// PostCreate does nothing in a test.
func PostCreate(func(Event) (Answer, error)) {}

// PostReceive does nothing in a test.
func PostReceive(func(Event) (Answer, error)) {}

// PostFinish does nothing in a test.
func PostFinish(func(Event) (Answer, error)) {}

// PostTerminate does nothing in a test.
func PostTerminate(func(Event) (Answer, error)) {}

// Sink does nothing in a test.
func Sink(func(kind string, event Event) error) {}
