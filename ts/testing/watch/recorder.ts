/** Notes what is sent through an addon, real or fake, and lets calls fail. */
import type * as Binding from '../../../binding.js';
import type { FailingCall } from '../failing-call.js';
import type { SentEvent } from '../sent-event.js';
import { Changes } from '../wait.js';

type Native = typeof Binding;

type Spread = [string, string, (string | null)?, (number | null)?, (string | null)?];

export class Recorder {
  sent: SentEvent[] = [];
  readonly changes = new Changes();
  #failures: { error: Error; call: FailingCall }[] = [];

  failNext(error: Error, call: FailingCall): void {
    this.#failures.push({ error, call });
  }

  clear(): void {
    this.sent = [];
    this.#failures = [];
  }

  /** The same addon, but this recorder notes what is sent. */
  watch(binding: Native): Native {
    const watched: Partial<Record<keyof Native, unknown>> = {
      sendToUser: (userId: string, ...event: Spread) =>
        this.#note('sendToUser', { to: 'user', userId }, event, () => binding.sendToUser(userId, ...event)),
      sendToClient: (clientId: string, ...event: Spread) =>
        this.#note('sendToClient', { to: 'client', clientId }, event, () => binding.sendToClient(clientId, ...event)),
      sendToChannel: (channel: string, ...event: Spread) =>
        this.#note('sendToChannel', { to: 'channel', channel }, event, () => binding.sendToChannel(channel, ...event)),
      broadcast: (exclude: string | null | undefined, ...event: Spread) =>
        this.#note(
          'broadcast',
          { to: 'everybody', ...(exclude == null ? {} : { excludeClientId: exclude }) },
          event,
          () => binding.broadcast(exclude, ...event),
        ),
      Streams: this.#watchStreams(binding),
      flush: (done: (problem: string | null) => void) => {
        this.#fail('flush');
        binding.flush(done);
      },
      history: (...args: Parameters<Native['history']>) => {
        this.#fail('history');
        binding.history(...args);
      },
    };
    return new Proxy(binding, {
      get: (_, key) => (key in watched ? watched[key as keyof Native] : Reflect.get(binding, key)),
    });
  }

  #watchStreams({ Streams }: Native): unknown {
    const fail = (): void => this.#fail('connect');
    return new Proxy(Streams, {
      construct(_, args: [() => void]) {
        const streams = new Streams(...args);
        return new Proxy(streams, {
          get(_, key) {
            const value = Reflect.get(streams, key);
            if (typeof value !== 'function') return value;
            return (...args: unknown[]) => {
              if (key === 'connect') fail();
              return Reflect.apply(value, streams, args);
            };
          },
        });
      },
    });
  }

  /** A call that throws has sent nothing, so nothing is noted. */
  #note<Result extends number | boolean>(
    call: FailingCall,
    whom: Pick<SentEvent, 'to' | 'userId' | 'clientId' | 'channel' | 'excludeClientId'>,
    [name, data, id, retry, coalesceKey]: Spread,
    send: () => Result,
  ): Result {
    this.#fail('send', call);
    const result = send();
    this.sent.push({
      ...whom,
      event: name === '' ? 'message' : name,
      data: JSON.parse(data),
      ...(id == null ? {} : { id }),
      ...(retry == null ? {} : { retry }),
      ...(coalesceKey == null ? {} : { coalesceKey }),
      receivers: Number(result),
    });
    this.changes.tell();
    return result;
  }

  #fail(...calls: FailingCall[]): void {
    const failure = this.#failures.find(({ call }) => calls.includes(call));
    if (!failure) return;
    this.#failures = this.#failures.filter((other) => other !== failure);
    throw failure.error;
  }
}
