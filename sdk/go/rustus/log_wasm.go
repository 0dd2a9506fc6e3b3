package hook

import (
	"context"
	"log/slog"

	"rustus/hook/internal/generated/rustus_hooks_log"
)

func init() { slog.SetDefault(slog.New(logger{})) }

// logger writes to the server's log.
type logger struct {
	fields []rustus_hooks_log.Field
	group  string
}

func (logger) Enabled(context.Context, slog.Level) bool { return true }

func (l logger) Handle(_ context.Context, record slog.Record) error {
	fields := l.fields[:len(l.fields):len(l.fields)]
	record.Attrs(func(attribute slog.Attr) bool {
		fields = append(fields, l.field(attribute))
		return true
	})
	rustus_hooks_log.Write(level(record.Level), record.Message, fields)
	return nil
}

func (l logger) WithAttrs(attributes []slog.Attr) slog.Handler {
	l.fields = l.fields[:len(l.fields):len(l.fields)]
	for _, attribute := range attributes {
		l.fields = append(l.fields, l.field(attribute))
	}
	return l
}

func (l logger) WithGroup(name string) slog.Handler {
	l.group += name + "."
	return l
}

func (l logger) field(attribute slog.Attr) rustus_hooks_log.Field {
	return rustus_hooks_log.Field{
		Key:   l.group + attribute.Key,
		Value: attribute.Value.Resolve().String(),
	}
}

func level(level slog.Level) rustus_hooks_log.Level {
	switch {
	case level >= slog.LevelError:
		return rustus_hooks_log.LevelError
	case level >= slog.LevelWarn:
		return rustus_hooks_log.LevelWarn
	case level >= slog.LevelInfo:
		return rustus_hooks_log.LevelInfo
	case level >= slog.LevelDebug:
		return rustus_hooks_log.LevelDebug
	}
	return rustus_hooks_log.LevelTrace
}
