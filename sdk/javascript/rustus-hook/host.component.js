// What the server lends to a component.

export { all as configuration } from "rustus:hooks/config@0.1.0";
export { write } from "rustus:hooks/log@0.1.0";
export { get as secretOf } from "rustus:hooks/secrets@0.1.0";
