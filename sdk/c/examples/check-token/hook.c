/* Lets only those upload who have a token, and writes whose upload it is. */

#include <string.h>
#include <strings.h>

#include "rustus_hook/rustus_hook.h"

static rustus_answer_t refused(const char *why) {
  rustus_answer_t answer = rustus_reject(401, why);
  rustus_add_header(&answer, "www-authenticate", "Bearer");
  return answer;
}

/* Looks the token up in the configuration, which has its owner. */
rustus_answer_t rustus_pre_create(const rustus_event_t *event) {
  const char *sent = rustus_header(event, "authorization");
  if (sent == NULL || strncasecmp(sent, "bearer ", 7) != 0 || sent[7] == '\0') {
    return refused("Send a token.");
  }
  const char *owner = rustus_config(rustus_format("token-%s", sent + 7));
  if (owner == NULL) {
    return refused("The token is not known.");
  }
  /* What the client itself wrote as owner is replaced. */
  rustus_answer_t answer = rustus_proceed();
  rustus_set_metadata(&answer, event, "owner", owner);
  return answer;
}
