// {{name}}: a hook for rustus.

import * as rustus from "rustus-hook";

/** Refuses what is called like a program, or is too large. */
export const preCreate = rustus.preCreate(({ upload }) => {
  if (/\.(exe|bat|msi)$/i.test(upload.metadata.filename ?? "")) {
    return rustus.reject(415, "Programs are not accepted.");
  }
  const limit = rustus.config.get("max-size", 1_000_000_000);
  if (upload.length !== undefined && upload.length > limit) {
    return rustus.reject(413, `At most ${limit} bytes.`);
  }
});
