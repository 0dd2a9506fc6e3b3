// Lets only those upload who have a token, and writes whose upload it is.

import * as rustus from "rustus-hook";

const CHALLENGE = { "www-authenticate": "Bearer" };

/** Looks the token up among those of the configuration, which are hashed. */
export const preCreate = rustus.preCreate(async ({ upload, request }) => {
  const [, token] = /^bearer (.+)$/i.exec(request.header("authorization") ?? "") ?? [];
  if (token === undefined) {
    return rustus.reject(401, "Send a token.", CHALLENGE);
  }
  const given = await sha256(token);
  const owners = Object.entries(rustus.config.get("owners", {}));
  const [owner] = owners.find(([, digest]) => digest === given) ?? [];
  if (owner === undefined) {
    return rustus.reject(401, "The token is not known.", CHALLENGE);
  }
  // What the client itself wrote as owner is replaced.
  return rustus.proceed({ metadata: { ...upload.metadataBytes, owner } });
});

async function sha256(text) {
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text));
  return Array.from(new Uint8Array(digest), (byte) => byte.toString(16).padStart(2, "0")).join("");
}
