/* HTTP requests through wasi:http. Linked only where it is used. */

#include <string.h>

#include "rustus_hook.h"

/* What one write of wasi:io takes. */
#define CHUNK 4096

static bool append(wasi_http_types_borrow_fields_t fields, const char *name, const char *value) {
  wasi_http_types_field_key_t key = {(uint8_t *)name, strlen(name)};
  wasi_http_types_field_value_t content = {(uint8_t *)value, strlen(value)};
  wasi_http_types_header_error_t error;
  return wasi_http_types_method_fields_append(fields, &key, &content, &error);
}

/* Where the request goes: scheme, authority and path. */
static bool address(wasi_http_types_borrow_outgoing_request_t request, const char *url) {
  wasi_http_types_scheme_t scheme = {.tag = WASI_HTTP_TYPES_SCHEME_HTTP};
  if (strncmp(url, "https://", 8) == 0) {
    scheme.tag = WASI_HTTP_TYPES_SCHEME_HTTPS;
    url += 8;
  } else if (strncmp(url, "http://", 7) == 0) {
    url += 7;
  } else {
    return false;
  }
  size_t length = strcspn(url, "/?#");
  rustus_string_t authority = {(uint8_t *)url, length};
  const char *rest = url + length;
  size_t path_length = strcspn(rest, "#");
  const char *path_text = rustus_format("%s%.*s", *rest == '/' ? "" : "/", (int)path_length, rest);
  rustus_string_t path = {(uint8_t *)path_text, strlen(path_text)};
  wasi_http_types_method_t method = {.tag = WASI_HTTP_TYPES_METHOD_POST};
  return wasi_http_types_method_outgoing_request_set_method(request, &method) &&
         wasi_http_types_method_outgoing_request_set_scheme(request, &scheme) &&
         wasi_http_types_method_outgoing_request_set_authority(request, &authority) &&
         wasi_http_types_method_outgoing_request_set_path_with_query(request, &path);
}

/* Breaks off where it can't go on: the answer says why. */
static void send(wasi_http_types_own_outgoing_body_t content, const char *body) {
  wasi_http_types_own_output_stream_t stream;
  if (!wasi_http_types_method_outgoing_body_write(wasi_http_types_borrow_outgoing_body(content),
                                                  &stream)) {
    wasi_http_types_outgoing_body_drop_own(content);
    return;
  }
  bool sent = true;
  for (size_t left = strlen(body); left > 0 && sent;) {
    rustus_list_u8_t chunk = {(uint8_t *)body, left < CHUNK ? left : CHUNK};
    wasi_io_streams_stream_error_t error;
    sent = wasi_io_streams_method_output_stream_blocking_write_and_flush(
        wasi_io_streams_borrow_output_stream(stream), &chunk, &error);
    if (!sent && error.tag == WASI_IO_STREAMS_STREAM_ERROR_LAST_OPERATION_FAILED) {
      wasi_io_error_error_drop_own(error.val.last_operation_failed);
    }
    body += chunk.len;
    left -= chunk.len;
  }
  wasi_io_streams_output_stream_drop_own(stream);
  wasi_http_types_error_code_t error;
  wasi_http_types_static_outgoing_body_finish(content, NULL, &error);
}

/* The status, or 0 without an answer. */
static uint16_t answer(wasi_http_types_own_future_incoming_response_t coming) {
  wasi_http_types_borrow_future_incoming_response_t borrowed =
      wasi_http_types_borrow_future_incoming_response(coming);
  wasi_http_types_own_pollable_t ready =
      wasi_http_types_method_future_incoming_response_subscribe(borrowed);
  wasi_io_poll_method_pollable_block(wasi_io_poll_borrow_pollable(ready));
  wasi_io_poll_pollable_drop_own(ready);
  wasi_http_types_result_result_own_incoming_response_error_code_void_t result;
  uint16_t status = 0;
  if (wasi_http_types_method_future_incoming_response_get(borrowed, &result) && !result.is_err &&
      !result.val.ok.is_err) {
    wasi_http_types_own_incoming_response_t response = result.val.ok.val.ok;
    status = wasi_http_types_method_incoming_response_status(
        wasi_http_types_borrow_incoming_response(response));
    wasi_http_types_incoming_response_drop_own(response);
  }
  wasi_http_types_future_incoming_response_drop_own(coming);
  return status;
}

uint16_t rustus_http_post(const char *url, const rustus_field_t *fields, const char *body) {
  wasi_http_types_own_fields_t own = wasi_http_types_constructor_fields();
  wasi_http_types_borrow_fields_t borrowed = wasi_http_types_borrow_fields(own);
  bool taken = append(borrowed, "content-length", rustus_format("%zu", strlen(body)));
  for (; taken && fields != NULL && fields->name != NULL; fields++) {
    taken = append(borrowed, fields->name, fields->value);
  }
  wasi_http_types_own_outgoing_request_t request =
      wasi_http_types_constructor_outgoing_request(own);
  wasi_http_types_borrow_outgoing_request_t head = wasi_http_types_borrow_outgoing_request(request);
  wasi_http_types_own_outgoing_body_t content;
  taken = taken && address(head, url);
  if (!taken || !wasi_http_types_method_outgoing_request_body(head, &content)) {
    wasi_http_types_outgoing_request_drop_own(request);
    return 0;
  }
  wasi_http_outgoing_handler_own_future_incoming_response_t coming;
  wasi_http_outgoing_handler_error_code_t error;
  if (!wasi_http_outgoing_handler_handle(request, NULL, &coming, &error)) {
    wasi_http_types_outgoing_body_drop_own(content);
    return 0;
  }
  send(content, body);
  return answer(coming);
}
