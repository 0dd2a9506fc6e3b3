// A page in headless Chromium that uploads with Uppy:
//
//     node browser.mjs
//
// Prints one line of JSON for each thing that happens, the first of them with
// the page's origin: {"event":"open","origin":...}. Takes commands for the page
// as lines of JSON, see page.mjs. Ends with its standard input.

import { spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { build } from "esbuild-wasm";

const here = dirname(fileURLToPath(import.meta.url));
const bundle = await build({
  entryPoints: [join(here, "page.mjs")],
  bundle: true,
  format: "esm",
  write: false,
});
const script = bundle.outputFiles[0].text;

const commands = [];
let waiting = null;
function give(line) {
  if (waiting) {
    waiting.end(line);
    waiting = null;
  } else {
    commands.push(line);
  }
}

let origin;
function hear(text) {
  const event = JSON.parse(text);
  if (event.event === "open") event.origin = origin;
  console.log(JSON.stringify(event));
}

const server = createServer((request, response) => {
  let body = "";
  request.on("data", (chunk) => (body += chunk));
  request.on("end", () => {
    switch (request.url) {
      case "/":
        response.setHeader("Content-Type", "text/html");
        response.end('<script type="module" src="/page.js"></script>');
        break;
      case "/page.js":
        response.setHeader("Content-Type", "text/javascript");
        response.end(script);
        break;
      case "/event":
        hear(body);
        response.end();
        break;
      case "/command":
        if (commands.length > 0) response.end(commands.shift());
        else waiting = response;
        break;
      default:
        response.statusCode = 404;
        response.end();
    }
  });
});

server.listen(0, "127.0.0.1", () => {
  origin = `http://127.0.0.1:${server.address().port}`;
  const profile = mkdtempSync(join(tmpdir(), "browser-"));
  // Its sandbox needs rights that containers do not have; it visits one page.
  const browser = spawn(
    "chromium",
    [
      "--headless=new",
      "--no-sandbox",
      "--disable-gpu",
      "--disable-dev-shm-usage",
      "--no-first-run",
      `--user-data-dir=${profile}`,
      "--remote-debugging-port=0",
      origin,
    ],
    { stdio: "ignore" },
  );
  const end = () => {
    browser.once("exit", () => {
      rmSync(profile, { recursive: true, force: true, maxRetries: 5 });
      process.exit();
    });
    browser.kill();
  };
  browser.once("error", (error) => {
    console.error(error);
    process.exit(1);
  });
  createInterface({ input: process.stdin }).on("line", give).on("close", end);
});
