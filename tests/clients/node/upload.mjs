// Uploads a file with tus-js-client:
//
//     node upload.mjs URL FILE [key=value ...] [--chunk BYTES] [--parallel PARTS]
//
// Prints one line of JSON, {"ok":true,"url":...} or {"ok":false,"status":...,
// "body":...}, and exits 0 or 1. Status and body are null where there was no
// response. Nothing is retried: a test wants the first answer.

import { createReadStream, readFileSync } from "node:fs";
import { basename } from "node:path";
import { parseArgs } from "node:util";
import { Upload } from "tus-js-client";

const { values, positionals } = parseArgs({
  options: { chunk: { type: "string" }, parallel: { type: "string" } },
  allowPositionals: true,
});
const [endpoint, file, ...pairs] = positionals;
if (file === undefined) {
  console.error("usage: upload.mjs URL FILE [key=value ...] [--chunk BYTES] [--parallel PARTS]");
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

// Parts are cut out of what is there at once.
const parallelUploads = Number(values.parallel ?? 1);
const source = parallelUploads > 1 ? readFileSync(file) : createReadStream(file);
const upload = new Upload(source, {
  endpoint,
  metadata,
  chunkSize: values.chunk ? Number(values.chunk) : Infinity,
  parallelUploads,
  metadataForPartialUploads: parallelUploads > 1 ? metadata : undefined,
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
