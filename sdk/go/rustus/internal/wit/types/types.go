// Package types has the types of WIT that Go has none for, as the generated code
// names them.
package types

// Unit is the value that says nothing.
type Unit struct{}

// Tuple2 is a pair.
type Tuple2[A, B any] struct {
	F0 A
	F1 B
}

// The cases of an option and of a result.
const (
	OptionNone uint8 = iota
	OptionSome
)

// The cases of a result.
const (
	ResultOk uint8 = iota
	ResultErr
)

// Option is a value, or none.
type Option[T any] struct {
	tag   uint8
	value T
}

// None is an option without a value.
func None[T any]() Option[T] { return Option[T]{tag: OptionNone} }

// Some is an option with a value.
func Some[T any](value T) Option[T] { return Option[T]{OptionSome, value} }

// Tag says which case it is.
func (o Option[T]) Tag() uint8 { return o.tag }

// Some is the value. It panics if there is none.
func (o Option[T]) Some() T {
	if o.tag != OptionSome {
		panic("an option without a value")
	}
	return o.value
}

// Result is a value, or an error.
type Result[T, E any] struct {
	tag uint8
	ok  T
	err E
}

// Ok is a result with a value.
func Ok[T, E any](value T) Result[T, E] { return Result[T, E]{tag: ResultOk, ok: value} }

// Err is a result with an error.
func Err[T, E any](err E) Result[T, E] { return Result[T, E]{tag: ResultErr, err: err} }

// Tag says which case it is.
func (r Result[T, E]) Tag() uint8 { return r.tag }

// Ok is the value. It panics if there is none.
func (r Result[T, E]) Ok() T {
	if r.tag != ResultOk {
		panic("a result without a value")
	}
	return r.ok
}

// Err is the error. It panics if there is none.
func (r Result[T, E]) Err() E {
	if r.tag != ResultErr {
		panic("a result without an error")
	}
	return r.err
}
