/** There was no answer: the server is not allowed or not there, or took too long. */
export class HttpError extends Error {}

/** What a server answered. */
export interface Response {
  readonly status: number;
  /** Whether the status is one of 200 to 299. */
  readonly ok: boolean;
  readonly headers: [name: string, value: string][];
  readonly body: Uint8Array;
  text(): string;
}

/**
 * Sends a request to a server that `[allow.http]` names and waits for the answer.
 * `wit/world.wit` has to import `wasi:http/outgoing-handler@0.2.0`. Redirects are
 * not followed. Throws `HttpError` if there is no answer.
 */
export function request(
  url: string,
  options?: { method?: string; headers?: Record<string, string | number>; body?: string | Uint8Array },
): Response;
