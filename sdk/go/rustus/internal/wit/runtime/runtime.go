// Package runtime is the memory and the handles that the generated code works on.
package runtime

import (
	"runtime"
	"unsafe"
)

// room is where the server writes to. While it asks for memory, Go must not start to
// collect garbage: that looks at the clock, which no component may do then. So the
// memory is there before, and the collector takes a room back when nothing in it is
// used any more.
var room = make([]uint64, roomWords)

const (
	roomWords = 512 * 1024 / 8
	// enough is more than an event, a configuration or a part of a body has.
	enough = 256 * 1024 / 8
)

// arguments holds what was larger than the room.
var arguments runtime.Pinner

// Allocate makes memory that stays where it is until the pinner lets it go.
func Allocate(pinner *runtime.Pinner, size, align uintptr) unsafe.Pointer {
	if size == 0 {
		return unsafe.Pointer(align)
	}
	// Of words, so that it is aligned. The collector sees no pointers in it: what
	// they lead to is pinned as well.
	words := make([]uint64, wordsFor(size))
	pointer := unsafe.Pointer(unsafe.SliceData(words))
	pinner.Pin(pointer)
	return pointer
}

// Unpin lets go of what the server wrote, and makes room for what it will write
// next.
func Unpin() {
	arguments.Unpin()
	if len(room) < enough {
		room = make([]uint64, roomWords)
	}
}

//go:wasmexport cabi_realloc
func reallocate(old unsafe.Pointer, oldSize, align, size uintptr) unsafe.Pointer {
	if size == 0 {
		return unsafe.Pointer(align)
	}
	var grown unsafe.Pointer
	if words := wordsFor(size); words <= uintptr(len(room)) {
		grown = unsafe.Pointer(unsafe.SliceData(room))
		room = room[words:]
	} else {
		grown = Allocate(&arguments, size, align)
	}
	if oldSize > 0 {
		copy(unsafe.Slice((*byte)(grown), size), unsafe.Slice((*byte)(old), oldSize))
	}
	return grown
}

func wordsFor(size uintptr) uintptr { return (size + 7) / 8 }

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
