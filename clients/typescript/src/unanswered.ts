/**
 * The subscriptions of one connection that the server has not answered yet.
 *
 * The server answers them in their order, and of the same conversation each replaces the one before. So only the answer to
 * the last one counts, and until it is there, what comes belongs to those before it; also when the app has stopped following
 * the conversation and begun again meanwhile.
 */
export class Unanswered {
  readonly #counts = new Map<string, number>();

  sent(conversationId: string): void {
    this.#counts.set(conversationId, (this.#counts.get(conversationId) ?? 0) + 1);
  }

  has(conversationId: string): boolean {
    return this.#counts.has(conversationId);
  }

  /** One has been answered. Whether it was the last one. */
  answered(conversationId: string): boolean {
    const left = (this.#counts.get(conversationId) ?? 0) - 1;
    if (left > 0) this.#counts.set(conversationId, left);
    else this.#counts.delete(conversationId);
    return left === 0;
  }

  /** There is another connection. */
  clear(): void {
    this.#counts.clear();
  }
}
