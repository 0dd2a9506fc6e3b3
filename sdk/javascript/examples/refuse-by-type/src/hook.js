// Refuses uploads by their type and size.

import * as rustus from "rustus-hook";

/** Accepts the `types` of the configuration, up to `max-size` bytes. */
export const preCreate = rustus.preCreate(({ upload }) => {
  const types = rustus.config.get("types", ["image/jpeg", "image/png"]);
  if (!types.includes(upload.metadata.filetype)) {
    return rustus.reject(415, `Send one of: ${types.join(", ")}.`);
  }
  const limit = rustus.config.get("max-size", 10_000_000);
  if (upload.length === undefined || upload.length > limit) {
    return rustus.reject(413, `At most ${limit} bytes.`);
  }
});
