// What happened: the upload as it stands and the request that caused it.

import { allHeaders, headersNamed } from "#host";

const text = new TextDecoder("utf-8", { fatal: true });

export class Event {
  #raw;
  #upload;
  #request;

  constructor(raw) {
    // Most hooks look at one part: what they do not look at costs nothing.
    this.#raw = raw;
    this.id = raw.id;
  }

  get upload() {
    return (this.#upload ??= new Upload(this.#raw.upload));
  }

  get request() {
    return (this.#request ??= new Request(this.#raw.request));
  }

  get time() {
    return moment(this.#raw.time);
  }
}

class Upload {
  #raw;
  #metadata;

  constructor(raw) {
    this.#raw = raw;
    this.id = raw.id;
    this.offset = Number(raw.offset);
    this.length = raw.length === undefined ? undefined : Number(raw.length);
    this.storage = raw.storage;
    this.path = raw.path;
  }

  get metadata() {
    this.#metadata ??= texts(this.#raw.metadata);
    return this.#metadata;
  }

  get metadataBytes() {
    return Object.fromEntries(this.#raw.metadata.map(({ key, value }) => [key, value]));
  }

  get isComplete() {
    return this.length === this.offset;
  }

  get isPartial() {
    return this.#raw.kind.tag === "partial";
  }

  get parts() {
    return this.#raw.kind.tag === "final" ? this.#raw.kind.val : undefined;
  }

  get createdAt() {
    return moment(this.#raw.createdAt);
  }
}

class Request {
  #raw;

  constructor(raw) {
    this.#raw = raw;
    this.method = raw.method;
    this.uri = raw.uri;
    this.remoteAddress = raw.remoteAddress;
  }

  get headers() {
    return allHeaders(this.#raw).map(({ name, value }) => [name, value]);
  }

  header(name) {
    return headersNamed(this.#raw, name)[0];
  }

  headerValues(name) {
    return headersNamed(this.#raw, name);
  }
}

/** The pairs whose values are text. */
function texts(entries) {
  const pairs = Object.create(null);
  // The engine interprets: `for of` would take ten times as long.
  for (let i = 0; i < entries.length; i++) {
    const { key, value } = entries[i];
    try {
      pairs[key] = text.decode(value);
    } catch {
      // Bytes that are no UTF-8: among `metadataBytes` only.
    }
  }
  return pairs;
}

function moment({ seconds, nanoseconds }) {
  return new Date(Number(seconds) * 1000 + Math.floor(nanoseconds / 1e6));
}
