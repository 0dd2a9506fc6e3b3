// Configuration and log.

import { configuration, write } from "#host";

export const config = {
  all() {
    return JSON.parse(configuration());
  },
  get(key, otherwise) {
    const table = config.all();
    return Object.hasOwn(table, key) ? table[key] : otherwise;
  },
};

export const log = Object.fromEntries(
  ["trace", "debug", "info", "warn", "error"].map((level) => [
    level,
    (message, fields = {}) => {
      const pairs = Object.entries(fields).map(([key, value]) => ({ key, value: String(value) }));
      write(level, message, pairs);
    },
  ]),
);
