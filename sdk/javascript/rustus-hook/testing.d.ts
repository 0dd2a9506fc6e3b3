import type { RawEvent } from "./index.js";

/**
 * An event as the server gives it to what a hook exports:
 * `preCreate.decide(event({ metadata: { filename: "a.exe" } }))`.
 */
export function event(parts?: {
  metadata?: Record<string, string | Uint8Array>;
  /** `null`: the client has not said it. */
  length?: number | null;
  offset?: number;
  /** Pairs where a field is sent several times. */
  headers?: Record<string, string> | [name: string, value: string][];
  method?: string;
  uri?: string;
}): RawEvent;

/** Sets what `config` holds. */
export function config(table: Record<string, unknown>): void;

/** Sets what `secret` gives. */
export function secrets(values: Record<string, string>): void;
