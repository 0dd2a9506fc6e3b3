/** One moment in the life of an upload. */
export interface Event {
  /** Unique, ordered by time, the same when it is told again. */
  readonly id: string;
  readonly time: Date;
  readonly upload: Upload;
  readonly request: Request;
}

/** An upload as it stood when the event happened. */
export interface Upload {
  /** The last part of its URL. */
  readonly id: string;
  /** How many bytes are stored. */
  readonly offset: number;
  /** How many bytes there will be; `undefined` while the client has not said it. */
  readonly length: number | undefined;
  /** The metadata whose values are UTF-8. */
  readonly metadata: Readonly<Record<string, string | undefined>>;
  /** All of the metadata, as bytes. */
  readonly metadataBytes: Readonly<Record<string, Uint8Array>>;
  /** The name of the storage, such as `file_storage`. */
  readonly storage: string;
  /** Where the storage keeps the bytes; `undefined` in `preCreate`. */
  readonly path: string | undefined;
  readonly isComplete: boolean;
  /** Whether it is a part of an upload to come. */
  readonly isPartial: boolean;
  /** The ids of the uploads that it is made of; `undefined` if it is not. */
  readonly parts: string[] | undefined;
  readonly createdAt: Date;
}

/**
 * The request that caused an event. Its header fields are asked of the server when they
 * are wanted, and it knows those of the event that is being answered: a request that was
 * put away gives those of the event at hand, not its own.
 */
export interface Request {
  readonly method: string;
  /** Path and query as the client sent them. */
  readonly uri: string;
  /** The client's address without port, if it is known. */
  readonly remoteAddress: string | undefined;
  /** All header fields, with their names in lower case. Never log them. */
  readonly headers: [name: string, value: string][];
  /** The first header field of this name, in any case. */
  header(name: string): string | undefined;
  /** All header fields of this name, in any case, in their order. */
  headerValues(name: string): string[];
}

export type Headers = Record<string, string | number>;

/** The request is not carried out; the client is answered this. */
export interface Reject {
  readonly status: number;
  readonly body: string;
  readonly headers: Headers;
}

/** What `preCreate` may change. */
export interface CreateChanges {
  /** Replaces the whole metadata. */
  metadata?: Record<string, string | Uint8Array>;
  id?: string;
  /** Where to put the bytes, below the data directory. */
  path?: string;
  headers?: Headers;
}

/** What `preFinish` may change in the response. */
export interface FinishChanges {
  /** 200 to 299. */
  status?: number;
  headers?: Headers;
  body?: string;
}

declare const changes: unique symbol;

/** The request goes on, with these changes. */
export interface Proceed<Changes> {
  readonly [changes]: Changes;
}

/** An answer, or a promise of it. */
type Answer<T> = T | void | Promise<T | void>;

/**
 * Refuses the request with a status of 400 to 599. Without a `content-type` the
 * body is sent as plain text. As the answer to `postReceive` it stops the upload.
 */
export function reject(status: number, body?: string, headers?: Headers): Reject;

/** Lets the request go on with changes. */
export function proceed<Changes extends CreateChanges | FinishChanges>(changes?: Changes): Proceed<Changes>;

/** A hook could not answer. The client gets 503 and never sees the text. */
export class HookError extends Error {}

/** To throw: it may work later, after so many seconds if that is known. */
export function retry(after?: number): HookError;

/** To throw: it will not work, however often it is tried. */
export function permanent(text: string): HookError;

/** To throw: anything else. */
export function other(text: string): HookError;

/** An event as the server gives it, before it is an `Event`. */
export interface RawEvent {
  readonly id: string;
  readonly upload: object;
  readonly request: object;
}

/** A decision as the server takes it. */
export interface Decision {
  readonly tag: "proceed" | "reject";
  readonly val?: { readonly status?: number; readonly body?: string };
}

/** What a component exports for an event that blocks. */
export interface Decides {
  decide(event: RawEvent): Decision | Promise<Decision>;
}

/** `export const preCreate = rustus.preCreate((event) => ...)` */
export function preCreate(decide: (event: Event) => Answer<Reject | Proceed<CreateChanges>>): Decides;

/** `export const preFinish = rustus.preFinish((event) => ...)` */
export function preFinish(decide: (event: Event) => Answer<Reject | Proceed<FinishChanges>>): Decides;

/** `export const preGet = rustus.preGet((event) => ...)` */
export function preGet(decide: (event: Event) => Answer<Reject>): Decides;

/** `export const preTerminate = rustus.preTerminate((event) => ...)` */
export function preTerminate(decide: (event: Event) => Answer<Reject>): Decides;

/** What is told after it happened; to return `reject(...)` in `postReceive` stops the upload. */
export interface Listeners {
  postCreate?(event: Event): Answer<never>;
  postReceive?(event: Event): Answer<Reject>;
  postFinish?(event: Event): Answer<never>;
  postTerminate?(event: Event): Answer<never>;
}

/** `export const notifications = rustus.notifications({ postFinish(event) { ... } })` */
export function notifications(listeners: Listeners): { notify(what: string, event: RawEvent): unknown };

/** The name of an event, as a sink gets it. */
export type EventKind =
  | "pre-create"
  | "post-create"
  | "post-receive"
  | "pre-finish"
  | "post-finish"
  | "pre-get"
  | "pre-terminate"
  | "post-terminate";

/** `export const sink = rustus.sink((kind, event) => ...)` */
export function sink(deliver: (kind: EventKind, event: Event) => void | Promise<void>): {
  deliver(kind: EventKind, event: RawEvent): unknown;
};

/**
 * The table `[config]` of the plugin's `NAME.toml`. There while a hook answers; frozen,
 * since it is read once for all calls of an instance.
 */
export const config: {
  all(): Readonly<Record<string, any>>;
  /** What stands under a key; `undefined` or `otherwise` if nothing does. */
  get(key: string): any;
  get<T>(key: string, otherwise: T): T;
};

/**
 * What stands behind a name of `[secrets]` in the plugin's `NAME.toml`. Throws a
 * `HookError` if the operator has not listed it.
 */
export function secret(name: string): string;

type Write = (message: string, fields?: Record<string, unknown>) => void;

/** Lines in the server's log. Never log secrets, tokens or the content of files. */
export const log: Readonly<Record<"trace" | "debug" | "info" | "warn" | "error", Write>>;
