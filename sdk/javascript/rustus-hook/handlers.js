// Functions that become what the component exports.

import { createChanges, decision, finishChanges, reaction } from "./answers.js";
import { Event } from "./events.js";

export const preCreate = deciding("preCreate", ["metadata", "id", "path", "headers"], createChanges);
export const preFinish = deciding("preFinish", ["status", "headers", "body"], finishChanges);
export const preGet = deciding("preGet", []);
export const preTerminate = deciding("preTerminate", []);

const TOLD = {
  "post-create": "postCreate",
  "post-receive": "postReceive",
  "post-finish": "postFinish",
  "post-terminate": "postTerminate",
};

export function notifications(listeners) {
  for (const name of Object.keys(listeners)) {
    if (!Object.values(TOLD).includes(name)) {
      throw new TypeError(`there is no notification ${name}; there are ${Object.values(TOLD)}`);
    }
  }
  return {
    notify(what, event) {
      return then(listeners[TOLD[what]]?.(new Event(event)), reaction);
    },
  };
}

export function sink(deliver) {
  return {
    deliver(kind, event) {
      return then(deliver(kind, new Event(event)), () => undefined);
    },
  };
}

function deciding(name, allowed, changes) {
  return (decide) => ({
    decide(event) {
      return then(decide(new Event(event)), (answer) => decision(name, answer, allowed, changes));
    },
  });
}

/** `next` of a value, or of what a promise brings. */
function then(answer, next) {
  return typeof answer?.then === "function" ? answer.then(next) : next(answer);
}
