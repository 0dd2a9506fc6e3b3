// HTTP requests to the servers that the operator allows.

import { handle } from "wasi:http/outgoing-handler@0.2.0";
import { Fields, OutgoingBody, OutgoingRequest } from "wasi:http/types@0.2.0";

const encoder = new TextEncoder();
const decoder = new TextDecoder();
const dispose = Symbol.dispose ?? Symbol.for("dispose");

// What one write of wasi:io takes, and what one read is asked for.
const WRITTEN = 4096;
const READ = 65536n;

export class HttpError extends Error {
  name = "HttpError";
}

export function request(url, { method = "GET", headers = {}, body = "" } = {}) {
  const bytes = typeof body === "string" ? encoder.encode(body) : body;
  try {
    return send(outgoing(url, method, { "content-length": bytes.length, ...headers }), bytes);
  } catch (error) {
    throw new HttpError(`${method} ${url.split("?", 1)[0]}: ${said(error)}`);
  }
}

function outgoing(url, method, headers) {
  const [, scheme, authority, path] = /^(https?):\/\/([^/?#]+)([^#]*)/.exec(url) ?? [];
  if (scheme === undefined) {
    throw new Error("it is no URL of HTTP");
  }
  const fields = new Fields();
  for (const [name, value] of Object.entries(headers)) {
    fields.append(name, encoder.encode(String(value)));
  }
  const request = new OutgoingRequest(fields);
  request.setMethod({ tag: "other", val: method });
  request.setScheme({ tag: scheme === "https" ? "HTTPS" : "HTTP" });
  request.setAuthority(authority);
  request.setPathWithQuery(path.startsWith("/") ? path : `/${path}`);
  return request;
}

function send(request, bytes) {
  const content = request.body();
  const coming = handle(request, undefined);
  upload(content, bytes);
  const ready = coming.subscribe();
  ready.block();
  ready[dispose]();
  return received(opened(opened(coming.get())));
}

/** Where this breaks off, the answer says why. */
function upload(content, bytes) {
  const stream = content.write();
  try {
    for (let start = 0; start < bytes.length; start += WRITTEN) {
      stream.blockingWriteAndFlush(bytes.subarray(start, start + WRITTEN));
    }
  } catch {
    stream[dispose]();
    content[dispose]();
    return;
  }
  // A stream is a child of the body, and goes first.
  stream[dispose]();
  OutgoingBody.finish(content, undefined);
}

/** What a result holds that is a value and not thrown. */
function opened(result) {
  if (result?.tag === "err") {
    throw result.val;
  }
  return result.val;
}

function received(response) {
  const status = response.status();
  const headers = response.headers().entries().map(([name, value]) => [name, decoder.decode(value)]);
  const content = response.consume();
  const stream = content.stream();
  const parts = [];
  try {
    for (;;) {
      parts.push(...stream.blockingRead(READ));
    }
  } catch (error) {
    if ((error?.payload ?? error)?.tag !== "closed") {
      throw error;
    }
  }
  stream[dispose]();
  content[dispose]();
  const body = Uint8Array.from(parts);
  return { status, ok: status >= 200 && status < 300, headers, body, text: () => decoder.decode(body) };
}

function said(error) {
  const reason = error?.payload ?? error;
  return reason?.tag ?? reason?.message ?? "it is refused";
}
