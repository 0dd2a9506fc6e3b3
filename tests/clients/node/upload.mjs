// Uploads a file with tus-js-client:
//
//     node upload.mjs URL FILE [key=value ...] [--chunk BYTES]
//
// Prints one line of JSON, {"ok":true,"url":...} or {"ok":false,"status":...,
// "body":...}, and exits 0 or 1. Status and body are null where there was no
// response. Nothing is retried: a test wants the first answer.

import { createReadStream } from "node:fs";
import { basename } from "node:path";
import { parseArgs } from "node:util";
import { Upload } from "tus-js-client";

const { values, positionals } = parseArgs({
  options: { chunk: { type: "string" } },
  allowPositionals: true,
});
const [endpoint, file, ...pairs] = positionals;
if (file === undefined) {
  console.error("usage: upload.mjs URL FILE [key=value ...] [--chunk BYTES]");
  process.exit(2);
}

const metadata = { filename: basename(file) };
for (const pair of pairs) {
  const [key, ...value] = pair.split("=");
  metadata[key] = value.join("=");
}

function finish(result) {
  console.log(JSON.stringify(result));
  process.exitCode = result.ok ? 0 : 1;
}

const upload = new Upload(createReadStream(file), {
  endpoint,
  metadata,
  chunkSize: values.chunk ? Number(values.chunk) : Infinity,
  retryDelays: null,
  onSuccess: () => finish({ ok: true, url: upload.url }),
  onError: (error) => {
    const response = error.originalResponse;
    if (!response) console.error(error);
    finish({
      ok: false,
      status: response ? response.getStatus() : null,
      body: response ? response.getBody() : null,
    });
  },
});
upload.start();
