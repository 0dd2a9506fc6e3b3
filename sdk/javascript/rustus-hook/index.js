// Upload hooks for the rustus server; index.d.ts says what is what.

export { HookError, other, permanent, proceed, reject, retry } from "./answers.js";
export { notifications, preCreate, preFinish, preGet, preTerminate, sink } from "./handlers.js";
export { config, log, secret } from "./host.js";
