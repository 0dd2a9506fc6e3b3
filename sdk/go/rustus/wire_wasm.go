package hook

import (
	"errors"
	"sort"
	"strings"
	"time"

	raw "rustus/hook/internal/generated/rustus_hooks_types"
	"rustus/hook/internal/wit/types"
)

// eventFrom copies an event: its strings lie in memory of the call.
func eventFrom(event raw.Event) Event {
	upload, request := event.Upload, event.Request
	metadata := make(map[string]string, len(upload.Metadata))
	for _, entry := range upload.Metadata {
		metadata[strings.Clone(entry.Key)] = string(entry.Value)
	}
	fields := make([]Header, len(request.Headers))
	for i, header := range request.Headers {
		fields[i] = Header{strings.Clone(header.Name), strings.Clone(header.Value)}
	}
	var length *uint64
	if upload.Length.Tag() == types.OptionSome {
		some := upload.Length.Some()
		length = &some
	}
	var parts []string
	if upload.Kind.Tag() == raw.UploadKindFinal {
		for _, part := range upload.Kind.Final() {
			parts = append(parts, strings.Clone(part))
		}
	}
	return Event{
		ID:   strings.Clone(event.Id),
		Time: moment(event.Time),
		Upload: Upload{
			ID:        strings.Clone(upload.Id),
			Offset:    upload.Offset,
			Length:    length,
			Metadata:  metadata,
			Partial:   upload.Kind.Tag() == raw.UploadKindPartial,
			Parts:     parts,
			Storage:   strings.Clone(upload.Storage),
			Path:      orEmpty(upload.Path),
			CreatedAt: moment(upload.CreatedAt),
		},
		Request: Request{
			Method:        strings.Clone(request.Method),
			URI:           strings.Clone(request.Uri),
			RemoteAddress: orEmpty(request.RemoteAddress),
			Headers:       fields,
		},
	}
}

func moment(timestamp raw.Timestamp) time.Time {
	return time.Unix(int64(timestamp.Seconds), int64(timestamp.Nanoseconds)).UTC()
}

func orEmpty(option types.Option[string]) string {
	if option.Tag() == types.OptionNone {
		return ""
	}
	return strings.Clone(option.Some())
}

func unlessEmpty(text string) types.Option[string] {
	if text == "" {
		return types.None[string]()
	}
	return types.Some(text)
}

// entries are in the order of their keys: a map has none of its own.
func entries(metadata map[string]string) []raw.MetadataEntry {
	all := make([]raw.MetadataEntry, 0, len(metadata))
	for key, value := range metadata {
		all = append(all, raw.MetadataEntry{Key: key, Value: []byte(value)})
	}
	sort.Slice(all, func(i, j int) bool { return all[i].Key < all[j].Key })
	return all
}

func headers(fields []Header) []raw.Header {
	all := make([]raw.Header, len(fields))
	for i, field := range fields {
		all[i] = raw.Header{Name: field.Name, Value: field.Value}
	}
	return all
}

func rejection(answer Answer) raw.Rejection {
	return raw.Rejection{Status: answer.Status, Headers: headers(answer.Headers), Body: answer.Body}
}

func hookError(err error) raw.HookError {
	var later retry
	if errors.As(err, &later) {
		after := types.None[uint64]()
		if later.after > 0 {
			after = types.Some(uint64(later.after.Milliseconds()))
		}
		return raw.MakeHookErrorRetry(after)
	}
	var never permanent
	if errors.As(err, &never) {
		return raw.MakeHookErrorPermanent(err.Error())
	}
	return raw.MakeHookErrorOther(err.Error())
}
