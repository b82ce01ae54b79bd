import type { Clock } from './clock.js';

export interface BackoffOptions {
  /** The longest first wait. */
  baseMs: number;
  /** No wait is longer. */
  maxMs: number;
}

/**
 * Exponential backoff with full jitter: a random time up to `baseMs` doubled with every failure, and at most `maxMs`.
 * Full jitter spreads those who lost their connection at the same moment over the whole time, so that they do not come
 * back at the same moment.
 */
export function fullJitter(clock: Clock, failures: number, { baseMs, maxMs }: BackoffOptions): number {
  return clock.random() * Math.min(maxMs, baseMs * 2 ** Math.min(failures, 30));
}
