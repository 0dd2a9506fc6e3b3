/* {{name}}: a hook for rustus. */

#include <inttypes.h>
#include <string.h>
#include <strings.h>

#include "rustus_hook/rustus_hook.h"

static bool ends_with(const char *text, const char *end) {
  size_t length = strlen(text);
  size_t end_length = strlen(end);
  return length >= end_length && strcasecmp(text + length - end_length, end) == 0;
}

/* Refuses what is called like a program, or is too large. */
rustus_answer_t rustus_pre_create(const rustus_event_t *event) {
  const char *name = rustus_metadata(event, "filename");
  if (name != NULL &&
      (ends_with(name, ".exe") || ends_with(name, ".bat") || ends_with(name, ".msi"))) {
    return rustus_reject(415, "Programs are not accepted.");
  }
  uint64_t limit = rustus_config_number("max-size", 1000000000);
  if (event->upload.length.is_some && event->upload.length.val > limit) {
    return rustus_reject(413, rustus_format("At most %" PRIu64 " bytes.", limit));
  }
  return rustus_proceed();
}
