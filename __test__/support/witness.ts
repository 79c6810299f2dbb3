/** A server with a connected client, which would see it if a call that throws had sent anything. */
import type { SSEOptions } from '../../index';
import { Evaluator, type Given } from './evaluator';
import { RawClient } from './raw-client';

export type Call = (given: Given) => unknown;

/** Parts that a message must have. */
type Says = (string | RegExp)[];

/** The fault, the call, and the parts of its message: the argument, what it got, what it wants. */
export type Refusal = [what: string, call: Call, says: Says];

export const ARGUMENT = { class: 'TypeError', code: 'ERR_SSEKIT_ARGUMENT' };
export const RANGE = { class: 'RangeError', code: 'ERR_SSEKIT_RANGE' };

export class Witness {
  readonly server: Evaluator;
  /** A stream of the user `ada`, with the id `tab`. */
  readonly client: RawClient;
  #marks = 0;

  private constructor(server: Evaluator, client: RawClient) {
    this.server = server;
    this.client = client;
  }

  static async start(options: SSEOptions = {}): Promise<Witness> {
    const server = await Evaluator.start({ heartbeatMs: 3_600_000, ...options });
    return new Witness(server, await RawClient.stream(server.port, { path: '/sse?userId=ada&clientId=tab' }));
  }

  /** Makes a call that must throw, must say why, and must have done nothing else. */
  async refused<A extends unknown[]>(
    error: { class: string; code: string | undefined },
    says: Says,
    call: (given: Given, ...args: A) => unknown,
    ...args: A
  ): Promise<void> {
    await this.withoutTrace(async () => {
      const thrown = await this.server.thrownBy(call, ...args);
      expect({ class: thrown.class, code: thrown.code }).toEqual(error);
      for (const part of says) expect(thrown.message).toMatch(part);
    });
  }

  /** Does something that must not leave an event or a client behind. */
  async withoutTrace(action: () => Promise<unknown>): Promise<void> {
    const before = await this.#traces();
    await action();
    expect(await this.#traces()).toEqual(before);
    await this.gotOnlyMarks();
  }

  /** Sends a mark, and checks that marks are all that the client ever got. */
  async gotOnlyMarks(): Promise<void> {
    this.#marks += 1;
    await this.server.evaluate(({ sse }, mark) => sse.broadcast({ event: 'mark', data: mark }), this.#marks);
    const events = await this.client.next(this.#marks);
    const marks = Array.from({ length: this.#marks }, (_, index) => `mark ${index + 1}`);
    expect(events.map(({ event, data }) => `${event} ${data}`)).toEqual(marks);
  }

  #traces(): Promise<unknown> {
    return this.server.evaluate(({ sse }) => {
      const { events, position, connects } = sse.stats();
      return { events, position, connects };
    });
  }
}
