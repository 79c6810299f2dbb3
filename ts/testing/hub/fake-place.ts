/** The place of a fake hub: its options, its clock and its listeners are there before the hub, and stay when it begins anew. */
import { Clock } from './clock.js';
import { configured } from './errors.js';
import { FakeHub } from './fake-hub.js';
import { type Listener, Notices } from './notices.js';
import { Settings } from './settings.js';
import { Carriers, type Written } from './streams.js';

const NOTHING: Written = { deliveries: 0, bytes: 0, heartbeats: 0, resets: 0 };

export class FakePlace {
  readonly clock: Clock;
  readonly notices: Notices;
  readonly carriers = new Carriers();
  readonly written: Written = { ...NOTHING };
  /** The hub, once it has started. */
  running: FakeHub | undefined;
  #wanted: Settings | undefined;
  /** The options were set before the reset, by a module that is loaded only once. */
  #isInherited = false;

  constructor(ticks: boolean, listeners: Set<Listener>) {
    this.clock = new Clock(ticks);
    this.notices = new Notices(listeners);
  }

  settings(): Settings {
    return this.running?.settings ?? this.#wanted ?? new Settings();
  }

  /** The hub. Starts it. */
  hub(): FakeHub {
    this.running ??= new FakeHub(this.settings(), this.clock, this.notices, () => this.carriers.wake());
    return this.running;
  }

  cursor(): string {
    const { timeline } = this.hub();
    return timeline.epoch.id(timeline.head);
  }

  configure(asked: Settings): void {
    const different = (this.running?.settings ?? (this.#isInherited ? undefined : this.#wanted))?.difference(asked);
    if (different !== undefined) throw configured(different);
    this.#wanted = asked;
    this.#isInherited = false;
  }

  /** Begins anew: no clients and no events. Listeners stay, and so do the options, until others are set. */
  reset(): void {
    for (const client of this.running?.registry.connected ?? []) this.running?.closed(client, 'server');
    Object.assign(this.written, NOTHING);
    this.clock.clear();
    this.running = undefined;
    this.#isInherited = true;
  }
}
