// What stands in the server's place in a test that Node.js runs.

let table = "{}";

/** @param {object} config */
export function configure(config) {
  table = JSON.stringify(config);
}

export function configuration() {
  return table;
}

/** Lines go to stderr. */
export function write(level, message, fields) {
  console.error(level, message, ...fields.map(({ key, value }) => `${key}=${value}`));
}
