import type { Clock } from '../../src/clock.js';

interface Timer {
  at: number;
  number: number;
  run: () => void;
}

/** Time passes when the test says so. Chance is what the test says, too: 0.5 unless it says otherwise. */
export class FakeClock implements Clock {
  chance = 0.5;
  #now = 1_700_000_000_000;
  #numbers = 0;
  readonly #timers = new Map<number, Timer>();

  now(): number {
    return this.#now;
  }

  random(): number {
    return this.chance;
  }

  setTimeout(run: () => void, ms: number): unknown {
    const number = (this.#numbers += 1);
    this.#timers.set(number, { at: this.#now + Math.max(0, ms), number, run });
    return number;
  }

  clearTimeout(timer: unknown): void {
    this.#timers.delete(timer as number);
  }

  /** How long until the next timer, if there is one. */
  get nextMs(): number | undefined {
    const next = this.#next();
    return next === undefined ? undefined : next.at - this.#now;
  }

  /** Lets so much time pass. Between timers, whatever waits for promises gets its turn. */
  async advance(ms: number): Promise<void> {
    const end = this.#now + ms;
    for (let next = this.#next(); next !== undefined && next.at <= end; next = this.#next()) {
      this.#now = Math.max(this.#now, next.at);
      this.#timers.delete(next.number);
      next.run();
      await settle();
    }
    this.#now = end;
    await settle();
  }

  #next(): Timer | undefined {
    return [...this.#timers.values()].sort((a, b) => a.at - b.at || a.number - b.number)[0];
  }
}

/** Lets everything happen that needs no more than promises. */
export async function settle(): Promise<void> {
  for (let turn = 0; turn < 5; turn += 1) await new Promise((resolve) => setImmediate(resolve));
}
