// What a hook answers: go on, go on with changes, refuse, or no answer at all.

const encoder = new TextEncoder();

class Reject {
  constructor(status, body, headers) {
    this.status = status;
    this.body = body;
    this.headers = headers;
  }
}

class Proceed {
  constructor(changes) {
    Object.assign(this, changes);
  }
}

export function reject(status, body = "", headers = {}) {
  return new Reject(status, body, headers);
}

export function proceed(changes = {}) {
  return new Proceed(changes);
}

export class HookError extends Error {
  constructor(tag, val, message) {
    super(message);
    this.name = "HookError";
    // What the component's interface wants thrown.
    this.payload = { tag, val };
  }
}

export function retry(after) {
  const milliseconds = after === undefined ? undefined : BigInt(Math.round(after * 1000));
  return new HookError("retry", milliseconds, "later");
}

export function permanent(text) {
  return new HookError("permanent", text, text);
}

export function other(text) {
  return new HookError("other", text, text);
}

/** The decision of an event that may change what is among `allowed`. */
export function decision(event, answer, allowed, changes) {
  if (answer instanceof Reject) {
    return { tag: "reject", val: rejection(answer) };
  }
  if (answer !== undefined && answer !== null && !(answer instanceof Proceed)) {
    throw new TypeError(`${event} answers with proceed(), reject() or nothing`);
  }
  for (const key in answer) {
    if (!allowed.includes(key)) {
      throw new TypeError(`${event} can't change \`${key}\``);
    }
  }
  return allowed.length === 0 ? { tag: "proceed" } : { tag: "proceed", val: changes(answer ?? {}) };
}

export function createChanges({ metadata, id, path, headers }) {
  return { metadata: metadata && entries(metadata), id, path, headers: fields(headers) };
}

export function finishChanges({ status, headers, body }) {
  return { status, headers: fields(headers), body };
}

export function reaction(answer) {
  if (answer instanceof Reject) {
    return { tag: "stop", val: rejection(answer) };
  }
  if (answer !== undefined && answer !== null) {
    throw new TypeError("a notification is answered with reject() or nothing");
  }
  return { tag: "done" };
}

function rejection({ status, body, headers }) {
  return { status, body, headers: fields(headers) };
}

function fields(headers) {
  if (headers === undefined) {
    return [];
  }
  return Object.entries(headers).map(([name, value]) => ({ name, value: String(value) }));
}

function entries(metadata) {
  return Object.entries(metadata).map(([key, value]) => ({
    key,
    value: typeof value === "string" ? encoder.encode(value) : Uint8Array.from(value),
  }));
}
