/* What lies between a hook's functions and the generated bindings. */

#include "rustus_hook.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* --- memory that is freed when the hook has answered --- */

struct kept {
  struct kept *next;
  char bytes[];
};

static struct kept *all_kept;

static char *keep(size_t length) {
  struct kept *kept = malloc(sizeof(struct kept) + length);
  if (kept == NULL) {
    abort();
  }
  kept->next = all_kept;
  all_kept = kept;
  return kept->bytes;
}

static void free_kept(void) {
  while (all_kept != NULL) {
    struct kept *next = all_kept->next;
    free(all_kept);
    all_kept = next;
  }
}

static const char *keep_text(const uint8_t *bytes, size_t length) {
  char *text = keep(length + 1);
  memcpy(text, bytes, length);
  text[length] = '\0';
  return text;
}

/* What the server takes and frees itself. */
static rustus_string_t given(const char *text) {
  rustus_string_t string;
  rustus_string_dup(&string, text);
  return string;
}

static bool equal(rustus_string_t string, const char *text) {
  return string.len == strlen(text) && memcmp(string.ptr, text, string.len) == 0;
}

/* --- answers --- */

rustus_answer_t rustus_proceed(void) { return (rustus_answer_t){.kind = RUSTUS_PROCEED}; }

rustus_answer_t rustus_reject(uint16_t status, const char *body) {
  return (rustus_answer_t){.kind = RUSTUS_REJECT, .status = status, .text = body};
}

rustus_answer_t rustus_retry(uint64_t milliseconds) {
  return (rustus_answer_t){.kind = RUSTUS_RETRY, .after = milliseconds};
}

rustus_answer_t rustus_permanent(const char *text) {
  return (rustus_answer_t){.kind = RUSTUS_PERMANENT, .text = text};
}

rustus_answer_t rustus_other(const char *text) {
  return (rustus_answer_t){.kind = RUSTUS_OTHER, .text = text};
}

static void *grown(void *list, size_t length, size_t size) {
  void *larger = realloc(list, length * size);
  if (larger == NULL) {
    abort();
  }
  return larger;
}

void rustus_add_header(rustus_answer_t *answer, const char *name, const char *value) {
  rustus_hooks_types_list_header_t *headers = &answer->headers;
  headers->ptr = grown(headers->ptr, headers->len + 1, sizeof(*headers->ptr));
  headers->ptr[headers->len++] = (rustus_hooks_types_header_t){given(name), given(value)};
}

static void add_entry(rustus_answer_t *answer, rustus_string_t key, const uint8_t *value,
                      size_t length) {
  rustus_hooks_types_list_metadata_entry_t *metadata = &answer->metadata;
  rustus_hooks_types_metadata_entry_t entry;
  rustus_string_dup_n(&entry.key, (const char *)key.ptr, key.len);
  rustus_string_t copy;
  rustus_string_dup_n(&copy, (const char *)value, length);
  entry.value = (rustus_list_u8_t){copy.ptr, copy.len};
  metadata->ptr = grown(metadata->ptr, metadata->len + 1, sizeof(entry));
  metadata->ptr[metadata->len++] = entry;
}

void rustus_set_metadata(rustus_answer_t *answer, const rustus_event_t *event, const char *key,
                         const char *value) {
  if (!answer->has_metadata) {
    answer->has_metadata = true;
    for (size_t i = 0; i < event->upload.metadata.len; i++) {
      const rustus_hooks_types_metadata_entry_t *entry = &event->upload.metadata.ptr[i];
      add_entry(answer, entry->key, entry->value.ptr, entry->value.len);
    }
  }
  rustus_hooks_types_list_metadata_entry_t *metadata = &answer->metadata;
  for (size_t i = 0; i < metadata->len; i++) {
    if (equal(metadata->ptr[i].key, key)) {
      rustus_hooks_types_metadata_entry_free(&metadata->ptr[i]);
      memmove(&metadata->ptr[i], &metadata->ptr[i + 1],
              (metadata->len - i - 1) * sizeof(*metadata->ptr));
      metadata->len--;
      break;
    }
  }
  rustus_string_t name = {(uint8_t *)key, strlen(key)};
  add_entry(answer, name, (const uint8_t *)value, strlen(value));
}

void rustus_set_id(rustus_answer_t *answer, const char *id) { answer->id = id; }

void rustus_set_path(rustus_answer_t *answer, const char *path) { answer->path = path; }

void rustus_set_status(rustus_answer_t *answer, uint16_t status) { answer->status = status; }

void rustus_set_body(rustus_answer_t *answer, const char *body) { answer->text = body; }

/* --- reading --- */

const char *rustus_text(rustus_string_t string) { return keep_text(string.ptr, string.len); }

const char *rustus_metadata(const rustus_event_t *event, const char *key) {
  for (size_t i = 0; i < event->upload.metadata.len; i++) {
    const rustus_hooks_types_metadata_entry_t *entry = &event->upload.metadata.ptr[i];
    if (equal(entry->key, key)) {
      bool has_nul = memchr(entry->value.ptr, '\0', entry->value.len) != NULL;
      return has_nul ? NULL : keep_text(entry->value.ptr, entry->value.len);
    }
  }
  return NULL;
}

const char *const *rustus_header_values(const rustus_event_t *event, const char *name) {
  /* The server knows whose request it is. */
  (void)event;
  rustus_string_t wanted = {(uint8_t *)name, strlen(name)};
  rustus_list_string_t found;
  rustus_hooks_request_headers_get(&wanted, &found);
  const char **values = (const char **)keep((found.len + 1) * sizeof(*values));
  for (size_t i = 0; i < found.len; i++) {
    values[i] = rustus_text(found.ptr[i]);
  }
  values[found.len] = NULL;
  rustus_list_string_free(&found);
  return values;
}

const char *rustus_header(const rustus_event_t *event, const char *name) {
  return rustus_header_values(event, name)[0];
}

const char *rustus_config(const char *key) {
  rustus_string_t name = {(uint8_t *)key, strlen(key)};
  rustus_string_t value;
  if (!rustus_hooks_config_get(&name, &value)) {
    return NULL;
  }
  const char *text = rustus_text(value);
  rustus_string_free(&value);
  return text;
}

uint64_t rustus_config_number(const char *key, uint64_t otherwise) {
  const char *text = rustus_config(key);
  char *end = NULL;
  uint64_t number = text == NULL ? 0 : strtoull(text, &end, 10);
  return text == NULL || end == text || *end != '\0' ? otherwise : number;
}

const char *rustus_secret(const char *name) {
  rustus_string_t key = {(uint8_t *)name, strlen(name)};
  rustus_string_t value;
  rustus_hooks_secrets_secret_error_t denied;
  if (!rustus_hooks_secrets_get(&key, &value, &denied)) {
    rustus_hooks_secrets_secret_error_free(&denied);
    return NULL;
  }
  const char *text = rustus_text(value);
  rustus_string_free(&value);
  return text;
}

const char *rustus_format(const char *format, ...) {
  va_list arguments, again;
  va_start(arguments, format);
  va_copy(again, arguments);
  int length = vsnprintf(NULL, 0, format, arguments);
  va_end(arguments);
  if (length < 0) {
    abort();
  }
  char *text = keep((size_t)length + 1);
  vsnprintf(text, (size_t)length + 1, format, again);
  va_end(again);
  return text;
}

const char *rustus_json(const char *text) {
  char *json = keep(strlen(text) * 6 + 3);
  char *end = json;
  *end++ = '"';
  for (const char *c = text; *c != '\0'; c++) {
    if (*c == '"' || *c == '\\') {
      *end++ = '\\';
      *end++ = *c;
    } else if ((unsigned char)*c < 0x20) {
      end += snprintf(end, 7, "\\u%04x", (unsigned)*c);
    } else {
      *end++ = *c;
    }
  }
  *end++ = '"';
  *end = '\0';
  return json;
}

/* How many bytes a character of UTF-8 has that begins so; 0 if none does. */
static size_t character_length(const unsigned char *c) {
  if (c[0] < 0x80) {
    return 1;
  }
  if (c[0] >= 0xc2 && c[0] <= 0xdf) {
    return 2;
  }
  /* Not what is longer than it must be, nor a half of a surrogate pair. */
  if ((c[0] == 0xe0 && c[1] < 0xa0) || (c[0] == 0xed && c[1] > 0x9f)) {
    return 0;
  }
  if (c[0] >= 0xe0 && c[0] <= 0xef) {
    return 3;
  }
  if ((c[0] == 0xf0 && c[1] < 0x90) || (c[0] == 0xf4 && c[1] > 0x8f)) {
    return 0;
  }
  return c[0] >= 0xf0 && c[0] <= 0xf4 ? 4 : 0;
}

/* Whether a text is UTF-8, as JSON must be. */
static bool is_utf8(const char *text) {
  const unsigned char *c = (const unsigned char *)text;
  while (*c != '\0') {
    size_t length = character_length(c);
    if (length == 0) {
      return false;
    }
    for (size_t i = 1; i < length; i++) {
      if ((c[i] & 0xc0) != 0x80) {
        return false;
      }
    }
    c += length;
  }
  return true;
}

const char *rustus_metadata_json(const rustus_event_t *event) {
  const char *json = "{";
  for (size_t i = 0; i < event->upload.metadata.len; i++) {
    const char *key = rustus_text(event->upload.metadata.ptr[i].key);
    const char *value = rustus_metadata(event, key);
    if (value != NULL && is_utf8(value)) {
      const char *comma = json[1] == '\0' ? "" : ",";
      json = rustus_format("%s%s%s:%s", json, comma, rustus_json(key), rustus_json(value));
    }
  }
  return rustus_format("%s}", json);
}

void rustus_log(rustus_hooks_log_level_t level, const char *message) {
  rustus_string_t text = {(uint8_t *)message, strlen(message)};
  rustus_hooks_log_list_field_t none = {NULL, 0};
  rustus_hooks_log_write(level, &text, &none);
}

/* --- what the component exports --- */

/* Those that a hook does not implement. */
#define NOT_ANSWERED(function)                                                     \
  __attribute__((weak)) rustus_answer_t function(const rustus_event_t *event) {    \
    (void)event;                                                                   \
    return rustus_permanent("wit/world.wit exports what is not there: " #function); \
  }
NOT_ANSWERED(rustus_pre_create)
NOT_ANSWERED(rustus_pre_finish)
NOT_ANSWERED(rustus_pre_get)
NOT_ANSWERED(rustus_pre_terminate)

/* Of what happened, a hook hears what it wants to. */
#define NOT_HEARD(function)                                                     \
  __attribute__((weak)) rustus_answer_t function(const rustus_event_t *event) { \
    (void)event;                                                                \
    return rustus_proceed();                                                    \
  }
NOT_HEARD(rustus_post_create)
NOT_HEARD(rustus_post_receive)
NOT_HEARD(rustus_post_finish)
NOT_HEARD(rustus_post_terminate)

__attribute__((weak)) rustus_answer_t rustus_sink(const char *kind, const rustus_event_t *event) {
  (void)kind;
  (void)event;
  return rustus_permanent("wit/world.wit exports what is not there: rustus_sink");
}

static rustus_hooks_types_rejection_t rejection(const rustus_answer_t *answer) {
  return (rustus_hooks_types_rejection_t){
      .status = answer->status,
      .headers = answer->headers,
      .body = given(answer->text == NULL ? "" : answer->text),
  };
}

static rustus_option_string_t maybe(const char *text) {
  rustus_option_string_t option = {.is_some = text != NULL};
  if (text != NULL) {
    option.val = given(text);
  }
  return option;
}

/* Whether there is an answer; `error` has the reason if there is none. */
static bool is_answer(const rustus_answer_t *answer, rustus_hooks_types_hook_error_t *error) {
  switch (answer->kind) {
    case RUSTUS_PROCEED:
    case RUSTUS_REJECT:
      return true;
    case RUSTUS_RETRY:
      error->tag = RUSTUS_HOOKS_TYPES_HOOK_ERROR_RETRY;
      error->val.retry = (rustus_option_u64_t){answer->after != 0, answer->after};
      return false;
    case RUSTUS_PERMANENT:
      error->tag = RUSTUS_HOOKS_TYPES_HOOK_ERROR_PERMANENT;
      error->val.permanent = given(answer->text);
      return false;
    case RUSTUS_OTHER:
      break;
  }
  error->tag = RUSTUS_HOOKS_TYPES_HOOK_ERROR_OTHER;
  error->val.other = given(answer->text);
  return false;
}

static bool finished(rustus_event_t *event, bool answered) {
  rustus_hooks_types_event_free(event);
  free_kept();
  return answered;
}

bool exports_rustus_hooks_pre_create_decide(
    rustus_event_t *event, exports_rustus_hooks_pre_create_create_decision_t *decision,
    rustus_hooks_types_hook_error_t *error) {
  rustus_answer_t answer = rustus_pre_create(event);
  if (!is_answer(&answer, error)) {
    return finished(event, false);
  }
  if (answer.kind == RUSTUS_REJECT) {
    decision->tag = EXPORTS_RUSTUS_HOOKS_PRE_CREATE_CREATE_DECISION_REJECT;
    decision->val.reject = rejection(&answer);
    return finished(event, true);
  }
  decision->tag = EXPORTS_RUSTUS_HOOKS_PRE_CREATE_CREATE_DECISION_PROCEED;
  decision->val.proceed = (exports_rustus_hooks_pre_create_create_changes_t){
      .metadata = {.is_some = answer.has_metadata,
                   .val = {answer.metadata.ptr, answer.metadata.len}},
      .id = maybe(answer.id),
      .path = maybe(answer.path),
      .headers = {answer.headers.ptr, answer.headers.len},
  };
  return finished(event, true);
}

bool exports_rustus_hooks_pre_finish_decide(
    rustus_event_t *event, exports_rustus_hooks_pre_finish_finish_decision_t *decision,
    rustus_hooks_types_hook_error_t *error) {
  rustus_answer_t answer = rustus_pre_finish(event);
  if (!is_answer(&answer, error)) {
    return finished(event, false);
  }
  if (answer.kind == RUSTUS_REJECT) {
    decision->tag = EXPORTS_RUSTUS_HOOKS_PRE_FINISH_FINISH_DECISION_REJECT;
    decision->val.reject = rejection(&answer);
    return finished(event, true);
  }
  decision->tag = EXPORTS_RUSTUS_HOOKS_PRE_FINISH_FINISH_DECISION_PROCEED;
  decision->val.proceed = (exports_rustus_hooks_pre_finish_finish_changes_t){
      .status = {answer.status != 0, answer.status},
      .headers = {answer.headers.ptr, answer.headers.len},
      .body = maybe(answer.text),
  };
  return finished(event, true);
}

bool exports_rustus_hooks_pre_get_decide(rustus_event_t *event,
                                         exports_rustus_hooks_pre_get_get_decision_t *decision,
                                         rustus_hooks_types_hook_error_t *error) {
  rustus_answer_t answer = rustus_pre_get(event);
  bool answered = is_answer(&answer, error);
  if (answered && answer.kind == RUSTUS_REJECT) {
    decision->tag = EXPORTS_RUSTUS_HOOKS_PRE_GET_GET_DECISION_REJECT;
    decision->val.reject = rejection(&answer);
  } else {
    decision->tag = EXPORTS_RUSTUS_HOOKS_PRE_GET_GET_DECISION_PROCEED;
  }
  return finished(event, answered);
}

bool exports_rustus_hooks_pre_terminate_decide(
    rustus_event_t *event, exports_rustus_hooks_pre_terminate_terminate_decision_t *decision,
    rustus_hooks_types_hook_error_t *error) {
  rustus_answer_t answer = rustus_pre_terminate(event);
  bool answered = is_answer(&answer, error);
  if (answered && answer.kind == RUSTUS_REJECT) {
    decision->tag = EXPORTS_RUSTUS_HOOKS_PRE_TERMINATE_TERMINATE_DECISION_REJECT;
    decision->val.reject = rejection(&answer);
  } else {
    decision->tag = EXPORTS_RUSTUS_HOOKS_PRE_TERMINATE_TERMINATE_DECISION_PROCEED;
  }
  return finished(event, answered);
}

bool exports_rustus_hooks_notifications_notify(
    exports_rustus_hooks_notifications_notification_t what, rustus_event_t *event,
    exports_rustus_hooks_notifications_reaction_t *reaction,
    rustus_hooks_types_hook_error_t *error) {
  /* In the order of the enum `notification`. */
  static rustus_answer_t (*const told[])(const rustus_event_t *) = {
      rustus_post_create,
      rustus_post_receive,
      rustus_post_finish,
      rustus_post_terminate,
  };
  rustus_answer_t answer = told[what](event);
  bool answered = is_answer(&answer, error);
  if (answered && answer.kind == RUSTUS_REJECT) {
    reaction->tag = EXPORTS_RUSTUS_HOOKS_NOTIFICATIONS_REACTION_STOP;
    reaction->val.stop = rejection(&answer);
  } else {
    reaction->tag = EXPORTS_RUSTUS_HOOKS_NOTIFICATIONS_REACTION_DONE;
  }
  return finished(event, answered);
}

bool exports_rustus_hooks_sink_deliver(exports_rustus_hooks_sink_event_kind_t kind,
                                       rustus_event_t *event,
                                       rustus_hooks_types_hook_error_t *error) {
  /* In the order of the enum `event-kind`. */
  static const char *const kinds[] = {
      "pre-create",  "post-create", "post-receive",  "pre-finish",
      "post-finish", "pre-get",     "pre-terminate", "post-terminate",
  };
  rustus_answer_t answer = rustus_sink(kinds[kind], event);
  return finished(event, is_answer(&answer, error));
}

/* The component's type is added by `wasm-tools component embed`, not by an object
 * file, which the generated code would have linked. */
void __component_type_object_force_link_rustus(void) {}
