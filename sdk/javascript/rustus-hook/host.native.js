// What stands in the server's place in a test that Node.js runs.

let table = "{}";

/** @param {object} config */
export function configure(config) {
  table = JSON.stringify(config);
}

export function configuration() {
  return table;
}

let secrets = {};

/** @param {object} values */
export function setSecrets(values) {
  secrets = { ...values };
}

export function secretOf(name) {
  if (!Object.hasOwn(secrets, name)) {
    throw { payload: { tag: "denied", val: `the secret ${name} is not set` } };
  }
  return secrets[name];
}

/** Lines go to stderr. */
export function write(level, message, fields) {
  console.error(level, message, ...fields.map(({ key, value }) => `${key}=${value}`));
}

/** Those that the event of `testing.js` was made with. */
export function allHeaders(request) {
  return request.headers;
}

export function headersNamed(request, name) {
  const wanted = name.toLowerCase();
  return request.headers.filter((field) => field.name === wanted).map(({ value }) => value);
}
