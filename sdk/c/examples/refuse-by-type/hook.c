/* Refuses uploads by their type and size. */

#include <inttypes.h>
#include <string.h>

#include "rustus_hook/rustus_hook.h"

/* Accepts the `types` of the configuration, up to `max-size` bytes. */
rustus_answer_t rustus_pre_create(const rustus_event_t *event) {
  const char *types = rustus_config("types");
  if (types == NULL) {
    types = "[\"image/jpeg\",\"image/png\"]";
  }
  const char *type = rustus_metadata(event, "filetype");
  /* The list is JSON: a type stands in it with its quotes. */
  if (type == NULL || strstr(types, rustus_json(type)) == NULL) {
    return rustus_reject(415, rustus_format("Send one of: %s.", types));
  }
  uint64_t limit = rustus_config_number("max-size", 10000000);
  if (!event->upload.length.is_some || event->upload.length.val > limit) {
    return rustus_reject(413, rustus_format("At most %" PRIu64 " bytes.", limit));
  }
  return rustus_proceed();
}
