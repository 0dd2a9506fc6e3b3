// Configuration, secrets and log.

import { configuration, secretOf, write } from "#host";

import { permanent } from "./answers.js";

export const config = {
  all() {
    return JSON.parse(configuration());
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
