// Configuration, secrets and log.

import { configuration, secretOf, write } from "#host";

import { permanent } from "./answers.js";

// The table as it was read last, and the text that it was read from.
let text;
let table;

export const config = {
  all() {
    const now = configuration();
    if (now !== text) {
      table = JSON.parse(now, (_, value) => Object.freeze(value));
      text = now;
    }
    return table;
  },
  get(key, otherwise) {
    const table = config.all();
    return Object.hasOwn(table, key) ? table[key] : otherwise;
  },
};

export function secret(name) {
  try {
    return secretOf(name);
  } catch (error) {
    throw permanent(error.payload?.val ?? String(error));
  }
}

export const log = Object.fromEntries(
  ["trace", "debug", "info", "warn", "error"].map((level) => [
    level,
    (message, fields = {}) => {
      const pairs = Object.entries(fields).map(([key, value]) => ({ key, value: String(value) }));
      write(level, message, pairs);
    },
  ]),
);
