// What the server lends to a component.

import { all } from "rustus:hooks/config@0.1.0";
import { all as allFields, get as fieldsNamed } from "rustus:hooks/request-headers@0.1.0";

export { write } from "rustus:hooks/log@0.1.0";
export { get as secretOf } from "rustus:hooks/secrets@0.1.0";

let text;

/** An instance has the same for all its calls. */
export function configuration() {
  return (text ??= all());
}

/** The server knows the request of the event at hand. */
export function allHeaders() {
  return allFields();
}

/** The values, in any case of the name. */
export function headersNamed(_, name) {
  return fieldsNamed(name);
}
