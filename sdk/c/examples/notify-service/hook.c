/* Tells a web service of every finished upload. */

#include <inttypes.h>

#include "rustus_hook/rustus_hook.h"

/* Posts what was uploaded to the `url` of the configuration. */
rustus_answer_t rustus_post_finish(const rustus_event_t *event) {
  const char *url = rustus_config("url");
  if (url == NULL) {
    return rustus_permanent("NAME.toml has no `url` under [config]");
  }
  const char *news = rustus_format("{\"id\":%s,\"size\":%" PRIu64 ",\"metadata\":%s}",
                                   rustus_json(rustus_text(event->upload.id)),
                                   event->upload.offset, rustus_metadata_json(event));
  const rustus_field_t fields[] = {
      {"content-type", "application/json"},
      {"idempotency-key", rustus_text(event->id)},
      {NULL, NULL},
  };
  uint16_t status = rustus_http_post(url, fields, news);
  if (status == 0) {
    rustus_log(RUSTUS_HOOKS_LOG_LEVEL_WARN, "no answer");
    return rustus_retry(0);
  }
  if (status >= 500) {
    return rustus_retry(1000);
  }
  if (status >= 300) {
    return rustus_permanent(rustus_format("the service answered %u", status));
  }
  return rustus_proceed();
}
