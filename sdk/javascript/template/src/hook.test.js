// The decision, natively: `npm test`.

import assert from "node:assert/strict";
import { test } from "node:test";

import { config, event } from "rustus-hook/testing";

import { preCreate } from "./hook.js";

test("a program is refused", () => {
  const { tag, val } = preCreate.decide(event({ metadata: { filename: "Setup.EXE" } }));
  assert.deepEqual([tag, val.status], ["reject", 415]);
});

test("what is too large is refused", () => {
  config({ "max-size": 10 });
  const { tag, val } = preCreate.decide(event({ length: 11 }));
  assert.deepEqual([tag, val.status], ["reject", 413]);
});

test("anything else is accepted", () => {
  config({});
  assert.equal(preCreate.decide(event({ metadata: { filename: "a.txt" } })).tag, "proceed");
  assert.equal(preCreate.decide(event({ length: null })).tag, "proceed");
});
