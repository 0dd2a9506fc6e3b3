// Bundles src/hook and makes a component of it: `node build.mjs`.

import { existsSync } from "node:fs";
import { mkdir, readFile, writeFile } from "node:fs/promises";

import { componentize } from "@bytecodealliance/componentize-js";
import { build } from "esbuild";

const { name, rustus } = JSON.parse(await readFile("package.json", "utf8"));
const bundle = "dist/hook.js";

await mkdir("dist", { recursive: true });
await build({
  entryPoints: [existsSync("src/hook.ts") ? "src/hook.ts" : "src/hook.js"],
  outfile: bundle,
  bundle: true,
  format: "esm",
  target: "es2022",
  conditions: ["rustus"],
  // What the server lends, and not a file.
  external: ["rustus:*", "wasi:*"],
});

const { component } = await componentize({
  sourcePath: bundle,
  witPath: "wit",
  worldName: "plugin",
  // A plugin imports what it uses: without fetch() no wasi:http.
  disableFeatures: rustus.fetch ? ["fetch-event"] : ["fetch-event", "http"],
});
await writeFile(`${name}.wasm`, component);
