// Events and configuration for tests that Node.js runs.

import { configure, setSecrets } from "#host";

const encoder = new TextEncoder();

export { configure as config, setSecrets as secrets };

export function event({ metadata = {}, length = 5, offset = 0, headers = {}, method = "POST", uri = "/files" } = {}) {
  const time = { seconds: 1_700_000_000n, nanoseconds: 0 };
  return {
    id: "018bcfe5-6800-7000-8000-000000000000",
    time,
    upload: {
      id: "24e533e02ec3bc40c387f1a0e460e216",
      offset: BigInt(offset),
      length: length === null ? undefined : BigInt(length),
      metadata: Object.entries(metadata).map(([key, value]) => ({
        key,
        value: typeof value === "string" ? encoder.encode(value) : value,
      })),
      kind: { tag: "whole" },
      storage: "file_storage",
      path: undefined,
      createdAt: time,
    },
    request: {
      method,
      uri,
      remoteAddress: "127.0.0.1",
      headers: fields(Array.isArray(headers) ? headers : Object.entries(headers)),
    },
  };
}

function fields(pairs) {
  return pairs.map(([name, value]) => ({ name: name.toLowerCase(), value }));
}
