// The decision, natively: `npm test`.

import assert from "node:assert/strict";
import { test } from "node:test";

import { config, event } from "rustus-hook/testing";

import { preCreate } from "./hook.ts";

test("a program is refused", async () => {
  const { tag, val } = await preCreate.decide(event({ metadata: { filename: "Setup.EXE" } }));
  assert.deepEqual([tag, val?.status], ["reject", 415]);
});

test("what is too large is refused", async () => {
  config({ "max-size": 10 });
  const { tag, val } = await preCreate.decide(event({ length: 11 }));
  assert.deepEqual([tag, val?.status], ["reject", 413]);
});

test("anything else is accepted", async () => {
  config({});
  assert.equal((await preCreate.decide(event({ metadata: { filename: "a.txt" } }))).tag, "proceed");
  assert.equal((await preCreate.decide(event({ length: null }))).tag, "proceed");
});
