// Package runtime is the memory and the handles that the generated code works on.
package runtime

import (
	"runtime"
	"unsafe"
)

// arguments holds what the server wrote into our memory, until the generated code
// has pointers of its own to it.
var arguments runtime.Pinner

// Allocate makes room that stays where it is until the pinner lets it go.
func Allocate(pinner *runtime.Pinner, size, align uintptr) unsafe.Pointer {
	if size == 0 {
		return unsafe.Pointer(align)
	}
	// Of words, so that it is aligned; of pointers there are none in it that the
	// garbage collector has to know: their targets are pinned as well.
	words := make([]uint64, (size+7)/8)
	pointer := unsafe.Pointer(unsafe.SliceData(words))
	pinner.Pin(pointer)
	return pointer
}

// Unpin lets go of what the server wrote.
func Unpin() { arguments.Unpin() }

//go:wasmexport cabi_realloc
func reallocate(old unsafe.Pointer, oldSize, align, size uintptr) unsafe.Pointer {
	grown := Allocate(&arguments, size, align)
	if oldSize > 0 {
		copy(unsafe.Slice((*byte)(grown), size), unsafe.Slice((*byte)(old), oldSize))
	}
	return grown
}

// Handle is a resource of the server.
type Handle struct{ value int32 }

// MakeHandle takes a resource over.
func MakeHandle(value int32) *Handle { return &Handle{value} }

// Take gives it away. It panics if it was given away before.
func (h *Handle) Take() int32 {
	value := h.Use()
	h.value = 0
	return value
}

// TakeOrNil gives it away; 0 if it was given away before.
func (h *Handle) TakeOrNil() int32 {
	value := h.value
	h.value = 0
	return value
}

// Set takes another resource over.
func (h *Handle) Set(value int32) { h.value = value }

// Use is the resource. It panics if it was given away.
func (h *Handle) Use() int32 {
	if h.value == 0 {
		panic("a resource that was given away is used")
	}
	return h.value
}
