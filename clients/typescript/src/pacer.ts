import type { Clock } from './clock.js';

/** Fewer than the server allows (20 a second, 250 at once), which also counts the answers to its pings. */
const PER_SECOND = 15;
const BURST = 200;

/** Sends operations no faster than the server takes them; the rest waits its turn. One for each connection. */
export class Pacer {
  readonly #clock: Clock;
  readonly #send: (text: string) => void;
  readonly #waiting: string[] = [];
  #left = BURST;
  #filledAt: number;
  #timer: unknown;

  constructor(clock: Clock, send: (text: string) => void) {
    this.#clock = clock;
    this.#send = send;
    this.#filledAt = clock.now();
  }

  push(text: string): void {
    this.#waiting.push(text);
    this.#flush();
  }

  /** Sends it now, or not at all. */
  pushOrDrop(text: string): boolean {
    this.#refill();
    const fits = this.#waiting.length === 0 && this.#left >= 1;
    if (fits) this.push(text);
    return fits;
  }

  stop(): void {
    this.#clock.clearTimeout(this.#timer);
    this.#waiting.length = 0;
  }

  #refill(): void {
    const now = this.#clock.now();
    // A clock that is set back fills nothing.
    const passedMs = Math.max(0, now - this.#filledAt);
    this.#left = Math.min(BURST, this.#left + (passedMs / 1000) * PER_SECOND);
    this.#filledAt = now;
  }

  #flush(): void {
    this.#clock.clearTimeout(this.#timer);
    this.#refill();
    while (this.#left >= 1) {
      const text = this.#waiting.shift();
      if (text === undefined) return;
      this.#left -= 1;
      this.#send(text);
    }
    if (this.#waiting.length > 0) this.#timer = this.#clock.setTimeout(() => this.#flush(), 1000 / PER_SECOND);
  }
}
