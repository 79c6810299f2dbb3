/** The inspector: what comes from the watch goes into the models, and at the next frame from there onto the page. */

import { Inspector } from './inspector.js';
import { announce } from './view/announcer.js';
import { byId } from './view/dom.js';
import { followFilter } from './view/filter.js';
import { followSections } from './view/sections.js';
import { followShortcuts } from './view/shortcuts.js';
import { takeTokenFromFragment } from './wire/token.js';

takeTokenFromFragment();
const inspector = new Inspector();

followFilter((find) => inspector.find(find));
followSections();
followShortcuts({
  '/': () => byId('filter').focus(),
  p: () => inspector.togglePause(),
  s: () => inspector.openSend(),
});
byId('send').addEventListener('click', () => inspector.openSend());
// Somebody pasted the address with the token into this tab, which loads nothing.
addEventListener('hashchange', () => {
  if (takeTokenFromFragment()) inspector.open();
});
// A page in the back/forward cache watches nothing.
addEventListener('pagehide', () => inspector.close());
addEventListener('pageshow', ({ persisted }) => {
  if (persisted) inspector.open();
});
announce('Connecting');
inspector.open();
