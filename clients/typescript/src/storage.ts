/**
 * Where unsent messages outlive the page or the process. Keys are short and of ASCII, values are JSON.
 *
 * `set` must be durable, as far as the place is, when it returns (or its promise resolves): a message is sent only
 * after that, so that whatever reached the server is known to the next one who opens this storage.
 */
export interface Storage {
  /** All keys that begin with this. */
  keys(prefix: string): string[] | Promise<string[]>;
  get(key: string): string | null | Promise<string | null>;
  set(key: string, value: string): void | Promise<void>;
  delete(key: string): void | Promise<void>;
}

/** Gone with the page. */
export class MemoryStorage implements Storage {
  readonly #values = new Map<string, string>();

  keys(prefix: string): string[] {
    return [...this.#values.keys()].filter((key) => key.startsWith(prefix));
  }

  get(key: string): string | null {
    return this.#values.get(key) ?? null;
  }

  set(key: string, value: string): void {
    this.#values.set(key, value);
  }

  delete(key: string): void {
    this.#values.delete(key);
  }
}

/** The part of the browsers' `localStorage` that is used here. */
export interface WebStorage {
  readonly length: number;
  key(index: number): string | null;
  getItem(key: string): string | null;
  setItem(key: string, value: string): void;
  removeItem(key: string): void;
}

/** In the browser's `localStorage`. Two tabs that share it may send the same message; the server takes it once. */
export class LocalStorage implements Storage {
  readonly #storage: WebStorage;

  constructor(storage: WebStorage = globalThis.localStorage) {
    this.#storage = storage;
  }

  keys(prefix: string): string[] {
    const all = Array.from({ length: this.#storage.length }, (_, index) => this.#storage.key(index));
    return all.filter((key): key is string => key?.startsWith(prefix) ?? false);
  }

  get(key: string): string | null {
    return this.#storage.getItem(key);
  }

  set(key: string, value: string): void {
    this.#storage.setItem(key, value);
  }

  delete(key: string): void {
    this.#storage.removeItem(key);
  }
}
