/* Upload hooks for the rustus server in C.
 *
 * A hook is a function of a few lines, named after the event that it answers:
 *
 *     #include "rustus_hook.h"
 *
 *     rustus_answer_t rustus_pre_create(const rustus_event_t *event) {
 *       const char *meme = rustus_metadata(event, "meme");
 *       if (meme != NULL && strcmp(meme, "pepe") == 0) {
 *         return rustus_reject(403, "No pepe here.");
 *       }
 *       return rustus_proceed();
 *     }
 *
 * `wit/world.wit` says which of them the component exports. All strings that
 * these functions return stay until the hook has answered, and are freed then.
 */
#ifndef RUSTUS_HOOK_H
#define RUSTUS_HOOK_H

#include "generated/rustus.h"

#ifdef __cplusplus
extern "C" {
#endif

/* What happened: `id`, `time`, `upload` and `request`, as wit/types.wit has them.
 * Their strings have a length and no NUL: rustus_text() makes one. */
typedef rustus_hooks_types_event_t rustus_event_t;

/* What a hook answers. Made and changed by the functions below. */
typedef struct rustus_answer rustus_answer_t;

/* --- to implement: those that wit/world.wit exports --- */

rustus_answer_t rustus_pre_create(const rustus_event_t *event);
rustus_answer_t rustus_pre_finish(const rustus_event_t *event);
rustus_answer_t rustus_pre_get(const rustus_event_t *event);
rustus_answer_t rustus_pre_terminate(const rustus_event_t *event);

/* Exported as `notifications`. To reject stops the upload, in `post_receive`. */
rustus_answer_t rustus_post_create(const rustus_event_t *event);
rustus_answer_t rustus_post_receive(const rustus_event_t *event);
rustus_answer_t rustus_post_finish(const rustus_event_t *event);
rustus_answer_t rustus_post_terminate(const rustus_event_t *event);

/* Exported as `sink`. `kind` is an event's name, such as "post-create". */
rustus_answer_t rustus_sink(const char *kind, const rustus_event_t *event);

/* --- answers --- */

/* Goes on, or is done. */
rustus_answer_t rustus_proceed(void);

/* Refuses the request with a status of 400 to 599. Without a `content-type` the
 * body is sent as plain text. */
rustus_answer_t rustus_reject(uint16_t status, const char *body);

/* There is no answer; it may work later, after so many milliseconds. 0: unknown. */
rustus_answer_t rustus_retry(uint64_t milliseconds);

/* There is no answer, and never will be. The text goes to the server's log. */
rustus_answer_t rustus_permanent(const char *text);

/* There is no answer, for another reason. */
rustus_answer_t rustus_other(const char *text);

/* Adds a header field to the response. */
void rustus_add_header(rustus_answer_t *answer, const char *name, const char *value);

/* Sets a key of the upload's metadata and keeps its others (`pre_create`). */
void rustus_set_metadata(rustus_answer_t *answer, const rustus_event_t *event, const char *key,
                         const char *value);

/* Chooses the upload's id (`pre_create`). */
void rustus_set_id(rustus_answer_t *answer, const char *id);

/* Chooses where the bytes lie, below the data directory (`pre_create`). */
void rustus_set_path(rustus_answer_t *answer, const char *path);

/* Chooses a status of 200 to 299 for the response (`pre_finish`). */
void rustus_set_status(rustus_answer_t *answer, uint16_t status);

/* Chooses the response's body (`pre_finish`). */
void rustus_set_body(rustus_answer_t *answer, const char *body);

/* --- reading --- */

/* A value of the metadata; NULL if the key is not there or a NUL is in it. */
const char *rustus_metadata(const rustus_event_t *event, const char *key);

/* The first header field of this name, in any case; NULL if there is none. The
 * server is asked for it, and knows those of the event that is being answered: of an
 * event that was put away there are none. A hook that calls neither this nor the
 * next cannot see them. */
const char *rustus_header(const rustus_event_t *event, const char *name);

/* All header fields of this name, in any case, in their order; NULL is behind the
 * last. The array is freed with its strings, when the hook has answered. */
const char *const *rustus_header_values(const rustus_event_t *event, const char *name);

/* A key of `[config]` in NAME.toml: a string as it is, anything else as JSON. NULL
 * if it is not there. */
const char *rustus_config(const char *key);

/* A number in `[config]`; `otherwise` if there is none. */
uint64_t rustus_config_number(const char *key, uint64_t otherwise);

/* A secret under `[secrets]` in NAME.toml; NULL if the operator has not listed it:
 * the server's log says what to write. */
const char *rustus_secret(const char *name);

/* Any string of an event with a NUL at its end. */
const char *rustus_text(rustus_string_t string);

/* What printf would write. */
const char *rustus_format(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* A string of JSON, with its quotes. */
const char *rustus_json(const char *text);

/* The metadata as an object of JSON, without what is no text. */
const char *rustus_metadata_json(const rustus_event_t *event);

/* --- the world outside --- */

/* A line in the server's log: RUSTUS_HOOKS_LOG_LEVEL_INFO and so on. Never log
 * secrets, tokens or the content of files. */
void rustus_log(rustus_hooks_log_level_t level, const char *message);

/* A field of a request; an array of them ends with {NULL, NULL}. */
typedef struct {
  const char *name;
  const char *value;
} rustus_field_t;

/* Sends a body to a server that `[allow.http]` names. Returns the answer's status,
 * or 0 if there was no answer. The world has to import
 * wasi:http/outgoing-handler@0.2.0. */
uint16_t rustus_http_post(const char *url, const rustus_field_t *fields, const char *body);

/* --- inside --- */

enum rustus_answer_kind {
  RUSTUS_PROCEED,
  RUSTUS_REJECT,
  RUSTUS_RETRY,
  RUSTUS_PERMANENT,
  RUSTUS_OTHER,
};

struct rustus_answer {
  enum rustus_answer_kind kind;
  uint16_t status;
  uint64_t after;
  const char *text;
  const char *id;
  const char *path;
  bool has_metadata;
  rustus_hooks_types_list_metadata_entry_t metadata;
  rustus_hooks_types_list_header_t headers;
};

#ifdef __cplusplus
}
#endif

#endif
