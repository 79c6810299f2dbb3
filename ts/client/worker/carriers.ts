/** The connections of a browser to one route. */
import { Carrier } from './carrier.js';
import { Tab, type TabListener } from './tab.js';

/**
 * The maximum number of carriers. One is not enough: the browser's user may change while tabs of the last user are still open, and
 * processes do not know each other's carriers.
 */
const MOST = 2;

/** The worker gives up after this number of tabs in a row that no carrier could take. Most likely, a balancer spreads them over processes. */
const MOST_IN_VAIN = 3;

export class Carriers implements TabListener {
  /** The newest first. */
  #carriers: Carrier[] = [];
  #opening: Promise<void> | undefined;
  /** No carrier could take the last tab. */
  #wantsAnother = false;
  #inVain = 0;
  #count = 0;

  /** Greets a new tab. */
  connect(port: MessagePort): void {
    this.#count += 1;
    new Tab(this.#count, port, this);
  }

  async open(tab: Tab): Promise<void> {
    if (this.#inVain < MOST_IN_VAIN) {
      const isEnough = this.#carriers.length > 0 && (!this.#wantsAnother || this.#carriers.length >= MOST);
      if (!isEnough) this.#opening ??= this.#openFor(tab);
      await this.#opening;
    }
    if (tab.signal.aborted) return;
    for (const { tabs } of this.#carriers) tabs.set(tab.number, tab);
    tab.offer(this.#carriers.map(({ key }) => key));
  }

  joined(tab: Tab, key: string): void {
    this.#inVain = 0;
    const [own] = this.#carriers.filter((carrier) => carrier.key === key);
    for (const carrier of [...this.#carriers]) if (carrier !== own) carrier.remove(tab, false);
    // Without `own`, the carrier has ended meanwhile.
    if (own) own.expect(tab);
    else tab.end();
  }

  alone(tab: Tab): void {
    this.#wantsAnother = true;
    this.#inVain += 1;
    this.#remove(tab, false);
  }

  left(tab: Tab): void {
    this.#remove(tab, true);
  }

  #remove(tab: Tab, isServed: boolean): void {
    for (const carrier of [...this.#carriers]) carrier.remove(tab, isServed);
  }

  async #openFor(tab: Tab): Promise<void> {
    const carrier = await Carrier.open(tab, (ended) => {
      this.#carriers = this.#carriers.filter((other) => other !== ended);
    });
    if (carrier) this.#carriers.unshift(carrier);
    if (carrier === null) this.#inVain = MOST_IN_VAIN;
    this.#wantsAnother = false;
    this.#opening = undefined;
  }
}
