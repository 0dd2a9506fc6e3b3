// Tells a web service of every finished upload.
package main

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"time"

	"rustus/hook"
	"rustus/hook/web"
)

func init() { hook.PostFinish(tell) }

func main() {}

// tell posts what was uploaded to the url of the configuration.
func tell(event hook.Event) (hook.Answer, error) {
	var config struct {
		URL string `json:"url"`
	}
	if err := hook.Config(&config); err != nil {
		return hook.Answer{}, err
	}
	news, err := json.Marshal(map[string]any{
		"id":       event.Upload.ID,
		"size":     event.Upload.Length,
		"metadata": event.Upload.Metadata,
	})
	if err != nil {
		return hook.Answer{}, err
	}
	headers := map[string]string{"content-type": "application/json", "idempotency-key": event.ID}
	status, _, err := web.Post(config.URL, headers, news)
	if err != nil {
		slog.Warn("no answer", "error", err)
		return hook.Answer{}, hook.Retry(0)
	}
	switch {
	case status >= 500:
		return hook.Answer{}, hook.Retry(time.Second)
	case status >= 300:
		return hook.Answer{}, hook.Permanent(fmt.Sprintf("the service answered %d", status))
	}
	return hook.Proceed(), nil
}
