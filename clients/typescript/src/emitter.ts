type Listener<T> = (value: T) => void;

/**
 * Tells listeners of events, in the order in which they came. A listener that throws does not keep others from being
 * told: its error goes to `onListenerError`.
 */
export class Emitter<Events extends object> {
  readonly #listeners = new Map<keyof Events, Set<Listener<never>>>();
  readonly #onListenerError: (error: unknown) => void;

  constructor(onListenerError: (error: unknown) => void = reportError) {
    this.#onListenerError = onListenerError;
  }

  /** The answer stops it. */
  on<K extends keyof Events>(name: K, listener: Listener<Events[K]>): () => void {
    const listeners = this.#listeners.get(name) ?? new Set();
    this.#listeners.set(name, listeners);
    listeners.add(listener as Listener<never>);
    return () => listeners.delete(listener as Listener<never>);
  }

  protected emit<K extends keyof Events>(name: K, value: Events[K]): void {
    for (const listener of [...(this.#listeners.get(name) ?? [])]) {
      this.guard(() => (listener as Listener<Events[K]>)(value));
    }
  }

  /** Runs code of the app. */
  protected guard(run: () => void): void {
    try {
      run();
    } catch (error) {
      this.#onListenerError(error);
    }
  }
}

/** As if nobody had caught it, but without ending what goes on here. */
export function reportError(error: unknown): void {
  if (typeof globalThis.reportError === 'function') globalThis.reportError(error);
  else console.error(error);
}
