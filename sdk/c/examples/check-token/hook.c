/* Lets only those upload who have a token, and writes whose upload it is. */

#include <string.h>
#include <strings.h>

#include "rustus_hook/rustus_hook.h"

static rustus_answer_t refused(const char *why) {
  rustus_answer_t answer = rustus_reject(401, why);
  rustus_add_header(&answer, "www-authenticate", "Bearer");
  return answer;
}

/* A token is the owner's name, a dash and a secret. The configuration has it by
 * the owner: of a configuration the admin address shows the keys. */
rustus_answer_t rustus_pre_create(const rustus_event_t *event) {
  const char *sent = rustus_header(event, "authorization");
  if (sent == NULL || strncasecmp(sent, "bearer ", 7) != 0 || sent[7] == '\0') {
    return refused("Send a token.");
  }
  const char *token = sent + 7;
  const char *owner = rustus_format("%.*s", (int)strcspn(token, "-"), token);
  const char *known = rustus_config(rustus_format("token-of-%s", owner));
  if (known == NULL || strcmp(known, token) != 0) {
    return refused("The token is not known.");
  }
  /* What the client itself wrote as owner is replaced. */
  rustus_answer_t answer = rustus_proceed();
  rustus_set_metadata(&answer, event, "owner", owner);
  return answer;
}
