// Bundles src/hook and makes a component of it: `node build.mjs`.

import { existsSync } from "node:fs";
import { mkdir, readFile, writeFile } from "node:fs/promises";

import { componentize } from "@bytecodealliance/componentize-js";
import { build } from "esbuild";

const { name } = JSON.parse(await readFile("package.json", "utf8"));
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

// A plugin imports what it uses; so does the engine inside of it.
const world = await readFile("wit/world.wit", "utf8");
const unused = /^\s*import wasi:http\//m.test(world) ? [] : ["http"];

const { component } = await componentize({
  sourcePath: bundle,
  witPath: "wit",
  worldName: "plugin",
  disableFeatures: ["fetch-event", ...unused],
});
await writeFile(`${name}.wasm`, component);
