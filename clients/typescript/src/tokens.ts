/**
 * Gives the bearer token. `refresh`: the one it gave last is refused or about to expire, so another one is needed. An
 * error with a `status` of 401 or 403 says that there will be none.
 */
export type TokenProvider = (request: { refresh: boolean }) => string | Promise<string>;

/** What a token says of itself. The server alone verifies it. */
export interface TokenClaims {
  userId: string | undefined;
  /** Milliseconds since the Unix epoch. */
  expiresAt: number | undefined;
}

/** The token in use. However many ask for a fresh one at once, the app is asked once. */
export class Tokens {
  readonly #provider: TokenProvider;
  #current: Promise<string> | undefined;
  #claims: TokenClaims | undefined;

  constructor(token: string | TokenProvider) {
    this.#provider = typeof token === 'string' ? () => token : token;
  }

  /** Whose the tokens are. Undefined until there was one. */
  get userId(): string | undefined {
    return this.#claims?.userId;
  }

  get(): Promise<string> {
    return this.#current ?? this.#ask(false);
  }

  /** Another one than the one that did not work. */
  async refresh(stale: string): Promise<string> {
    const asked = this.#current;
    const current = await this.get();
    // Meanwhile somebody else may have got another one already.
    if (current !== stale) return current;
    return this.#current === asked || this.#current === undefined ? this.#ask(true) : this.#current;
  }

  #ask(refresh: boolean): Promise<string> {
    const asked = (async () => this.#provider({ refresh }))();
    this.#current = asked;
    asked.then(
      (token) => {
        this.#claims = claimsOf(token);
      },
      () => {
        // To ask again is up to the next one who needs it.
        if (this.#current === asked) this.#current = undefined;
      },
    );
    return asked;
  }
}

export function claimsOf(token: string): TokenClaims {
  try {
    const part = token.split('.')[1] ?? '';
    const bytes = Uint8Array.from(atob(part.replace(/-/g, '+').replace(/_/g, '/')), (char) => char.charCodeAt(0));
    const claims = JSON.parse(new TextDecoder().decode(bytes)) as Record<string, unknown>;
    const { sub, exp } = claims;
    return {
      userId: typeof sub === 'string' ? sub : undefined,
      expiresAt: typeof exp === 'number' ? exp * 1000 : undefined,
    };
  } catch {
    return { userId: undefined, expiresAt: undefined };
  }
}
