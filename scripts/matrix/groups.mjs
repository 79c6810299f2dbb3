/** All cells, in groups that share an installed app. */
import { Failure } from '../lib/run.mjs';
import { TRANSPORT } from './client.mjs';
import { FRESH_APPS, makeFreshApp, nameOfFresh, runFreshApp } from './fresh-app.mjs';
import { CELLS, nameOf } from './lines.mjs';
import { makeApp, runCell } from './next-cells.mjs';
import { makePublisher, PUBLISHER_CELLS } from './publisher-cells.mjs';
import { makeReceiver, RECEIVER_CELLS } from './receiver-cells.mjs';
import { runScriptPair } from './runtime-cells.mjs';
import { FROM_SOURCE, makeFromSource, makeScripts, runScript, SCRIPTS } from './script-cells.mjs';

/**
 * A group makes its app by `make(log)`; each of its `cells` has a `name`, and `run(log, app)` resolves with the transport that
 * carried its events.
 */
export function groupsOf(workspace, chosen) {
  const fromSource = scripts((log) => makeFromSource(log, workspace), FROM_SOURCE);
  const others = scripts((log) => makeScripts(log, workspace), SCRIPTS);
  // The slowest go first.
  const groups = [
    fromSource,
    ...freshApps(workspace),
    ...nextApps(workspace),
    others,
    publishers(workspace),
    receivers(workspace),
  ];
  return groups
    .map(({ make, cells }) => ({ make, cells: cells.filter(({ name }) => chosen(name)).map(checked) }))
    .filter(({ cells }) => cells.length > 0);
}

/** An event that arrives over another way than it should is none. */
function checked({ name, run, carrier = TRANSPORT }) {
  return {
    name,
    async run(log, app) {
      const transport = await run(log, app);
      if (transport !== carrier) throw new Failure(`the stream went over ${transport} instead of ${carrier}`);
      return transport;
    },
  };
}

function freshApps(workspace) {
  return FRESH_APPS.map((app) => ({
    make: (log) => makeFreshApp(log, workspace, app),
    cells: [{ name: nameOfFresh(app), run: (log, folder) => runFreshApp(log, folder, app) }],
  }));
}

function nextApps(workspace) {
  const keyOf = ({ line, manager }) => `${line} ${manager}`;
  return [...new Set(CELLS.map(keyOf))].map((key) => {
    const cells = CELLS.filter((cell) => keyOf(cell) === key);
    return {
      make: (log) => makeApp(log, workspace, cells[0]),
      cells: cells.map((cell) => ({
        name: nameOf(cell),
        run: (log, folder) => runCell(log, workspace, folder, cell),
      })),
    };
  });
}

function publishers(workspace) {
  return {
    make: (log) => makePublisher(log, workspace),
    cells: atListener(PUBLISHER_CELLS, runScriptPair),
  };
}

function receivers(workspace) {
  return {
    make: (log) => makeReceiver(log, workspace),
    cells: atListener(RECEIVER_CELLS, runScriptPair),
  };
}

function atListener(cells, run) {
  return cells.map((cell) => ({
    name: cell.name,
    carrier: 'listener',
    run: (log, folder) => run(log, folder, cell),
  }));
}

function scripts(make, all) {
  return {
    make,
    cells: all.map((script) => ({ name: script.name, run: (log, folder) => runScript(log, folder, script) })),
  };
}
